"""Keep a chapter's trained classifier of images in a file, and classify other images with it."""

from __future__ import annotations

import dataclasses
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from mxnet import nd

from ..data.images import DIGITS, IDX_SETS, SIDE
from ..data.loader import Data
from ..errors import InputError
from ..language import tr
from ..results.catalogue import entries
from ..train.saved import load_model, read_model, save_model
from .model import Model

CLASSES = {**{name: classes for name, (_, classes) in IDX_SETS.items()}, "digits": DIGITS}
WRITER = "a chapter's --save"


def check_classifies(chapter: str, data: Data) -> None:
    """Check before training that a chapter's data are gray images of 28 x 28 pixels with classes.

    Raises:
        InputError: they are not.
    """
    X, _ = next(iter(data.test_iter or data.train_iter))
    if data.name not in CLASSES or X.shape[1:] != (1, SIDE, SIDE):
        raise InputError(
            tr(
                "--save: {chapter} does not classify images of {side} x {side} pixels; leave it out, or use "
                "mlp",
                chapter=chapter,
                side=SIDE,
            )
        )


def save_classifier(path: str | Path, chapter: str, run: Any, hp: Any, model: Model, data: Data) -> None:
    """Write a trained model with all that is needed to build its net and to name its classes.

    Args:
        path: of the file.
        chapter: name of the chapter that it belongs to.
        run: the chapter's `Run`.
        hp: the chapter's settings.
        model: as trained.
        data: that it was trained on.

    Raises:
        InputError: the file cannot be written.
    """
    X, _ = next(iter(data.test_iter or data.train_iter))
    about = {
        "chapter": chapter,
        "impl": run.impl,
        "variant": run.variant,
        "settings": dataclasses.asdict(hp),
        "classes": list(CLASSES[data.name]),
        "white": 255 if X.max().asscalar() > 1 else 1,  # value of the brightest pixel
    }
    save_model(model, path, about)


class Classifier:
    """A classifier of images that `save_classifier` has written.

    Args:
        path: of the file.

    Attributes:
        chapter: name of the chapter that trained it.
        classes: names of the classes.

    Raises:
        InputError: the file is missing, damaged, or does not fit the chapter as it is today.
    """

    def __init__(self, path: Path):
        arrays, about = read_model(path, dict, WRITER)
        try:
            self.chapter, self.classes, self._white = about["chapter"], about["classes"], about["white"]
            if self.chapter not in entries() or self._white not in (1, 255):
                raise ValueError("it is of another version")
            if not (isinstance(self.classes, list) and all(isinstance(name, str) for name in self.classes)):
                raise ValueError("its classes have no names")
            chapter = import_module(f"chapters.{self.chapter}").chapter
            names = (about["impl"], about["variant"])
            runs = chapter.runs(chapter.HParams(**about["settings"]))
            run = next(run for run in runs if (run.impl, run.variant) == names)
        except (KeyError, TypeError, ValueError, StopIteration) as error:
            raise InputError(
                tr(
                    "{path}: does not fit the chapters of this version ({error}); train again with --save",
                    path=path,
                    error=error,
                )
            ) from error
        no_data = Data("none", [], None)
        self._model = run.build(run.hp, no_data)
        load_model(self._model, arrays, path)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return the probability of each class.

        Args:
            images: (examples, 28, 28), uint8.

        Returns:
            (examples, classes).
        """
        # the values that training saw: 0 to 1, or 0 to 255
        X = nd.array(images[:, None], dtype="float32") / 255 * self._white
        y_hat = self._model.net(X)  # (examples, classes)
        is_softmax = y_hat.min().asscalar() >= 0 and (y_hat.sum(axis=1) - 1).abs().max().asscalar() < 1e-3
        return (y_hat if is_softmax else nd.softmax(y_hat)).asnumpy()
