"""Test LSTMs and layers without gates against formulas in NumPy, gluon.rnn, and central differences."""

import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import rnn

from chapters import lstm_sine
from d2l_repro.scratch import lstm, lstm_cell, lstm_parameters, plain_rnn, plain_rnn_parameters, relu
from d2l_repro.settings import Options
from d2l_repro.train.parameters import parameters
from d2l_repro.verify.gradcheck import central_differences, relative_error

STEPS, BATCH, INPUTS, HIDDENS = 5, 3, 4, 2


def drawn(*shape):
    return nd.random.normal(shape=shape, dtype="float64")


def layer(inputs=INPUTS):
    """Return inputs, state and parameters in double precision with gradients, and weights of the outputs."""
    params = [
        param.astype("float64") for param in lstm_parameters(inputs, HIDDENS, lambda shape: drawn(*shape))
    ]
    params[2][:] = drawn(4 * HIDDENS)
    X, state = drawn(STEPS, BATCH, inputs), [drawn(BATCH, HIDDENS), drawn(BATCH, HIDDENS)]
    for array in (X, *state, *params):
        array.attach_grad()
    return X, state, params, drawn(STEPS, BATCH, HIDDENS)


def weighted(outputs, state, weights):
    """Return a scalar that depends on every output and on both states after the last step."""
    return (outputs * weights).sum() + (state[0] * weights[0]).sum() + (state[1] ** 2).sum()


def in_numpy(X, state, params):
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    W_x, W_h, b = (param.asnumpy() for param in params)
    H, C = (array.asnumpy() for array in state)
    outputs = []
    for x in X.asnumpy():
        i, f, g, o = np.split(np.concatenate([x, H], axis=1) @ np.concatenate([W_x, W_h]) + b, 4, axis=1)
        C = sigmoid(f) * C + sigmoid(i) * np.tanh(g)
        H = sigmoid(o) * np.tanh(C)
        outputs.append(H)
    return np.stack(outputs), H, C


@pytest.mark.parametrize("steps", [1, 2, STEPS])
def test_lstm_equals_its_formulas(steps):
    X, state, params, _ = layer()
    X = X[:steps]
    outputs, (H, C) = lstm(X, state, *params)
    for ours, theirs in zip((outputs, H, C), in_numpy(X, state, params)):
        np.testing.assert_allclose(ours.asnumpy(), theirs, rtol=1e-12)


def test_lstm_equals_its_cell_step_by_step_and_can_be_split_anywhere():
    X, state, params, _ = layer()
    outputs, last = lstm(X, state, *params)
    H, C = state
    for x, output in zip(X, outputs):
        H, C = lstm_cell(x, H, C, *params)
        np.testing.assert_allclose(H.asnumpy(), output.asnumpy(), rtol=1e-12)
    first, carried = lstm(X[:4], state, *params)
    second, carried = lstm(X[4:], carried, *params)  # a single step
    np.testing.assert_allclose(
        np.concatenate([first.asnumpy(), second.asnumpy()]), outputs.asnumpy(), rtol=1e-12
    )
    np.testing.assert_allclose(carried[1].asnumpy(), last[1].asnumpy(), rtol=1e-12)


def gluon_layer(params, inputs=INPUTS):
    theirs = rnn.LSTM(HIDDENS, input_size=inputs)
    theirs.initialize()
    theirs.cast("float64")
    theirs.l0_h2h_bias.grad_req = "null"
    model = type("AModel", (), {"net": theirs, "params": theirs.collect_params()})
    learned = parameters(model)
    for param, ours in zip(learned, params):
        param.set(ours.asnumpy())
    return theirs, learned


def test_lstm_has_gluons_outputs_state_and_gradients():
    X, state, params, weights = layer()
    with autograd.record():
        ours = weighted(*lstm(X, state, *params), weights)
    ours.backward()
    gradients = [array.grad.copy() for array in (X, *state)]
    theirs, learned = gluon_layer(params)
    assert [param.transposed for param in learned] == [True, True, False]
    with autograd.record():
        outputs, last = theirs(X, [array.expand_dims(0) for array in state])
        value = weighted(outputs, [array[0] for array in last], weights)
    value.backward()
    assert ours.asscalar() == pytest.approx(value.asscalar())
    for array, gradient in zip((X, *state), gradients):
        assert relative_error(gradient.asnumpy(), array.grad.asnumpy()) < 1e-12
    for param, other in zip(params, learned):
        gradient = other.grad.asnumpy()
        assert relative_error(param.grad.asnumpy(), gradient.T if other.transposed else gradient) < 1e-12


def test_lstm_cell_has_gluons_gates_in_the_same_order():
    X, (H, C), params, _ = layer()
    cell = rnn.LSTMCell(HIDDENS, input_size=INPUTS)
    cell.initialize()
    cell.cast("float64")
    for gluons, param in zip((cell.i2h_weight, cell.h2h_weight, cell.i2h_bias), params):
        gluons.set_data(param.T)
    output, state = cell(X[0], [H, C])
    for ours, theirs in zip(lstm_cell(X[0], H, C, *params), (output, state[1])):
        np.testing.assert_allclose(ours.asnumpy(), theirs.asnumpy(), rtol=1e-12)


def test_lstm_has_the_gradients_of_central_differences():
    X, state, params, weights = layer()
    with autograd.record():
        value = weighted(*lstm(X, state, *params), weights)
    value.backward()
    for array in (X, *state, *params):
        tried = central_differences(lambda: weighted(*lstm(X, state, *params), weights), array)
        assert relative_error(array.grad.asnumpy(), tried) < 1e-7


def test_parameters_keep_an_embedding_shared_with_a_dense_layer_in_the_books_layout():
    net = gluon.nn.HybridSequential()
    embedding = gluon.nn.Embedding(7, 3)
    net.add(embedding, gluon.nn.Dense(7, in_units=3, flatten=False, params=embedding.params))
    net.initialize()
    model = type("AModel", (), {"net": net, "params": net.collect_params()})
    assert [param.get().shape for param in parameters(model)] == [(7, 3), (7,)]


def test_lstm_sine_labels_are_the_points_after_the_windows():
    hp = lstm_sine.Setting(num_train=20, num_test=5, batch_size=5)
    X, y = lstm_sine.data(hp, Options()).source
    assert X.shape == (5, 10, 1)
    points = np.sin(hp.gap * np.arange(35))
    for i in range(5):
        np.testing.assert_allclose(X[i, :, 0].asnumpy(), points[20 + i : 30 + i], atol=1e-6)
        assert y[i].asscalar() == pytest.approx(points[30 + i], abs=1e-6)


def test_free_run_feeds_predictions_back_as_inputs():
    X = nd.array([[1.0], [2.0]])
    fibonacci = lstm_sine.free_run(lambda X: X.sum(axis=1), X, 5)
    np.testing.assert_array_equal(fibonacci, [3, 5, 8, 13, 21])


def test_lstm_sine_learns_in_two_epochs():
    result = lstm_sine.run(lstm_sine.HParams(num_epochs=2), only=("LSTM",))
    assert result.find("scratch", "LSTM").metrics["test_mse"] < 0.005
    assert result.find("gluon", "LSTM").metrics["test_mse"] < 0.005
    assert result.parity["pairs"][0]["left_at"] is None
    assert result.parity["max_abs_diff"] < 1e-6
    assert set(result.figures) == {"training_curves", "predictions"}


def test_lstm_sine_trains_the_nets_of_the_book_and_names_their_errors():
    small = lstm_sine.HParams(book_steps=20)
    result = lstm_sine.run(small, only=(lstm_sine.BOOK, lstm_sine.ONE_BY_ONE))
    assert result.errors == {}
    assert [pair["left_at"] for pair in result.parity["pairs"]] == [None]
    for run in result.runs:
        assert run.metrics["test_rmse"] == pytest.approx(run.metrics["test_mse"] ** 0.5)
        assert len(run.history) == 10
    assert set(result.figures) == {"training_curves_book", "predictions_book"}
    (table,) = result.tables.values()
    assert [row["run"] for row in table] == [run.name for run in result.runs]


@pytest.mark.parametrize("at_once", [True, False])
def test_lstm_sine_nets_have_the_books_layers(at_once):
    hp = lstm_sine.book_setting(lstm_sine.HParams()).replace(at_once=at_once)
    assert (hp.num_epochs * hp.steps, hp.steps) == (10000, 1000)
    data = lstm_sine.data(hp.replace(num_train=64, num_test=8), Options())
    X, _ = data.source
    models = [lstm_sine.from_scratch(hp, data), lstm_sine.with_gluon(hp, data)]
    inputs = 10 if at_once else 1
    shapes = [(inputs, 120), (30, 120), (120,), (30, 120), (30, 120), (120,), (30, 1), (1,)]
    for model in models:
        model.net(X)
        arrays = [param.get() for param in parameters(model)]
        assert [array.shape for array in arrays] == shapes
        assert arrays[2].reshape((4, 30)).tolist() == [[float(gate == 1)] * 30 for gate in range(4)]
    for ours, theirs in zip(*(parameters(model) for model in models)):
        theirs.set(ours.get())
    np.testing.assert_allclose(*(model.net(X).asnumpy() for model in models), rtol=1e-4, atol=1e-6)


def test_lstm_sine_metrics_are_the_loss_of_the_batch_that_the_article_prints():
    data = type("AData", (), {"train_iter": range(1000)})
    history = [{"epoch": epoch, "batch_loss": epoch / 10} for epoch in range(1, 11)]
    assert lstm_sine.metrics(None, data, history) == {"step_9000_loss": 0.9}


def plain_layer():
    """Return inputs, state and parameters of a layer without gates, in double precision with gradients."""
    params = [
        param.astype("float64")
        for param in plain_rnn_parameters(INPUTS, HIDDENS, lambda shape: drawn(*shape))
    ]
    params[2][:] = drawn(HIDDENS)
    arrays = [drawn(STEPS, BATCH, INPUTS), drawn(BATCH, HIDDENS), *params]
    for array in arrays:
        array.attach_grad()
    return arrays


@pytest.mark.parametrize(("activation", "function"), [(nd.tanh, np.tanh), (relu, lambda x: np.maximum(x, 0))])
def test_plain_rnn_equals_its_formula(activation, function):
    arrays = plain_layer()
    X, H, W_x, W_h, b = (array.asnumpy() for array in arrays)
    for x, ours in zip(X, plain_rnn(*arrays, activation)):
        H = function(x @ W_x + H @ W_h + b)
        np.testing.assert_allclose(ours.asnumpy(), H, rtol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_plain_rnn_and_its_gradients_equal_gluons(activation):
    X, H, *params = plain_layer()
    theirs = rnn.RNN(HIDDENS, activation=activation, input_size=INPUTS)
    theirs.initialize()
    theirs.cast("float64")
    for name, value in zip(("i2h_weight", "h2h_weight", "i2h_bias"), params):
        theirs.params.get(f"l0_{name}").set_data(value.T if value.ndim == 2 else value)
    weights, gradients = drawn(STEPS, BATCH, HIDDENS), []
    for apply in (
        lambda: plain_rnn(X, H, *params, {"tanh": nd.tanh, "relu": relu}[activation]),
        lambda: theirs(X, [H.expand_dims(0)])[0],
    ):
        with autograd.record():
            loss = (apply() * weights).sum()
        loss.backward()
        gradients.append([loss.asnumpy(), X.grad.asnumpy(), H.grad.asnumpy()])
    for ours, gluons in zip(*gradients):
        np.testing.assert_allclose(ours, gluons, rtol=1e-6)  # Gluon's ReLU is single precision inside


def test_plain_rnn_gradients_equal_central_differences():
    arrays = plain_layer()
    weights = drawn(STEPS, BATCH, HIDDENS)

    def f():
        return (plain_rnn(*arrays) * weights).sum()

    with autograd.record():
        loss = f()
    loss.backward()
    for array in arrays:
        assert relative_error(array.grad.asnumpy(), central_differences(f, array)) < 1e-7


def test_numbers_of_characters_are_one_hot_vectors():
    numbers = nd.array(np.random.RandomState(0).randint(0, INPUTS, (STEPS, BATCH)), dtype="float64")
    one_hot = nd.one_hot(numbers, INPUTS, dtype="float64")
    _, H, *params = plain_layer()
    _, state, lstm_params, _ = layer()
    gradients = []
    for X in (numbers, one_hot):
        with autograd.record():
            loss = (plain_rnn(X, H, *params) ** 2).sum() + (lstm(X, state, *lstm_params)[0] ** 2).sum()
        loss.backward()
        gradients.append([array.grad.asnumpy() for array in (H, *params, *lstm_params)])
    for ours, theirs in zip(*gradients):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
