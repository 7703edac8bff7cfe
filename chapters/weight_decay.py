"""Weight decay in high-dimensional linear regression, from scratch and with Gluon.

*Dive into Deep Learning*, first edition, section 3.12.

New since polynomial fitting: a penalty on the weights. With 200 inputs and 20 training examples the model can
memorize the examples. The penalty lambda |w|^2 / 2, added to the loss, keeps the weights small. From scratch
it is part of the loss; Gluon's optimizer shrinks the weights itself (`wd`), which is the same for plain SGD.

Expect the norm of the weights to stay above 11 without decay. With decay it falls to 0.04, and the test loss
falls with it.
"""

import math
from dataclasses import dataclass

from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.loader import Data, Minibatches
from d2l_repro.data.synthetic import linear_data
from d2l_repro.experiment.chapter import Chapter
from d2l_repro.experiment.model import Model
from d2l_repro.experiment.runs import runs_of
from d2l_repro.results import plot
from d2l_repro.scratch import SGD, l2_penalty, linreg, squared_loss
from d2l_repro.settings import Count, NonNegative, Positive
from d2l_repro.train import train_ch3
from d2l_repro.train.parameters import book_arrays

TRUE_W, TRUE_B = 0.01, 0.05  # every weight, bias


@dataclass(frozen=True)
class HParams(settings.HParams):
    """The book's settings of weight decay."""

    num_epochs: Count = 100  # passes over the training examples
    batch_size: Count = 1  # examples per step
    lr: Positive = 0.003  # learning rate of SGD
    wd: NonNegative = 3.0  # lambda, the strength of the penalty; a run with 0 is shown beside it
    num_inputs: Count = 200  # features of an example
    num_train: Count = 20  # training examples
    num_test: Count = 100  # test examples
    noise: Positive = 0.01  # standard deviation of the labels' noise
    sigma: Positive = 1.0  # standard deviation of the initial weights


def data(hp, options):
    """Draw X (batch, 200) and y (batch,)."""
    features, labels = linear_data([TRUE_W] * hp.num_inputs, TRUE_B, hp.num_train + hp.num_test, hp.noise)
    train_set = features[: hp.num_train], labels[: hp.num_train]
    test_set = features[hp.num_train :], labels[hp.num_train :]
    return Data(
        "synthetic", Minibatches(*train_set, hp.batch_size, options.seed), source=(train_set, test_set)
    )


def from_scratch(hp, data):
    """Build the model with the penalty in its loss: lambda |w|^2 / 2 is added for every example."""
    w = nd.random.normal(scale=hp.sigma, shape=(hp.num_inputs, 1))
    b = nd.zeros(1)
    params = [w, b]
    for param in params:
        param.attach_grad()
    return Model(
        lambda X: linreg(X, w, b),
        squared_loss,
        params,
        SGD(params, hp.lr),
        penalty=lambda: hp.wd * l2_penalty(w),
    )


def with_gluon(hp, data):
    """Build the model with decay in the optimizer, for the weights only.

    For the bias the book uses a second Trainer without `wd`; here its multiplier is 0.
    """
    net = nn.HybridSequential()
    net.add(nn.Dense(1))
    net.initialize(init.Normal(hp.sigma))
    net.hybridize()
    net[0].bias.wd_mult = 0
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": hp.lr, "wd": hp.wd}, kvstore=None)
    return Model(net, gluon.loss.L2Loss(), params, trainer)


def train(model, data, hp, callbacks=()):
    """Train as in polynomial fitting, with the penalty that the model brings."""
    (X, y), (X_test, y_test) = data.source
    return train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        penalty=model.penalty,
        metrics={},
        measure={
            "train_loss": lambda: model.loss(model.net(X), y).mean(),
            "test_loss": lambda: model.loss(model.net(X_test), y_test).mean(),
        },
        callbacks=callbacks,
    )


def runs(hp):
    """Return the runs without decay and with it; the book calls it lambda from scratch and wd in Gluon."""
    return [
        run
        for name, impl in (("lambda", {"scratch": from_scratch}), ("wd", {"gluon": with_gluon}))
        for run in runs_of(impl, {f"{name}={wd:g}": hp.replace(wd=wd) for wd in (0.0, hp.wd)})
    ]


def l2_norm(model, data, history):
    """Return the norm of the learned weights."""
    w, _ = book_arrays(model)
    # |w|_2 = sqrt(sum_i w_i^2); the exact sum, since NumPy's float32 one depends on its version
    return {"l2_norm_w": math.sqrt(math.fsum(float(value) ** 2 for value in w.flat))}


def show(result, data):
    """Show training and test loss by epoch, without decay and with it, and the norm of the weights."""
    result.figures["loss"] = draw_losses(result.runs)
    result.tables["What the decay does"] = [
        {"run": label, **{name: f"{value:.6g}" for name, value in run.metrics.items()}}
        for label, run in result.labelled().items()
    ]


def draw_losses(runs):
    """Draw training and test loss of one implementation, each on its own axis: they are decades apart."""
    ends = {
        impl: [f"{run.history[-1]['test_loss']:.3g}" for run in runs if run.impl == impl and run.history]
        for impl in dict.fromkeys(run.impl for run in runs)
    }
    impl, first = next(iter(ends.items()))
    title = "Training and test loss without weight decay and with it"
    if len(first) == 2:
        title = f"Weight decay brings the test loss from {first[0]} to {first[1]}"
        if any(other != first for other in ends.values()):
            title += f", {plot.IMPLS[impl]}"
    curves = {rf"$\lambda$ = {run.variant.partition('=')[2]}": run for run in runs if run.impl == impl}
    return plot.comparison(curves, title, ("train_loss", "test_loss"), winner=False)


chapter = Chapter(
    name="weight_decay",
    doc=__doc__,
    HParams=HParams,
    quick={"num_epochs": 10},
    data=data,
    runs=runs,
    train=train,
    metrics=l2_norm,
    show=show,
    depends_on_stream=True,
)
run = chapter.run

if __name__ == "__main__":
    from d2l_repro.cli.chapter import run_chapter

    run_chapter(chapter)
