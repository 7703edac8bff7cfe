"""Who is measured against whom. Nothing here imports MXNet: each contestant has a process of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from typing import Callable

from ..errors import InputError
from ..results.speed import PYTORCH
from . import operators
from .operators import Operators

OTHERS = {  # --against -> the module that it needs, and how to install it
    "torch": ("torch", "pip install torch"),
    "sklearn": ("sklearn", "pip install scikit-learn"),
    "d2l": ("d2l", "pip install ipython, then pip install --no-deps d2l==1.0.3"),
    "book": ("mxnet", "pip install --no-deps mxnet==1.9.1"),
}


@dataclass(frozen=True)
class Contestant:
    """One way to do the work of a contest.

    Attributes:
        build: "module:function" of this package; (*arguments, steps) -> a function () that takes so many
            steps of training and returns when they are computed.
        arguments: of that function.
        needs: key of `OTHERS`; None for ours.
        share: part of a round's steps to take, for contestants so slow that fewer suffice.
        environment: variables to set in its process.
    """

    build: str
    arguments: tuple[str, ...] = ()
    needs: str | None = None
    share: float = 1.0
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contest:
    """Contestants that do the same work.

    Attributes:
        name: on the command line.
        title: what is done, in words.
        unit: what times are given for: "epoch" or "step".
        per_unit: steps of a unit; the short last batch of an epoch counts as one.
        steps: steps of a round; several where one is short.
        contestants: name -> contestant; the first is what others are divided by where PyTorch is missing.
        large: whether the chapter uses all cores; otherwise it has one thread.
        limit: () -> the operators of a step; None where calls take longer than what they compute.
    """

    name: str
    title: str
    unit: str
    per_unit: int
    steps: int
    contestants: Mapping[str, Contestant]
    large: bool = False
    limit: Callable[[], Operators] | None = None


def _ours(build: str, chapter: str) -> dict[str, Contestant]:
    """Return the two implementations of a chapter."""
    return {
        "Gluon": Contestant(f"ours:{build}", (chapter, "with_gluon")),
        "scratch": Contestant(f"ours:{build}", (chapter, "from_scratch")),
    }


def _torch(build: str, *arguments: str) -> dict[str, Contestant]:
    return {PYTORCH: Contestant(f"torch_nets:{build}", arguments, "torch")}


def _sklearn(build: str, *arguments: str) -> dict[str, Contestant]:
    return {"scikit-learn": Contestant(f"sklearn_nets:{build}", arguments, "sklearn")}


def _d2l(build: str, chapter: str) -> dict[str, Contestant]:
    return {"d2l's class": Contestant(f"ours:{build}", (chapter, "with_d2l"), "d2l")}


def _book(chapter: str) -> dict[str, Contestant]:
    """Return Gluon's net with the book's way of reading images, in this process and in four more."""
    return {
        name: Contestant("ours:book_images", (chapter, workers), "book", share)
        for name, workers, share in (("book's loader", "0", 0.1), ("book's loader, 4 processes", "4", 0.5))
    }


def _fashion_epoch(
    name: str, title: str, sizes: Sequence[int], *others: Mapping[str, Contestant], num_dropped: int = 0
) -> Contest:
    contestants = {**_ours("images", name), **_torch("images", name)}
    return Contest(
        name,
        f"{title} on Fashion-MNIST, an epoch of 60,000 images in batches of 256",
        unit="epoch",
        per_unit=235,
        steps=235,
        contestants={name: one for group in (contestants, *others) for name, one in group.items()},
        limit=partial(operators.classifier, 256, sizes, 60_000, num_dropped),
    )


_KERNELS = {
    "Gluon": Contestant("ours:images", ("mlp", "with_gluon")),
    "Gluon, one update for four parameters": Contestant(
        "ours:images", ("mlp", "with_gluon"), environment={"MXNET_OPTIMIZER_AGGREGATION_SIZE": "4"}
    ),
    "scratch": Contestant("ours:images", ("mlp", "from_scratch")),
    "scratch, kernels chosen by OpenBLAS": Contestant("untuned:images", ("mlp", "from_scratch")),
    "scratch, kernels for a processor it does not know": Contestant(
        "ours:images", ("mlp", "from_scratch"), environment={"OPENBLAS_CORETYPE": "Prescott"}
    ),
}

CONTESTS = {
    contest.name: contest
    for contest in (
        Contest(
            "linear_regression",
            "linear regression on two features, a step of 10 examples",
            unit="step",
            per_unit=1,
            steps=1000,
            contestants={
                **_ours("linear", "linear_regression"),
                **_torch("linear"),
                **_sklearn("linear"),
                **_d2l("linear", "linear_regression"),
            },
        ),
        _fashion_epoch(
            "softmax_regression",
            "softmax regression",
            (784, 10),
            _sklearn("images", "softmax_regression"),
            _d2l("images", "softmax_regression"),
            _book("softmax_regression"),
        ),
        _fashion_epoch(
            "mlp", "multilayer perceptron", (784, 256, 10), _sklearn("images", "mlp"), _book("mlp")
        ),
        _fashion_epoch("dropout", "multilayer perceptron with dropout", (784, 256, 256, 10), num_dropped=512),
        Contest(
            "house_prices",
            "the book's five folds of house prices, scored after each of 100 epochs",
            unit="cross-validation",
            per_unit=100,
            steps=100,
            contestants={**_ours("houses", "house_prices"), **_torch("houses")},
        ),
        Contest(
            "two_layers",
            "two layers with gradients by hand on CIFAR-10, a step of 100 images",
            unit="step",
            per_unit=1,
            steps=100,
            contestants={**_ours("two_layers", "fully_connected_nets"), **_torch("two_layers")},
            limit=partial(operators.classifier, 100, (3072, 100, 10), 10_000),
        ),
        Contest(
            "lenet",
            "LeNet-5, a step of 100 images of MNIST's size",
            unit="step",
            per_unit=1,
            steps=30,
            contestants={**_ours("lenet", "lenet"), **_torch("lenet")},
            large=True,
            limit=partial(operators.lenet, 100, 512, 3_000),
        ),
        Contest(
            "language_model",
            "LSTM language model of 10,000 words, a step of 20 x 35 words",
            unit="step",
            per_unit=1,
            steps=12,
            contestants={**_ours("language_model", "language_model"), **_torch("language_model")},
            large=True,
            limit=partial(operators.language_model, 20, 35, 300, 2, 10_000),
        ),
        Contest(
            "kernels",
            "what the settings of d2l_repro.compat are worth in an epoch of the multilayer perceptron",
            unit="epoch",
            per_unit=235,
            steps=235,
            contestants=_KERNELS,
        ),
    )
}


def select(names: Sequence[str], against: str, studies: Sequence[str] = ()) -> list[Contest]:
    """Return the contests to hold, each with those of its contestants that can take part.

    Args:
        names: of contests; all of them if it is empty.
        studies: what else could have been named, for messages.
        against: keys of `OTHERS`, separated by commas. "available" leaves out what is not installed; "none"
            measures ours only.

    Raises:
        InputError: a name is unknown, or a package is named that is not installed.
    """
    unknown = [name for name in names if name not in CONTESTS]
    if unknown:
        raise InputError(
            f"unknown contest {', '.join(map(repr, unknown))}; choose from {', '.join([*CONTESTS, *studies])}"
        )
    present = _present(against)
    return [
        replace(
            contest,
            contestants={
                name: contestant
                for name, contestant in contest.contestants.items()
                if contestant.needs is None or contestant.needs in present
            },
        )
        for contest in (CONTESTS[name] for name in dict.fromkeys(names or CONTESTS))
    ]


def _present(against: str) -> list[str]:
    if against in ("available", "none"):
        return [key for key in OTHERS if against == "available" and is_installed(key)]
    asked = [key.strip() for key in against.split(",")]
    for key in asked:
        if key not in OTHERS:
            raise InputError(f"--against: unknown {key!r}; choose from {', '.join(OTHERS)}, available, none")
        if not is_installed(key):
            raise InputError(f"--against: {key} is not installed: {OTHERS[key][1]}")
    return asked


def is_installed(key: str) -> bool:
    """Return whether the module that a key of `OTHERS` needs can be found."""
    return find_spec(OTHERS[key][0]) is not None
