"""Train several nets of the same kind at once, each on examples of its own.

A step of one small net takes longer to call than to compute. Side by side, the nets of all folds share the
calls, and each of them still takes the steps that it takes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from mxnet import gluon, init, nd

from d2l_repro.data.loader import Minibatches
from d2l_repro.experiment.model import Model
from d2l_repro.results.history import History
from d2l_repro.train.loop import Callback, Loop, check_growth
from d2l_repro.train.parameters import book_arrays


class SideBySide(Minibatches):
    """Iterate over several sets of examples at once, in minibatches with as many examples of each.

    A batch has the examples of the first set, then those of the second, and so on. Each set has the batches
    that `Minibatches` makes of it alone.

    Args:
        sets: of X (examples, ...) and y (examples,) each, with the same number of examples.
        batch_size: examples per batch and set; the last batch has the remaining ones.
        seeds: determine the orders, one for each set.

    Raises:
        ValueError: as for `Minibatches`, or the sets differ in the number of examples.
    """

    def __init__(self, sets: Sequence[tuple[nd.NDArray, nd.NDArray]], batch_size: int, seeds: Sequence[int]):
        counts = sorted({len(y) for _, y in sets})
        if len(counts) != 1:
            raise ValueError(f"sets of {counts[0]} and of {counts[-1]} examples cannot be trained on at once")
        X, y = (nd.concat(*arrays, dim=0) for arrays in zip(*sets))
        super().__init__(X, y, len(sets) * batch_size)
        self._rngs = [np.random.RandomState(seed) for seed in seeds]

    def order(self) -> np.ndarray:
        """Return the rows of the batches of an epoch, one after the other."""
        num_sets, count = len(self._rngs), len(self.y) // len(self._rngs)
        orders = np.array([i * count + rng.permutation(count) for i, rng in enumerate(self._rngs)])
        size = self.batch_size // num_sets
        return np.concatenate([orders[:, i : i + size].ravel() for i in range(0, count, size)])


class LinearsFromScratch:
    """Compute several linear layers, each of its own part of the rows.

    (nets * batch, inputs) -> (nets * batch, 1)

    Args:
        models: each a layer with its initial parameters, w (inputs, 1) and b (1,).
    """

    def __init__(self, models: Sequence[Model]):
        self.w, self.b = self.params = stack(models)  # (nets, inputs, 1), (nets, 1)
        for param in self.params:
            param.attach_grad()

    def __call__(self, X: nd.NDArray) -> nd.NDArray:
        num_nets, num_inputs, _ = self.w.shape
        X = X.reshape((num_nets, -1, num_inputs))
        # y_hat = X w + b, for each net
        y_hat = nd.batch_dot(X, self.w).reshape((num_nets, -1)) + self.b  # (nets, batch)
        return y_hat.reshape((-1, 1))


class LinearsWithGluon(gluon.HybridBlock):
    """Compute several linear layers in one graph, each of its own part of the rows.

    (nets * batch, inputs) -> (nets * batch, 1)

    Args:
        models: each a layer with its initial parameters.
    """

    def __init__(self, models: Sequence[Model]):
        super().__init__()
        w, b = stack(models)
        self.num_nets = len(models)
        self.weight = self.params.get("weight", shape=w.shape, init=init.Constant(w))
        self.bias = self.params.get("bias", shape=b.shape, init=init.Constant(b))
        self.initialize()

    def hybrid_forward(self, F, x, weight, bias):
        """Return the outputs of all nets."""
        # The operator of Dense for each net, so that its numbers are those of Dense; all else they share.
        parts = (F.split(array, self.num_nets, axis=0) for array in (x, weight, bias))
        y_hats = [
            F.FullyConnected(X, w.reshape((1, -1)), b.reshape((-1,)), num_hidden=1) for X, w, b in zip(*parts)
        ]
        return F.concat(*y_hats, dim=0)


def stack(models: Sequence[Model]) -> list[nd.NDArray]:
    """Return the parameters of models of the same shapes in the book's layout, along a new first axis."""
    return [nd.array(np.stack(arrays)) for arrays in zip(*map(book_arrays, models))]


class Histories(Callback):
    """Keep a history for each of several nets that are trained side by side.

    Args:
        measures: for each net, name -> function () -> number, called after each epoch.

    Attributes:
        histories: of the nets; `seconds` is a net's share.
        measure: name -> function () -> mean over the nets, for `train_ch3`.
    """

    def __init__(self, measures: Sequence[Mapping[str, Callable[[], float]]]):
        self.histories = [History() for _ in measures]
        self.measure = {name: self._mean(name, [m[name] for m in measures]) for name in measures[0]}
        self._losses: list[nd.NDArray] = []  # of the steps of this epoch
        self._measured: dict[str, list[float]] = {}

    def _mean(self, name: str, functions: Sequence[Callable[[], float]]) -> Callable[[], float]:
        def measure() -> float:
            self._measured[name] = [function() for function in functions]
            return float(np.mean(self._measured[name]))

        return measure

    def after_step(self, loop: Loop) -> None:
        self._losses.append(loop.losses)

    def after_epoch(self, loop: Loop) -> None:
        n, row = len(self.histories), loop.history[-1]
        sums = nd.stack(*[losses.reshape((n, -1)).sum(axis=1) for losses in self._losses]).asnumpy()
        totals = sums.cumsum(axis=0)[-1]  # in single precision, step after step, as the loop's own
        count = sum(losses.size for losses in self._losses) // n
        for i, history in enumerate(self.histories):
            loss = totals[i].item() / count
            measured = {name: values[i] for name, values in self._measured.items()}
            history.append({**row, "train_loss": loss, **measured, "seconds": row["seconds"] / n})
            # The loop has seen the mean over the nets, in which a single one may go unnoticed.
            check_growth(loop, loss, history[0]["train_loss"])
        self._losses = []
