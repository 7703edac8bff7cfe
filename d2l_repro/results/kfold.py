"""Read the cross-validations of house prices, which `python -m kaggle_house kfold` writes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable

from ..errors import InputError
from ..language import tr
from .published import compare
from .schema import PublishedRow, printable, read_json, shorten

FILE_NAME = "kfold.json"
CHAPTER = "house_prices"  # whose published numbers a cross-validation may reproduce
FIGURES = (
    "learning_curves",
    "predicted_against_true",
    "residuals",
    "trials",
)  # where there are several repeats
# Of `explain`, if it has been run: what columns are worth, what they do, and what more houses bring.
EXPLANATIONS = ("permutation_importance", "partial_dependence", "number_of_houses")
_NUMBER = {"type": "number"}
_BASELINE = ("valid", "std", "difference", "difference_std")
_MEANING = ("score", "low", "high", "half", "nine_tenths")
_SCORES = {
    "type": "object",
    "properties": {"train": _NUMBER, "valid": _NUMBER},
    "required": ["train", "valid"],
}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "dataset": {"type": "string"},
        "stand_in_for": {"type": ["string", "null"]},
        "settings": {"type": "object"},
        "options": {
            "type": "object",
            "properties": {"impl": {"type": "string"}, "repeats": {"type": "integer"}},
            "required": ["impl", "repeats"],
        },
        "folds": {
            "type": "array",
            "minItems": 1,
            "maxItems": 10000,
            "items": {
                "type": "object",
                "properties": {
                    "repeat": {"type": "integer"},
                    "fold": {"type": "integer"},
                    "clipped": {"type": "integer"},
                    "train": _NUMBER,
                    "valid": _NUMBER,
                    "seconds": _NUMBER,
                },
                "required": ["repeat", "fold", "clipped", "train", "valid", "seconds"],
            },
        },
        "mean": _SCORES,
        "std": _SCORES,
        "out_of_fold": _NUMBER,
        "baselines": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": dict.fromkeys(_BASELINE, _NUMBER),
                "required": list(_BASELINE),
            },
        },
        "published": {
            "type": "array",
            "items": {"type": "object", "properties": {"run": {"type": "string"}}, "required": ["run"]},
        },
        "environment": {"type": "object"},
        "meaning": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": dict.fromkeys(_MEANING, _NUMBER),
                "required": list(_MEANING),
            },
        },
        "card": {
            "type": "array",
            "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
        },
    },
    "required": [
        "dataset", "stand_in_for", "settings", "options", "folds", "mean", "std", "out_of_fold", "baselines",
    ],
}  # fmt: skip


@dataclass
class KFold:
    """A cross-validation: the folder of its figures, and the content of kfold.json."""

    folder: Path
    content: dict[str, Any]

    @classmethod
    def load(cls, path: Path) -> KFold:
        """Read a kfold.json, which is not trusted.

        Raises:
            InputError: it cannot be read, or is not as `kfold` writes it.
        """
        from fastjsonschema import JsonSchemaValueException

        try:
            content = read_json(path)
            _validator()(content)
        except (ValueError, JsonSchemaValueException) as error:
            raise InputError(
                tr(
                    "{path}: not a readable cross-validation ({error}); remove it, or run `python -m "
                    "kaggle_house kfold` again",
                    path=printable(str(path)),
                    error=shorten(str(error)),
                )
            ) from error
        return cls(path.parent, content)

    @property
    def figures(self) -> list[str]:
        """Names of the figures: those that every run has, and those of `explain` that are there."""
        own = FIGURES if self.content["options"]["repeats"] > 1 else FIGURES[:-1]
        return [*own, *(name for name in EXPLANATIONS if (self.folder / f"{name}.svg").exists())]

    def published(self) -> list[PublishedRow]:
        """Return the published values that it reproduces, judged by the bands of this version."""
        mean = {f"{name}_log_rmse": value for name, value in self.content["mean"].items()}
        runs = dict.fromkeys(row["run"] for row in self.content.get("published", []))
        return compare(CHAPTER, dict.fromkeys(runs, mean), dataset=self.content["dataset"])


@lru_cache
def _validator() -> Callable[..., Any]:
    import fastjsonschema

    return fastjsonschema.compile(_SCHEMA)
