"""An LSTM that predicts the next point of a sine wave, from scratch and with Gluon.

A reader's article on TensorFlow experiments, redone in Gluon.

A recurrent net reads one point after the other and keeps what it needs of them in its state. An LSTM's state
has two parts: a memory, which gates erase and write, and the output that another gate lets out of it. Here it
reads ten points of a sine, and a linear layer turns its last output into the eleventh.

Expect a test MSE of about 1e-6 after five epochs; repeating the last point gives 0.02. In free-running
prediction, where the net reads its own predictions, it keeps the period, but small errors add up and the
amplitude drifts.

The article states no settings. The TensorFlow book that it follows has two layers of 30 units, 10,000 points
that are 0.01 apart, and 10,000 steps of AdaGrad. Its code gives the net all ten points at once, as features
of a single step, so that its LSTM never uses its state; the net that reads them one by one is trained beside
it, with Gluon only to save time. What book and article print as "Mean Square Error" is its root: the square
of 0.00204 is 4.2e-6, as large as the last training loss, 4.7e-6.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, Optional

import numpy as np
from mxnet import gluon, init, nd
from mxnet.gluon import nn, rnn

from d2l_repro import settings
from d2l_repro.data.loader import Data, Minibatches, Steps
from d2l_repro.data.splits import evaluation_plan
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import runs_of
from d2l_repro.results import plot
from d2l_repro.results.formatting import format_number
from d2l_repro.results.history import History
from d2l_repro.scratch import AdaGrad, Adam, linreg, lstm, lstm_parameters, squared_loss, xavier
from d2l_repro.scratch.counterparts import OptimizerPair
from d2l_repro.settings import Count, Positive, Units
from d2l_repro.train.callbacks import LastLosses
from d2l_repro.train.loop import evaluate, gradients_by_autograd, train_ch3

# TensorFlow's AdaGrad starts its sums at 0.1, which is the same as an epsilon of 0.1 inside the root.
OPTIMIZERS = {
    "adam": OptimizerPair(Adam, {}, "adam"),
    "adagrad": OptimizerPair(AdaGrad, {"epsilon": 0.1}, "adagrad", {"eps": 0.1}, state_in_double=False),
}
BOOK, ONE_BY_ONE = "book, ten points at once", "book, one by one"
PRINTED_STEP = 9000  # after which the article prints a training loss


@dataclass(frozen=True)
class HParams(settings.HParams):
    """Settings of our net; the article does not state its own. `book_setting` has those of its book."""

    num_train: Count = 2000  # training examples
    num_test: Count = 200  # test examples, which follow the training examples
    gap: Positive = 0.2  # distance between two points, in radians
    num_steps: Count = 10  # points that the net reads
    num_hiddens: Units = 30  # size of the state
    num_epochs: Count = 5  # passes over the training examples
    batch_size: Count = 32  # examples per step
    lr: Positive = 0.01  # learning rate of Adam
    book_steps: Count = 10000  # batches that the book's net is trained on


@dataclass(frozen=True)
class Setting(HParams):
    """Settings of one run."""

    num_layers: Literal[1, 2] = 1  # LSTM layers, each reading the outputs of the one before
    at_once: bool = False  # whether the points are the features of one step, not the inputs of one each
    optimizer: Literal["adam", "adagrad"] = "adam"
    forget_bias: float = 0.0  # initial bias of the forget gates; 1 lets the memory keep what it has
    halved: bool = True  # whether the loss is half the squared error
    steps: Optional[int] = None  # batches between two evaluations; None for a pass over the training examples


def book_setting(hp: HParams) -> Setting:
    """Return the settings of the book's net."""
    return Setting(
        num_train=10000,
        num_test=1000,
        gap=0.01,
        num_steps=hp.num_steps,
        num_hiddens=hp.num_hiddens,
        batch_size=hp.batch_size,
        lr=0.1,
        book_steps=hp.book_steps,
        num_layers=2,
        at_once=True,
        optimizer="adagrad",
        forget_bias=1.0,
        halved=False,
        **evaluation_plan(hp.book_steps, 10),
    )


def examples(first, count, hp):
    """Return windows of the sine, X (count, steps, 1), and the point after each, y (count, 1)."""
    points = np.sin(hp.gap * np.arange(first, first + hp.num_steps + count))
    windows = np.lib.stride_tricks.sliding_window_view(points, hp.num_steps + 1)
    return nd.array(windows[:, :-1, None]), nd.array(windows[:, -1:])


def data(hp: Setting, options) -> Data:
    """Return training examples, shuffled anew each epoch, and the test examples that follow, in order."""
    train, test = examples(0, hp.num_train, hp), examples(hp.num_train, hp.num_test, hp)
    batches = Minibatches(*train, hp.batch_size, options.seed)
    train_iter = Steps(batches, hp.steps) if hp.steps else batches
    return Data("synthetic", train_iter, Minibatches(*test, hp.batch_size), test)


def from_scratch(hp: Setting, data: Data) -> Model:
    """Build the cell's formulas step by step, layer by layer, and a linear layer on the last output."""
    layers, inputs = [], hp.num_steps if hp.at_once else 1
    for _ in range(hp.num_layers):
        W_x, W_h, b = lstm_parameters(inputs, hp.num_hiddens, xavier)
        b[hp.num_hiddens : 2 * hp.num_hiddens] = hp.forget_bias  # input, forget, candidate, output
        layers.append([W_x, W_h, b])
        inputs = hp.num_hiddens
    dense = [xavier((hp.num_hiddens, 1)), nd.zeros(1)]
    params = [param for part in (*layers, dense) for param in part]
    for param in params:
        param.attach_grad()

    def net(X):  # (batch, steps, 1)
        outputs = X.reshape((1, len(X), -1)) if hp.at_once else X.swapaxes(0, 1)  # (steps, batch, inputs)
        for layer in layers:
            state = [nd.zeros((len(X), hp.num_hiddens), dtype=X.dtype) for _ in range(2)]
            outputs, _ = lstm(outputs, state, *layer)  # (steps, batch, hiddens)
        return linreg(outputs[-1], *dense)  # (batch, 1)

    loss = squared_loss if hp.halved else squared_error
    return Model(net, loss, params, OPTIMIZERS[hp.optimizer].from_scratch(params, hp.lr))


class LastOutput(gluon.HybridBlock):
    """Apply LSTM layers, and a linear layer to their last output."""

    def __init__(self, hp: Setting):
        super().__init__()
        self.at_once = hp.at_once
        inputs = hp.num_steps if hp.at_once else 1
        with self.name_scope():
            # Not one operator for both layers: in double precision, MXNet's computes wrong gradients of the
            # lower ones.
            self.lstm = nn.HybridSequential()
            for layer in range(hp.num_layers):
                self.lstm.add(
                    rnn.LSTM(
                        hp.num_hiddens,
                        layout="NTC",
                        input_size=hp.num_hiddens if layer else inputs,
                        i2h_bias_initializer=init.LSTMBias(hp.forget_bias),
                    )
                )
            self.dense = nn.Dense(1, in_units=hp.num_hiddens)
        # Gluon's LSTM has two biases, which are only ever added up: one of them stays 0.
        self.lstm.collect_params(".*h2h_bias").setattr("grad_req", "null")

    def hybrid_forward(self, F, X):
        X = F.reshape(X, shape=(0, 1, -1)) if self.at_once else X
        outputs = self.lstm(X)  # (batch, steps, hiddens)
        return self.dense(F.slice_axis(outputs, axis=1, begin=-1, end=None))


def with_gluon(hp: Setting, data: Data) -> Model:
    """Build the same from Gluon, where an LSTM layer is one operator over all steps."""
    net = LastOutput(hp)
    net.initialize("xavier")
    net.hybridize()
    params = net.collect_params()
    # Gluon's loss is half the squared error too.
    loss = gluon.loss.L2Loss(weight=1.0 if hp.halved else 2.0)
    return Model(net, loss, params, OPTIMIZERS[hp.optimizer].with_gluon(params, hp.lr))


def squared_error(y_hat, y):
    """Return the squared error of every example."""
    return (y_hat - y) ** 2


def train(model: Model, data: Data, hp: Setting, callbacks=()):
    """Train without a metric, measuring the test set's mean squared error, and its root, after each epoch."""
    last = LastLosses(gradients_by_autograd(model.net, model.loss))
    measured = []

    def test_mse():
        measured.append(evaluate(data.test_iter, model.net, squared_error))
        return measured[-1]

    return train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        metrics={},
        gradients=last,
        callbacks=callbacks,
        measure={
            "batch_loss": lambda: last.losses.mean(),
            "test_mse": test_mse,
            "test_rmse": lambda: math.sqrt(measured[-1]),
        },
    )


def metrics(model, data, history):
    """Return the loss of the batch after which the article prints it."""
    steps = len(data.train_iter)
    return {
        f"step_{PRINTED_STEP}_loss": row["batch_loss"]
        for row in history
        if row["epoch"] * steps == PRINTED_STEP
    }


def free_run(net, X, count):
    """Return `count` points after the window X (steps, 1), each predicted from earlier predictions."""
    X, points = X.expand_dims(0), []
    for _ in range(count):
        point = net(X)  # (1, 1)
        points.append(point.asscalar().item())
        X = nd.concat(X[:, 1:], point.expand_dims(1), dim=1)
    return np.array(points)


def runs(hp: HParams) -> list:
    """Return our net and the book's in both implementations, and that of one by one with Gluon."""
    book = book_setting(hp)
    both = {"scratch": from_scratch, "gluon": with_gluon}
    # Gluon's AdaGrad keeps its sums in single precision; the paths of the nets are compared with Adam.
    alike = {"parity_hp": book.replace(optimizer="adam", lr=hp.lr)}
    return [
        *runs_of(both, {"LSTM": Setting(**vars(hp))}),
        *runs_of(both, {BOOK: book}, **alike),
        *runs_of({"gluon": with_gluon}, {ONE_BY_ONE: book.replace(at_once=False)}),
    ]


def show(result, last_data):
    """Show the training curves, and the sine as predicted point by point and free-running."""
    settings_of = {run.label: run.hp for run in runs(HParams(**result.settings))}
    groups = {"LSTM on a sine": ("LSTM",), "LSTM on a sine, as in the book": (BOOK, ONE_BY_ONE)}
    for title, variants in groups.items():
        trained = {label: run for label, run in result.labelled().items() if run.variant in variants}
        if trained:
            name = "" if "LSTM" in variants else "_book"
            title += (
                plot.first_place(trained.values(), "train_loss") or ": a loss of {train_loss:.2g} at the end"
            )
            curves = {label: without_batch_loss(run) for label, run in trained.items()}
            result.figures[f"training_curves{name}"] = plot.training_curves(curves, title, log=True)
            models = {label: run.model for label, run in trained.items() if run.model}
            if models:
                hp = settings_of[next(iter(models))]
                result.figures[f"predictions{name}"] = predictions(models, hp)
    rows = []
    for label, run in result.labelled().items():
        X, y = examples(settings_of[label].num_train, settings_of[label].num_test, settings_of[label])
        repeated = squared_error(X[:, -1], y).mean().asscalar().item()
        rows.append(
            {
                "run": label,
                "training loss of the last batch": format_number(run.metrics.get("batch_loss"), ".2g"),
                "test MSE": format_number(run.metrics.get("test_mse"), ".2g"),
                "its root": format_number(run.metrics.get("test_rmse"), ".2g"),
                "MSE of repeating the last point": format_number(repeated, ".2g"),
            }
        )
    result.tables["Errors on the test set"] = rows


def without_batch_loss(run):
    """Return a run with the loss of all examples alone, to draw."""
    rows = [{name: value for name, value in row.items() if name != "batch_loss"} for row in run.history]
    return replace(run, history=History(rows))


def predictions(models, hp):
    """Draw the errors on the test set, predicted point by point and free-running."""
    X, y = examples(hp.num_train, hp.num_test, hp)
    true = y[:, 0].asnumpy()
    points = np.arange(len(true))
    ahead, alone = {}, {}
    for label, model in models.items():
        ahead[label] = model.net(X)[:, 0].asnumpy() - true
        alone[label] = free_run(model.net, X[0], len(true)) - true
    panels = {"from the points before it": (points, ahead), "from earlier predictions": (points, alone)}
    label = next(iter(models))
    off, far = (np.abs(errors[label]).max() for errors in (ahead, alone))
    title = (
        f"{label}: errors up to {off:.2g} from the true points of a sine, {far:.2g} from its own predictions"
    )
    return plot.functions(panels, "point of the test set", title, {}, 3.8, "prediction less sine")


chapter = Chapter(
    name="lstm_sine",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 1, "book_steps": 20},
    data=data,
    runs=runs,
    train=train,
    metrics=metrics,
    show=show,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
