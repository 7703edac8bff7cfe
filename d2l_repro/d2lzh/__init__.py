"""Offer this project's functions under the names of d2lzh, the package of the book's first edition.

To run a program from the first edition (v1.0.0) of *Dive into Deep Learning*, replace `import d2lzh as d2l`
by

    from d2l_repro import d2lzh as d2l

and make it the first line, so that MXNet can be imported with any version of NumPy. Names, arguments,
defaults, printed lines and return values are those of d2lzh, for all of its chapters. All training goes
through the loop of `train.train_ch3`. As in the book, shuffling depends on the seeds of Python and NumPy,
which a program may set, and random numbers on that of MXNet, which is 0 at the start. Gluon's own classes of
MNIST, Fashion-MNIST and CIFAR-10 find this project's files, too. See docs/migrating.md for more.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable

from .. import compat
from ..language import tr
from ..suggestions import did_you_mean

if TYPE_CHECKING:
    from .data import *
    from .figures import *
    from .optimization import *
    from .recurrent import *
    from .recurrent_training import *
    from .text import *
    from .training import *
    from .vision import *

# Imported with the first of its names that is used: MXNet and matplotlib take a second each.
NAMES = {
    "data": (
        *("data_iter", "get_data_ch7", "get_fashion_mnist_labels", "load_data_fashion_mnist"),
        "mkdir_if_not_exist",
    ),
    "figures": (
        *("bbox_to_rect", "plt", "semilogy", "set_figsize", "show_bboxes", "show_fashion_mnist"),
        *("show_images", "show_trace_2d", "use_svg_display"),
    ),
    "optimization": ("train_2d", "train_ch7", "train_gluon_ch7"),
    "recurrent": (
        *("RNNModel", "data_iter_consecutive", "data_iter_random", "grad_clipping", "load_data_jay_lyrics"),
        *("load_data_time_machine", "predict_rnn", "predict_rnn_gluon", "to_onehot"),
    ),
    "recurrent_training": ("train_and_predict_rnn", "train_and_predict_rnn_gluon"),
    "text": (
        *("count_tokens", "download_imdb", "get_tokenized_imdb", "get_vocab_imdb", "predict_sentiment"),
        *("preprocess_imdb", "read_imdb"),
    ),
    "training": (
        *("Benchmark", "corr2d", "evaluate_accuracy", "linreg", "sgd", "squared_loss", "train", "train_ch3"),
        *("train_ch5", "try_all_gpus", "try_gpu"),
    ),
    "vision": (
        *("VOC_CLASSES", "VOC_COLORMAP", "Residual", "VOCSegDataset", "download_voc_pascal"),
        *("load_data_pikachu", "read_voc_images", "resnet18", "voc_label_indices", "voc_rand_crop"),
    ),
}
_HOMES = {name: module for module, names in NAMES.items() for name in names}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    if name in NAMES:  # `d2l.text`, with what the book takes from mxnet.contrib.text
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(
        tr(
            "d2l_repro.d2lzh has no {name}; {hint}see docs/migrating.md for the names of each edition",
            name=repr(name),
            hint=did_you_mean(name, __all__),
        )
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _share_images(datasets: ModuleType) -> None:
    """Let Gluon's MNIST, FashionMNIST and CIFAR10 find our files; Gluon knows only one host for its own."""
    kinds = (datasets.MNIST, datasets.FashionMNIST, datasets.CIFAR10)
    for kind in (datasets.MNIST, datasets.CIFAR10):  # the first is the base of FashionMNIST
        kind._get_data = _found_or(kind._get_data, kinds)


def _found_or(download: Callable[[Any], None], kinds: tuple[type, ...]) -> Callable[[Any], None]:
    def _get_data(self: Any) -> None:
        if type(self) not in kinds:  # CIFAR100 is a CIFAR10, too
            return download(self)
        from .data import load_for_gluon

        return load_for_gluon(self, download)

    return _get_data


compat.restore_formats()  # for section 3.2, which defines `use_svg_display` itself
compat.when_imported("mxnet.gluon.data.vision.datasets", _share_images)
