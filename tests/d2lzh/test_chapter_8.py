"""Graphs, asynchronous computation, and training on several devices: two of the CPU's."""

from d2l_repro import d2lzh as d2l  # isort: skip  (as readers write it: before mxnet)

import json
import re
import time
from itertools import islice

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, init, nd
from mxnet.gluon import loss as gloss
from mxnet.gluon import nn
from mxnet.gluon import utils as gutils

DEVICES = [mx.cpu(0), mx.cpu(1)]


# Section 8.1


def get_net():
    net = nn.HybridSequential()
    net.add(nn.Dense(16, activation="relu"), nn.Dense(8, activation="relu"), nn.Dense(2))
    net.initialize()
    return net


@pytest.mark.filterwarnings("ignore:Cannot decide type")  # MXNet's, of any imported graph
def test_section_8_1_a_graph_computes_what_the_net_does_and_can_be_exported(tmp_path):
    net, x = get_net(), nd.random.normal(shape=(1, 12))
    eager = net(x)
    net.hybridize()
    np.testing.assert_allclose(net(x).asnumpy(), eager.asnumpy(), rtol=1e-5)
    net.export(str(tmp_path / "my_mlp"))
    graph = json.loads((tmp_path / "my_mlp-symbol.json").read_text())
    assert [node["op"] for node in graph["nodes"] if node["op"] != "null"] == [
        *("FullyConnected", "Activation", "FullyConnected", "Activation", "FullyConnected"),
    ]
    loaded = gluon.SymbolBlock.imports(
        str(tmp_path / "my_mlp-symbol.json"), ["data"], str(tmp_path / "my_mlp-0000.params")
    )
    np.testing.assert_allclose(loaded(x).asnumpy(), eager.asnumpy(), rtol=1e-5)


def test_section_8_1_hybrid_forward_prints_only_while_the_graph_is_built(capsys):
    class HybridNet(nn.HybridBlock):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.hidden, self.output = nn.Dense(10), nn.Dense(2)

        def hybrid_forward(self, F, x):
            print("F:", F.__name__)
            return self.output(F.relu(self.hidden(x)))

    net, x = HybridNet(), nd.random.normal(shape=(1, 4))
    net.initialize()
    net(x)
    net(x)
    assert capsys.readouterr().out == 2 * "F: mxnet.ndarray\n"
    net.hybridize()
    net(x)
    net(x)
    assert capsys.readouterr().out == "F: mxnet.symbol\n"


# Section 8.2


def test_section_8_2_benchmark_prints_the_time(capsys):
    with d2l.Benchmark():
        pass
    with d2l.Benchmark("Workloads are finished."):
        time.sleep(0.05)
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"time: 0\.\d{4} sec", first)
    assert 0.05 <= float(re.fullmatch(r"Workloads are finished\. time: (\d+\.\d{4}) sec", second)[1]) < 5


def test_section_8_2_python_does_not_wait_for_the_engine():
    def seconds(wait):
        start = time.perf_counter()
        y = nd.dot(x, x)
        for _ in range(5):
            y = nd.dot(x, y)
        if wait:
            y.wait_to_read()
        return time.perf_counter() - start

    x = nd.ones((600, 600))
    seconds(wait=True)
    queued, finished = seconds(wait=False), seconds(wait=True)
    nd.waitall()
    assert queued < finished


# Section 8.3


def test_section_8_3_work_of_two_devices_is_finished_after_waitall(capsys):
    def run(x):
        return [nd.dot(x, x) for _ in range(10)]

    xs = [nd.full((30, 30), 2.0, ctx=ctx) for ctx in DEVICES]
    with d2l.Benchmark("Run on two devices in parallel."):
        results = [run(x) for x in xs]
        nd.waitall()
    for ctx, result in zip(DEVICES, results):
        assert {y.context for y in result} == {ctx}
        assert all((y == 120).min().asscalar() for y in result)
    assert capsys.readouterr().out.startswith("Run on two devices in parallel. time: ")


# Section 8.4: data parallelism from scratch


def lenet_params():
    return [
        *(nd.random.normal(scale=0.1, shape=(6, 1, 3, 3)), nd.zeros(6)),
        *(nd.random.normal(scale=0.1, shape=(8, 6, 5, 5)), nd.zeros(8)),
        *(nd.random.normal(scale=0.1, shape=(128, 32)), nd.zeros(32)),
        *(nd.random.normal(scale=0.1, shape=(32, 10)), nd.zeros(10)),
    ]


def lenet(X, params):
    W1, b1, W2, b2, W3, b3, W4, b4 = params
    H = nd.relu(nd.Convolution(X, W1, b1, kernel=(3, 3), num_filter=6))
    H = nd.Pooling(H, pool_type="avg", kernel=(2, 2), stride=(2, 2))
    H = nd.relu(nd.Convolution(H, W2, b2, kernel=(5, 5), num_filter=8))
    H = nd.Pooling(H, pool_type="avg", kernel=(2, 2), stride=(2, 2)).flatten()
    return nd.dot(nd.relu(nd.dot(H[:, :128], W3) + b3), W4) + b4


def get_params(params, ctx):
    copies = [param.copyto(ctx) for param in params]
    for copy in copies:
        copy.attach_grad()
    return copies


def allreduce(data):
    for i in range(1, len(data)):
        data[0][:] += data[i].copyto(data[0].context)
    for i in range(1, len(data)):
        data[0].copyto(data[i])


def train_batch(X, y, device_params, ctx, lr):
    loss = gloss.SoftmaxCrossEntropyLoss()
    Xs, ys = gutils.split_and_load(X, ctx), gutils.split_and_load(y, ctx)
    with autograd.record():
        ls = [loss(lenet(X, params), y) for X, y, params in zip(Xs, ys, device_params)]
    for l in ls:  # noqa: E741
        l.backward()
    for i in range(len(device_params[0])):
        allreduce([params[i].grad for params in device_params])
    for params in device_params:
        d2l.sgd(params, lr, X.shape[0])


def test_section_8_4_allreduce_sums_over_the_devices():
    data = [nd.ones((1, 2), ctx=ctx) * (i + 1) for i, ctx in enumerate(DEVICES)]
    allreduce(data)
    for array, ctx in zip(data, DEVICES):
        assert (array.asnumpy().tolist(), array.context) == ([[3, 3]], ctx)


def test_section_8_4_batches_are_split():
    first, second = gutils.split_and_load(nd.arange(24).reshape((4, 6)), DEVICES)
    assert (first.context, second.context) == tuple(DEVICES)
    np.testing.assert_array_equal(second.asnumpy(), np.arange(12, 24).reshape(2, 6))


def test_section_8_4_two_devices_take_the_steps_of_one(fashion):
    start, accuracies, trained = lenet_params(), [], []
    for devices in (DEVICES[:1], DEVICES):
        np.random.seed(0)  # noqa: NPY002
        train_iter, test_iter = d2l.load_data_fashion_mnist(50)
        device_params = [get_params(start, ctx) for ctx in devices]
        for X, y in islice(train_iter, 4):  # few, as rounding grows from step to step
            train_batch(X, y, device_params, devices, lr=0.3)
        nd.waitall()
        params = device_params[0]
        accuracies.append(
            d2l.evaluate_accuracy(test_iter, lambda X, params=params: lenet(X, params), devices)
        )
        trained.append(params)
        for copies in device_params[1:]:
            for one, other in zip(params, copies):
                np.testing.assert_array_equal(one.asnumpy(), other.asnumpy())
    for one, other, before in zip(*trained, start):
        np.testing.assert_allclose(one.asnumpy(), other.asnumpy(), atol=1e-5)
        assert abs(one - before).max().asscalar() > 1e-3
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.02)


# Section 8.5: the same with Gluon


def test_section_8_5_parameters_are_copied_to_each_device():
    net = nn.Sequential()
    net.add(nn.Conv2D(4, kernel_size=3), nn.BatchNorm(), nn.Activation("relu"), d2l.Residual(4), nn.Dense(10))
    net.initialize(init=init.Normal(sigma=0.01), ctx=DEVICES)
    x = nd.random.uniform(shape=(4, 1, 28, 28))
    Y = [net(share) for share in gutils.split_and_load(x, DEVICES)]
    assert [(y.shape, y.context) for y in Y] == [((2, 10), ctx) for ctx in DEVICES]
    weight = net[0].params.get("weight")
    np.testing.assert_array_equal(*(weight.data(ctx).asnumpy() for ctx in DEVICES))
    with pytest.raises(RuntimeError, match="was not initialized on context cpu\\(2\\)"):
        weight.data(mx.cpu(2))


def mlp_on(devices):
    net = nn.Sequential()
    net.add(nn.Dense(16, activation="relu", in_units=784), nn.Dense(10, in_units=16))
    net.initialize(init=init.Normal(sigma=0.05), ctx=devices)
    return net


@pytest.mark.parametrize("batch_size", [50, 64], ids=["full batches", "a short last batch"])
def test_train_splits_batches_over_devices_and_divides_by_their_size(batch_size, fashion, printed_epochs):
    """Compare one device, two, and the steps taken one by one."""
    start, found, lines = mlp_on(mx.cpu()), [], []
    loss = gloss.SoftmaxCrossEntropyLoss()
    for devices in (mx.cpu(), DEVICES, None):
        np.random.seed(0)  # noqa: NPY002
        train_iter, test_iter = d2l.load_data_fashion_mnist(batch_size)
        net = mlp_on(devices or mx.cpu())
        for one, other in zip(net, start):
            one.weight.set_data(other.weight.data())
            one.bias.set_data(other.bias.data())
        trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5})
        if devices:
            assert d2l.train(train_iter, test_iter, net, loss, trainer, devices, 2) is None
            lines.append(printed_epochs(devices))
        else:
            for X, y in [batch for _ in range(2) for batch in train_iter]:
                with autograd.record():
                    losses = loss(net(X), y)
                losses.backward()
                trainer.step(len(X))
        found.append([param.data().asnumpy() for param in net.collect_params().values()])
    for one, two, by_hand in zip(*found):
        np.testing.assert_allclose(one, by_hand, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(two, by_hand, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(*lines, atol=2e-3)
    (first, *_), (last, _, accuracy) = lines[1]
    assert last < first
    assert accuracy > 0.5


def test_train_counts_pixels_and_accepts_labels_of_another_type(printed_epochs):
    """As in section 9.10, where each pixel has a class."""
    X = nd.random.uniform(shape=(8, 1, 4, 4))
    y = (X[:, 0] > 0.5).astype("int32")
    net = nn.Conv2D(2, kernel_size=1)
    net.initialize(init.Xavier())
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 5})
    loss = gloss.SoftmaxCrossEntropyLoss(axis=1)
    d2l.train([(X, y)], [(X, y)], net, loss, trainer, d2l.try_all_gpus(), 60)
    losses, accuracies, test_accuracies = zip(*printed_epochs([mx.cpu()]))
    assert 0.2 < accuracies[0] < 0.8
    assert test_accuracies[-1] > 0.9
    assert losses[-1] < losses[0] / 2
    assert d2l.evaluate_accuracy([(X, y)], net) == pytest.approx(test_accuracies[-1], abs=5e-4)


def test_train_refuses_gradients_that_add_up():
    net = nn.Dense(2)
    net.collect_params().setattr("grad_req", "add")
    net.initialize()
    trainer = gluon.Trainer(net.collect_params(), "sgd")
    data = [(nd.ones((4, 3)), nd.zeros(4))]
    with pytest.raises(ValueError, match=r"has grad_req='add'.*set it to 'write'"):
        d2l.train(data, data, net, gloss.SoftmaxCrossEntropyLoss(), trainer, mx.cpu(), 1)


@pytest.mark.slow
def test_section_8_5_resnet_18_learns_on_two_devices(fashion, printed_epochs):
    net = d2l.resnet18(10)
    net.initialize(init=init.Normal(sigma=0.01), ctx=DEVICES, force_reinit=True)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    train_iter, test_iter = d2l.load_data_fashion_mnist(100)
    d2l.train(train_iter, test_iter, net, gloss.SoftmaxCrossEntropyLoss(), trainer, DEVICES, 4)
    losses, accuracies, _ = zip(*printed_epochs(DEVICES))
    assert losses[-1] < losses[0] / 2
    # In testing, the nets would be at chance: running variances begin at 1, and 24 steps leave 8 % of that.
    assert accuracies[-1] > 0.9
