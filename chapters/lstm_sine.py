"""An LSTM that predicts the next point of a sine wave, from scratch and with Gluon.

A reader's article on TensorFlow experiments, redone in Gluon.

A recurrent net reads one point after the other and keeps what it needs of them in its state. An LSTM's state
has two parts: a memory, which gates erase and write, and the output that another gate lets out of it. Here it
reads ten points of a sine, and a linear layer turns its last output into the eleventh.

Expect a test MSE of about 1e-6 after five epochs; repeating the last point gives 0.02. In free-running
prediction, where the net reads its own predictions, it keeps the period, but small errors add up and the
amplitude drifts.
"""

from dataclasses import dataclass

import numpy as np
from mxnet import gluon, nd
from mxnet.gluon import nn, rnn

from d2l_repro import settings
from d2l_repro.data.loader import Data, Minibatches
from d2l_repro.experiment.chapter import Chapter, runs_of
from d2l_repro.experiment.model import Model
from d2l_repro.results import plot
from d2l_repro.results.formatting import format_number
from d2l_repro.scratch import Adam, linreg, lstm, lstm_parameters, squared_loss, xavier
from d2l_repro.settings import Count, Positive, Units
from d2l_repro.train.loop import evaluate, train_ch3


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The article does not state its settings; these are ours."""

    num_train: Count = 2000  # training examples
    num_test: Count = 200  # test examples, which follow the training examples
    gap: Positive = 0.2  # distance between two points, in radians
    num_steps: Count = 10  # points that the net reads
    num_hiddens: Units = 30  # size of the state
    num_epochs: Count = 5  # passes over the training examples
    batch_size: Count = 32  # examples per step
    lr: Positive = 0.01  # learning rate of Adam


def examples(first, count, hp):
    """Return windows of the sine, X (count, steps, 1), and the point after each, y (count, 1)."""
    points = np.sin(hp.gap * np.arange(first, first + hp.num_steps + count))
    windows = np.lib.stride_tricks.sliding_window_view(points, hp.num_steps + 1)
    return nd.array(windows[:, :-1, None]), nd.array(windows[:, -1:])


def data(hp, options):
    """Return training examples, shuffled anew each epoch, and the test examples that follow, in order."""
    train, test = examples(0, hp.num_train, hp), examples(hp.num_train, hp.num_test, hp)
    return Data(
        "synthetic", Minibatches(*train, hp.batch_size, options.seed), Minibatches(*test, hp.batch_size), test
    )


def from_scratch(hp, data):
    """Build the cell's formulas step by step, and a linear layer on the last output."""
    params = [*lstm_parameters(1, hp.num_hiddens, xavier), xavier((hp.num_hiddens, 1)), nd.zeros(1)]
    for param in params:
        param.attach_grad()

    def net(X):  # (batch, steps, 1)
        state = [nd.zeros((len(X), hp.num_hiddens), dtype=X.dtype) for _ in range(2)]
        outputs, _ = lstm(X.swapaxes(0, 1), state, *params[:3])  # (steps, batch, hiddens)
        return linreg(outputs[-1], *params[3:])  # (batch, 1)

    return Model(net, squared_loss, params, Adam(params, hp.lr))


class LastOutput(gluon.HybridBlock):
    """Apply an LSTM, and a linear layer to its last output."""

    def __init__(self, num_hiddens):
        super().__init__()
        with self.name_scope():
            self.lstm = rnn.LSTM(num_hiddens, layout="NTC", input_size=1)
            self.dense = nn.Dense(1, in_units=num_hiddens)
        # Gluon's LSTM has two biases, which are only ever added up: one of them stays 0.
        self.lstm.l0_h2h_bias.grad_req = "null"

    def hybrid_forward(self, F, X):
        outputs = self.lstm(X)  # (batch, steps, hiddens)
        return self.dense(F.slice_axis(outputs, axis=1, begin=-1, end=None))


def with_gluon(hp, data):
    """Build the same from Gluon, where an LSTM layer is one operator over all steps."""
    net = LastOutput(hp.num_hiddens)
    net.initialize("xavier")
    net.hybridize()
    params = net.collect_params()
    trainer = gluon.Trainer(params, "adam", {"learning_rate": hp.lr}, kvstore=None)
    return Model(net, gluon.loss.L2Loss(), params, trainer)


def squared_error(y_hat, y):
    """Return the squared error of every example."""
    return (y_hat - y) ** 2


def train(model, data, hp, callbacks=()):
    """Train without a metric, measuring the test set's mean squared error after each epoch."""
    return train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        metrics={},
        callbacks=callbacks,
        measure={"test_mse": lambda: evaluate(data.test_iter, model.net, squared_error)},
    )


def free_run(net, X, count):
    """Return `count` points after the window X (steps, 1), each predicted from earlier predictions."""
    X, points = X.expand_dims(0), []
    for _ in range(count):
        point = net(X)  # (1, 1)
        points.append(point.asscalar().item())
        X = nd.concat(X[:, 1:], point.expand_dims(1), dim=1)
    return np.array(points)


def show(result, data):
    """Show the training curves, and the sine as predicted point by point and free-running."""
    X, y = data.source
    true = y[:, 0].asnumpy()
    result.figures["training_curves"] = plot.training_curves(result.labelled(), "LSTM on a sine", log=True)
    points = np.arange(len(true))
    ahead, alone = {"sine": true}, {"sine": true}
    for label, model in result.models.items():
        ahead[label] = model.net(X)[:, 0].asnumpy()
        alone[label] = free_run(model.net, X[0], len(true))
    panels = {"from the points before it": (points, ahead), "from earlier predictions": (points, alone)}
    result.figures["predictions"] = plot.functions(
        panels, "point of the test set", "Each point predicted ...", {}, 4.4
    )
    errors = {
        "repeat the last point": squared_error(X[:, -1], y).mean().asscalar(),
        **{label: run.metrics["test_mse"] for label, run in result.labelled().items() if run.model},
    }
    result.tables["Mean squared error on the test set"] = [
        {"prediction": name, "test MSE": format_number(error, ".2g")} for name, error in errors.items()
    ]


chapter = Chapter(
    name="lstm_sine",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 2},
    data=data,
    runs=lambda hp: runs_of({"scratch": from_scratch, "gluon": with_gluon}, {"LSTM": hp}),
    train=train,
    show=show,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
