"""What the loop and `evaluate` refuse: each would train on nonsense, or fail far from its cause."""

import numpy as np
import pytest
from mxnet import gluon, io, nd
from mxnet.gluon import nn

from d2l_repro.scratch import correct, linreg, squared_loss
from d2l_repro.train import Callback, evaluate, evaluate_accuracy, train_ch3
from d2l_repro.train.callbacks import Schedule, kept_random_state, seed_everything

N = 10
X, y = nd.arange(N * 3).reshape((N, 3)) / 30, nd.arange(N) / 10


def regression():
    params = [nd.zeros((3, 1)), nd.zeros(1)]
    for param in params:
        param.attach_grad()
    return params, lambda X: linreg(X, *params)


def train(loss=squared_loss, data=((X, y),), **options):
    params, net = regression()
    options = {"metrics": {}, "params": params, "lr": 0.1, **options}
    return train_ch3(net, data, None, loss, 1, N, **options)


def train_gluon(outputs, loss, data, optimizer="sgd", grad_req="write", dtype="float32", **options):
    net = nn.Dense(outputs)
    net.initialize()
    net.cast(dtype)
    net.collect_params().setattr("grad_req", grad_req)
    lr = options.pop("lr", 0.1)
    trainer = gluon.Trainer(net.collect_params(), optimizer, {"learning_rate": lr}, kvstore=None)
    return train_ch3(net, data, None, loss, 1, N, trainer=trainer, **{"metrics": {}, **options})


# Accuracy


@pytest.mark.parametrize(
    ("y_hat", "labels", "message"),
    [
        ((4, 1), (4,), "one output is no score per class; pass metrics={}"),
        ((4,), (4,), "one output is no score per class"),
        ((4, 5, 7), (4, 5), "classes must be axis 1"),  # a language model
        ((4, 5, 5), (4, 5), "classes must be axis 1"),  # one of as many words as steps
        ((4, 3), (4, 3), "classes must be axis 1"),  # a regression, or one-hot labels
        ((4, 3), (5,), "classes must be axis 1"),
    ],
)
def test_accuracy_is_refused_without_a_score_per_class(y_hat, labels, message):
    with pytest.raises(ValueError, match=message):
        correct(nd.zeros(y_hat), nd.zeros(labels))
    with pytest.raises(ValueError, match=message):
        evaluate_accuracy([(nd.zeros(y_hat), nd.zeros(labels))], lambda X: X)


@pytest.mark.parametrize(
    ("y_hat", "labels"),
    [((4, 3), (4,)), ((4, 3), (4, 1)), ((1, 3), (1,)), ((4, 3, 5, 6), (4, 5, 6)), ((4, 3, 5), (4, 5))],
)
def test_accuracy_is_computed_per_example_and_per_pixel(y_hat, labels):
    assert correct(nd.zeros(y_hat), nd.zeros(labels)).mean().asscalar() == 1


def test_train_ch3_refuses_accuracy_of_a_binary_classifier_with_one_output():
    loss = gluon.loss.SigmoidBinaryCrossEntropyLoss()
    with pytest.raises(ValueError, match="one output is no score per class"):
        train_gluon(1, loss, [(X, y > 0.4)], metrics=None)


# What losses, metrics, scores and penalties return


@pytest.mark.parametrize(
    "wrong", [lambda a, b: 0.5, lambda a, b: None, lambda a, b: [a], lambda a, b: (a, b)]
)
def test_results_that_are_no_arrays_are_refused(wrong):
    with pytest.raises(ValueError, match=r"the loss returned a .*; return an NDArray"):
        train(wrong)
    with pytest.raises(ValueError, match=r"metric 'error' returned a .*; return an NDArray"):
        train(metrics={"error": wrong})
    with pytest.raises(ValueError, match=r"the score returned a .* for 10 examples"):
        evaluate([(X, y)], regression()[1], wrong)


def test_a_metric_in_numpy_and_a_penalty_that_is_a_number_are_refused():
    with pytest.raises(ValueError, match="metric 'error' returned a ndarray; return an NDArray"):
        train(metrics={"error": lambda a, b: b.asnumpy()})
    with pytest.raises(ValueError, match="the penalty returned a float; return an NDArray"):
        train(penalty=lambda: 0.5)


def test_evaluate_refuses_means_and_accepts_numpy():
    net = regression()[1]
    parts = [(X[:9], y[:9]), (X[9:], y[9:])]
    with pytest.raises(ValueError, match="the score returned a single number for 9 examples"):
        evaluate(parts, net, lambda a, b: b.mean().asscalar())
    assert evaluate(parts, net, lambda a, b: b.asnumpy()) == pytest.approx(0.45)


def test_means_are_refused_after_a_batch_of_one_example_too():
    parts = [(X[:1], y[:1]), (X[1:], y[1:])]  # the mean of one example is a number per example
    with pytest.raises(ValueError, match="the loss returned a single number for 9 examples"):
        train(lambda a, b: squared_loss(a, b).mean(), parts)
    with pytest.raises(ValueError, match="metric 'mean' returned a single number for 9 examples"):
        train(data=parts, metrics={"mean": lambda a, b: squared_loss(a, b).mean()})


@pytest.mark.parametrize(
    ("outputs", "labels", "loss", "message"),
    [
        (3, (N, 3), lambda a, b: ((a - b) ** 2).mean(axis=0), "no numbers per example; take the mean over"),
        (1, (N, 3), lambda a, b: nd.broadcast_sub(a, b) ** 2, "one prediction .* with all of its labels"),
        (N, (N,), lambda a, b: nd.broadcast_sub(a, b.expand_dims(0)) ** 2, "with every label"),
        (1, (N, 1), lambda a, b: nd.broadcast_sub(a.reshape((N, 1, 1)), b) ** 2, "with every label"),
    ],
)
def test_train_ch3_refuses_losses_that_are_not_per_example(outputs, labels, loss, message):
    with pytest.raises(ValueError, match=message):
        train_gluon(outputs, loss, [(X, nd.ones(labels))])


@pytest.mark.parametrize("shape", [(5,), (2 * 5,), (2, 5), (5, 2), (2, 5, 1), (2 * 5 * 3,)])
def test_train_ch3_accepts_losses_of_sequences(shape):
    """From 2 steps and 5 examples, or 5 words of 2 examples; y_hat is (2, 5, 3)."""
    net = nn.Dense(3, flatten=False)
    net.initialize()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1}, kvstore=None)
    data = [(nd.ones((2, 5, 4)), nd.ones((2, 5)))]

    def loss(y_hat, y):
        return nd.ones(shape) * y_hat.sum()

    assert len(train_ch3(net, data, None, loss, 1, 2, trainer=trainer, metrics={})) == 1


# Names, callbacks and data


def test_names_of_other_columns_are_refused():
    with pytest.raises(ValueError, match="a metric cannot be called 'loss'"):
        train(metrics={"loss": squared_loss})
    for name in ("epoch", "seconds"):
        with pytest.raises(ValueError, match=f"a measure cannot be called '{name}'"):
            train(measure={name: lambda: 1})


def test_callbacks_may_be_any_iterable():
    calls = []

    class Count(Callback):
        def after_step(self, loop):
            calls.append(loop.step)

        def after_epoch(self, loop):
            calls.append("epoch")

    train(callbacks=(callback for callback in [Count()]))
    assert calls == [1, "epoch"]
    for wrong in (Count(), Count, [Count], [None]):
        with pytest.raises(ValueError, match="callbacks must be"):
            train(callbacks=wrong)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X, y), "yielded a NDArray; for a single batch pass"),
        ((X[:2], y[:2]), "yielded a NDArray"),  # unpacking would find two rows
        ([X[:2]], "yielded a NDArray"),
        ([(X, y, y)], "yielded a tuple of 3"),
        (io.NDArrayIter(X, y, 5), r"yielded a DataBatch; pass \(batch.data\[0\], batch.label\[0\]\)"),
    ],
)
def test_data_that_are_no_pairs_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        train(data=data)
    with pytest.raises(ValueError, match=message):
        evaluate(data, regression()[1], squared_loss)


def test_a_loss_that_is_a_class_is_refused():
    with pytest.raises(ValueError, match=r"the class L2Loss; pass an object of it, L2Loss\(\)"):
        train(gluon.loss.L2Loss)


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_integers_and_numpy_in_double_precision_are_named(dtype):
    with pytest.raises(ValueError, match=f'X in {dtype} and y in float32; .*dtype="float32"'):
        train_gluon(1, gluon.loss.L2Loss(), [(X.astype(dtype), y)])
    data = [(X.asnumpy().astype("float64"), y.asnumpy().astype("float64"))]
    with pytest.raises(ValueError, match=r'dtype="float64".* \(MXNet: expected float32, got float64\)'):
        train_gluon(1, gluon.loss.L2Loss(), data, dtype="float64")


# Parameters that would not be trained


def test_params_that_cannot_be_trained_are_refused():
    w = nd.zeros((3, 1))
    w.attach_grad()
    net = nn.Dense(1)
    net.initialize()
    for params, message in (
        ([], "params is empty"),
        ([w, w], "parameter 1 is parameter 0 again"),
        (net.collect_params(), "parameter 0 is a str, not an NDArray; train Gluon's parameters with"),
        (net.collect_params().values(), "parameter 0 is a Parameter, not an NDArray"),
    ):
        with pytest.raises(ValueError, match=message):
            train(params=params)


def test_params_that_the_net_does_not_use_are_refused():
    (w, b), net = regression()
    others, _ = regression()
    scaled = w * 0.1
    scaled.attach_grad()
    for params, forward, message in (
        (others, net, r"parameter 0, of shape \(3, 1\), got no gradient"),
        ([w, *others[1:]], net, r"parameter 1, of shape \(1,\), got no gradient"),
        ([w, b], lambda X: linreg(X, scaled, b), "parameter 0"),
        ([w, b], lambda X: linreg(X, w.detach(), b), "parameter 0"),
        ([w], lambda X: nd.dot(X, w.detach()), "depends on no parameter"),
    ):
        before = [param.asnumpy() for param in params]
        with pytest.raises(ValueError, match=message):
            train_ch3(forward, [(X, y)], None, squared_loss, 1, N, params, 0.1, metrics={})
        for param, array in zip(params, before):
            np.testing.assert_array_equal(param.asnumpy(), array)


def test_gradients_that_add_up_are_refused():
    with pytest.raises(ValueError, match="grad_req='add', so that the gradients of all batches would add up"):
        train_gluon(1, gluon.loss.L2Loss(), [(X, y)], grad_req="add")


@pytest.mark.parametrize("lr", [-0.1, np.nan, np.inf, "fast", None])
def test_schedule_refuses_learning_rates_out_of_range(lr):
    with pytest.raises(
        ValueError, match=f"learning rate after 0 steps must be a number of at least 0, not {lr}"
    ):
        train_gluon(1, gluon.loss.L2Loss(), [(X, y)], callbacks=[Schedule(lambda steps: lr)])


@kept_random_state()
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_numpy_numbers_are_as_good_as_others(optimizer):
    losses = []
    for lr, outputs in ((0.1, 2), (np.float64(0.1), np.int64(2))):
        schedule = Schedule(lambda steps, lr=lr: lr)
        seed_everything(0)
        history = train_gluon(
            outputs,
            gluon.loss.L2Loss(),
            [(X, nd.ones((N, 2)))] * 3,
            optimizer,
            lr=lr,
            callbacks=[schedule],
        )
        losses.append(history["train_loss"])
    assert losses[0] == losses[1]
