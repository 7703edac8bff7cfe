"""Our contestants: the chapters' own nets, losses and optimizers, trained by the one loop."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, Callable, Literal

import numpy as np
from mxnet import gluon, nd
from mxnet.gluon.data.vision.transforms import ToTensor

from ..data.loader import Data, Minibatches
from ..data.text import Windows
from ..experiment.model import Model
from ..train import train_ch3
from ..train.callbacks import Clip, Perplexity, seed_everything
from ..train.loop import Callback
from ..train.parameters import parameters
from . import inputs

Round = Callable[[], Any]  # () -> anything, once all steps of a round are computed


def _chapter(name: str) -> ModuleType:
    return import_module(f"chapters.{name}")


def round_of(
    model: Model,
    batches: Any,
    batch_size: int,
    metrics: Mapping[str, Any] | None = None,
    callbacks: Sequence[Callback] = (),
) -> Round:
    """Return a function that continues training for one pass over the batches."""

    def train() -> None:
        train_ch3(
            model.net,
            batches,
            None,
            model.loss,
            1,
            batch_size,
            trainer=model.trainer,
            metrics={"acc": model.accuracy} if metrics is None else metrics,
            gradients=model.gradients,
            callbacks=callbacks,
        )
        nd.waitall()  # the last update; the loop has only waited for the losses

    return train


def linear(chapter: str, build: str, steps: int) -> Round:
    """Build linear regression."""
    module = _chapter(chapter)
    hp = module.HParams(num_examples=10 * steps)
    X, y = map(nd.array, inputs.line(steps, hp.batch_size))
    model = getattr(module, build)(hp, None)
    return round_of(model, Minibatches(X, y, hp.batch_size, seed=0), hp.batch_size, metrics={})


def images(chapter: str, build: str, steps: int) -> Round:
    """Build a net on Fashion-MNIST with its images in memory."""
    pixels, labels = inputs.fashion(256 * steps)
    X, y = nd.array(pixels[:, None]) / 255, nd.array(labels)
    return _trained(chapter, build, Minibatches(X, y, 256, seed=0))


def _trained(chapter: str, build: str, batches: Any) -> Round:
    module = _chapter(chapter)
    hp = module.HParams()
    # These chapters do not look at the data to build a model.
    return round_of(getattr(module, build)(hp, None), batches, hp.batch_size)


def book_images(chapter: str, num_workers: str, steps: int) -> Round:
    """Build Gluon's net with the loader of section 3.5, which converts images one at a time with ToTensor.

    Args:
        chapter: whose net it is.
        num_workers: processes that convert them; 0 leaves it to the process that trains.
        steps: of a round.
    """
    pixels, labels = inputs.fashion(256 * steps)
    dataset = gluon.data.ArrayDataset(nd.array(pixels[..., None], dtype="uint8"), labels.astype("int32"))
    dataset = dataset.transform_first(ToTensor())
    loader = gluon.data.DataLoader(dataset, 256, shuffle=True, num_workers=int(num_workers))
    return _trained(chapter, "with_gluon", loader)


def two_layers(chapter: str, build: str, steps: int) -> Round:
    """Build the two layers on CIFAR-10; from scratch, their gradients are derived by hand."""
    module = _chapter(chapter)
    (run,) = (
        run
        for run in module.comparisons(module.HParams())["Two layers"]
        if run.variant == "two-layer SGD" and run.impl == ("gluon" if build == "with_gluon" else "scratch")
    )
    X, y = map(nd.array, inputs.centred(run.hp.batch_size * steps))
    data = Data("cifar10", None, None, inputs.Source((X, y), 10))
    batches = Minibatches(X, y, run.hp.batch_size, seed=0)
    return round_of(run.build(run.hp, data), batches, run.hp.batch_size)


def lenet(chapter: str, build: str, steps: int) -> Round:
    """Build LeNet-5 with Adam and, as in PyTorch, without a penalty."""
    module = _chapter(chapter)
    hp = module.Setting(reg=0.0)
    X, y = map(nd.array, inputs.digits(hp.batch_size * steps))
    model = getattr(module, build)(hp, None)
    return round_of(model, Minibatches(X, y, hp.batch_size, seed=0), hp.batch_size)


def language_model(chapter: str, build: str, steps: int) -> Round:
    """Build the language model; its state is carried from window to window, and its gradient clipped."""
    module = _chapter(chapter)
    hp, text = module.HParams(), inputs.treebank()
    windows = Windows(text.vocabulary.numbers(text.train_words), hp.batch_size, hp.num_steps)
    seed_everything(0)
    model = getattr(module, build)(hp, Data(text.name, None, None, text))
    clip = Clip([param.source for param in parameters(model)], hp.clip, hp.batch_size)
    batches = list(itertools.islice(windows, steps))
    return round_of(model, batches, hp.batch_size, {}, [model.net, clip, Perplexity()])


def houses(chapter: str, build: str, steps: int, *, k: int = 5) -> Round:
    """Build the book's recipe for house prices on each of k folds, with an epoch for each step."""
    from kaggle_house import kfold, recipes

    impl: Literal["gluon", "scratch"] = "gluon" if build == "with_gluon" else "scratch"
    tables, folds, recipe = inputs.houses(steps, k)

    def fit() -> float:
        groups = (recipes.fit_side_by_side(recipe, tables, group, impl) for group in kfold.groups(folds))
        scores = [estimator[-1].history_[-1] for group in groups for estimator in group]
        return float(np.mean([score["valid_log_rmse"] for score in scores]))

    return fit
