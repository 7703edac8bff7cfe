"""What records of benchmarks say in English, so that readers of Chinese have it in Chinese.

What is not here stays as it is: the names of contests, packages and kernels.
"""

from __future__ import annotations

from ..language import language, mark, retell, tr

CONTESTANTS = (
    mark("scratch"),
    mark("d2l's class"),
    mark("book's loader"),
    mark("book's loader, {count} processes"),
    mark("Gluon, one update for four parameters"),
    mark("scratch, kernels chosen by OpenBLAS"),
    mark("scratch, kernels for a processor it does not know"),
)
TITLES = (
    mark("linear regression on two features, a step of {batch} examples"),
    mark("{net} on Fashion-MNIST, an epoch of {examples} images in batches of {batch}"),
    mark("the book's five folds of house prices, scored after each of {count} epochs"),
    mark("two layers with gradients by hand on CIFAR-10, a step of {batch} images"),
    mark("LeNet-5, a step of {batch} images of MNIST's size"),
    mark("LSTM language model of {words} words, a step of {batch} words"),
    mark("what the settings of d2l_repro.compat are worth in an epoch of the multilayer perceptron"),
    mark("multilayer perceptron, an epoch in batches of {batch}, images of Fashion-MNIST over and over"),
    mark("multilayer perceptron, a step of {batch} images"),
    mark("hidden layers of {width} units with ReLU, a step of {batch} images"),
    mark("the book's recipe for house prices, {count} epochs in each fold"),
    mark("{command} with several seeds, in one process and in two at a time"),
)
NETS = (
    mark("softmax regression"),
    mark("multilayer perceptron"),
    mark("multilayer perceptron with dropout"),
)
AXES = (
    mark("training examples"),
    mark("hidden units"),
    mark("hidden layers"),
    mark("folds"),
    mark("seeds"),
)
UNITS = (mark("one epoch"), mark("one step"), mark("one cross-validation"), mark("one command"))
TIMES = (
    mark("time per epoch"),
    mark("time per step"),
    mark("time per cross-validation"),
    mark("{time} per epoch"),
    mark("{time} per step"),
    mark("{time} per cross-validation"),
)
KERNELS = (
    mark("{package}'s OpenBLAS for {core}"),
    mark("PyTorch {version} for {instructions}"),
    mark("{kernel}, transposed"),
)
OPERATORS = (
    mark("product {sizes}"),
    mark("outer product {sizes}"),
    mark("recurrent product {sizes}"),
    mark("convolution {sizes}"),
    mark("pooling {sizes}"),
    mark("gather {sizes}"),
    mark("pass {sizes}"),
    mark("exponential {sizes}"),
    mark("draw {sizes}"),
)
WORDS = (*CONTESTANTS, *TITLES, *AXES, *UNITS, *TIMES, *KERNELS, *OPERATORS)


def in_language(text: str) -> str:
    """Return what a record says in the reader's language."""
    return retell(text, *WORDS, parts=NETS)


def contestant_text(name: str) -> str:
    """Return the name of a contestant in the reader's language."""
    # Elsewhere a limit is what a difference may reach.
    return tr("limit of speed") if name == "limit" and language() != "en" else in_language(name)
