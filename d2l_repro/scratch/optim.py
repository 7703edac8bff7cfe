"""Optimizers from scratch, with the three names of gluon.Trainer: step, learning_rate, set_learning_rate."""


class SGD:
    """Minibatch stochastic gradient descent (section 3.2).

    Args:
        params: NDArrays, each with a gradient attached; they are updated in place.
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

    def step(self, batch_size):
        """Update every parameter by its gradient, which is the sum over `batch_size` examples."""
        for param in self.params:
            # p <- p - lr / |B| * dl/dp
            param -= (self.learning_rate / batch_size) * param.grad
