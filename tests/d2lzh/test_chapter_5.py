"""Convolutions and the nets that are made of them."""

from d2l_repro import d2lzh as d2l  # isort: skip  (as readers write it: before mxnet)

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, init, nd
from mxnet.gluon import nn


def test_section_5_1_cross_correlation_runs():
    X, K = nd.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]]), nd.array([[0, 1], [2, 3]])
    np.testing.assert_array_equal(d2l.corr2d(X, K).asnumpy(), [[19, 25], [37, 43]])
    X = nd.ones((6, 8))
    X[:, 2:6] = 0
    np.testing.assert_array_equal(d2l.corr2d(X, nd.array([[1, -1]])).asnumpy(), [[0, 1, 0, 0, 0, -1, 0]] * 6)
    A, B = nd.random.normal(shape=(7, 9)), nd.random.normal(shape=(3, 2))
    B.attach_grad()
    with autograd.record():
        Y = d2l.corr2d(A, B)
    Y.backward()
    mxnets = nd.Convolution(
        A.reshape((1, 1, 7, 9)), B.reshape((1, 1, 3, 2)), kernel=(3, 2), num_filter=1, no_bias=True
    )
    np.testing.assert_allclose(Y.asnumpy(), mxnets[0, 0].asnumpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(B.grad[0, 0].asscalar(), A[:5, :8].sum().asscalar(), rtol=1e-4)
    with pytest.raises(ValueError, match="a kernel of 3 x 1 does not fit into 2 x 4"):
        d2l.corr2d(nd.ones((2, 4)), nd.ones((3, 1)))


def test_section_5_1_learns_a_kernel():
    X, K = nd.ones((6, 8)), nd.array([[1, -1]])
    X[:, 2:6] = 0
    Y = d2l.corr2d(X, K).reshape((1, 1, 6, 7))
    net = nn.Conv2D(1, kernel_size=(1, 2))
    net.initialize()
    X = X.reshape((1, 1, 6, 8))
    for _ in range(10):
        with autograd.record():
            loss = (net(X) - Y) ** 2
        loss.backward()
        net.weight.data()[:] -= 3e-2 * net.weight.grad()
    np.testing.assert_allclose(net.weight.data().asnumpy().reshape(2), [1, -1], atol=0.1)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"kernel_size": 3, "padding": 1}, (8, 8)),
        ({"kernel_size": (5, 3), "padding": (2, 1)}, (8, 8)),
        ({"kernel_size": 3, "padding": 1, "strides": 2}, (4, 4)),
        ({"kernel_size": (3, 5), "padding": (0, 1), "strides": (3, 4)}, (2, 2)),
    ],
)
def test_section_5_2_padding_and_strides_give_the_shape(options, shape):
    net = nn.Conv2D(1, **options)
    net.initialize()
    assert net(nd.random.uniform(shape=(1, 1, 8, 8))).shape == (1, 1, *shape)


def corr2d_multi_in(X, K):
    return nd.add_n(*[d2l.corr2d(x, k) for x, k in zip(X, K)])


def test_section_5_3_channels_are_summed_and_stacked():
    X = nd.arange(9).reshape((3, 3))
    X = nd.stack(X, X + 1)
    K = nd.array([[[0, 1], [2, 3]], [[1, 2], [3, 4]]])
    np.testing.assert_array_equal(corr2d_multi_in(X, K).asnumpy(), [[56, 72], [104, 120]])
    K = nd.stack(K, K + 1, K + 2)
    Y = nd.stack(*[corr2d_multi_in(X, k) for k in K])
    assert (K.shape, Y.shape) == ((3, 2, 2, 2), (3, 2, 2))
    np.testing.assert_array_equal(Y[2].asnumpy(), [[96, 128], [192, 224]])


def test_section_5_3_kernels_of_one_pixel_are_a_matrix():
    X, K = nd.random.uniform(shape=(3, 3, 3)), nd.random.uniform(shape=(2, 3, 1, 1))
    product = nd.dot(K.reshape((2, 3)), X.reshape((3, 9))).reshape((2, 3, 3))
    Y = nd.stack(*[corr2d_multi_in(X, k) for k in K])
    np.testing.assert_allclose(product.asnumpy(), Y.asnumpy(), rtol=1e-5)


def test_section_5_4_pooling_takes_the_largest_pixel_or_the_mean():
    X = nd.arange(16).reshape((1, 1, 4, 4))
    assert nn.MaxPool2D(3)(X).asnumpy().tolist() == [[[[10]]]]
    assert nn.AvgPool2D(3)(X).asnumpy().tolist() == [[[[5]]]]
    np.testing.assert_array_equal(
        nn.MaxPool2D(3, padding=1, strides=2)(X)[0, 0].asnumpy(), [[5, 7], [13, 15]]
    )
    np.testing.assert_array_equal(
        nn.MaxPool2D((2, 3), padding=(1, 2), strides=(2, 3))(X)[0, 0].asnumpy(), [[0, 3], [8, 11], [12, 15]]
    )
    assert nn.MaxPool2D(3, padding=1, strides=2)(nd.concat(X, X + 1, dim=1)).shape == (1, 2, 2, 2)


def lenet(activation="sigmoid"):
    net = nn.Sequential()
    net.add(
        nn.Conv2D(6, kernel_size=5, activation=activation),
        nn.MaxPool2D(pool_size=2, strides=2),
        nn.Conv2D(16, kernel_size=5, activation=activation),
        nn.MaxPool2D(pool_size=2, strides=2),
        nn.Dense(120, activation=activation),
        nn.Dense(84, activation=activation),
        nn.Dense(10),
    )
    return net


def test_section_5_5_lenet_runs_on_the_device_of_the_net(fashion, printed_epochs):
    assert d2l.try_gpu() == mx.cpu()
    ctx = mx.cpu(1)  # to MXNet another device than the one that the data are on
    net = lenet("relu")
    net.initialize(init.Xavier(), ctx=ctx)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    train_iter, test_iter = d2l.load_data_fashion_mnist(50)
    assert d2l.train_ch5(net, train_iter, test_iter, 50, trainer, ctx, 4) is None
    (first, *_), *_, (loss, _, test_acc) = printed_epochs("cpu(1)")
    assert loss < 1 < first
    assert test_acc > 0.9
    assert f"{d2l.evaluate_accuracy(test_iter, net, ctx):.3f}" == f"{test_acc:.3f}"
    assert d2l.evaluate_accuracy(test_iter, net, [ctx]) == d2l.evaluate_accuracy(test_iter, net, ctx)


@pytest.mark.slow
def test_section_5_5_lenet_at_full_scale_starts_as_slowly_and_ends_as_in_the_book(real_data, printed_epochs):
    net = lenet()
    net.initialize(force_reinit=True, ctx=d2l.try_gpu(), init=init.Xavier())
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.9})
    train_iter, test_iter = d2l.load_data_fashion_mnist(256)
    d2l.train_ch5(net, train_iter, test_iter, 256, trainer, d2l.try_gpu(), 5)
    losses, train_accs, test_accs = zip(*printed_epochs("cpu(0)"))
    assert 2.25 < losses[0] < 2.4  # 2.3205 in the book, which starts as slowly
    assert train_accs[4] > 0.65
    assert test_accs[4] > 0.65


def test_evaluate_accuracy_and_train_ch5_accept_numpy_arrays(capsys):
    X, y = np.eye(3, dtype=np.float32), np.arange(3)
    net = nn.Dense(3, weight_initializer=init.Constant(nd.array(X)))
    net.initialize()
    assert d2l.evaluate_accuracy([(X, y)], net) == 1
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    d2l.train_ch5(net, [(X, y)], [(X, y)], 3, trainer, mx.cpu(), 1)
    assert "test acc 1.000" in capsys.readouterr().out


# The nets of sections 5.6 to 5.9 and 5.12 at the book's input sizes, with fewer channels.


def shapes_of(net, shape):
    """Return the shape of the output of each layer but the last, and what the last returns."""
    net.initialize(init.Xavier())
    X, shapes = nd.random.uniform(shape=shape), []
    for layer in net:
        X = layer(X)
        shapes.append(X.shape)
    return shapes[:-1], X


def sequential(*layers):
    net = nn.Sequential()
    net.add(*layers)
    return net


def test_section_5_6_alexnet_has_the_books_sizes():
    shapes, Y = shapes_of(
        sequential(
            nn.Conv2D(6, kernel_size=11, strides=4, activation="relu"),
            nn.MaxPool2D(pool_size=3, strides=2),
            nn.Conv2D(16, kernel_size=5, padding=2, activation="relu"),
            nn.MaxPool2D(pool_size=3, strides=2),
            nn.Conv2D(24, kernel_size=3, padding=1, activation="relu"),
            nn.Conv2D(16, kernel_size=3, padding=1, activation="relu"),
            nn.MaxPool2D(pool_size=3, strides=2),
            nn.Dense(64, activation="relu"),
            nn.Dropout(0.5),
            nn.Dense(10),
        ),
        (1, 1, 224, 224),
    )
    assert [shape[2] for shape in shapes[:7]] == [54, 26, 26, 12, 12, 12, 5]
    assert Y.shape == (1, 10)


def test_section_5_7_vgg_halves_the_image_in_each_block():
    def block(num_convs, num_channels):
        convs = [
            nn.Conv2D(num_channels, kernel_size=3, padding=1, activation="relu") for _ in range(num_convs)
        ]
        return sequential(*convs, nn.MaxPool2D(pool_size=2, strides=2))

    convs = [block(num_convs, channels) for num_convs, channels in [(1, 2), (1, 4), (2, 8), (2, 16), (2, 16)]]
    shapes, Y = shapes_of(sequential(*convs, nn.Dense(32), nn.Dropout(0.5), nn.Dense(10)), (1, 1, 224, 224))
    assert shapes[:5] == [
        *((1, 2, 112, 112), (1, 4, 56, 56), (1, 8, 28, 28)),
        *((1, 16, 14, 14), (1, 16, 7, 7)),
    ]
    assert Y.shape == (1, 10)


def test_section_5_8_nin_needs_no_dense_layer():
    def block(num_channels, kernel_size, strides, padding):
        first = nn.Conv2D(num_channels, kernel_size, strides, padding, activation="relu")
        return sequential(first, *(nn.Conv2D(num_channels, 1, activation="relu") for _ in range(2)))

    shapes, Y = shapes_of(
        sequential(
            block(6, 11, 4, 0),
            nn.MaxPool2D(3, 2),
            block(16, 5, 1, 2),
            nn.MaxPool2D(3, 2),
            block(24, 3, 1, 1),
            nn.MaxPool2D(3, 2),
            nn.Dropout(0.5),
            block(10, 3, 1, 1),
            nn.GlobalAvgPool2D(),
            nn.Flatten(),
        ),
        (1, 1, 224, 224),
    )
    assert [shape[2] for shape in shapes] == [54, 26, 26, 12, 12, 5, 5, 5, 1]
    assert Y.shape == (1, 10)


class Inception(nn.Block):
    def __init__(self, c1, c2, c3, c4, **kwargs):
        super().__init__(**kwargs)
        relu = {"activation": "relu"}
        self.paths = sequential(
            nn.Conv2D(c1, 1, **relu),
            sequential(nn.Conv2D(c2[0], 1, **relu), nn.Conv2D(c2[1], 3, padding=1, **relu)),
            sequential(nn.Conv2D(c3[0], 1, **relu), nn.Conv2D(c3[1], 5, padding=2, **relu)),
            sequential(nn.MaxPool2D(3, strides=1, padding=1), nn.Conv2D(c4, 1, **relu)),
        )

    def forward(self, x):
        return nd.concat(*(path(x) for path in self.paths), dim=1)


def test_section_5_9_inception_joins_four_paths():
    shapes, Y = shapes_of(
        sequential(
            nn.Conv2D(4, kernel_size=7, strides=2, padding=3, activation="relu"),
            nn.MaxPool2D(pool_size=3, strides=2, padding=1),
            Inception(4, (6, 8), (1, 2), 2),
            nn.MaxPool2D(pool_size=3, strides=2, padding=1),
            Inception(8, (6, 12), (1, 3), 4),
            nn.GlobalAvgPool2D(),
            nn.Dense(10),
        ),
        (1, 1, 96, 96),
    )
    assert shapes[2:5] == [(1, 16, 24, 24), (1, 16, 12, 12), (1, 27, 12, 12)]
    assert Y.shape == (1, 10)


# Section 5.10


def batch_norm(X, gamma, beta, moving_mean, moving_var, eps, momentum):
    if not autograd.is_training():
        return gamma * (X - moving_mean) / nd.sqrt(moving_var + eps) + beta, moving_mean, moving_var
    axes = 0 if len(X.shape) == 2 else (0, 2, 3)
    mean = X.mean(axis=axes, keepdims=True)
    var = ((X - mean) ** 2).mean(axis=axes, keepdims=True)
    Y = gamma * (X - mean) / nd.sqrt(var + eps) + beta
    return Y, momentum * moving_mean + (1 - momentum) * mean, momentum * moving_var + (1 - momentum) * var


class BatchNorm(nn.Block):
    def __init__(self, num_features, num_dims, **kwargs):
        super().__init__(**kwargs)
        shape = (1, num_features) if num_dims == 2 else (1, num_features, 1, 1)
        self.gamma = self.params.get("gamma", shape=shape, init=init.One())
        self.beta = self.params.get("beta", shape=shape, init=init.Zero())
        self.moving_mean, self.moving_var = nd.zeros(shape), nd.zeros(shape)

    def forward(self, X):
        Y, self.moving_mean, self.moving_var = batch_norm(
            X, self.gamma.data(), self.beta.data(), self.moving_mean, self.moving_var, eps=1e-5, momentum=0.9
        )
        return Y


@pytest.mark.parametrize("shape", [(8, 3), (4, 3, 5, 5)])
def test_section_5_10_batch_norm_from_scratch_is_that_of_gluon(shape):
    ours, gluons = BatchNorm(3, len(shape)), nn.BatchNorm(epsilon=1e-5, momentum=0.9)
    gradients = []
    for layer in (ours, gluons):
        layer.initialize()
    gluons(nd.zeros(shape))
    gluons.running_var.set_data(nd.zeros(3))  # where the book begins
    for _ in range(3):
        X = nd.random.normal(2, 3, shape=shape)
        for layer in (ours, gluons):
            Z = X.copy()
            Z.attach_grad()
            with autograd.record():
                Y = layer(Z)
                loss = (Y**3).sum()
            loss.backward()
            gradients.append((Y.asnumpy(), Z.grad.asnumpy()))
        for one, other in zip(*gradients[-2:]):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)
    X = nd.random.normal(2, 3, shape=shape)
    np.testing.assert_allclose(ours(X).asnumpy(), gluons(X).asnumpy(), rtol=1e-3, atol=1e-3)


def train_few(net, fashion, printed_epochs, lr, num_epochs=3):
    """Train on a small Fashion-MNIST; return the losses of the epochs and the last test accuracy."""
    ctx = d2l.try_gpu()
    net.initialize(ctx=ctx, init=init.Xavier())
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": lr})
    train_iter, test_iter = d2l.load_data_fashion_mnist(50)
    d2l.train_ch5(net, train_iter, test_iter, 50, trainer, ctx, num_epochs)
    losses, _, test_accs = zip(*printed_epochs(str(ctx)))
    return losses, test_accs[-1]


def test_section_5_10_batch_norm_lets_lenet_learn_with_sigmoids(fashion, printed_epochs):
    net = sequential(
        nn.Conv2D(4, kernel_size=5),
        BatchNorm(4, num_dims=4),
        nn.Activation("sigmoid"),
        nn.MaxPool2D(pool_size=2, strides=2),
        nn.Dense(32),
        BatchNorm(32, num_dims=2),
        nn.Activation("sigmoid"),
        nn.Dense(10),
    )
    losses, accuracy = train_few(net, fashion, printed_epochs, lr=1.0)
    assert losses[-1] < 0.3 < 1 < losses[0]
    assert accuracy > 0.9


# Section 5.11


def test_section_5_11_residual_adds_its_input():
    block = d2l.Residual(3)
    block.initialize()
    X = nd.random.uniform(shape=(4, 3, 6, 6))
    assert block(X).shape == X.shape
    block.conv2.weight.set_data(nd.zeros((3, 3, 3, 3)))
    np.testing.assert_array_equal(block(X).asnumpy(), X.asnumpy())
    smaller = d2l.Residual(6, use_1x1conv=True, strides=2)
    smaller.initialize()
    assert smaller(X).shape == (4, 6, 3, 3)
    assert smaller.conv3.weight.shape == (6, 3, 1, 1)


def test_section_5_11_resnet_18_has_eighteen_layers_with_weights():
    net = d2l.resnet18(10)
    net.initialize(init=init.Normal(sigma=0.01))
    X = nd.random.uniform(shape=(1, 1, 8, 8))
    eager = net(X).asnumpy()
    assert eager.shape == (1, 10)
    shapes = [param.shape for name, param in net.collect_params(".*weight").items()]
    assert len([shape for shape in shapes if len(shape) == 2 or shape[2:] == (3, 3)]) == 18
    assert len([shape for shape in shapes if shape[2:] == (1, 1)]) == 3  # of the shortcuts
    assert sum(np.prod(shape) for shape in shapes) == 11_163_200
    net.hybridize()
    np.testing.assert_allclose(net(X).asnumpy(), eager, rtol=1e-4, atol=1e-6)


def test_section_5_11_small_resnet_learns(fashion, printed_epochs):
    net = sequential(
        nn.Conv2D(4, kernel_size=7, strides=2, padding=3),
        nn.BatchNorm(),
        nn.Activation("relu"),
        d2l.Residual(4),
        d2l.Residual(8, use_1x1conv=True, strides=2),
        nn.GlobalAvgPool2D(),
        nn.Dense(10),
    )
    losses, accuracy = train_few(net, fashion, printed_epochs, lr=0.5, num_epochs=4)
    assert losses[-1] < losses[0] / 3
    assert accuracy > 0.8


# Section 5.12


class DenseBlock(nn.Block):
    def __init__(self, num_convs, num_channels, **kwargs):
        super().__init__(**kwargs)
        self.net = sequential(
            *(
                sequential(
                    nn.BatchNorm(), nn.Activation("relu"), nn.Conv2D(num_channels, kernel_size=3, padding=1)
                )
                for _ in range(num_convs)
            )
        )

    def forward(self, X):
        for block in self.net:
            X = nd.concat(X, block(X), dim=1)
        return X


def test_section_5_12_dense_block_keeps_what_came_before():
    block = DenseBlock(2, 10)
    block.initialize()
    X = nd.random.uniform(shape=(4, 3, 8, 8))
    Y = block(X)
    assert Y.shape == (4, 23, 8, 8)
    np.testing.assert_array_equal(Y[:, :3].asnumpy(), X.asnumpy())
    transition = sequential(
        nn.BatchNorm(), nn.Activation("relu"), nn.Conv2D(10, kernel_size=1), nn.AvgPool2D(2, 2)
    )
    transition.initialize()
    assert transition(Y).shape == (4, 10, 4, 4)
