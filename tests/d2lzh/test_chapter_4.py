"""Blocks, their parameters, layers of one's own, files and devices."""

from d2l_repro import d2lzh as d2l  # isort: skip  (as readers write it: before mxnet)

import re

import mxnet as mx
import numpy as np
import pytest
from mxnet import gluon, init, nd
from mxnet.gluon import nn

X = nd.random.uniform(shape=(2, 20))


def mlp(units=256):
    net = nn.Sequential()
    net.add(nn.Dense(units, activation="relu"), nn.Dense(10))
    return net


def numpys_mlp(net, X):
    """Return what an MLP of two layers computes, by NumPy."""
    (W1, b1), (W2, b2) = ((layer.weight.data().asnumpy(), layer.bias.data().asnumpy()) for layer in net)
    return np.maximum(X.asnumpy() @ W1.T + b1, 0) @ W2.T + b2


# Section 4.1


class MySequential(nn.Block):
    def add(self, block):
        self._children[block.name] = block

    def forward(self, x):
        for block in self._children.values():
            x = block(x)
        return x


class FancyMLP(nn.Block):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.rand_weight = self.params.get_constant("rand_weight", nd.random.uniform(shape=(20, 20)))
        self.dense = nn.Dense(20, activation="relu")

    def forward(self, x):
        x = nd.relu(nd.dot(self.dense(x), self.rand_weight.data()) + 1)
        x = self.dense(x)  # with the same parameters
        while x.norm().asscalar() > 1:
            x = x / 2
        if x.norm().asscalar() < 0.8:
            x = x * 10
        return x.sum()


def test_section_4_1_blocks_compute_the_same_net():
    class MLP(nn.Block):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.hidden = nn.Dense(256, activation="relu")
            self.output = nn.Dense(10)

        def forward(self, x):
            return self.output(self.hidden(x))

    by_hand, chained = MLP(), MySequential()
    by_hand.initialize()
    Y = by_hand(X)
    assert Y.shape == (2, 10)
    np.testing.assert_allclose(
        Y.asnumpy(), numpys_mlp([by_hand.hidden, by_hand.output], X), rtol=1e-4, atol=1e-5
    )
    chained.add(by_hand.hidden)
    chained.add(by_hand.output)
    np.testing.assert_array_equal(chained(X).asnumpy(), Y.asnumpy())


def test_section_4_1_forward_may_contain_control_flow_and_constants():
    net = nn.Sequential()
    net.add(nn.Dense(20), FancyMLP())
    net.initialize()
    constant = net[1].rand_weight.data().asnumpy()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    with mx.autograd.record():
        y = net(X)
    y.backward()
    trainer.step(1)
    assert y.shape == (1,)
    np.testing.assert_array_equal(net[1].rand_weight.data().asnumpy(), constant)


# Section 4.2


def test_section_4_2_parameters_are_found_by_name_and_initialized():
    net = mlp()
    net.initialize()
    net(X)
    weight = net[0].params[f"{net[0].name}_weight"]
    assert weight is net[0].weight
    assert (weight.shape, weight.grad().shape) == ((256, 20), (256, 20))
    assert abs(weight.data()).max().asscalar() < 0.07  # uniform by default, from -0.07 to 0.07
    assert not net[0].bias.data().asnumpy().any()
    assert len(net.collect_params(".*weight").keys()) == 2
    net.initialize(init=init.Normal(sigma=0.01), force_reinit=True)
    assert 0.009 < weight.data().asnumpy().std() < 0.011
    net.initialize(init=init.Constant(1), force_reinit=True)
    assert (weight.data() == 1).min().asscalar() == 1
    net[0].weight.initialize(init=init.Xavier(), force_reinit=True)
    assert abs(weight.data()).max().asscalar() <= np.sqrt(6 / (20 + 256))


def test_section_4_2_initializers_of_ones_own_and_set_data():
    class MyInit(init.Initializer):
        def _init_weight(self, name, data):
            print("Init", name, data.shape)
            data[:] = nd.random.uniform(low=-10, high=10, shape=data.shape)
            data *= data.abs() >= 5

    net = mlp()
    net.initialize(MyInit())
    net(X)
    values = net[0].weight.data().asnumpy()
    assert ((values == 0) | (abs(values) >= 5)).all()
    assert 0.4 < (values == 0).mean() < 0.6
    net[0].weight.set_data(net[0].weight.data() + 1)
    np.testing.assert_array_equal(net[0].weight.data().asnumpy(), values + 1)


def test_section_4_2_layers_share_parameters_and_their_gradients():
    net, shared = nn.Sequential(), nn.Dense(8, activation="relu")
    net.add(nn.Dense(8, activation="relu"), shared)
    net.add(nn.Dense(8, activation="relu", params=shared.params), nn.Dense(10))
    net.initialize()
    with mx.autograd.record():
        y = net(X).sum()
    y.backward()
    assert net[1].weight is net[2].weight
    assert len(net.collect_params().keys()) == 6


# Section 4.3


def test_section_4_3_shapes_are_known_after_the_first_batch(capsys):
    class MyInit(init.Initializer):
        def _init_weight(self, name, data):
            print("Init", name, data.shape)

    net = mlp()
    net.initialize(init=MyInit())
    assert net[0].weight.shape == (256, 0)
    assert capsys.readouterr().out == ""
    net(X)
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"Init dense\d+_weight \(256, 20\)", lines[0])
    assert re.fullmatch(r"Init dense\d+_weight \(10, 256\)", lines[1])
    net(X)
    assert capsys.readouterr().out == ""
    net.initialize(init=MyInit(), force_reinit=True)
    assert len(capsys.readouterr().out.splitlines()) == 2


# Section 4.4


def test_section_4_4_layers_of_ones_own():
    class CenteredLayer(nn.Block):
        def forward(self, x):
            return x - x.mean()

    class MyDense(nn.Block):
        def __init__(self, units, in_units, **kwargs):
            super().__init__(**kwargs)
            self.weight = self.params.get("weight", shape=(in_units, units))
            self.bias = self.params.get("bias", shape=(units,))

        def forward(self, x):
            return nd.relu(nd.dot(x, self.weight.data()) + self.bias.data())

    assert CenteredLayer()(nd.array([1, 2, 3, 4, 5])).asnumpy().tolist() == [-2, -1, 0, 1, 2]
    net = nn.Sequential()
    net.add(MyDense(8, in_units=64), MyDense(1, in_units=8), CenteredLayer())
    net.initialize()
    y = net(nd.random.uniform(shape=(4, 64)))
    assert y.shape == (4, 1)
    assert abs(y.mean().asscalar()) < 1e-6


# Section 4.5


def test_section_4_5_arrays_and_parameters_are_saved(tmp_path):
    file = str(tmp_path / "x")
    nd.save(file, nd.ones(3))
    (x,) = nd.load(file)
    assert x.asnumpy().tolist() == [1, 1, 1]
    nd.save(file, {"x": nd.ones(3), "y": nd.zeros(4)})
    assert nd.load(file)["y"].shape == (4,)
    net = mlp()
    net.initialize()
    Y = net(X)
    net.save_parameters(str(tmp_path / "mlp.params"))
    other = mlp()
    other.load_parameters(str(tmp_path / "mlp.params"))
    np.testing.assert_array_equal(other(X).asnumpy(), Y.asnumpy())


# Section 4.6


def test_section_4_6_arrays_and_nets_live_on_devices():
    x = nd.array([1, 2, 3])
    assert x.context == mx.cpu() == d2l.try_gpu()
    assert d2l.try_all_gpus() == [mx.cpu()]
    y = x.copyto(mx.cpu(1))
    assert (y.context, x.as_in_context(mx.cpu()) is x) == (mx.cpu(1), True)
    net = nn.Dense(1)
    net.initialize(ctx=mx.cpu(1))
    assert net(y.reshape((3, 1))).context == net.weight.data().context == mx.cpu(1)
    with pytest.raises(mx.MXNetError, match=r"CUDA|GPU"):
        nd.array([1], ctx=mx.gpu()).wait_to_read()
