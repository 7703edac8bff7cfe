"""The history of a training run: one row of numbers per epoch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


class History(list):
    """A list of rows, each a dict with the numbers of one epoch: `history[-1]["test_acc"]`.

    The name of a column gives its values over all epochs, `history["test_acc"]`.
    """

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return [row[key] for row in self]
        return super().__getitem__(key)

    def last_numbers(self) -> dict[str, float]:
        """Return the numbers of the last epoch without its count and time; empty before the first epoch."""
        return {k: v for k, v in self[-1].items() if k not in ("epoch", "seconds")} if self else {}

    def columns(self) -> dict[str, list]:
        """Return name -> values by epoch, as result.json stores them."""
        return {name: self[name] for name in self[0]} if self else {"epoch": []}

    @classmethod
    def from_columns(cls, columns: Mapping[str, Collection]) -> History:
        """Return the history that `columns` was called on.

        Raises:
            ValueError: the columns differ in length.
        """
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the columns of a history differ in length: {lengths}")
        return cls(dict(zip(columns, values)) for values in zip(*columns.values()))

    def __str__(self) -> str:
        return "\n".join(epoch_line(row) for row in self)


def epoch_line(row: Mapping[str, float]) -> str:
    """Return an epoch as the book prints it: "epoch 1, train loss 0.7885, train acc 0.747, 0.1 sec"."""
    fields = [f"epoch {row['epoch']}"]
    fields += [
        f"{name.replace('_', ' ')} {_number(name, value)}"
        for name, value in row.items()
        if name not in ("epoch", "seconds")
    ]
    if "seconds" in row:
        fields.append(f"{row['seconds']:.1f} sec")
    return ", ".join(fields)


def _number(name: str, value: float) -> str:
    return f"{value:.3f}" if name.endswith("acc") else f"{value:#.4g}"


def is_shown(epoch: int, num_epochs: int, lines: int = 20) -> bool:
    """Return whether a long run shows this epoch.

    About `lines` evenly spaced epochs are, and always the first and the last.
    """
    return epoch % -(-num_epochs // lines) == 0 or epoch in (1, num_epochs)
