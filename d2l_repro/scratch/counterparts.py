"""Pair our optimizers, activations, initializers and losses with their counterparts in Gluon.

A comparison names a part once, and both implementations find it here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Callable

from mxnet import gluon, init, nd
from mxnet.gluon import nn

from . import optim, summed_optim
from .init import kaiming, normal, truncated_normal, xavier
from .layers import SELU_ALPHA, SELU_SCALE


@dataclass(frozen=True)
class OptimizerPair:
    """An optimizer from scratch and Gluon's own.

    Attributes:
        optimizer_cls: class from scratch.
        options: its options.
        gluon_name: what `gluon.Trainer` calls it; None where Gluon has none.
        gluon_options: Gluon's options.
        gluon_lr_factor: Gluon's learning rate as a multiple of ours.
        decays_alike: whether Gluon's weight decay is the gradient of the penalty wd/2 |p|^2, as ours is.
        state_in_double: whether Gluon keeps the optimizer's state in the precision of the parameters. If it
            keeps it in single precision, paths cannot be compared in double precision.
    """

    optimizer_cls: Callable[..., optim.Optimizer]
    options: Mapping[str, Any] = field(default_factory=dict)
    gluon_name: str | None = None
    gluon_options: Mapping[str, Any] = field(default_factory=dict)
    gluon_lr_factor: float = 1.0
    decays_alike: bool = True
    state_in_double: bool = True

    def from_scratch(self, params: Iterable[nd.NDArray], lr: float, **options: Any) -> optim.Optimizer:
        """Return the optimizer from scratch; `options`, such as wd, are added to its own."""
        return self.optimizer_cls(params, lr, **{**self.options, **options})

    def with_gluon(self, params: gluon.ParameterDict, lr: float, wd: float = 0.0) -> gluon.Trainer:
        """Return Gluon's trainer, with the learning rate that corresponds to ours."""
        options = {"learning_rate": self.gluon_lr_factor * lr, "wd": wd, **self.gluon_options}
        return gluon.Trainer(params, self.gluon_name, options, kvstore=None)

    def has_counterpart(self, wd: float = 0.0, l2_factor: float = 1) -> bool:
        """Return whether Gluon takes the same steps: it has the optimizer, and decays weights as we do."""
        return self.gluon_name is not None and not (wd and (l2_factor != 1 or not self.decays_alike))


# Gluon has momentum as a velocity only, which follows the same path as an average while lr is constant. Its
# AdaDelta ignores the learning rate, and so any schedule, which ours does not.
OPTIMIZERS: dict[str, OptimizerPair] = {
    "sgd": OptimizerPair(optim.SGD, {}, "sgd"),
    "momentum": OptimizerPair(optim.Momentum, {}, "sgd", {"momentum": 0.9}),
    "momentum, average": OptimizerPair(optim.Momentum, {"average": True}, "sgd", {"momentum": 0.9}, 0.1),
    "momentum 0.99, average": OptimizerPair(
        optim.Momentum, {"rho": 0.99, "average": True}, "sgd", {"momentum": 0.99}, 0.01
    ),
    "nesterov": OptimizerPair(optim.Nesterov, {}, "nag", {"momentum": 0.9}, decays_alike=False),
    "adagrad": OptimizerPair(optim.AdaGrad, {}, "adagrad", decays_alike=False, state_in_double=False),
    "rmsprop": OptimizerPair(optim.RMSProp, {}, "rmsprop", {"gamma1": 0.9}, state_in_double=False),
    "rmsprop, epsilon outside": OptimizerPair(optim.RMSProp, {"eps_inside_sqrt": False}),
    "adadelta": OptimizerPair(optim.AdaDelta, {}, "adadelta", decays_alike=False, state_in_double=False),
    "adam": OptimizerPair(optim.Adam, {}, "adam"),
    "adam, no correction": OptimizerPair(optim.Adam, {"correct_bias": False}),
    "adamw": OptimizerPair(optim.AdamW),
    # Those of a reader's article, whose learning rate is a numerator.
    "summed rmsprop": OptimizerPair(summed_optim.SummedRMSProp),
    "summed rmsprop, epsilon inside": OptimizerPair(summed_optim.SummedRMSProp, {"eps_inside_sqrt": True}),
    "summed adam, no correction": OptimizerPair(summed_optim.SummedAdam, {"beta1": 0.0, "beta2": 0.0}),
    "summed adam": OptimizerPair(summed_optim.SummedAdam),
    "summed adam, parameter dropout": OptimizerPair(summed_optim.ParameterDropoutAdam),
    "summed adam, parameter shrinking": OptimizerPair(summed_optim.ParameterShrinkingAdam),
}

GLUON_ACTIVATIONS: dict[str, Callable[[], nn.HybridBlock]] = {  # for the names of `layers.ACTIVATIONS`
    "relu": lambda: nn.Activation("relu"),
    "sigmoid": lambda: nn.Activation("sigmoid"),
    "tanh": lambda: nn.Activation("tanh"),
    "leaky relu": lambda: nn.LeakyReLU(0.01),
    "elu": nn.ELU,
    # Not nn.SELU: its gradient below 0 is scale (alpha + y) and not scale alpha + y, 0.003 instead of 0.088
    # at -3.
    "selu": lambda: nn.HybridLambda(
        lambda F, x: SELU_SCALE * F.LeakyReLU(x, act_type="elu", slope=SELU_ALPHA)
    ),
    "softplus": lambda: nn.Activation("softrelu"),
    "relu6": lambda: nn.HybridLambda(lambda F, x: F.clip(x, 0, 6)),
    "crelu": lambda: nn.HybridLambda(lambda F, x: F.relu(F.concat(x, -x, dim=1))),
}


@dataclass(frozen=True)
class InitializerPair:
    """Initial weights from scratch, shape -> NDArray, and Gluon's initializer."""

    from_scratch: Callable[[tuple], nd.NDArray]
    with_gluon: Callable[[], init.Initializer]


def normal_pair(sigma: float) -> InitializerPair:
    """Return initial weights drawn from N(0, sigma); sigma is the standard deviation."""
    return InitializerPair(lambda shape: normal(shape, sigma), lambda: init.Normal(sigma))


def constant_pair(value: float) -> InitializerPair:
    """Return initial weights that are all equal."""
    return InitializerPair(lambda shape: nd.full(shape, value), lambda: init.Constant(value))


INITIALIZERS: dict[str, InitializerPair] = {
    "xavier": InitializerPair(xavier, init.Xavier),
    "kaiming": InitializerPair(kaiming, lambda: init.MSRAPrelu("in", slope=0)),
}


class TruncatedNormal(init.Initializer):
    """Draw weights as `init.truncated_normal` does; Gluon has no initializer of that kind.

    Args:
        sigma: standard deviation before the tails are cut off.
    """

    def __init__(self, sigma: float):
        super().__init__(sigma=sigma)
        self.sigma = sigma

    def _init_weight(self, name: str, array: nd.NDArray) -> None:
        array[:] = truncated_normal(array.shape, self.sigma)


class LogisticLoss(gluon.loss.Loss):
    """Compute the cross-entropy of two classes from logits, log(1 + e^o) - y o.

    It stands in for Gluon's SigmoidBinaryCrossEntropyLoss, which is written with max and absolute value, so
    that its gradient at o = 0 is -y and not 1/2 - y. A net whose ReLUs all output 0 for an example, and whose
    last bias is 0, is exactly at this point.
    """

    def __init__(self):
        super().__init__(weight=None, batch_axis=0)

    def hybrid_forward(self, F, logits, y):
        o = F.reshape_like(logits, y)
        return F.Activation(o, act_type="softrelu") - y * o
