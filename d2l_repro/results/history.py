"""What a run leaves behind: one row of numbers an epoch."""


class History(list):
    """A list of rows, each a dict of an epoch's numbers: `history[-1]["test_acc"]`.

    A name gives its column over all epochs, `history["test_acc"]`, so tables and figures need no other type.
    """

    def __getitem__(self, key):
        if isinstance(key, str):
            return [row[key] for row in self]
        return super().__getitem__(key)

    def last_numbers(self):
        """Return the numbers of the last epoch, without its count and time; empty before the first."""
        return {k: v for k, v in self[-1].items() if k not in ("epoch", "seconds")} if self else {}

    def columns(self):
        """Name -> values by epoch, as result.json keeps them."""
        return {name: self[name] for name in self[0]} if self else {"epoch": []}

    @classmethod
    def from_columns(cls, columns):
        """The history that `columns()` was taken from."""
        return cls(dict(zip(columns, values)) for values in zip(*columns.values()))

    def __str__(self):
        return "\n".join(epoch_line(row) for row in self)


def epoch_line(row):
    """One epoch as the book prints it: `epoch 1, train loss 0.7885, train acc 0.747, test acc 0.802, 0.1
    sec`."""
    fields = [f"epoch {row['epoch']}"]
    fields += [
        f"{name.replace('_', ' ')} {_number(name, value)}"
        for name, value in row.items()
        if name not in ("epoch", "seconds")
    ]
    if "seconds" in row:
        fields.append(f"{row['seconds']:.1f} sec")
    return ", ".join(fields)


def _number(name, value):
    return f"{value:.3f}" if name.endswith("acc") else f"{value:#.4g}"


def is_shown(epoch, num_epochs, lines=20):
    """Of a long run every second, third, ... epoch is shown, so that there are about `lines`; first and last
    always."""
    return epoch % -(-num_epochs // lines) == 0 or epoch in (1, num_epochs)
