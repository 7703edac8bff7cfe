"""Optimizers from scratch, from simple to complex, with the three names of gluon.Trainer.

Those are `step`, `learning_rate` and `set_learning_rate`. All of them update in place NDArrays that have a
gradient attached, and take the gradient to be a sum over the batch. In the formulas p is a parameter, g its
gradient over |B|, lr the learning rate; v, s and x are arrays of p's shape that are kept from step to step in
`state`.
"""

import math

from mxnet import nd


def clip_gradients(grads, theta):
    """Scale gradients in place so that their common norm is at most `theta` (section 6.4); nothing waits for
    it.

    Args:
        grads: NDArrays.
        theta: largest norm.
    """
    # g <- min(1, theta / |g|) g
    # a product of g with itself, as a sum over squares takes MXNet a hundred times as long where g is large
    norm = nd.add_n(*[nd.dot(g.reshape((-1,)), g.reshape((-1,))) for g in grads]).sqrt()
    scale = nd.minimum(theta / (norm + 1e-12), 1)
    for g in grads:
        g *= scale


class Optimizer:
    """What all optimizers have in common: weight decay, and arrays that are kept from step to step.

    Args:
        params: NDArrays, each with a gradient attached.
        lr: learning rate.
        wd: weight decay, of every parameter.
        decoupled: whether decay acts on the parameter itself, p <- p - lr wd p, beside the step that the
            gradient gives (I. Loshchilov and F. Hutter, 2019), or on the gradient, g <- g + wd p, which is
            the gradient of the penalty wd/2 |p|^2. For plain SGD the two are the same.
        l2_factor: 1 for that penalty; 2 for wd |p|^2, as a reader's article has it.

    Attributes:
        state: name -> arrays, one a parameter; empty before the first step.
        t: steps taken.

    Raises:
        ValueError: a parameter has no gradient attached, or decoupled decay is given an l2_factor.
    """

    names = ()  # of the arrays in `state`

    def __init__(self, params, lr, wd=0.0, decoupled=False, l2_factor=1.0):
        self.params = list(params)
        self.learning_rate = lr
        if decoupled and l2_factor != 1:
            raise ValueError("decoupled decay has no penalty whose gradient l2_factor could multiply")
        self.wd, self.decoupled, self.l2_factor = wd, decoupled, l2_factor
        self.state, self.t = {}, 0
        for i, param in enumerate(self.params):
            if param.grad is None:
                raise ValueError(f"parameter {i} has no gradient: call its attach_grad() first")

    def set_learning_rate(self, lr):
        """Take `lr` from the next step on."""
        self.learning_rate = lr

    def step(self, batch_size):
        """Update every parameter by its gradient, which is the sum over `batch_size` examples."""
        if self.t == 0:  # not before: only now are the parameters' shapes and types sure
            self.state = {name: [param.zeros_like() for param in self.params] for name in self.names}
        self.t += 1
        for param, *state in zip(self.params, *self.state.values()):
            g = param.grad / batch_size
            if self.wd and self.decoupled:
                # p <- p - lr wd p
                param *= 1 - self.learning_rate * self.wd
            elif self.wd:
                # g <- g + wd p
                g += self.l2_factor * self.wd * param
            param -= self.update(g, *state)

    def update(self, g, *state):
        """What is subtracted from a parameter; changes its arrays of the state in place."""
        raise NotImplementedError


class SGD(Optimizer):
    """Minibatch stochastic gradient descent (section 3.2): p <- p - lr g."""

    def step(self, batch_size):
        """Update every parameter by its gradient, which is the sum over `batch_size` examples."""
        self.t += 1
        for param in self.params:
            if self.wd:
                # p <- p - lr wd p
                param *= 1 - self.learning_rate * self.wd * (1 if self.decoupled else self.l2_factor)
            # p <- p - lr / |B| * grad; with both numbers in one, the matrix is read once less
            param -= (self.learning_rate / batch_size) * param.grad


def sgd(params, lr, batch_size):
    """Take one step of minibatch stochastic gradient descent in place, as a function (section 3.2).

    Args:
        params: NDArrays, each with a gradient attached, which is the sum over `batch_size` examples.
        lr: learning rate.
        batch_size: examples a step.
    """
    SGD(params, lr).step(batch_size)


class FunctionTrainer:
    """An optimizer that is a function, as chapter 7 of the book writes them, with the three names of
    gluon.Trainer.

    Args:
        function: (params, states, hyperparams) -> None; updates the parameters in place by their gradients as
            they are, undivided.
        params: NDArrays with gradients attached.
        states: whatever the function keeps from step to step.
        hyperparams: dict; its "lr", if it has one, is the learning rate.
    """

    def __init__(self, function, params, states, hyperparams):
        self.function, self.params, self.states, self.hyperparams = function, params, states, hyperparams

    @property
    def learning_rate(self):
        """The function's learning rate; nan where it has none, as AdaDelta."""
        return self.hyperparams.get("lr", math.nan)

    def set_learning_rate(self, lr):
        """Take `lr` from the next step on."""
        self.hyperparams["lr"] = lr

    def step(self, batch_size):
        """Call the function."""
        self.function(self.params, self.states, self.hyperparams)


class Momentum(Optimizer):
    """SGD with momentum (section 7.4; B. Polyak, 1964), in one of two conventions.

    As a velocity, v <- rho v + lr g and p <- p - v: the book's and Gluon's. As an exponential average of the
    gradient, v <- rho v + (1 - rho) g and p <- p - lr v: that of a reader's article. At a constant learning
    rate the average with lr / (1 - rho) goes the way of the velocity with lr. When lr changes they differ: a
    velocity keeps the old rates in it, an average takes the new one at once.

    Args:
        params, lr, options: as for every optimizer.
        rho: how much of v is kept a step.
        average: which convention.
    """

    names = ("v",)

    def __init__(self, params, lr, rho=0.9, average=False, **options):
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
    """Nesterov's accelerated gradient (Y. Nesterov, 1983), as I. Sutskever et al. write it for minibatches
    (2013).

    v <- rho v + lr g, p <- p - (rho v + lr g): the step after the one that momentum is about to take, taken
    already.
    """

    names = ("v",)

    def __init__(self, params, lr, rho=0.9, **options):
        super().__init__(params, lr, **options)
        self.rho = rho

    def update(self, g, v):
        v *= self.rho
        v += self.learning_rate * g
        return self.rho * v + self.learning_rate * g


class AdaGrad(Optimizer):
    """AdaGrad (section 7.5; J. Duchi, E. Hazan and Y. Singer, 2011): s <- s + g^2, p <- p - lr g / sqrt(s +
    epsilon).

    The sum only grows, so the steps only shrink: good where gradients are rare, too small after long
        training.
    """

    names = ("s",)

    def __init__(self, params, lr, epsilon=1e-7, **options):
        super().__init__(params, lr, **options)
        self.epsilon = epsilon

    def update(self, g, s):
        s += g * g
        return self.learning_rate * g / (s + self.epsilon).sqrt()


class RMSProp(Optimizer):
    """RMSProp (section 7.6; T. Tieleman and G. Hinton, 2012): AdaGrad with an average that forgets.

    s <- rho s + (1 - rho) g^2, p <- p - lr g / sqrt(s + epsilon).

    Args:
        params, lr, options: as for every optimizer.
        rho: how much of s is kept a step.
        epsilon: keeps the quotient finite.
        eps_inside_sqrt: whether epsilon is added under the root, as in the book and in Gluon, or to the root.
            The same number means much more under it: the root of 1e-8 is 1e-4.
    """

    names = ("s",)

    def __init__(self, params, lr, rho=0.9, epsilon=1e-8, eps_inside_sqrt=True, **options):
        super().__init__(params, lr, **options)
        self.rho, self.epsilon, self.eps_inside_sqrt = rho, epsilon, eps_inside_sqrt

    def update(self, g, s):
        s *= self.rho
        s += (1 - self.rho) * g * g
        root = (s + self.epsilon).sqrt() if self.eps_inside_sqrt else s.sqrt() + self.epsilon
        return self.learning_rate * g / root


class AdaDelta(Optimizer):
    """AdaDelta (section 7.7; M. Zeiler, 2012), which needs no learning rate: lr is 1, and scales the step as
    a whole.

    s <- rho s + (1 - rho) g^2, d = sqrt(x + epsilon) / sqrt(s + epsilon) g, x <- rho x + (1 - rho) d^2, p <-
    p - lr d.
    """

    names = ("s", "x")

    def __init__(self, params, lr=1.0, rho=0.9, epsilon=1e-5, **options):
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
    """Adam (section 7.8; D. Kingma and J. Ba, 2015): an average of the gradient over the root of one of its
    square.

    v <- beta1 v + (1 - beta1) g, s <- beta2 s + (1 - beta2) g^2,
    p <- p - lr sqrt(1 - beta2^t) / (1 - beta1^t) v / (sqrt(s) + epsilon).

    Args:
        params, lr, options: as for every optimizer.
        beta1, beta2: how much of the averages of the gradient and of its square is kept a step.
        epsilon: keeps the quotient finite.
        correct_bias: whether the factor with t is there. Both averages begin with 0 and are too small at
            first; it makes up for that.
        steps_per_t: steps that t counts as one; 1 in the literature. A reader's article has t count epochs:
            the factor, which should soon be 1, then begins at sqrt(1 - beta2) / (1 - beta1) = 0.32, falls,
            and is 0.16 in the twentieth epoch.
    """

    names = ("v", "s")

    def __init__(
        self, params, lr, beta1=0.9, beta2=0.999, epsilon=1e-8, correct_bias=True, steps_per_t=1, **options
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
            t = -(-self.t // self.steps_per_t)
            # Both corrections, v / (1 - beta1^t) and s / (1 - beta2^t), are one number for all elements: one
            # factor, as the paper's own faster form and Gluon have it. Epsilon is then added to the root that
            # is not corrected.
            lr *= math.sqrt(1 - self.beta2**t) / (1 - self.beta1**t)
        return lr * v / (s.sqrt() + self.epsilon)


class AdamW(Adam):
    """Adam with decoupled weight decay (after I. Loshchilov and F. Hutter, 2019): p <- p - lr wd p, then
    Adam's step.

    In plain Adam the decay goes through the quotient, so that a parameter with large gradients hardly decays.
    """

    def __init__(self, params, lr, wd=0.01, **options):
        super().__init__(params, lr, wd=wd, decoupled=True, **options)


class RandomAdam(Adam):
    """Adam of which each element of each parameter takes a step with probability 1 - `drop` only.

    After a reader's article, which calls it AdamW and says itself that it is not. It is dropout on the
    update: the averages see every gradient.
    """

    def __init__(self, params, lr, drop=0.5, **options):
        super().__init__(params, lr, **options)
        self.drop = drop

    def update(self, g, v, s):
        return super().update(g, v, s) * (nd.random.uniform(shape=g.shape, dtype=g.dtype) >= self.drop)
