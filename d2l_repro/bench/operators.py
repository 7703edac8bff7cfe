"""The operators that a step of training demands, derived from the shapes of a net, whatever computes it.

The sum of their times, each measured alone at the fastest kernel known, is the limit that a step cannot beat
without fusing operators: what a step takes longer is spent between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Operator:
    """One operator, in single precision.

    Kinds and their sizes:
        product (n, k, m): (n, k) times (k, m).
        outer product (n, k, m): (n, k) transposed times (n, m), the gradient of a weight.
        recurrent product (steps, n, k, m): one product a step, each by the same (k, m).
        convolution (n, channels, size, outputs, kernel, input gradient 0 or 1): of square images, padded to
            keep their size, forward and backward.
        pooling (n, channels, size): the largest of each 2 x 2, forward and backward.
        gather (n, columns, rows): n of so many rows.
        pass (elements, arrays): reads and writes so many arrays.
        exponential (elements): one for each.
        draw (elements): one random number for each.

    Attributes:
        kind: one of these.
        sizes: its sizes.
        count: how often a step needs it.
    """

    kind: str
    sizes: tuple[int, ...]
    count: int = 1

    def __str__(self) -> str:
        return f"{self.kind} {' x '.join(f'{size:,}' for size in self.sizes)}"

    @property
    def flops(self) -> int:
        """Multiplications and additions of one call; 0 where memory is what takes the time."""
        if self.kind in ("product", "outer product", "recurrent product"):
            total = 2
            for size in self.sizes:
                total *= size
            return total
        if self.kind == "convolution":
            n, channels, size, outputs, kernel, input_grad = self.sizes
            # forward, gradient of the weights, and gradient of the input if there is one
            return 2 * n * channels * size**2 * outputs * kernel**2 * (2 + input_grad)
        return 0


Operators = list[Operator]


def collected(operators: Sequence[Operator]) -> Operators:
    """Return each operator once, with how often it is needed."""
    counts: dict[tuple[str, tuple[int, ...]], int] = {}
    for operator in operators:
        key = operator.kind, operator.sizes
        counts[key] = counts.get(key, 0) + operator.count
    return [Operator(kind, sizes, count) for (kind, sizes), count in counts.items()]


def dense(n: int, sizes: Sequence[int], input_grad: bool = False) -> Operators:
    """Return the operators of dense layers with ReLU between them, forward and backward.

    Args:
        n: examples.
        sizes: numbers of inputs, of each layer's units, and of outputs.
        input_grad: whether the layers' input has a gradient, as it has behind other layers.
    """
    found = []
    for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        # Y = X W + b;  dW = X' dY;  dX = dY W'
        found += [Operator("product", (n, inputs, outputs)), Operator("outer product", (n, inputs, outputs))]
        if i or input_grad:
            found.append(Operator("product", (n, outputs, inputs)))
        found.append(Operator("pass", (n * outputs, 1)))  # db reads dY
        if i < len(sizes) - 2:
            found += activation(n * outputs)
    return found


def activation(elements: int) -> Operators:
    """Return what ReLU needs with the bias before it: (read, write), and backward (read, read, write)."""
    return [Operator("pass", (elements, 2)), Operator("pass", (elements, 3))]


def softmax(n: int, classes: int, scored: bool = True) -> Operators:
    """Return what cross-entropy needs: a power of e, and backward (read, write); accuracy reads once more."""
    passes = [Operator("exponential", (n * classes,)), Operator("pass", (n * classes, 2))]
    return passes + [Operator("pass", (n * classes, 1))] * scored


def dropped(elements: int) -> Operators:
    """Return what dropout needs: a random number, and (read, read, write) forward and backward."""
    return [Operator("draw", (elements,)), Operator("pass", (elements, 3), 2)]


def num_parameters(sizes: Sequence[int]) -> int:
    """Return how many weights and biases dense layers have."""
    return sum((inputs + 1) * outputs for inputs, outputs in zip(sizes, sizes[1:]))


def sgd(parameters: int) -> Operators:
    """Return the update p <- p - lr g: (read, read, write)."""
    return [Operator("pass", (parameters, 3))]


def adam(parameters: int) -> Operators:
    """Return the update by Adam: reads p, g, m and v, writes p, m and v."""
    return [Operator("pass", (parameters, 7))]


# Nets


def classifier(n: int, sizes: Sequence[int], rows: int, num_dropped: int = 0) -> Operators:
    """Return the operators of a step of dense layers that end in a softmax, trained by SGD.

    Args:
        n: examples of a batch.
        sizes: as for `dense`.
        rows: examples of the training set, from which the batch is gathered.
        num_dropped: units of all layers with dropout.
    """
    return collected(
        [
            Operator("gather", (n, sizes[0], rows)),
            *dense(n, sizes),
            *(dropped(n * num_dropped) if num_dropped else []),
            *softmax(n, sizes[-1]),
            *sgd(num_parameters(sizes)),
        ]
    )


def lenet(n: int, num_hiddens: int, rows: int) -> Operators:
    """Return the operators of a step of LeNet-5 on 28 x 28 pixels, trained by Adam.

    Args:
        n: images of a batch.
        num_hiddens: units of the dense hidden layer.
        rows: images of the training set.
    """
    sizes = (64 * 7 * 7, num_hiddens, 10)
    convolutions = (1 * 25 + 1) * 32 + (32 * 25 + 1) * 64
    return collected(
        [
            Operator("gather", (n, 28 * 28, rows)),
            Operator("convolution", (n, 1, 28, 32, 5, 0)),
            *activation(n * 32 * 28**2),
            Operator("pooling", (n, 32, 28)),
            Operator("convolution", (n, 32, 14, 64, 5, 1)),
            *activation(n * 64 * 14**2),
            Operator("pooling", (n, 64, 14)),
            *dense(n, sizes, input_grad=True),
            *softmax(n, 10),
            *adam(convolutions + num_parameters(sizes)),
        ]
    )


def language_model(n: int, steps: int, hiddens: int, layers: int, words: int) -> Operators:
    """Return the operators of a step of the LSTM language model, whose gradient is clipped.

    Args:
        n: rows of text.
        steps: words of a row in a window.
        hiddens: size of an embedding and of each layer's state.
        layers: LSTM layers.
        words: of the vocabulary.
    """
    m, gates = n * steps, 4 * hiddens
    # the inputs of all steps at once, their gradients, and those of both matrices of weights
    lstm = [
        Operator("product", (m, hiddens, gates)),
        Operator("product", (m, gates, hiddens)),
        Operator("outer product", (m, hiddens, gates), 2),
        Operator("recurrent product", (steps, n, hiddens, gates)),
        Operator("recurrent product", (steps, n, gates, hiddens)),
        # three sigmoids and two tanh
        Operator("exponential", (5 * m * hiddens,)),
        # forward: reads four gates and C, writes them and H; backward: reads these, dH and dC, writes four
        # gradients and dC
        Operator("pass", (m * hiddens, 11)),
        Operator("pass", (m * hiddens, 12)),
        Operator("pass", (m * gates, 1)),
    ]
    parameters = words * hiddens + words + layers * (2 * hiddens + 1) * gates
    return collected(
        [
            Operator("gather", (m, hiddens, words)),
            Operator("pass", (m * hiddens, 3)),  # adds the gradients of the rows
            *lstm * layers,
            *dropped(m * hiddens) * (layers + 1),
            Operator("product", (m, hiddens, words)),
            Operator("product", (m, words, hiddens)),
            Operator("outer product", (m, words, hiddens)),
            Operator("pass", (m * words, 1)),
            *softmax(m, words, scored=False),
            Operator("pass", (parameters, 1)),  # the norm
            *sgd(parameters),
        ]
    )
