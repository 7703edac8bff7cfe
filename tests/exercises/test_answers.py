"""Right answers that are written differently pass, and unknown mistakes are described."""

import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet import np as mx_np

from d2l_repro.exercises import check
from d2l_repro.exercises.checker import check_functions


def einsum_linreg(features, weights, bias):
    return mx_np.einsum("ij,jk->ik", features, weights) + bias


def gluon_loss(y_hat, y):
    return gluon.loss.L2Loss()(y_hat.expand_dims(2), y.reshape((-1, 1, 1))).reshape(y_hat.shape)


def in_place_softmax(X):
    X = X - X.max(axis=1, keepdims=True)
    E = X.exp()
    return E / E.sum(axis=1, keepdims=True)


def gluon_cross_entropy(y_hat, y):
    return gluon.loss.SoftmaxCrossEntropyLoss(from_logits=True)(y_hat.log(), y)


def gluon_logits_loss(logits, y):
    return gluon.loss.SoftmaxCrossEntropyLoss()(logits, y)


def numpy_accuracy(y_hat, y):
    return np.float64((y_hat.asnumpy().argmax(1) == y.asnumpy()).mean())


def double_relu(X):
    return (X.astype("float64") * (X > 0).astype("float64")).astype("float64")


def adam_in_place(param, grad, v, s, t, lr, beta1, beta2, epsilon):
    v *= beta1
    v += (1 - beta1) * grad
    s *= beta2
    s += (1 - beta2) * grad.square()
    factor = lr / (1 - beta1**t)
    nd.elemwise_sub(param, factor * v / ((s / (1 - beta2**t)).sqrt() + epsilon), out=param)


def numpy_mlp_backward(X, y, W1, b1, W2, b2):
    X, y, W1, b1, W2, b2 = (array.asnumpy().astype("float64") for array in (X, y, W1, b1, W2, b2))
    Z = X @ W1 + b1
    O = np.maximum(Z, 0) @ W2 + b2  # noqa: E741
    P = np.exp(O) / np.exp(O).sum(1, keepdims=True)
    P[np.arange(len(y)), y.astype(int)] -= 1
    P /= len(X)
    D = P @ W2.T * (Z > 0)
    return [X.T @ D, D.sum(0), np.maximum(Z, 0).T @ P, P.sum(0)]


def gluon_conv(X, K):
    return nd.Convolution(X, K, no_bias=True, kernel=K.shape[2:], num_filter=K.shape[0])


def gluon_dropout(X, drop_prob):
    if not autograd.is_training():
        return X
    if drop_prob == 1:
        return X * 0
    return X * nd.array(np.random.rand(*X.shape) >= drop_prob) / (1 - drop_prob)  # noqa: NPY002


def generator_k_fold(n, k):
    for i in range(k):
        valid = range(i, n, k)
        yield [j for j in range(n) if j not in valid], list(valid)


def list_of_batches(batch_size, features, labels):
    order = np.random.permutation(len(features))  # noqa: NPY002
    X, y = features.asnumpy()[order], labels.asnumpy()[order]
    cuts = range(0, len(order), batch_size)
    return [(nd.array(X[i : i + batch_size]), nd.array(y[i : i + batch_size])) for i in cuts]


def dense_mlp(X, W1, b1, W2, b2):
    hidden = nd.FullyConnected(X, W1.T, b1, num_hidden=W1.shape[1]).relu()
    return nd.FullyConnected(hidden, W2.T, b2, num_hidden=W2.shape[1])


ANSWERS = {
    "linreg": [einsum_linreg],
    "squared_loss": [gluon_loss],
    "softmax": [in_place_softmax, nd.softmax],
    "cross_entropy": [gluon_cross_entropy],
    "logits_loss": [gluon_logits_loss],
    "accuracy": [numpy_accuracy],
    "relu": [double_relu, lambda values: mx_np.maximum(values, 0)],
    "adam": [adam_in_place],
    "mlp_forward": [dense_mlp],
    "mlp_backward": [numpy_mlp_backward],
    "conv2d": [gluon_conv],
    "dropout": [gluon_dropout],
    "k_fold": [generator_k_fold],
    "data_iter": [list_of_batches],
}
CASES = [(name, answer) for name, answers in ANSWERS.items() for answer in answers]


@pytest.mark.parametrize(("name", "answer"), CASES)
def test_right_answer_written_differently_passes(name, answer):
    report = check(name, answer)
    assert report, report


# Mistakes that are on no list


def test_unknown_mistake_gets_step_value_ratio_and_input():
    report = check("linreg", lambda X, w, b: 3 * (nd.dot(X, w) + b))
    assert report.passed == 1
    assert report.mistakes == []
    for part in (
        "linreg(X, w, b) is ",
        " at [0, 0], where ",
        "All values are 3.00 times the right ones.",
        "The input there is X[0] = [",
        "None of the 5 mistakes known for this exercise gives these values.",
    ):
        assert part in report.message


def test_unknown_mistake_of_an_update_gets_step_parameter_and_ratio():
    def slow(params, lr, batch_size):
        for param in params:
            param -= lr / 2 * param.grad / batch_size

    message = check("sgd", slow).message
    assert message.startswith("w after step 1 is ")
    assert "The change in this step is 0.50 times the right one." in message


def test_offset_is_said():
    assert "All values are 2 more than the right ones." in check("softmax", lambda X: X.softmax() + 2).message


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda X: None, "softmax(X) is None. Does the function end without `return`?"),
        (lambda X: "text", "softmax(X) is a str; expected an array of numbers."),
        (lambda X: [X, "text"], "is a str; expected an array of numbers."),
        (lambda X: X.sum(axis=1), "softmax(X) has shape (3,); expected (3, 3)."),
        (lambda X: nd.dot(X, nd.zeros((9, 9))), "raises MXNetError: "),
        (lambda X: undefined_name, "raises NameError: name 'undefined_name' is not defined in line"),  # noqa: F821
    ],
)
def test_answer_of_the_wrong_kind_gets_a_sentence(answer, message):
    assert message in check("softmax", answer).message


def test_gradient_that_autograd_has_lost_gets_a_sentence():
    report = check("softmax", lambda X: nd.array(X.softmax().asnumpy()))
    assert report.titles[report.passed] == "gradient"
    assert "autograd has lost track" in report.message


def test_several_results_may_be_a_list_but_not_fewer():
    assert "expected 2 values: W, b" in check("collapse", lambda W1, b1, W2, b2: nd.dot(W1, W2)).message
    assert "has length 1; expected 2 values: W, b." in check("collapse", lambda *params: [params[0]]).message


# In Jupyter


def test_check_gives_random_numbers_back():
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    assert check("relu", double_relu)
    assert np.random.rand() == expected  # noqa: NPY002


def test_check_takes_one_function_of_any_name_and_several_by_name():
    assert check("relu", double_relu)

    def l2_penalty(w):
        return (w * w).sum() / 2

    def l2_gradient(w):
        return 1 * w

    assert check("l2_penalty", l2_gradient, l2_penalty)
    assert "defines no function l2_gradient" in check("l2_penalty", l2_penalty).message


def test_report_is_shown_inline_with_its_texts_escaped():
    page = check_functions("relu", {"relu": lambda X: "<b>"})._repr_html_()
    assert "relu: step 1 of 3, shape: failed" in page
    assert "&#10007; shape" in page
    assert "<b>relu: step" in page
    assert check("relu", double_relu)._repr_html_().count("&#10003;") == 3
