"""Linear nets, multilayer perceptrons, and what they learn from."""

from d2l_repro import d2lzh as d2l  # isort: skip  (as readers write it: before mxnet)

import logging
import random
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, init, nd
from mxnet.gluon import data as gdata
from mxnet.gluon import loss as gloss
from mxnet.gluon import nn

from d2l_repro.data import images
from d2l_repro.train import loop as train

ROOT = Path(__file__).parents[2]


SECTION_3_2 = """
from d2l_repro import d2lzh as d2l
import random
from mxnet import autograd, nd

true_w, true_b = [2, -3.4], 4.2
features = nd.random.normal(scale=1, shape=(1000, 2))
labels = true_w[0] * features[:, 0] + true_w[1] * features[:, 1] + true_b
labels += nd.random.normal(scale=0.01, shape=labels.shape)
print('%.6f' % labels[0].asscalar())

d2l.set_figsize()
d2l.plt.scatter(features[:, 1].asnumpy(), labels.asnumpy(), 1)
d2l.plt.savefig('data.svg')
d2l.plt.show()
losses = []

w, b = nd.random.normal(scale=0.01, shape=(2, 1)), nd.zeros(shape=(1,))
w.attach_grad()
b.attach_grad()
for epoch in range(3):
    for X, y in d2l.data_iter(10, features, labels):
        with autograd.record():
            l = d2l.squared_loss(d2l.linreg(X, w, b), y)
        l.backward()
        d2l.sgd([w, b], 0.03, 10)
    losses.append(d2l.squared_loss(d2l.linreg(features, w, b), labels).mean().asscalar())
    print('%f' % losses[-1])
d2l.semilogy(range(1, 4), losses, 'epochs', 'loss')
d2l.plt.savefig('loss.png')
print(*w.reshape((-1,)).asnumpy(), *b.asnumpy())
"""
NO_IPYTHON = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('IPython', 'matplotlib_inline'):
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)
sys.meta_path.insert(0, Missing())
"""


TYPED = """
from IPython import display
display.set_matplotlib_formats('svg')
"""


@pytest.mark.parametrize(
    ("before", "after"), [("", TYPED), (NO_IPYTHON, "")], ids=["as installed", "without IPython"]
)
def test_section_3_2_linear_regression_runs_as_a_script(before, after, tmp_path, run_program):
    if after:
        pytest.importorskip("IPython")
    done = run_program(before + SECTION_3_2 + after, tmp_path)
    assert done.stderr == ""
    printed = done.stdout.split()
    assert printed[0] == "6.000587"
    losses = [float(loss) for loss in printed[1:4]]
    assert 0.03 < losses[0] < 0.05  # 0.040532 in the book
    assert 4.5e-5 < losses[2] < 5.5e-5  # 0.000050
    np.testing.assert_allclose(np.array(printed[4:], float), [2, -3.4, 4.2], atol=2e-3)
    assert "</svg>" in (tmp_path / "data.svg").read_text()
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_notebook_shows_figures_as_svg(tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    cells = [
        "%matplotlib inline\nfrom d2l_repro import d2lzh as d2l\nfrom mxnet import nd",
        "from IPython import display\ndisplay.set_matplotlib_formats('png')",
        "d2l.set_figsize()\nd2l.plt.scatter([1, 2], [3, 4], 1);",
        "d2l.semilogy([1, 2], [1, 10], 'epochs', 'loss', [1, 2], [2, 20], ['train', 'test'])",
        "d2l.show_fashion_mnist(nd.ones((2, 1, 28, 28)), ['coat', 'bag'])",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(ROOT)}}).execute()
    for cell in notebook.cells[2:]:
        (output,) = cell.outputs
        assert "</svg>" in output.data["image/svg+xml"]


def test_data_iter_yields_batches_in_the_books_order():
    features, labels = nd.arange(14).reshape((7, 2)), nd.arange(7)
    random.seed(5)
    got = [(X.asnumpy().tolist(), y.asnumpy().tolist()) for X, y in d2l.data_iter(3, features, labels)]
    order = list(range(7))
    random.Random(5).shuffle(order)
    assert [y for _, y in got] == [order[:3], order[3:6], order[6:]]
    assert got[0][0] == [[2 * i, 2 * i + 1] for i in order[:3]]
    with pytest.raises(ValueError, match="7 examples, but 6 labels"):
        next(d2l.data_iter(3, features, labels[:6]))


def test_sgd_equals_the_optimizer_of_that_name():
    param, same = nd.array([1.0, -2.0]), nd.array([1.0, -2.0])
    for array in (param, same):
        array.attach_grad()
        with autograd.record():
            loss = (array**3).sum()
        loss.backward()
    d2l.sgd([param], 0.3, 10)
    train.SGD([same], 0.3).step(10)
    np.testing.assert_array_equal(param.asnumpy(), same.asnumpy())
    np.testing.assert_allclose(param.asnumpy(), [1 - 0.3 * 3 / 10, -2 - 0.3 * 12 / 10], rtol=1e-6)


def test_section_3_3_linear_regression_with_gluon_runs():
    features = nd.random.normal(scale=1, shape=(1000, 2))
    labels = 2 * features[:, 0] - 3.4 * features[:, 1] + 4.2
    labels += nd.random.normal(scale=0.01, shape=labels.shape)
    dataset = gdata.ArrayDataset(features, labels)
    net = nn.Sequential()
    net.add(nn.Dense(1))
    net.initialize(init.Normal(sigma=0.01))
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.03})
    for _ in range(3):
        for X, y in gdata.DataLoader(dataset, 10, shuffle=True):
            with autograd.record():
                loss = gloss.L2Loss()(net(X), y)
            loss.backward()
            trainer.step(10)
    assert 4.5e-5 < gloss.L2Loss()(net(features), labels).mean().asscalar() < 5.5e-5  # 0.000051 in the book


def test_section_3_5_shows_images(fashion):
    train_iter, test_iter = d2l.load_data_fashion_mnist(256)
    assert (len(train_iter), len(test_iter)) == (3, 1)
    for _ in range(2):  # it can be iterated over again
        assert sorted(y for _, labels in train_iter for y in labels.asnumpy()) == sorted(60 * list(range(10)))
    X, y = next(iter(test_iter))
    assert X.shape == (100, 1, 28, 28)
    assert (X.dtype, y.astype("float32").dtype, X.max().asscalar()) == (
        np.float32,
        np.float32,
        np.float32(250 / 255),
    )
    assert d2l.get_fashion_mnist_labels(y[[0, 9, 8]].asnumpy()) == ["t-shirt", "ankle boot", "bag"]
    d2l.show_fashion_mnist(X[0:9], d2l.get_fashion_mnist_labels(y[0:9]))
    axes = d2l.plt.gcf().axes
    assert [ax.get_title() for ax in axes[:3]] == ["t-shirt", "trouser", "pullover"]
    np.testing.assert_array_equal(axes[3].images[0].get_array(), X[3, 0].asnumpy())
    assert list(d2l.plt.gcf().get_size_inches()) == [12, 12]


def test_load_data_fashion_mnist_is_shuffled_by_numpys_seed(fashion):
    def order(seed):
        np.random.seed(seed)  # noqa: NPY002
        return [y.asnumpy().tolist() for _, y in d2l.load_data_fashion_mnist(100)[0]]

    assert order(3) == order(3) != order(4)


def test_load_data_fashion_mnist_resizes_images_as_gluon_does(fashion):
    _, test_iter = d2l.load_data_fashion_mnist(30, resize=44)
    transform = gdata.vision.transforms.Compose(
        [gdata.vision.transforms.Resize(44), gdata.vision.transforms.ToTensor()]
    )
    pixels = nd.array(images.load_images("fashion_mnist").test_images[:30, :, :, None], dtype="uint8")
    X, _ = next(iter(test_iter))
    assert X.shape == (30, 1, 44, 44)
    np.testing.assert_allclose(X.asnumpy(), nd.stack(*map(transform, pixels)).asnumpy(), atol=1e-6)
    assert [len(y) for _, y in test_iter] == [30, 30, 30, 10]
    assert next(iter(d2l.load_data_fashion_mnist(2, resize=(40, 30))[0]))[0].shape == (2, 1, 30, 40)


def test_load_data_fashion_mnist_uses_files_that_gluon_downloaded(offline, tmp_path, write_idx):
    folder = tmp_path / ".mxnet" / "datasets" / "fashion-mnist"  # in the home folder, where d2lzh looked
    for part, count in (("train", 5), ("t10k", 3)):
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", np.full((count, 28, 28), count))
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", np.arange(count))
    train_iter, _ = d2l.load_data_fashion_mnist(10)
    ((X, y),) = train_iter
    assert (X.shape, X.max().asscalar(), sorted(y.asnumpy())) == (
        (5, 1, 28, 28),
        np.float32(5 / 255),
        [0, 1, 2, 3, 4],
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_data_functions_warn_when_stand_in_data_replace_published_ones(offline, caplog):
    with caplog.at_level(logging.WARNING):
        X, _ = next(iter(d2l.load_data_fashion_mnist(64)[0]))
        features, labels = d2l.get_data_ch7()
    assert X.shape == (64, 1, 28, 28)
    assert (features.shape, labels.shape) == ((1500, 5), (1500,))
    fashion_warning, airfoil_warning = (record.getMessage() for record in caplog.records)
    assert fashion_warning.startswith(
        "fashion_mnist is neither on this machine nor can it be downloaded; scikit-learn's"
    )
    assert airfoil_warning.startswith(
        "airfoil_self_noise is neither on this machine nor can it be downloaded; a generated"
    )


def softmax_scratch():
    W, b = nd.random.normal(scale=0.01, shape=(784, 10)), nd.zeros(10)

    def softmax(X):
        X_exp = X.exp()
        return X_exp / X_exp.sum(axis=1, keepdims=True)

    def net(X):
        return softmax(nd.dot(X.reshape((-1, 784)), W) + b)

    return net, lambda y_hat, y: -nd.pick(y_hat, y).log(), [W, b]


def attach(params):
    for param in params:
        param.attach_grad()


def test_section_3_6_softmax_regression_runs(real_data, printed_epochs):
    train_iter, test_iter = d2l.load_data_fashion_mnist(256)
    net, cross_entropy, params = softmax_scratch()
    attach(params)
    assert 0 < d2l.evaluate_accuracy(test_iter, net) < 0.25  # about one in ten before training
    assert d2l.train_ch3(net, train_iter, test_iter, cross_entropy, 5, 256, params, 0.1) is None
    losses, train_accs, test_accs = zip(*printed_epochs())
    assert 0.78 < losses[0] < 0.8  # 0.7882 in the book
    assert 0.483 < losses[4] < 0.491  # 0.4884
    assert 0.832 < train_accs[4] < 0.841  # 0.836
    assert 0.81 < test_accs[4] < 0.846  # 0.840 with the files of then
    assert f"{d2l.evaluate_accuracy(test_iter, net):.3f}" == f"{test_accs[4]:.3f}"


def test_section_3_7_softmax_regression_with_gluon_runs(real_data, printed_epochs):
    train_iter, test_iter = d2l.load_data_fashion_mnist(256)
    net = nn.Sequential()
    net.add(nn.Dense(10))
    net.initialize(init.Normal(sigma=0.01))
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    d2l.train_ch3(net, train_iter, test_iter, gloss.SoftmaxCrossEntropyLoss(), 5, 256, None, None, trainer)
    loss, train_acc, test_acc = printed_epochs()[-1]
    assert 0.483 < loss < 0.491  # 0.4896 in the book
    assert 0.832 < train_acc < 0.841  # 0.834
    assert 0.81 < test_acc < 0.846  # 0.843


def mlp_params():
    return [
        nd.random.normal(scale=0.01, shape=(784, 256)),
        nd.zeros(256),
        nd.random.normal(scale=0.01, shape=(256, 10)),
        nd.zeros(10),
    ]


def test_section_3_8_activations_are_drawn():
    def xyplot(x_vals, y_vals, name):
        d2l.set_figsize(figsize=(5, 2.5))
        d2l.plt.plot(x_vals.asnumpy(), y_vals.asnumpy())
        d2l.plt.xlabel("x")
        d2l.plt.ylabel(name + "(x)")

    x = nd.arange(-8.0, 8.0, 0.1)
    x.attach_grad()
    with autograd.record():
        y = x.relu()
    xyplot(x, y, "relu")
    y.backward()
    d2l.plt.figure()
    xyplot(x, x.grad, "grad of relu")
    ax = d2l.plt.gca()
    assert ax.get_ylabel() == "grad of relu(x)"
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), x.asnumpy() > 0)
    assert list(d2l.plt.gcf().get_size_inches()) == [5, 2.5]


@pytest.mark.slow
def test_section_3_9_multilayer_perceptron_runs(real_data, printed_epochs):
    params = mlp_params()
    W1, b1, W2, b2 = params
    attach(params)

    def net(X):
        return nd.dot(nd.maximum(nd.dot(X.reshape((-1, 784)), W1) + b1, 0), W2) + b2

    train_iter, test_iter = d2l.load_data_fashion_mnist(256)
    d2l.train_ch3(net, train_iter, test_iter, gloss.SoftmaxCrossEntropyLoss(), 5, 256, params, 0.5)
    loss, train_acc, test_acc = printed_epochs()[-1]
    assert 0.355 < loss < 0.385  # 0.3663 in the book
    assert 0.855 < train_acc < 0.872  # 0.866
    assert 0.825 < test_acc < 0.88  # 0.869


def test_section_3_10_multilayer_perceptron_with_gluon_runs(fashion, printed_epochs):
    net = nn.Sequential()
    net.add(nn.Dense(256, activation="relu"), nn.Dense(10))
    net.initialize(init.Normal(sigma=0.01))
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5})
    train_iter, test_iter = d2l.load_data_fashion_mnist(50)
    d2l.train_ch3(net, train_iter, test_iter, gloss.SoftmaxCrossEntropyLoss(), 4, 50, None, None, trainer)
    (first, *_), *_, (loss, train_acc, test_acc) = printed_epochs()
    assert loss < 0.1 < first
    assert (train_acc, test_acc) == (1, 1)


def fit_and_plot(train_features, test_features, train_labels, test_labels, num_epochs=100):
    loss = gloss.L2Loss()
    net = nn.Sequential()
    net.add(nn.Dense(1))
    net.initialize()
    batch_size = min(10, train_labels.shape[0])
    train_iter = gdata.DataLoader(gdata.ArrayDataset(train_features, train_labels), batch_size, shuffle=True)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.01})
    train_ls, test_ls = [], []
    for _ in range(num_epochs):
        for X, y in train_iter:
            with autograd.record():
                mean = loss(net(X), y).mean()
            mean.backward()
            trainer.step(1)
        train_ls.append(loss(net(train_features), train_labels).mean().asscalar())
        test_ls.append(loss(net(test_features), test_labels).mean().asscalar())
    d2l.semilogy(
        range(1, num_epochs + 1),
        train_ls,
        "epochs",
        "loss",
        range(1, num_epochs + 1),
        test_ls,
        ["train", "test"],
    )
    return net, train_ls, test_ls


def test_section_3_11_polynomial_fitting_runs():
    x = nd.random.normal(shape=(200, 1))
    powers = nd.concat(x, nd.power(x, 2), nd.power(x, 3))
    labels = 1.2 * powers[:, 0] - 3.4 * powers[:, 1] + 5.6 * powers[:, 2] + 5
    labels += nd.random.normal(scale=0.1, shape=labels.shape)
    net, train_ls, test_ls = fit_and_plot(powers[:100], powers[100:], labels[:100], labels[100:])
    assert train_ls[-1] < 0.02
    assert test_ls[-1] < 0.05
    np.testing.assert_allclose(net[0].weight.data().asnumpy(), [[1.2, -3.4, 5.6]], atol=0.15)
    ax = d2l.plt.gca()
    assert (ax.get_yscale(), ax.get_xlabel(), len(ax.lines)) == ("log", "epochs", 2)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["train", "test"]
    _, train_ls, test_ls = fit_and_plot(x[:100], x[100:], labels[:100], labels[100:], num_epochs=5)
    assert len(d2l.plt.get_fignums()) == 2  # not over the first curves
    assert train_ls[-1] > 10  # a line does not fit


def test_semilogy_accepts_arrays_and_needs_no_legend():
    d2l.semilogy(np.arange(3), np.ones(3), "x", "y", np.arange(3), np.ones(3), figsize=(4, 2))
    assert (len(d2l.plt.gca().lines), d2l.plt.gca().get_legend()) == (2, None)
    assert list(d2l.plt.gcf().get_size_inches()) == [4, 2]


def test_section_3_12_weight_decay_runs():
    num_inputs, true_w, true_b = 200, nd.ones((200, 1)) * 0.01, 0.05
    features = nd.random.normal(shape=(120, num_inputs))
    labels = nd.dot(features, true_w) + true_b
    labels += nd.random.normal(scale=0.01, shape=labels.shape)
    norms = {}
    for lambd in (0, 3):
        mx.random.seed(1)
        w, b = nd.random.normal(scale=1, shape=(num_inputs, 1)), nd.zeros(shape=(1,))
        attach([w, b])
        train_iter = gdata.DataLoader(gdata.ArrayDataset(features[:20], labels[:20]), 1, shuffle=True)
        train_ls = []
        for _ in range(30):
            for X, y in train_iter:
                with autograd.record():
                    losses = d2l.squared_loss(d2l.linreg(X, w, b), y) + lambd * (w**2).sum() / 2
                losses.backward()
                d2l.sgd([w, b], 0.003, 1)
            train_ls.append(d2l.squared_loss(d2l.linreg(features[:20], w, b), labels[:20]).mean().asscalar())
        d2l.semilogy(range(1, 31), train_ls, "epochs", "loss")
        norms[lambd] = w.norm().asscalar()
    assert 11 < norms[0] < 15.5  # 11.6 in the book
    assert norms[3] < 0.1  # 0.042


def test_section_3_13_dropout_runs(fashion, printed_epochs):
    def dropout(X, drop_prob):
        keep = nd.random.uniform(0, 1, X.shape) < 1 - drop_prob
        return keep * X / (1 - drop_prob)

    W1, b1, W2, b2 = params = mlp_params()
    attach(params)
    recorded = []

    def net(X):
        recorded.append(autograd.is_training())
        H = nd.relu(nd.dot(X.reshape((-1, 784)), W1) + b1)
        return nd.dot(dropout(H, 0.5) if autograd.is_training() else H, W2) + b2

    train_iter, test_iter = d2l.load_data_fashion_mnist(50)
    d2l.train_ch3(net, train_iter, test_iter, gloss.SoftmaxCrossEntropyLoss(), 5, 50, params, 0.5)
    assert printed_epochs()[-1][2] == 1
    assert recorded.count(True) == 5 * 12
    assert recorded.count(False) == 5 * 2


def house_prices(folder, k, num_epochs, dataset=gdata.ArrayDataset):
    """Return the mean log rmse of the folds in training and validation, as section 3.16 computes it."""
    pd = pytest.importorskip("pandas")
    train_data, test_data = (
        pd.read_csv(folder / "kaggle_house" / f"kaggle_house_pred_{part}.csv") for part in ("train", "test")
    )
    table = pd.concat((train_data.iloc[:, 1:-1], test_data.iloc[:, 1:]))
    numeric = table.select_dtypes("number").columns
    table[numeric] = table[numeric].apply(lambda x: (x - x.mean()) / x.std()).fillna(0)
    table = pd.get_dummies(table, dummy_na=True)
    features = nd.array(table[: len(train_data)].values)
    labels = nd.array(train_data.SalePrice.values).reshape((-1, 1))
    loss, n, sums = gloss.L2Loss(), len(labels) // 5, np.zeros(2)

    def log_rmse(net, X, y):
        return nd.sqrt(2 * loss(nd.clip(net(X), 1, float("inf")).log(), y.log()).mean()).asscalar()

    for i in range(k):
        fold = slice(i * n, (i + 1) * n)
        others = np.r_[0 : i * n, (i + 1) * n : 5 * n]
        X, y = features[others], labels[others]
        net = nn.Sequential()
        net.add(nn.Dense(1))
        net.initialize()
        trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 5, "wd": 0})
        ls = []
        for _ in range(num_epochs):
            for batch, targets in gdata.DataLoader(dataset(X, y), 64, shuffle=True):
                with autograd.record():
                    losses = loss(net(batch), targets)
                losses.backward()
                trainer.step(64)
            ls.append((log_rmse(net, X, y), log_rmse(net, features[fold], labels[fold])))
        train_ls, valid_ls = zip(*ls)
        if i == 0:
            d2l.semilogy(
                range(1, num_epochs + 1),
                train_ls,
                "epochs",
                "rmse",
                range(1, num_epochs + 1),
                valid_ls,
                ["train", "valid"],
            )
        sums += ls[-1]
    return sums / k


def test_section_3_16_house_prices_runs(real_data):
    train_rmse, valid_rmse = house_prices(real_data, k=1, num_epochs=3)
    assert len(d2l.plt.gca().lines) == 2
    assert 1 < train_rmse < 3  # far from done, but on its way from 11.7
    assert abs(train_rmse - valid_rmse) < 0.1


def rows_of_numpy(*arrays):
    return gdata.ArrayDataset(*(array.asnumpy() for array in arrays))


@pytest.mark.slow
def test_section_3_16_house_prices_at_full_scale_meets_the_published_scores(real_data):
    # Gluon's loader joins rows of NumPy into the same batches as NDArrays, but faster.
    train_rmse, valid_rmse = house_prices(real_data, k=5, num_epochs=100, dataset=rows_of_numpy)
    assert 0.165 < train_rmse < 0.1661  # 0.165191 in the book
    assert 0.1695 < valid_rmse < 0.1715  # 0.170562


def test_train_ch3_accepts_gluons_data_loader_with_processes(fashion, printed_epochs):
    pixels = images.load_images("fashion_mnist").train_images[:100, :, :, None]
    dataset = gdata.ArrayDataset(nd.array(pixels, dtype="uint8"), np.arange(100, dtype=np.int32) % 10)
    transformed = dataset.transform_first(gdata.vision.transforms.ToTensor())
    train_iter = gdata.DataLoader(transformed, 50, shuffle=True, num_workers=1)
    net, cross_entropy, params = softmax_scratch()
    attach(params)
    d2l.train_ch3(net, train_iter, train_iter, cross_entropy, 2, 50, params, 0.1)
    assert len(printed_epochs()) == 2
