"""Optimizers from scratch, from simple to complex, with the three names of gluon.Trainer.

Those names are `step`, `learning_rate` and `set_learning_rate`. An optimizer updates NDArrays in place by
their attached gradients, which are sums over the batch. In the formulas p is a parameter, g its gradient
divided by the batch size, and lr the learning rate; v, s and x are arrays in the shape of p that an optimizer
keeps from step to step in its `state`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from numbers import Real
from typing import Any, Callable

import numpy as np
from mxnet import autograd, nd

from ..settings import HUGE


def clip_gradients(grads: Sequence[nd.NDArray], theta: float) -> None:
    """Scale gradients in place so that their joint norm is at most `theta` (section 6.4).

    It does not wait for MXNet's engine.

    Args:
        grads: gradients of all parameters.
        theta: largest norm.
    """
    # g <- min(1, theta / |g|) g
    # The dot product of g with itself: summing its squares takes MXNet a hundred times as long for a large g.
    norm = nd.add_n(*[nd.dot(g.reshape((-1,)), g.reshape((-1,))) for g in grads]).sqrt()
    scale = nd.minimum(theta / (norm + 1e-12), 1)
    for g in grads:
        g *= scale


def _check_params(params: Sequence[Any]) -> None:
    positions: dict[int, int] = {}
    for i, param in enumerate(params):
        if not isinstance(param, nd.NDArray):
            raise ValueError(
                f"parameter {i} is a {type(param).__name__}, not an NDArray; train Gluon's parameters with "
                "trainer=gluon.Trainer(net.collect_params(), ...)"
            )
        if param.grad is None:
            raise ValueError(f"parameter {i} has no gradient: call its attach_grad() first")
        first = positions.setdefault(id(param), i)
        if first != i:
            raise ValueError(f"parameter {i} is parameter {first} again: every step would update it twice")


class Optimizer:
    """Base of all optimizers: weight decay, and arrays that are kept from step to step.

    Args:
        params: NDArrays, each with a gradient attached.
        lr: learning rate.
        wd: weight decay of every parameter.
        decoupled: whether weight decay acts on the parameter itself, p <- p - lr wd p, in addition to the
            step that the gradient gives (I. Loshchilov and F. Hutter, 2019). Otherwise it acts on the
            gradient, g <- g + wd p, where wd p is the gradient of the penalty wd/2 |p|^2. For plain SGD the
            two are the same.
        l2_factor: multiplies the gradient of that penalty; 2 stands for wd |p|^2, as in a reader's article.

    Attributes:
        state: name -> arrays, one per parameter; empty before the first step.
        t: number of steps taken.

    Raises:
        ValueError: a parameter is given twice, is no NDArray or has no gradient attached; the learning rate
            is negative, absurdly large or no number; or decoupled weight decay is given an l2_factor.
    """

    state_names: tuple[str, ...] = ()

    def __init__(
        self,
        params: Iterable[nd.NDArray],
        lr: float,
        wd: float = 0.0,
        decoupled: bool = False,
        l2_factor: float = 1.0,
    ):
        self.params = list(params)
        _check_params(self.params)
        self.set_learning_rate(lr)
        if decoupled and l2_factor != 1:
            raise ValueError("decoupled weight decay has no penalty that l2_factor could multiply")
        self.wd, self.decoupled, self.l2_factor = wd, decoupled, l2_factor
        self.state: dict[str, list[nd.NDArray]] = {}
        self.t = 0

    def set_learning_rate(self, lr: float) -> None:
        """Use `lr` from the next step on."""
        if not isinstance(lr, Real) or not 0 <= lr < HUGE:
            raise ValueError(f"the learning rate must be a number from 0 to below {HUGE:g}, not {lr}")
        self.learning_rate = lr

    def step(self, batch_size: float) -> None:
        """Update every parameter by its gradient, which is the sum over `batch_size` examples."""
        for param, *state in self.next_step():
            g = param.grad / batch_size
            if self.wd and self.decoupled:
                # p <- p - lr wd p
                param *= 1 - self.learning_rate * self.wd
            elif self.wd:
                # g <- g + wd p
                g += self.l2_factor * self.wd * param
            param -= self.update(g, *state)

    def next_step(self) -> Iterator[tuple[nd.NDArray, ...]]:
        """Count a step, and return an iterator over the parameters, each with its arrays of the state."""
        if self.t == 0:  # not earlier: until now the parameters' shapes and types may have changed
            self.state = {name: [param.zeros_like() for param in self.params] for name in self.state_names}
        self.t += 1
        return zip(self.params, *self.state.values())

    def update(self, g: nd.NDArray, *state: nd.NDArray) -> nd.NDArray:
        """Return what to subtract from a parameter, and update its arrays of the state in place."""
        raise NotImplementedError


class SGD(Optimizer):
    """Minibatch stochastic gradient descent (section 3.2).

    p <- p - lr g
    """

    def step(self, batch_size: float) -> None:
        """Update every parameter by its gradient, which is the sum over `batch_size` examples."""
        self.t += 1
        for param in self.params:
            if self.wd:
                # p <- p - lr wd p
                param *= 1 - self.learning_rate * self.wd * (1 if self.decoupled else self.l2_factor)
            # p <- p - lr / |B| * grad; combining the two numbers saves a pass over the matrix
            param -= (self.learning_rate / batch_size) * param.grad


def sgd(params: Iterable[nd.NDArray], lr: float, batch_size: int) -> None:
    """Take one step of minibatch stochastic gradient descent in place, as a function (section 3.2).

    Args:
        params: NDArrays, each with a gradient attached that is the sum over `batch_size` examples.
        lr: learning rate.
        batch_size: examples per step.
    """
    SGD(params, lr).step(batch_size)


class FunctionTrainer:
    """An optimizer written as a function, as in chapter 7 of the book, with the three names of gluon.Trainer.

    Args:
        function: (params, states, hyperparams) -> None; updates the parameters in place by their gradients,
            which it does not divide by a batch size.
        params: NDArrays with gradients attached.
        states: whatever the function keeps from step to step.
        hyperparams: the function's options; "lr" is the learning rate, if it has one.
    """

    def __init__(
        self,
        function: Callable[[Sequence[nd.NDArray], Any, dict[str, Any]], None],
        params: Sequence[nd.NDArray],
        states: Any,
        hyperparams: dict[str, Any],
    ):
        self.function, self.params, self.states, self.hyperparams = function, params, states, hyperparams

    @property
    def learning_rate(self) -> float:
        """The function's learning rate; nan if it has none, as for AdaDelta."""
        return self.hyperparams.get("lr", math.nan)

    def set_learning_rate(self, lr: float) -> None:
        """Use `lr` from the next step on."""
        self.hyperparams["lr"] = lr

    def step(self, batch_size: float) -> None:
        """Call the function."""
        self.function(self.params, self.states, self.hyperparams)


class Momentum(Optimizer):
    """SGD with momentum (section 7.4; B. Polyak, 1964), in one of two conventions.

    As a velocity, the convention of the book and of Gluon:
    v <- rho v + lr g, p <- p - v

    As an exponential average of the gradient, the convention of a reader's article:
    v <- rho v + (1 - rho) g, p <- p - lr v

    At a constant learning rate, the average with lr / (1 - rho) follows the same path as the velocity with
    lr. When the learning rate changes they differ: a velocity still contains the old learning rates, while
    an average uses the new one at once.

    Args:
        params: as for every optimizer, and so are `lr` and `options`.
        rho: share of v that is kept at each step.
        average: whether v is an average of the gradient.
    """

    state_names = ("v",)

    def __init__(
        self,
        params: Iterable[nd.NDArray],
        lr: float,
        rho: float = 0.9,
        average: bool = False,
        **options: Any,
    ):
        super().__init__(params, lr, **options)
        self.rho, self.average = rho, average

    def update(self, g, v):
        v *= self.rho
        if self.average:
            v += (1 - self.rho) * g
            return self.learning_rate * v
        v += self.learning_rate * g
        return v


class Nesterov(Optimizer):
    """Nesterov's accelerated gradient (Y. Nesterov, 1983), for minibatches as I. Sutskever et al. (2013) do.

    v <- rho v + lr g, p <- p - (rho v + lr g)

    It takes in advance the step that momentum is about to take next.

    Args:
        params: as for every optimizer, and so are `lr` and `options`.
        rho: share of v that is kept at each step.
    """

    state_names = ("v",)

    def __init__(self, params: Iterable[nd.NDArray], lr: float, rho: float = 0.9, **options: Any):
        super().__init__(params, lr, **options)
        self.rho = rho

    def update(self, g, v):
        v *= self.rho
        v += self.learning_rate * g
        return self.rho * v + self.learning_rate * g


class AdaGrad(Optimizer):
    """AdaGrad (section 7.5; J. Duchi, E. Hazan and Y. Singer, 2011): a learning rate for each element.

    s <- s + g^2, p <- p - lr g / sqrt(s + epsilon)

    As the sum only grows, steps only shrink, which helps where gradients are sparse; after long training the
    steps are too small.

    Args:
        params: as for every optimizer, and so are `lr` and `options`.
        epsilon: keeps the quotient finite.
    """

    state_names = ("s",)

    def __init__(self, params: Iterable[nd.NDArray], lr: float, epsilon: float = 1e-7, **options: Any):
        super().__init__(params, lr, **options)
        self.epsilon = epsilon

    def update(self, g, s):
        s += g * g
        return self.learning_rate * g / (s + self.epsilon).sqrt()


class RMSProp(Optimizer):
    """RMSProp (section 7.6; T. Tieleman and G. Hinton, 2012): AdaGrad with an average that forgets.

    s <- rho s + (1 - rho) g^2, p <- p - lr g / sqrt(s + epsilon)

    Args:
        params: as for every optimizer, and so are `lr` and `options`.
        rho: share of s that is kept at each step.
        epsilon: keeps the quotient finite.
        eps_inside_sqrt: whether epsilon is added inside the square root, as in the book and in Gluon, or to
            the root. The same number has a larger effect inside: the root of 1e-8 is 1e-4.
    """

    state_names = ("s",)

    def __init__(
        self,
        params: Iterable[nd.NDArray],
        lr: float,
        rho: float = 0.9,
        epsilon: float = 1e-8,
        eps_inside_sqrt: bool = True,
        **options: Any,
    ):
        super().__init__(params, lr, **options)
        self.rho, self.epsilon, self.eps_inside_sqrt = rho, epsilon, eps_inside_sqrt

    def update(self, g, s):
        s *= self.rho
        s += (1 - self.rho) * g * g
        root = (s + self.epsilon).sqrt() if self.eps_inside_sqrt else s.sqrt() + self.epsilon
        return self.learning_rate * g / root


class AdaDelta(Optimizer):
    """AdaDelta (section 7.7; M. Zeiler, 2012), which needs no learning rate.

    s <- rho s + (1 - rho) g^2
    d = sqrt(x + epsilon) / sqrt(s + epsilon) g
    x <- rho x + (1 - rho) d^2
    p <- p - lr d

    Args:
        params: as for every optimizer, and so are `options`.
        lr: scales the whole step; 1 in the paper.
        rho: share of s and of x that is kept at each step.
        epsilon: keeps the quotient finite, and makes the first steps possible.
    """

    state_names = ("s", "x")

    def __init__(
        self,
        params: Iterable[nd.NDArray],
        lr: float = 1.0,
        rho: float = 0.9,
        epsilon: float = 1e-5,
        **options: Any,
    ):
        super().__init__(params, lr, **options)
        self.rho, self.epsilon = rho, epsilon

    def update(self, g, s, x):
        s *= self.rho
        s += (1 - self.rho) * g * g
        d = ((x + self.epsilon) / (s + self.epsilon)).sqrt() * g
        x *= self.rho
        x += (1 - self.rho) * d * d
        return self.learning_rate * d


class Adam(Optimizer):
    """Adam (section 7.8; D. Kingma and J. Ba, 2015): averages of the gradient and of its square.

    v <- beta1 v + (1 - beta1) g
    s <- beta2 s + (1 - beta2) g^2
    p <- p - lr sqrt(1 - beta2^t) / (1 - beta1^t) v / (sqrt(s) + epsilon)

    Args:
        params: as for every optimizer, and so are `lr` and `options`.
        beta1: share of v that is kept at each step.
        beta2: share of s that is kept at each step.
        epsilon: keeps the quotient finite.
        correct_bias: whether to apply the factor that depends on t. Both averages start at 0 and are too
            small at first, which the factor corrects.
        steps_per_t: number of steps that increase t by one; 1 in the literature. With the number of batches
            in an epoch t counts epochs, as in a reader's article: see `summed_optim`.
    """

    state_names = ("v", "s")

    def __init__(
        self,
        params: Iterable[nd.NDArray],
        lr: float,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        correct_bias: bool = True,
        steps_per_t: int = 1,
        **options: Any,
    ):
        super().__init__(params, lr, **options)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.correct_bias, self.steps_per_t = correct_bias, steps_per_t

    def update(self, g, v, s):
        v *= self.beta1
        v += (1 - self.beta1) * g
        s *= self.beta2
        s += (1 - self.beta2) * g * g
        lr = self.learning_rate
        if self.correct_bias:
            t = math.ceil(self.t / self.steps_per_t)
            # v / (1 - beta1^t) and s / (1 - beta2^t) divide all elements by the same numbers, so one factor
            # does both, as in the paper's more efficient form and in Gluon. Epsilon is then added to the root
            # of the uncorrected s.
            lr *= math.sqrt(1 - self.beta2**t) / (1 - self.beta1**t)
        return lr * v / (s.sqrt() + self.epsilon)


class AdamW(Adam):
    """Adam with decoupled weight decay (after I. Loshchilov and F. Hutter, 2019).

    p <- p - lr wd p, followed by the step of Adam

    In plain Adam the decay passes through the quotient, so a parameter with large gradients hardly decays.

    Args:
        params: as for every optimizer, and so are `lr` and `wd`.
        options: as for Adam.
    """

    def __init__(self, params: Iterable[nd.NDArray], lr: float, wd: float = 0.01, **options: Any):
        super().__init__(params, lr, wd=wd, decoupled=True, **options)


class Adamax(Optimizer):
    """Adamax (D. Kingma and J. Ba, 2015): Adam with the largest recent gradient in place of the root.

    v <- beta1 v + (1 - beta1) g
    u <- max(beta2 u, |g|)
    p <- p - lr / (1 - beta1^t) v / (u + epsilon)

    Args:
        params: as for every optimizer, and so are `lr` and `options`.
        beta1: share of v that is kept at each step.
        beta2: share of u that is kept at each step.
        epsilon: makes the quotient 0 where every gradient so far was 0. Gluon's has none, and makes such a
            parameter not a number.
    """

    state_names = ("v", "u")

    def __init__(
        self,
        params: Iterable[nd.NDArray],
        lr: float,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-30,
        **options: Any,
    ):
        super().__init__(params, lr, **options)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def update(self, g, v, u):
        v *= self.beta1
        v += (1 - self.beta1) * g
        u[:] = nd.maximum(self.beta2 * u, g.abs())
        return self.learning_rate / (1 - self.beta1**self.t) * v / (u + self.epsilon)


class Nadam(Optimizer):
    """Nadam (T. Dozat, 2016): Adam that takes in advance the step of its momentum, as Nesterov's does.

    m_t = beta1 (1 - 0.96^(0.004 t) / 2), a momentum that grows from beta1 / 2 to beta1
    v <- beta1 v + (1 - beta1) g
    s <- beta2 s + (1 - beta2) g^2
    d = (1 - m_t) g / (1 - m_1 ... m_t) + m_t+1 v / (1 - m_1 ... m_t+1)
    p <- p - lr d / (sqrt(s / (1 - beta2^t)) + epsilon)

    Gluon's multiplies m_t into the product once for every parameter instead of once a step, and so takes
    these steps only with a single parameter.

    Args:
        params: as for every optimizer, and so are `lr` and `options`.
        beta1: share of v that is kept at each step.
        beta2: share of s that is kept at each step.
        epsilon: keeps the quotient finite.
    """

    state_names = ("v", "s")

    def __init__(
        self,
        params: Iterable[nd.NDArray],
        lr: float,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        **options: Any,
    ):
        super().__init__(params, lr, **options)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.product = 1.0  # m_1 ... m_t

    def next_step(self):
        params = super().next_step()
        self.product *= self._momentum(self.t)
        return params

    def _momentum(self, t: int) -> float:
        return self.beta1 * (1 - 0.5 * 0.96 ** (0.004 * t))

    def update(self, g, v, s):
        v *= self.beta1
        v += (1 - self.beta1) * g
        s *= self.beta2
        s += (1 - self.beta2) * g * g
        now, later = self._momentum(self.t), self._momentum(self.t + 1)
        d = (1 - now) / (1 - self.product) * g + later / (1 - self.product * later) * v
        return self.learning_rate * d / ((s / (1 - self.beta2**self.t)).sqrt() + self.epsilon)


def descent_path(
    f: Callable[[nd.NDArray, nd.NDArray], nd.NDArray],
    start: Sequence[Any],
    optimizer_cls: Callable[[list[nd.NDArray], float], Optimizer],
    lr: float,
    steps: int = 20,
) -> np.ndarray:
    """Return the points through which an optimizer descends a function of two variables (section 7.2).

    Args:
        f: (x1, x2) -> height.
        start: (x1, x2) before the first step; numbers, or arrays with as many starts.
        optimizer_cls: (params, lr) -> optimizer.
        lr: learning rate.
        steps: number of steps.

    Returns:
        points, (steps + 1, 2), or with the starts as a last axis.
    """
    x = nd.array(start)
    x.attach_grad()
    optimizer = optimizer_cls([x], lr)
    points = [x.copy()]
    for _ in range(steps):
        with autograd.record():
            height = f(x[0], x[1])
        height.backward()
        optimizer.step(1)
        points.append(x.copy())
    return nd.stack(*points).asnumpy()
