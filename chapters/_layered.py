"""Nets of layers with hand-derived gradients, and the same from Gluon, with all about them as settings.

What the chapters from first principles have in common: a comparison is a table of `Setting`s.
"""

from dataclasses import dataclass
from typing import Callable, Literal, Optional

from mxnet import gluon, init, nd
from mxnet.gluon import nn

from d2l_repro import settings
from d2l_repro.data.images import load_images
from d2l_repro.data.loader import Data, Minibatches, Steps
from d2l_repro.experiment import comparison
from d2l_repro.experiment.chapter import Model
from d2l_repro.results import plot
from d2l_repro.scratch import correct, correct_sign, l2_penalty
from d2l_repro.scratch.layers import (
    ACTIVATIONS,
    LOSSES,
    SELU_ALPHA,
    SELU_SCALE,
    BatchNorm,
    FullyConnectedNet,
    LayerNorm,
    gradients_by_hand,
)
from d2l_repro.settings import Count, NonNegative, Positive, Probability
from d2l_repro.train import schedules
from d2l_repro.train.callbacks import BestModel, Clip, Schedule
from d2l_repro.train.loop import Callback, evaluate, gradients_by_autograd, train_ch3
from d2l_repro.train.parameters import Parameter, parameters

from ._classifiers import DECAY_OTHERWISE, INITS, SINGLE_PRECISION
from ._classifiers import OPTIMIZERS as ALL_OPTIMIZERS


class LogisticLoss(gluon.loss.Loss):
    """Cross-entropy of two classes from logits, log(1 + e^o) - y o.

    In place of Gluon's SigmoidBinaryCrossEntropyLoss, whose gradient at o = 0 is -y and not 1/2 - y: it is
    written with max and absolute value. A net whose ReLUs are all off for an example, and whose last bias is
    0, is just there.
    """

    def __init__(self):
        super().__init__(weight=None, batch_axis=0)

    def hybrid_forward(self, F, logits, y):
        o = F.reshape_like(logits, y)
        return F.Activation(o, act_type="softrelu") - y * o


OPTIMIZERS = {
    name: ALL_OPTIMIZERS[name]
    for name in ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam")
}
GLUON_ACTIVATIONS = {
    **{name: lambda name=name: nn.Activation(name) for name in ("relu", "sigmoid", "tanh")},
    "leaky relu": lambda: nn.LeakyReLU(0.01),
    "elu": nn.ELU,
    # Not nn.SELU: its gradient below 0 is scale (alpha + y) and not scale alpha + y, 0.003 in place of 0.088
    # at -3.
    "selu": lambda: nn.HybridLambda(
        lambda F, x: SELU_SCALE * F.LeakyReLU(x, act_type="elu", slope=SELU_ALPHA)
    ),
    "softplus": lambda: nn.Activation("softrelu"),
    "relu6": lambda: nn.HybridLambda(lambda F, x: F.clip(x, 0, 6)),
    "crelu": lambda: nn.HybridLambda(lambda F, x: F.relu(F.concat(x, -x, dim=1))),
}
NORMS = {"none": (None, None), "batch": (BatchNorm, nn.BatchNorm), "layer": (LayerNorm, nn.LayerNorm)}
STARTS = {
    **INITS,
    "zero": (lambda hp: nd.zeros, lambda hp: init.Zero()),
    "half": (lambda hp: lambda shape: nd.full(shape, 0.5), lambda hp: init.Constant(0.5)),
}
GLUON_LOSSES = {
    "softmax": gluon.loss.SoftmaxCrossEntropyLoss,
    "logistic": LogisticLoss,
    "squared": gluon.loss.L2Loss,
}  # it has no hinge loss of several classes
NUM_VALID = 5000  # images
IS_CORRECT = {
    "softmax": correct,
    "svm": correct,
    "logistic": correct_sign,
    "squared": lambda y_hat, y: correct_sign(y_hat, y, threshold=0.5),
}


@dataclass(frozen=True)
class Setting(settings.HParams):
    """One row of a comparison."""

    hidden: tuple[int, ...] = ()  # units of each hidden layer
    activation: Literal[("none", *ACTIVATIONS, "crelu")] = "relu"  # of the hidden layers
    norm: Literal[tuple(NORMS)] = "none"  # before each activation
    drop_prob: Probability = 0.0  # after each activation
    input_drop_prob: Probability = 0.0  # of the inputs
    loss: Literal[tuple(LOSSES)] = "softmax"  # "squared" is that of a sigmoid's output, for two classes
    gradients: Literal["by hand", "autograd"] = "by hand"  # from scratch; in Gluon autograd's always
    init: Literal[tuple(STARTS)] = "normal"  # how weights begin
    sigma: Positive = 0.01  # standard deviation of weights that begin as "normal"
    bias: Optional[float] = 0.0  # how biases begin; None for a net without
    optimizer: Literal[tuple(OPTIMIZERS)] = "sgd"
    lr: Positive = 0.1  # learning rate, at the start where it decays
    lr_decay: Positive = 1.0  # times the learning rate after every epoch
    reg: NonNegative = 0.0  # factor of the penalty |W|^2 / 2
    l1: NonNegative = 0.0  # factor of the penalty |W|, the sum of absolute values
    # how much of a moving average of the parameters is kept a step; 0 for no average
    average: Probability = 0.0
    clip: NonNegative = 0.0  # norm that gradients are shortened to; 0 for as long as they are
    num_epochs: Count = 10  # passes over the training set
    batch_size: Count = 100  # examples a step
    num_train: Optional[int] = None  # training examples; all where None
    steps: Optional[int] = None  # batches between two evaluations; as many as there are where None
    watch_steps: bool = False  # keep the mean length of a step of each epoch, as step_size


@dataclass
class Sets:
    """Examples to train, validate and test on, each (X, y)."""

    train: tuple
    valid: tuple
    test: tuple
    num_outputs: int  # scores of an example: one a class, or one for two classes
    is_correct: Callable  # (scores, y) -> 1 or 0 an example
    title: str


def minibatches(sets, hp, seed, name="synthetic", **options):
    """`Sets` as `Data`: the training set in a new order each time, unless it is one batch as a whole."""
    X, y = (array[: hp.num_train] for array in sets.train)
    batches = Minibatches(X, y, hp.batch_size, seed if hp.batch_size < len(y) else None)
    return Data(name, Steps(batches, hp.steps) if hp.steps else batches, None, sets, **options)


def counted_in_steps(num_steps, num_evaluations):
    """The fields of a `Setting` for just so many batches, and at most so many evaluations at equal
    distances."""
    num_evaluations = max(n for n in range(1, min(num_evaluations, num_steps) + 1) if num_steps % n == 0)
    return {"num_epochs": num_evaluations, "steps": num_steps // num_evaluations}


def digits_data(hp, options):
    """MNIST as `Data`, X (batch, 1, 28, 28) from 0 to 1, y (batch,); the last 5,000 training images are to
    validate.

    Of a smaller set a sixth is.
    """
    images = load_images("mnist", options.dataset, options.data_dir, options.quick)
    X, y = images.train
    num_train = len(y) - min(NUM_VALID, len(y) // 6)
    sets = Sets(
        (X[:num_train], y[:num_train]),
        (X[num_train:], y[num_train:]),
        images.test,
        len(images.class_names),
        correct,
        images.title,
    )
    return minibatches(
        sets, hp, options.seed, images.name, stand_in_for=images.stand_in_for, official=images.official
    )


def points_data(points, classes, num_train, num_valid, hp, seed, title):
    """Points of the plane in two classes as `Data`: the first to train, the next to validate, the rest to
    test."""
    ends = ((0, num_train), (num_train, num_train + num_valid), (num_train + num_valid, None))
    parts = [(points[slice(*end)], classes[slice(*end)]) for end in ends]
    return minibatches(Sets(*parts, 1, IS_CORRECT[hp.loss], title), hp, seed)


def from_scratch(hp, data):
    """A net of hand-derived layers."""
    sets = data.source
    X, _ = sets.train
    net = FullyConnectedNet(
        [X[0].size, *hp.hidden, sets.num_outputs],
        STARTS[hp.init][0](hp),
        None if hp.activation == "none" else hp.activation,
        NORMS[hp.norm][0],
        hp.drop_prob,
        hp.bias,
        output="sigmoid" if hp.loss == "squared" else None,
        input_drop_prob=hp.input_drop_prob,
    )
    kind, options, _ = OPTIMIZERS[hp.optimizer]
    model = Model(net, LOSSES[hp.loss][0], net.params, kind(net.params, hp.lr, **options))
    if hp.gradients == "by hand":
        model.gradients = gradients_by_hand(net, hp.loss, hp.reg, hp.batch_size, hp.l1)
    elif hp.reg or hp.l1:
        model.penalty = lambda: nd.add_n(
            *[hp.reg * l2_penalty(W) + hp.l1 * W.abs().sum() for W in net.weights]
        )
    return model


def with_gluon(hp, data):
    """The same from Gluon."""

    def dense(units):
        return nn.Dense(
            units,
            use_bias=hp.bias is not None,
            weight_initializer=STARTS[hp.init][1](hp),
            bias_initializer=init.Constant(hp.bias or 0),
        )

    net = nn.HybridSequential()
    if hp.input_drop_prob:
        net.add(nn.Dropout(hp.input_drop_prob))
    for units in hp.hidden:
        net.add(dense(units))
        if hp.norm != "none":
            net.add(NORMS[hp.norm][1]())
        if hp.activation != "none":
            net.add(GLUON_ACTIVATIONS[hp.activation]())
        if hp.drop_prob:
            net.add(nn.Dropout(hp.drop_prob))
    net.add(dense(data.source.num_outputs))
    if hp.loss == "squared":
        net.add(nn.Activation("sigmoid"))
    net.initialize()
    net.hybridize()
    params = net.collect_params()
    for name, param in params.items():
        param.wd_mult = float(name.endswith("weight"))
    name, options, factor = OPTIMIZERS[hp.optimizer][2]
    trainer = gluon.Trainer(
        params, name, {"learning_rate": factor * hp.lr, "wd": hp.reg, **options}, kvstore=None
    )
    model = Model(net, GLUON_LOSSES[hp.loss](), params, trainer)
    if hp.l1:
        model.gradients = _with_l1(model, hp)
    return model


def _with_l1(model, hp):
    """Gradients by autograd, and beside them those of the penalty l1 |W|.

    As the sum that the penalty is, autograd would take as long for it as for the net.
    """
    of_loss = gradients_by_autograd(model.net, model.loss)
    weights = [param for name, param in model.params.items() if name.endswith("weight")]

    def gradients(X, y):
        made = of_loss(X, y)
        for W in weights:
            # dW <- dW + |B| l1 sign(W), written as the update of signSGD that it is
            nd.signsgd_update(W.grad(), W.data(), lr=-hp.batch_size * hp.l1, out=W.grad())
        return made

    return gradients


def runs_of(comparisons):
    """Every row of every comparison, title -> {name: Setting}: from scratch and, where Gluon has it, with
    Gluon."""
    return comparison.runs_of(comparisons, from_scratch, with_gluon, _in_gluon)


def _in_gluon(hp):
    return (
        hp.loss in GLUON_LOSSES
        and hp.gradients == "by hand"
        and not (hp.reg and OPTIMIZERS[hp.optimizer][2][0] in DECAY_OTHERWISE)
    )


def parity(run):
    """Not where masks are drawn, nor with the optimizers of Gluon that keep their state in single
    precision."""
    return not (run.hp.drop_prob or run.hp.input_drop_prob) and run.hp.optimizer not in SINGLE_PRECISION


def train(model, data, hp, callbacks=()):
    """The loop, with loss and accuracy on the validation set after each epoch; the best model on it is
    kept."""
    arrays = (
        [*model.net.params, *model.net.running]
        if isinstance(model.net, FullyConnectedNet)
        else list(model.params.values())
    )
    learned = [param.source for param in parameters(model)]
    is_correct, valid = data.source.is_correct, [data.source.valid]
    schedule = schedules.exponential(model.trainer.learning_rate, hp.lr_decay)
    best = BestModel(arrays)
    history = train_ch3(
        model.net,
        data.train_iter,
        None,
        model.loss,
        hp.num_epochs,
        hp.batch_size,
        trainer=model.trainer,
        metrics={"acc": is_correct},
        penalty=model.penalty,
        gradients=model.gradients,
        measure={
            "valid_loss": lambda: evaluate(valid, model.net, model.loss),
            "valid_acc": lambda: evaluate(valid, model.net, is_correct),
        },
        callbacks=[
            Schedule(schedules.by_epoch(schedule, len(data.train_iter))),
            *([Clip(learned, hp.clip, hp.batch_size)] if hp.clip else []),
            *([StepSizes(learned)] if hp.watch_steps else []),
            best,
            *callbacks,
        ],
    )
    best.restore()
    return history


class StepSizes(Callback):
    """Adds to the history how far a step moves the parameters, on average over an epoch: `step_size`."""

    def __init__(self, arrays):
        self.params = [Parameter(array) for array in arrays]

    def before_step(self, loop):
        self._before = [param.array.copy() for param in self.params]

    def after_step(self, loop):
        moved = [((param.array - before) ** 2).sum() for param, before in zip(self.params, self._before)]
        loop.add("step_size", nd.add_n(*moved).sqrt())


def tested(model, data, history):
    """The metrics of the model that was best on the validation set: its epoch, and its scores there and in
    the test."""
    best = max(history, key=lambda row: row["valid_acc"])
    test = [data.source.test]
    return {
        "best_epoch": best["epoch"],
        "best_valid_acc": best["valid_acc"],
        "test_loss": evaluate(test, model.net, model.loss),
        "test_acc": evaluate(test, model.net, data.source.is_correct),
    }


def row(label, run, hp):
    """A run's line in the table of its comparison: the last epoch, then the one that was best on the
    validation set."""
    metrics = run["metrics"]
    columns = {
        "train_loss": ".4g",
        "train_acc": ".4f",
        "valid_acc": ".4f",
        "best_epoch": "d",
        "best_valid_acc": ".4f",
        "test_acc": ".4f",
    }
    return {
        "run": label,
        **{
            name.replace("_", " "): format(metrics[name], form) if metrics else "-"
            for name, form in columns.items()
        },
    }


def decision_regions(result, data, names):
    """A figure for each implementation: what the nets of those names decide, with the points of the three
    sets."""
    sets = {
        name: tuple(array.asnumpy() for array in getattr(data.source, name))
        for name in ("train", "valid", "test")
    }
    figures = {}
    for impl in ("scratch", "gluon"):
        nets = {name: _scores(model.net) for name, model in comparison.of(impl, names, result.models).items()}
        if nets:
            figures[f"regions_{impl}"] = plot.decision_regions(
                nets, sets, f"What each net decides on {data.source.title}, {impl}"
            )
    return figures


def _scores(net):
    return lambda points: net(nd.array(points)).asnumpy().ravel()
