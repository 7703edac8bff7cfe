"""Test the one loop against a loop in NumPy, and every extension point that chapters use."""

import pickle
import signal

import numpy as np
import pytest
from mxnet import autograd, gluon, init, nd
from mxnet.gluon import nn

from d2l_repro.data.loader import Minibatches
from d2l_repro.results.history import History
from d2l_repro.scratch import SGD, correct, cross_entropy, linreg, softmax, squared_loss
from d2l_repro.train.loop import (
    Callback,
    TrainingDiverged,
    TrainingInterrupted,
    evaluate,
    evaluate_accuracy,
    measures_of,
    train_ch3,
)

rng = np.random.RandomState(0)
X = rng.normal(size=(70, 3)).astype(np.float32)
Y = (X @ np.array([1.0, -2, 0.5], np.float32) + 0.3).astype(np.float32)
CLASSES = (X[:, 0] > 0).astype(np.float32) + (X[:, 1] > 0.5)


def regression(w=None):
    """Return parameters, net and loss of a linear regression from scratch."""
    params = [nd.array(np.zeros((3, 1)) if w is None else w), nd.zeros(1)]
    for param in params:
        param.attach_grad()
    return params, lambda X: linreg(X, *params), squared_loss


def classifier():
    """Return parameters, net and loss of a softmax regression with three classes."""
    params = [nd.zeros((3, 3)), nd.zeros(3)]
    for param in params:
        param.attach_grad()
    return params, lambda X: softmax(nd.dot(X, params[0]) + params[1]), cross_entropy


def batches(y=Y, size=16):
    return Minibatches(nd.array(X), nd.array(y), size)


def numpy_regression(lr, epochs, size=16, penalty=0.0):
    """Train in NumPy; return weights, bias, and each epoch's running mean loss."""
    w, b, losses = np.zeros((3, 1), np.float32), 0.0, []
    for _ in range(epochs):
        total = 0.0
        for i in range(0, len(X), size):
            x, y = X[i : i + size], Y[i : i + size, None]
            error = x @ w + b - y
            total += (error**2 / 2).sum()
            # The nominal batch size divides the gradient of the short last batch too, but not the penalty.
            w, b = w - lr * (x.T @ error / size + penalty * w), b - lr / size * error.sum()
        losses.append(total / len(X))
    return w, b, losses


def test_train_ch3_called_as_in_the_book_equals_a_loop_in_numpy():
    params, net, loss = regression()
    history = train_ch3(net, batches(), None, loss, 4, 16, params, 0.1, metrics={})
    w, b, losses = numpy_regression(0.1, 4)
    np.testing.assert_allclose(params[0].asnumpy(), w, rtol=1e-4)
    np.testing.assert_allclose(params[1].asscalar(), b, rtol=1e-4)
    np.testing.assert_allclose(history["train_loss"], losses, rtol=1e-4)
    assert history["epoch"] == [1, 2, 3, 4]
    assert set(history[0]) == {"epoch", "train_loss", "seconds"}


def test_train_ch3_measures_train_acc_before_each_update_and_test_acc_after_the_epoch():
    params, net, loss = classifier()
    history = train_ch3(net, batches(CLASSES, 70), batches(CLASSES, 9), loss, 3, 70, params, 0.5)
    # All weights are 0, so every example is assigned to class 0.
    assert history[0]["train_acc"] == pytest.approx((CLASSES == 0).mean())
    # With one batch per epoch, the training accuracy is the test accuracy of the epoch before.
    assert history["train_acc"][1:] == pytest.approx(history["test_acc"][:-1])
    assert history[-1]["test_acc"] == pytest.approx(evaluate_accuracy(batches(CLASSES), net))


class Counting(gluon.HybridBlock):
    """A net that counts how often Python runs it."""

    def __init__(self):
        super().__init__()
        self.dense, self.calls = nn.Dense(3, in_units=3, weight_initializer=init.Constant(0.1)), 0

    def hybrid_forward(self, F, x):
        self.calls += 1
        return self.dense(x)


def test_train_ch3_joins_a_hybridized_net_with_its_loss_and_runs_others_as_they_are():
    weights = []
    for hybridize in (True, False):
        net = Counting()
        net.initialize()
        if hybridize:
            net.hybridize()
        trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5}, kvstore=None)
        train_ch3(net, batches(CLASSES), None, gluon.loss.SoftmaxCrossEntropyLoss(), 4, 16, trainer=trainer)
        assert net.calls == (1 if hybridize else 4 * 5)
        weights.append(net.dense.weight.data().asnumpy())
    np.testing.assert_allclose(*weights, rtol=1e-5)


@pytest.mark.parametrize("hybridize", [True, False])
def test_train_ch3_runs_batch_norm_and_dropout_in_training_mode_only_while_training(hybridize):
    net = nn.HybridSequential()
    net.add(nn.BatchNorm(in_channels=3, momentum=0.0), nn.Dropout(0.9), nn.Dense(3, in_units=3))
    net.initialize()
    if hybridize:
        net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.0}, kvstore=None)
    history = train_ch3(
        net,
        batches(CLASSES, 70),
        batches(CLASSES),
        gluon.loss.SoftmaxCrossEntropyLoss(),
        1,
        70,
        trainer=trainer,
    )
    # with momentum 0 the running mean is the last batch's, here that of all examples
    np.testing.assert_allclose(net[0].running_mean.data().asnumpy(), X.mean(axis=0), rtol=1e-4, atol=1e-6)
    assert history[0]["test_acc"] == evaluate_accuracy(batches(CLASSES, 7), net)


def test_train_ch3_adds_the_whole_penalty_to_every_batch_but_not_to_the_history():
    params, net, loss = regression()
    history = train_ch3(
        net,
        batches(),
        None,
        loss,
        5,
        16,
        params,
        0.1,
        metrics={},
        penalty=lambda: 3 * (params[0] ** 2).sum() / 2,
    )
    w, _, losses = numpy_regression(0.1, 5, penalty=3)
    np.testing.assert_allclose(params[0].asnumpy(), w, rtol=1e-4)
    np.testing.assert_allclose(history["train_loss"], losses, rtol=1e-4)


def test_train_ch3_with_gradients_by_hand_equals_autograd():
    def by_hand(params, net):
        def gradients(X, y):
            y_hat = net(X)
            error = y_hat - y.reshape((-1, 1))
            params[0].grad[:] = nd.dot(X, error, transpose_a=True)
            params[1].grad[:] = error.sum()
            return y_hat, error**2 / 2

        return gradients

    results = []
    for hand in (False, True):
        params, net, loss = regression()
        history = train_ch3(
            net,
            batches(),
            None,
            loss,
            5,
            16,
            params,
            0.1,
            metrics={},
            gradients=by_hand(params, net) if hand else None,
        )
        results.append((params[0].asnumpy(), history["train_loss"]))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-6)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-6)


def test_train_ch3_lets_a_net_carry_a_state_until_the_epoch_ends():
    params, _, loss = regression()
    states = []

    class Carrying(Callback):
        state = nd.zeros(1)

        def net(self, X):
            y_hat = linreg(X, *params) + 0.1 * self.state
            self.state = y_hat.mean().detach()  # else the graph would reach back through all batches
            return y_hat

        def after_step(self, loop):
            states.append(self.state)

        def after_epoch(self, loop):
            self.state = nd.zeros(1)

    carrying = Carrying()
    history = train_ch3(
        carrying.net, batches(), None, loss, 2, 16, params, 0.01, metrics={}, callbacks=[carrying]
    )
    assert history[1]["train_loss"] < history[0]["train_loss"]
    assert len(states) == 2 * 5
    assert len({state.asscalar() for state in states}) == 10  # it changes with every batch


def test_train_ch3_averages_losses_over_words_and_accuracy_over_examples():
    params, net, _ = classifier()

    def loss(y_hat, y):
        return nd.ones((len(y), 5)) * 2 + 0 * y_hat.sum(axis=1, keepdims=True)

    history = train_ch3(net, batches(CLASSES), None, loss, 1, 16, params, 0.1)
    assert history[0]["train_loss"] == 2
    assert history[0]["train_acc"] == pytest.approx((CLASSES == 0).mean())


def test_train_ch3_calls_after_step_where_a_moving_average_can_be_kept():
    params, net, loss = regression()
    path = []

    class Average(Callback):
        value = nd.zeros((3, 1))

        def after_step(self, loop):
            path.append(params[0].copy())
            decay = min(0.9, (1 + loop.step) / (10 + loop.step))
            self.value = decay * self.value + (1 - decay) * params[0]

    average = Average()
    train_ch3(net, batches(), None, loss, 2, 16, params, 0.1, metrics={}, callbacks=[average])
    expected = np.zeros((3, 1))
    for step, w in enumerate(path, 1):
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * w.asnumpy()
    np.testing.assert_allclose(average.value.asnumpy(), expected, rtol=1e-5)


def test_train_ch3_calls_before_step_where_gradients_can_be_clipped():
    params, net, loss = regression()

    class Clip(Callback):
        def before_step(self, loop):
            gluon.utils.clip_global_norm([param.grad for param in params], 0.01, check_isfinite=False)

    train_ch3(net, batches(size=70), None, loss, 1, 1, params, 1.0, metrics={}, callbacks=[Clip()])
    moved = np.sqrt(sum((param**2).sum().asscalar() for param in params))
    assert moved == pytest.approx(0.01, rel=1e-4)


def test_train_ch3_supports_a_schedule_and_early_stopping():
    params, net, loss = regression()

    class Halve(Callback):
        def after_epoch(self, loop):
            loop.trainer.set_learning_rate(loop.trainer.learning_rate / 2)
            loop.stop = loop.epoch == 3

    trainer = SGD(params, 0.1)
    history = train_ch3(net, batches(), None, loss, 10, 16, trainer=trainer, metrics={}, callbacks=[Halve()])
    assert len(history) == 3
    assert trainer.learning_rate == 0.1 / 8


def test_train_ch3_calls_measures_after_each_epoch_and_lets_them_replace_the_loss():
    params, net, loss = regression()
    measured = {"train_loss": lambda: loss(net(nd.array(X)), nd.array(Y)).mean(), "answer": lambda: 42}
    history = train_ch3(net, batches(), batches(), loss, 2, 16, params, 0.1, metrics={}, measure=measured)
    assert history[-1]["train_loss"] == pytest.approx(loss(net(nd.array(X)), nd.array(Y)).mean().asscalar())
    assert history["answer"] == [42, 42]
    assert "test_loss" not in history[0]


def test_train_ch3_without_metrics_measures_the_loss_on_the_test_set():
    params, net, loss = regression()
    history = train_ch3(net, batches(), batches(), loss, 2, 16, params, 0.1, metrics={})
    assert history[-1]["test_loss"] == pytest.approx(evaluate(batches(), net, loss))


def test_measures_of_apply_the_net_once_to_each_batch_for_all_scores_of_an_epoch():
    params, net, loss = classifier()
    calls = []

    def counted(X):
        calls.append(len(X))
        return net(X)

    measures = measures_of("valid", batches(CLASSES, 40), counted, {"loss": loss, "acc": correct})
    assert list(measures) == ["valid_loss", "valid_acc"]
    for value in (0.0, 1.0):  # measured anew after each epoch
        params[1][:] = nd.array([value, 0, 0])
        calls.clear()
        found = {name: measure() for name, measure in measures.items()}
        assert calls == [40, 30]
        for name, score in (("valid_loss", loss), ("valid_acc", correct)):
            assert found[name] == evaluate(batches(CLASSES, 40), net, score)


@pytest.mark.parametrize(
    "data",
    [
        lambda: gluon.data.DataLoader(gluon.data.ArrayDataset(X, CLASSES), 16),
        lambda: gluon.data.DataLoader(gluon.data.ArrayDataset(nd.array(X), CLASSES), 16, num_workers=1),
        lambda: [(X[i : i + 16], CLASSES[i : i + 16]) for i in range(0, 70, 16)],
    ],
    ids=["a Gluon DataLoader", "a Gluon DataLoader with a process of its own", "a list of NumPy arrays"],
)
def test_train_ch3_accepts_any_iterable_of_batches(data):
    histories = []
    for train_iter in (data(), batches(CLASSES)):
        params, net, loss = classifier()
        histories.append(train_ch3(net, train_iter, train_iter, loss, 3, 16, params, 0.5))
    for name in ("train_loss", "train_acc", "test_acc"):
        assert histories[0][name] == pytest.approx(histories[1][name])


def test_train_ch3_rejects_a_generator_that_is_exhausted():
    params, net, loss = regression()
    with pytest.raises(ValueError, match=r"no batch in epoch 2.*not a generator"):
        train_ch3(net, (batch for batch in batches()), None, loss, 2, 16, params, 0.1, metrics={})
    with pytest.raises(ValueError, match="evaluate on yielded no batch"):
        evaluate([], net, loss)


def test_train_ch3_rejects_a_call_without_trainer_and_params():
    with pytest.raises(ValueError, match="either a trainer, or params and lr"):
        train_ch3(lambda X: X, [], None, squared_loss, 1, 1)


def test_training_diverged_says_where_and_keeps_the_epochs_before():
    params, net, loss = regression()
    with pytest.raises(TrainingDiverged, match=r"epoch \d.* at learning rate 5; try a smaller") as caught:
        train_ch3(net, batches(), None, loss, 60, 16, params, 5, metrics={})
    history = caught.value.history
    assert f"({history[0]['train_loss']:.4g} in the first) at" in str(caught.value)
    assert history
    assert all(np.isfinite(history["train_loss"]))
    assert history[-1]["train_loss"] <= 1e6 * history[0]["train_loss"]


def test_train_ch3_stops_at_the_first_loss_that_is_not_finite():
    params, net, loss = regression([[np.nan], [0], [0]])
    with pytest.raises(TrainingDiverged, match="epoch 1: mean loss nan at") as caught:
        train_ch3(net, batches(), None, loss, 3, 16, params, 0.1, metrics={})
    assert caught.value.history == []


def test_train_ch3_stops_at_a_measured_loss_that_is_not_finite():
    params, net, loss = regression()
    with pytest.raises(TrainingDiverged, match="epoch 1: mean loss inf"):
        train_ch3(
            net, batches(), None, loss, 1, 16, params, 0.1, metrics={}, measure={"train_loss": lambda: np.inf}
        )


def test_training_interrupted_keeps_the_finished_epochs():
    params, net, loss = regression()

    class PressCtrlC(Callback):
        def after_step(self, loop):
            if loop.epoch == 3 and loop.step == 12:
                signal.raise_signal(signal.SIGINT)  # in this thread, so that it acts here

    # A shell that starts the tests in the background lets them ignore it.
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(TrainingInterrupted) as caught:
            train_ch3(net, batches(), None, loss, 9, 16, params, 0.1, metrics={}, callbacks=[PressCtrlC()])
    finally:
        signal.signal(signal.SIGINT, earlier)
    assert caught.value.history["epoch"] == [1, 2]


@pytest.mark.parametrize("batch_size", [1, 35])
def test_train_ch3_reads_nothing_from_the_engine_until_the_epoch_ends(batch_size, monkeypatch):
    reads = []
    for name in ("asnumpy", "wait_to_read"):
        original = getattr(nd.NDArray, name)
        monkeypatch.setattr(nd.NDArray, name, lambda self, f=original: (reads.append(1), f(self))[1])
    monkeypatch.setattr(nd, "waitall", lambda: reads.append(1))
    params, net, loss = classifier()
    train_ch3(net, batches(CLASSES, batch_size), batches(CLASSES, batch_size), loss, 3, 16, params, 0.1)
    # In each of three epochs, however many batches there are: the loss (twice), accuracy and test accuracy.
    # In the first, labels that are no classes.
    assert len(reads) <= 3 * 4 + 1


def test_train_ch3_measures_with_dropout_off():
    modes = []

    def net(X):
        modes.append(autograd.is_training())
        return softmax(nd.dot(X, params[0]) + params[1])

    params, _, loss = classifier()
    train_ch3(
        net, batches(CLASSES, 70), batches(CLASSES, 70), loss, 2, 70, params, 0.1, metrics={"acc": correct}
    )
    assert modes == [True, False, True, False]


def train_regression(loss, net=None, **options):
    params, own, _ = regression()
    return train_ch3(net or own, batches(), None, loss, 1, 16, params, 0.1, **{"metrics": {}, **options})


def pairwise(y_hat, y):
    """Compare (n, 1) with (n,), which NumPy's arrays broadcast to (n, n)."""
    return (y_hat - y.reshape((1, -1))) ** 2 / 2


@pytest.mark.parametrize(
    "loss",
    [
        pairwise,
        lambda y_hat, y: ((y_hat.as_np_ndarray() - y.as_np_ndarray()) ** 2).as_nd_ndarray(),
        lambda y_hat, y: nd.broadcast_sub(y_hat, y.expand_dims(0)).abs(),
    ],
)
def test_train_ch3_refuses_a_loss_of_every_prediction_with_every_label(loss):
    with pytest.raises(
        ValueError, match=r"the loss returned \(16, 16\) for y_hat \(16, 1\) and y \(16,\).*reshape"
    ):
        train_regression(loss)


@pytest.mark.parametrize("reduce", [nd.mean, nd.sum])
def test_train_ch3_refuses_a_loss_of_the_whole_batch(reduce):
    with pytest.raises(
        ValueError, match="the loss returned a single number for 16 examples; return one number per"
    ):
        train_regression(lambda y_hat, y: reduce(squared_loss(y_hat, y)))


class PairwiseLoss(gluon.loss.Loss):
    def __init__(self, reduce=False):
        super().__init__(None, 0)
        self.reduce = reduce

    def hybrid_forward(self, F, y_hat, y):
        losses = F.broadcast_sub(y_hat, y.reshape((1, -1))).abs()
        return losses.mean() if self.reduce else losses


@pytest.mark.parametrize(
    ("reduce", "message"), [(False, "the loss returned .16, 16"), (True, "a single number")]
)
def test_train_ch3_refuses_them_in_one_graph_with_the_net_too(reduce, message):
    net = nn.HybridSequential()
    net.add(nn.Dense(1))
    net.initialize()
    net.hybridize()
    before = net(nd.array(X[:1])).asscalar()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1}, kvstore=None)
    with pytest.raises(ValueError, match=message):
        train_ch3(net, batches(), None, PairwiseLoss(reduce), 1, 16, trainer=trainer, metrics={})
    assert net(nd.array(X[:1])).asscalar() == before  # it is refused before the first step


@pytest.mark.parametrize(
    ("y_shape", "outputs", "loss"),
    [
        ((16,), 1, squared_loss),
        ((16, 1), 1, squared_loss),
        ((16, 1), 1, gluon.loss.L2Loss()),
        ((16,), 1, gluon.loss.L1Loss()),
        ((16,), 1, gluon.loss.HuberLoss()),
        ((16,), 1, gluon.loss.SigmoidBinaryCrossEntropyLoss()),
        ((16, 16), 16, squared_loss),  # as many outputs as examples
        ((16, 5), 5, squared_loss),
        ((16,), 3, gluon.loss.SoftmaxCrossEntropyLoss()),
        ((16,), 16, gluon.loss.SoftmaxCrossEntropyLoss()),
        ((16, 16), 16, lambda y_hat, y: squared_loss(y_hat, y).mean(axis=1)),
        ((1,), 1, squared_loss),  # a single example has a single loss
        ((1,), 1, lambda y_hat, y: squared_loss(y_hat, y).mean()),
        ((2, 8), 1, lambda y_hat, y: nd.ones((16,)) * y_hat.sum()),  # one for every word
    ],
)
def test_train_ch3_accepts_losses_per_example_word_and_output(y_shape, outputs, loss):
    net = nn.Dense(outputs)
    net.initialize()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.01}, kvstore=None)
    data = [(nd.ones((y_shape[0], 3)), nd.ones(y_shape))]
    assert len(train_ch3(net, data, data, loss, 1, 16, trainer=trainer, metrics={})) == 1


def test_train_ch3_and_evaluate_refuse_metrics_that_are_not_per_example():
    for metric, message in (
        (pairwise, "every pair|every prediction"),
        (lambda *args: pairwise(*args).mean(), "single"),
    ):
        with pytest.raises(ValueError, match=f"metric 'error' returned.*({message})"):
            train_regression(squared_loss, metrics={"error": metric})
        with pytest.raises(ValueError, match=f"the score returned.*({message})"):
            evaluate(batches(), regression()[1], metric)


@pytest.mark.parametrize("wrong", [-1, 3, 0.5, 255])
def test_train_ch3_refuses_labels_that_are_no_classes(wrong):
    labels = CLASSES.copy()
    labels[-1] = wrong
    params, net, loss = classifier()
    with pytest.raises(ValueError, match=r"1 labels of the first epoch are no classes.*from 0 to 2"):
        train_ch3(net, batches(labels), None, loss, 1, 16, params, 0.1)


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32"])
def test_train_ch3_accepts_classes_of_any_type(dtype):
    params, net, loss = classifier()
    data = [(nd.array(X), nd.array(CLASSES).astype(dtype))]
    assert len(train_ch3(net, data, data, loss, 1, 16, params, 0.1)) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *[({"num_epochs": value}, "num_epochs must be a whole number") for value in (0, -1, 2.5, "3", None)],
        *[
            ({"batch_size": value}, "batch_size must be a number above 0")
            for value in (0, -4, np.nan, np.inf)
        ],
        *[
            ({"lr": value}, "learning rate must be a number from 0")
            for value in (-0.1, np.nan, np.inf, 1e38, "fast")
        ],
    ],
)
def test_train_ch3_refuses_numbers_out_of_range(changes, message):
    params, net, loss = regression()
    settings = {"num_epochs": 1, "batch_size": 16, "lr": 0.1, **changes}
    with pytest.raises(ValueError, match=message):
        train_ch3(net, batches(), None, loss, params=params, metrics={}, **settings)


def test_train_ch3_refuses_a_negative_learning_rate_of_a_gluon_trainer():
    net = nn.Dense(1)
    net.initialize()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": -0.1}, kvstore=None)
    with pytest.raises(ValueError, match=r"the learning rate must be at least 0, not -0\.1"):
        train_ch3(net, batches(), None, squared_loss, 1, 16, trainer=trainer, metrics={})


@pytest.mark.parametrize("hybridize", [False, True])
@pytest.mark.parametrize("types", [("float64", "float32"), ("float32", "float64"), ("float64", "float64")])
def test_train_ch3_and_evaluate_name_types_that_do_not_fit(types, hybridize):
    net = nn.HybridSequential()
    net.add(nn.Dense(1))
    net.initialize()
    if hybridize:
        net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1}, kvstore=None)
    net(nd.array(X))
    data = [(nd.array(X).astype(types[0]), nd.array(Y).astype(types[1]))]
    message = f"from X in {types[0]} and y in {types[1]}; convert the batches"
    with pytest.raises(ValueError, match=message):
        train_ch3(net, data, None, gluon.loss.L2Loss(), 1, 16, trainer=trainer, metrics={})
    with pytest.raises(ValueError, match=message):
        evaluate(data, net, gluon.loss.L2Loss())


def test_training_diverged_can_be_sent_to_another_process():
    error = pickle.loads(pickle.dumps(TrainingDiverged("it diverged", History([{"epoch": 1}]))))
    assert (str(error), error.history) == ("it diverged", [{"epoch": 1}])
