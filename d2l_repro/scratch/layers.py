"""Layers whose gradients are derived by hand, and nets made of them.

A layer's `forward` keeps what its `backward` will need. `backward` is handed the gradient of the loss by the
layer's output, writes that by each parameter into the parameter's `.grad`, and returns that by the layer's
input: the chain rule, a factor a layer. Losses are sums over the batch here, as a trainer's
`step(batch_size)` divides.

A net of these layers trains through the loop with `gradients=gradients_by_hand(...)`. It may as well be
recorded by autograd, since its forward is made of MXNet's operators: that is one way to check what was
derived.
"""

from mxnet import autograd, nd

from .functional import (
    dropout,
    hinge_loss,
    relu,
    sigmoid_cross_entropy,
    softmax,
    softmax_cross_entropy,
    squared_loss,
)
from .init import normal


class Layer:
    """Base of the layers; `params` are learned, `running` is kept from batch to batch without a gradient."""

    params = ()
    weights = ()  # those of the parameters that a penalty acts on
    running = ()

    def forward(self, X):
        raise NotImplementedError

    def backward(self, dY):
        raise NotImplementedError


class Affine(Layer):
    """Y = X W + b.

    Args:
        W: weights, (inputs, outputs).
        b: bias, (outputs,), or None for a layer without.
        first: whether the layer is a net's first, whose gradient by its input nobody asks for: a third of the
            work.
    """

    def __init__(self, W, b=None, first=False):
        self.W, self.b, self.first = W, b, first
        self.weights = [W]
        self.params = [W] if b is None else [W, b]

    def forward(self, X):  # (batch, ...)
        self.shape = X.shape
        self.X = X.reshape((len(X), -1))
        Y = nd.dot(self.X, self.W)
        return Y if self.b is None else Y + self.b  # (batch, outputs)

    def backward(self, dY):
        # dW = X' dY, db = the sum of dY's rows, dX = dY W'
        nd.dot(self.X, dY, transpose_a=True, out=self.W.grad)
        if self.b is not None:
            self.b.grad[:] = dY.sum(axis=0)
        return None if self.first else nd.dot(dY, self.W, transpose_b=True).reshape(self.shape)


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # with which mean 0 and variance 1 are kept
# name -> the function of x, and its derivative as a function of x and y, which often is simpler
ACTIVATIONS = {
    "relu": (relu, lambda x, y: x > 0),
    "leaky relu": (lambda x: nd.where(x > 0, x, 0.01 * x), lambda x, y: 0.01 + 0.99 * (x > 0)),
    "relu6": (lambda x: nd.minimum(relu(x), 6), lambda x, y: (x > 0) * (x < 6)),
    "elu": (lambda x: relu(x) + nd.minimum(x, 0).exp() - 1, lambda x, y: nd.minimum(x, 0).exp()),
    "selu": (
        lambda x: SELU_SCALE * (relu(x) + SELU_ALPHA * (nd.minimum(x, 0).exp() - 1)),
        lambda x, y: SELU_SCALE * ((x > 0) + (x <= 0) * SELU_ALPHA * nd.minimum(x, 0).exp()),
    ),
    "softplus": (lambda x: nd.Activation(x, "softrelu"), lambda x, y: nd.sigmoid(x)),
    "sigmoid": (nd.sigmoid, lambda x, y: y * (1 - y)),
    "tanh": (nd.tanh, lambda x, y: 1 - y * y),
}


class Activation(Layer):
    """An activation by its name in `ACTIVATIONS`, elementwise."""

    def __init__(self, name):
        self.function, self.derivative = ACTIVATIONS[name]

    def forward(self, X):
        self.X, self.Y = X, self.function(X)
        return self.Y

    def backward(self, dY):
        # dX = f'(X) dY
        return self.derivative(self.X, self.Y) * dY


class CReLU(Layer):
    """ReLU of x and of -x side by side (W. Shang et al., 2016): the next layer has twice as many inputs."""

    def forward(self, X):  # (batch, units)
        self.X = X
        return relu(nd.concat(X, -X, dim=1))  # (batch, 2 units)

    def backward(self, dY):
        # dX = (x > 0) dY+ - (x < 0) dY-, with dY+ and dY- the two halves of dY
        units = self.X.shape[1]
        return (self.X > 0) * dY[:, :units] - (self.X < 0) * dY[:, units:]


class _Norm(Layer):
    """Y = gamma (X - mean) / sqrt(var + epsilon) + beta, with means taken over `axis`."""

    axis = 0

    def __init__(self, gamma, beta, epsilon=1e-5):
        self.gamma, self.beta, self.epsilon = gamma, beta, epsilon
        self.params = [gamma, beta]

    def statistics(self, X):
        mean = X.mean(axis=self.axis, keepdims=True)
        return mean, ((X - mean) ** 2).mean(axis=self.axis, keepdims=True)

    def normalize(self, X, mean, var):
        self.std = (var + self.epsilon).sqrt()
        self.X_hat = (X - mean) / self.std
        return self.gamma * self.X_hat + self.beta

    def forward(self, X):  # (batch, units)
        return self.normalize(X, *self.statistics(X))

    def backward(self, dY):
        self.gamma.grad[:] = (dY * self.X_hat).sum(axis=0)
        self.beta.grad[:] = dY.sum(axis=0)
        # With dX^ = gamma dY: dX = (dX^ - mean(dX^) - X^ mean(X^ dX^)) / std, for mean and std depend on X
        # too.
        dX_hat = self.gamma * dY
        shift = dX_hat.mean(axis=self.axis, keepdims=True)
        stretch = (self.X_hat * dX_hat).mean(axis=self.axis, keepdims=True)
        return (dX_hat - shift - self.X_hat * stretch) / self.std


class LayerNorm(_Norm):
    """Every example is normalised over its units (J. Ba, J. Kiros and G. Hinton, 2016): alike in training and
    testing.

    Args:
        gamma, beta: (units,).
        epsilon: keeps the quotient finite.
    """

    axis = 1


class BatchNorm(_Norm):
    """Every unit is normalised over the batch (S. Ioffe and C. Szegedy, 2015).

    In testing, that is outside of `autograd.train_mode()`, by averages of mean and variance that training
    moves.

    Args:
        gamma, beta: (units,).
        epsilon: keeps the quotient finite.
        momentum: how much of the averages is kept a batch.
    """

    def __init__(self, gamma, beta, epsilon=1e-5, momentum=0.9):
        super().__init__(gamma, beta, epsilon)
        self.momentum = momentum
        self.running = [nd.zeros((1, gamma.size)), nd.ones((1, gamma.size))]  # mean, variance
        self.training = False

    def forward(self, X):
        self.training = autograd.is_training()
        if not self.training:
            return self.normalize(X, *(array.astype(X.dtype, copy=False) for array in self.running))
        statistics = self.statistics(X)
        with autograd.pause():
            for average, new in zip(self.running, statistics):
                # average <- momentum average + (1 - momentum) new
                average *= self.momentum
                average += (1 - self.momentum) * new.astype(average.dtype, copy=False)
        return self.normalize(X, *statistics)

    def backward(self, dY):
        dX = super().backward(dY)
        return dX if self.training else self.gamma * dY / self.std


class Dropout(Layer):
    """Inverted dropout (section 3.13), in training only; the gradient goes where the activations went."""

    def __init__(self, drop_prob):
        self.drop_prob = drop_prob

    def forward(self, X):
        self.mask = dropout(X.ones_like(), self.drop_prob)
        return X * self.mask

    def backward(self, dY):
        return dY * self.mask


class Network:
    """Layers one after another: X -> the last one's output."""

    def __init__(self, layers):
        self.layers = list(layers)
        self.params, self.weights, self.running = (
            [array for layer in self.layers for array in getattr(layer, name)]
            for name in ("params", "weights", "running")
        )
        for param in self.params:
            param.attach_grad()

    def __call__(self, X):
        for layer in self.layers:
            X = layer.forward(X)
        return X

    def backward(self, dY):
        """From the gradient by the output, write that by every parameter into its `.grad`."""
        for layer in reversed(self.layers):
            if dY is None:  # what comes before the first layer with parameters
                break
            dY = layer.backward(dY)


class FullyConnectedNet(Network):
    """{affine - [norm] - activation - [dropout]} for every hidden layer, and affine at the end.

    Args:
        sizes: units of each layer, from the inputs to the outputs.
        weight: shape -> initial weights; N(0, 0.01) by default. (0.01 is the standard deviation.)
        activation: name in `ACTIVATIONS`, or "crelu", or None for none.
        norm: `BatchNorm`, `LayerNorm` or None.
        drop_prob: probability of dropping a hidden unit.
        bias: the initial biases, or None for a net without.
        output: name of the outputs' activation, or None for none.
        input_drop_prob: probability of dropping an input.
    """

    def __init__(
        self,
        sizes,
        weight=normal,
        activation="relu",
        norm=None,
        drop_prob=0.0,
        bias=0.0,
        output=None,
        input_drop_prob=0.0,
    ):
        layers = [Dropout(input_drop_prob)] if input_drop_prob else []
        for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
            if i:
                layers += [norm(nd.ones(inputs), nd.zeros(inputs))] if norm else []
                layers += [CReLU() if activation == "crelu" else Activation(activation)] if activation else []
                layers += [Dropout(drop_prob)] if drop_prob else []
                inputs *= 2 if activation == "crelu" else 1
            W, b = weight((inputs, outputs)), None if bias is None else nd.full(outputs, bias)
            layers.append(Affine(W, b, first=i == 0))
        super().__init__(layers + ([Activation(output)] if output else []))


class TwoLayerNet(FullyConnectedNet):
    """affine - ReLU - affine, the smallest of them."""

    def __init__(self, num_inputs, num_hiddens, num_outputs, weight=normal):
        super().__init__([num_inputs, num_hiddens, num_outputs], weight)


LOSSES = {  # name -> the losses of a batch's scores and labels, and the gradient of their sum by the scores
    "softmax": (softmax_cross_entropy, lambda scores, y: softmax(scores) - _one_hot(y, scores)),
    "svm": (hinge_loss, lambda scores, y: _hinge_gradient(scores, y)),
    "logistic": (sigmoid_cross_entropy, lambda scores, y: nd.sigmoid(scores) - y.reshape(scores.shape)),
    "squared": (squared_loss, lambda scores, y: scores - y.reshape(scores.shape)),
}


def _one_hot(y, scores):
    return nd.one_hot(y, scores.shape[1], dtype=scores.dtype)


def _hinge_gradient(scores, y, margin=1.0):
    # Every class above the margin gains 1, and the true class loses as many.
    true = _one_hot(y, scores)
    above = (scores - scores.pick(y).expand_dims(1) + margin > 0) * (1 - true)
    return above - true * above.sum(axis=1, keepdims=True)


def gradients_by_hand(net, loss, reg=0.0, batch_size=1, l1=0.0):
    """For `train_ch3`: (X, y) -> scores, losses; by the way, the layers' `backward` fill every parameter's
    `.grad`.

    Args:
        net: a `Network`.
        loss: name in `LOSSES`.
        reg: factor of the penalty |W|^2 / 2 of every weight matrix, which is added to the mean loss.
        batch_size: what the trainer divides by.
        l1: factor of the penalty |W|, the sum of all absolute values, beside it.
    """
    losses_of, gradient_of = LOSSES[loss]

    def gradients(X, y):
        with autograd.train_mode():
            scores = net(X)
            net.backward(gradient_of(scores, y))
        for W in net.weights if reg else ():
            # d/dW of |B| reg/2 |W|^2 is |B| reg W
            W.grad[:] += batch_size * reg * W
        for W in net.weights if l1 else ():
            # d/dW of |B| l1 |W| is |B| l1 sign(W); MXNet's own sign takes three times as long
            W.grad[:] += (batch_size * l1) * ((W > 0) - (W < 0))
        return scores, losses_of(scores, y)

    return gradients
