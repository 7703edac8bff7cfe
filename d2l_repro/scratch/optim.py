"""Optimizers from scratch, from simple to complex, with the three names of gluon.Trainer.

Those are `step`, `learning_rate` and `set_learning_rate`. All of them update in place NDArrays that have a gradient
attached, and take the gradient to be a sum over the batch.
"""
import math


class Optimizer:
    """What all optimizers have in common.

    Args:
        params: NDArrays, each with a gradient attached.
        lr: learning rate.

    Raises:
        ValueError: a parameter has no gradient attached.
    """

    def __init__(self, params, lr):
        self.params = list(params)
        self.learning_rate = lr
        for i, param in enumerate(self.params):
            if param.grad is None:
                raise ValueError(f"parameter {i} has no gradient: call its attach_grad() first")

    def set_learning_rate(self, lr):
        """Take `lr` from the next step on."""
        self.learning_rate = lr


class SGD(Optimizer):
    """Minibatch stochastic gradient descent (section 3.2)."""

    def step(self, batch_size):
        """Update every parameter by its gradient, which is the sum over `batch_size` examples."""
        for param in self.params:
            # p <- p - lr / |B| * g
            param -= (self.learning_rate / batch_size) * param.grad


class Adam(Optimizer):
    """Adam with bias correction (section 7.8; D. Kingma and J. Ba, 2015).

    Args:
        params, lr: as for every optimizer.
        beta1, beta2: how much of the averages of the gradient and of its square is kept a step.
        epsilon: keeps the quotient finite.
    """

    def __init__(self, params, lr, beta1=0.9, beta2=0.999, epsilon=1e-8):
        super().__init__(params, lr)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.t = 0
        self.v, self.s = [], []  # one average a parameter, made at the first step

    def step(self, batch_size):
        """Update every parameter by its gradient, which is the sum over `batch_size` examples."""
        if self.t == 0:
            self.v = [param.zeros_like() for param in self.params]
            self.s = [param.zeros_like() for param in self.params]
        self.t += 1
        # Both corrections, v / (1 - beta1^t) and s / (1 - beta2^t), are the same number for all elements: one factor.
        lr = self.learning_rate * math.sqrt(1 - self.beta2**self.t) / (1 - self.beta1**self.t)
        for param, v, s in zip(self.params, self.v, self.s):
            # v <- beta1 v + (1 - beta1) g, where g is the gradient over |B|
            v *= self.beta1
            v += (1 - self.beta1) / batch_size * param.grad
            # s <- beta2 s + (1 - beta2) g^2
            s *= self.beta2
            s += (1 - self.beta2) / batch_size**2 * param.grad * param.grad
            # p <- p - lr v / (sqrt(s) + epsilon)
            param -= lr * v / (s.sqrt() + self.epsilon)
