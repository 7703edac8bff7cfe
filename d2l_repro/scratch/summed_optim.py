"""RMSProp and Adam with averages of the summed gradient, as a reader's article writes them.

The literature divides the gradient by the batch size n first; the article does so last. For SGD and momentum
both are the same. RMSProp and Adam divide by the root of the averaged squares, in which a factor of the
gradient cancels: dividing by n afterwards divides the learning rate. The article's lr is thus a numerator:
lr / n takes the steps that the literature's learning rate takes.

In the formulas p is a parameter, grad its gradient summed over the batch, n the batch size, lr / n the
learning rate, and g <- grad + n wd p the gradient with that of the penalty wd/2 |p|^2. The article's penalty
lacks the factor 1/2: its g <- grad + 2 n r p is an `l2_factor` of 2. Its epsilon is 1e-7.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from mxnet import nd

from .optim import Optimizer


class SummedOptimizer(Optimizer):
    """Base of the optimizers whose averages are of the summed gradient.

    Args:
        params: NDArrays, each with a gradient attached.
        lr: numerator of the learning rate lr / n.
        epsilon: keeps the quotient finite.
        options: wd and l2_factor, as for every optimizer.
    """

    def __init__(self, params: Iterable[nd.NDArray], lr: float, epsilon: float = 1e-7, **options: Any):
        super().__init__(params, lr, **options)
        self.epsilon = epsilon
        if self.decoupled:
            raise ValueError("the article's optimizers have no decoupled weight decay; use scratch.AdamW")

    def step(self, batch_size: float) -> None:
        """Update every parameter by its gradient, which is the sum over `batch_size` examples."""
        for param, *state in self.next_step():
            # g <- grad + n wd p
            g = param.grad + self.l2_factor * batch_size * self.wd * param if self.wd else param.grad
            # p <- p - lr / n d
            param -= (self.learning_rate / batch_size) * self.direction(param.grad, g, *state)
            self.regularize(param)

    def direction(self, grad: nd.NDArray, g: nd.NDArray, *state: nd.NDArray) -> nd.NDArray:
        """Return d, what the learning rate multiplies, and update the arrays of the state in place."""
        raise NotImplementedError

    def regularize(self, param: nd.NDArray) -> None:
        """Change a parameter in place after its step; by default not at all."""


class SummedRMSProp(SummedOptimizer):
    """RMSProp of the article.

    s <- rho s + (1 - rho) g^2, p <- p - lr / n grad / (sqrt(s) + epsilon)

    The numerator lacks the penalty's gradient, so weight decay shrinks no parameter: it only shortens steps.

    Args:
        params: as for every optimizer, and so are `lr` and `options`.
        rho: share of s that is kept at each step.
        eps_inside_sqrt: whether epsilon is added inside the square root, as the article has it in a second
            branch, and not to the root.
    """

    state_names = ("s",)

    def __init__(
        self,
        params: Iterable[nd.NDArray],
        lr: float,
        rho: float = 0.9,
        eps_inside_sqrt: bool = False,
        **options: Any,
    ):
        super().__init__(params, lr, **options)
        self.rho, self.eps_inside_sqrt = rho, eps_inside_sqrt

    def direction(self, grad, g, s):
        s *= self.rho
        s += (1 - self.rho) * g * g
        root = (s + self.epsilon).sqrt() if self.eps_inside_sqrt else s.sqrt() + self.epsilon
        return grad / root


class SummedAdam(SummedOptimizer):
    """Adam of the article.

    v <- rho1 v + (1 - rho1) g
    s <- rho2 s + (1 - rho2) g^2
    p <- p - lr / n v / (1 - beta1^t) / (sqrt(s / (1 - beta2^t)) + epsilon)

    Args:
        params: as for every optimizer, and so are `lr` and `options`.
        rho1: share of v that is kept at each step.
        rho2: share of s that is kept at each step.
        beta1: base of v's bias correction, in the literature equal to rho1. With 0 for both betas nothing is
            corrected, which is the article's first Adam.
        beta2: base of s's bias correction, in the literature equal to rho2.
        steps_per_t: number of steps that increase t by one; 1 in the literature. In the article t counts
            epochs. The correction, which should soon be a factor of 1, is then sqrt(1 - beta2) / (1 - beta1)
            = 0.32 throughout the first epoch, falls, and is 0.16 in the twentieth.
    """

    state_names = ("v", "s")

    def __init__(
        self,
        params: Iterable[nd.NDArray],
        lr: float,
        rho1: float = 0.9,
        rho2: float = 0.999,
        beta1: float = 0.9,
        beta2: float = 0.999,
        steps_per_t: int = 1,
        **options: Any,
    ):
        super().__init__(params, lr, **options)
        self.rho1, self.rho2 = rho1, rho2
        self.beta1, self.beta2, self.steps_per_t = beta1, beta2, steps_per_t

    def direction(self, grad, g, v, s):
        v *= self.rho1
        v += (1 - self.rho1) * g
        s *= self.rho2
        s += (1 - self.rho2) * g * g
        t = math.ceil(self.t / self.steps_per_t)
        # v / (1 - beta1^t) / (sqrt(s / (1 - beta2^t)) + epsilon), with both numbers moved out of the arrays
        root = math.sqrt(1 - self.beta2**t)
        return (root / (1 - self.beta1**t)) * v / (s.sqrt() + root * self.epsilon)


class ParameterDropoutAdam(SummedAdam):
    """Adam of the article, with dropout of the parameters themselves after each step.

    p <- m p / (1 - drop), where m is 1 with probability 1 - drop and 0 otherwise

    It is the article's first guess at what AdamW does, as it says itself. Nothing decays: a parameter keeps
    its expectation. But it is multiplied by noise at every step, so that its mean square grows by a factor
    of 1 / (1 - drop) each time; with 0.01 that is tenfold in an epoch of 235 steps.

    Args:
        params: as for SummedAdam, and so are `lr` and `options`.
        drop: probability that an element is set to 0.
    """

    def __init__(self, params: Iterable[nd.NDArray], lr: float, drop: float = 0.001, **options: Any):
        super().__init__(params, lr, **options)
        self.drop = drop

    def regularize(self, param):
        param *= nd.random.uniform(shape=param.shape, dtype=param.dtype) < 1 - self.drop
        param /= 1 - self.drop


class ParameterShrinkingAdam(SummedAdam):
    """Adam of the article, with all parameters multiplied by a factor after each step.

    p <- factor p

    It is the article's second guess at what AdamW does, and close to it: `AdamW` multiplies by 1 - lr wd
    before each step, so that its decay follows the learning rate.

    Args:
        params: as for SummedAdam, and so are `lr` and `options`.
        factor: below 1.
    """

    def __init__(self, params: Iterable[nd.NDArray], lr: float, factor: float = 0.9999, **options: Any):
        super().__init__(params, lr, **options)
        self.factor = factor

    def regularize(self, param):
        # p <- factor p
        param *= self.factor
