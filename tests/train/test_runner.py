"""Test the runner: training with validation, its best epoch, and its files."""

import functools
import zipfile

import numpy as np
import pytest
from mxnet import autograd, gluon, init, nd
from mxnet.gluon import nn

from d2l_repro.errors import InputError
from d2l_repro.experiment.model import Model
from d2l_repro.scratch import SGD, correct_sign, sigmoid_cross_entropy
from d2l_repro.scratch.counterparts import LogisticLoss
from d2l_repro.scratch.layers import Activation, Affine, BatchNorm, Network, gradients_by_hand
from d2l_repro.train import Callback, Runner, evaluate, train_ch3
from d2l_repro.train.arrays import write_arrays
from d2l_repro.train.parameters import book_arrays

RNG = np.random.RandomState(0)
X = nd.array(RNG.normal(size=(60, 2)))
Y = (X[:, 0] * X[:, 1] > 0).astype("float32")
TRAIN, VALID, TEST = ([(X[part], Y[part])] for part in (slice(0, 40), slice(40, 50), slice(50, 60)))
LR = 2.0


def from_scratch(norm=False, units=4):
    rng = np.random.RandomState(1)
    hidden = Affine(nd.array(rng.normal(size=(2, units))), nd.zeros(units), first=True)
    norms = [BatchNorm(nd.ones(units), nd.zeros(units))] if norm else []
    output = Affine(nd.array(rng.normal(size=(units, 1))), nd.zeros(1))
    net = Network([hidden, *norms, Activation("sigmoid"), output])
    return Model(
        net,
        sigmoid_cross_entropy,
        net.params,
        SGD(net.params, LR),
        gradients=gradients_by_hand(net, "logistic"),
        accuracy=correct_sign,
    )


def with_gluon(norm=False, units=4):
    net = nn.HybridSequential()
    net.add(nn.Dense(units), *([nn.BatchNorm()] if norm else []), nn.Activation("sigmoid"), nn.Dense(1))
    net.initialize(init.Normal(1))
    net.hybridize()
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": LR}, kvstore=None)
    return Model(net, LogisticLoss(), params, trainer, accuracy=correct_sign)


BUILDERS = pytest.mark.parametrize("build", [from_scratch, with_gluon])


class Parameters(Callback):
    """Keep the parameters after every epoch."""

    def __init__(self, model):
        self.model, self.kept = model, []

    def after_epoch(self, loop):
        self.kept.append(book_arrays(self.model))


@BUILDERS
def test_train_takes_the_steps_of_the_loop_and_validates_after_each_epoch(build, tmp_path):
    mine, plain = Runner(build()), build()
    mine.predict(X)
    mine.save(tmp_path / "start.npz")
    Runner(plain).load(tmp_path / "start.npz")
    history = mine.train(TRAIN, VALID, 5, 40)
    theirs = train_ch3(
        plain.net, TRAIN, None, plain.loss, 5, 40,
        trainer=plain.trainer,
        metrics={"acc": correct_sign},
        gradients=plain.gradients,
        measure={"valid_loss": lambda: evaluate(VALID, plain.net, plain.loss)},
    )  # fmt: skip
    assert history["train_loss"] == theirs["train_loss"]
    assert history["valid_loss"] == theirs["valid_loss"]
    assert list(history[0]) == ["epoch", "train_loss", "train_acc", "valid_loss", "valid_acc", "seconds"]


@BUILDERS
def test_restore_returns_to_the_first_epoch_with_the_best_validation_score(build):
    model = build()
    runner, kept = Runner(model), Parameters(model)
    history = runner.train(TRAIN, VALID, 30, 40, callbacks=[kept])
    scores = history["valid_acc"]
    assert runner.best_score == max(scores)
    assert runner.best_epoch == scores.index(max(scores)) + 1
    runner.restore()
    for restored, best in zip(book_arrays(model), kept.kept[runner.best_epoch - 1]):
        np.testing.assert_array_equal(restored, best)
    assert runner.evaluate(VALID)["acc"] == runner.best_score


@BUILDERS
def test_the_file_has_the_best_parameters_and_a_new_net_loads_them(build, tmp_path):
    trained = Runner(build(norm=True))
    trained.train(TRAIN, VALID, 20, 40, path=tmp_path / "best.npz")
    trained.restore()
    fresh = Runner(build(norm=True))
    fresh.load(tmp_path / "best.npz")  # a Gluon net before its first batch, too
    np.testing.assert_array_equal(fresh.predict(X).asnumpy(), trained.predict(X).asnumpy())
    assert fresh.evaluate(TEST) == trained.evaluate(TEST)


@pytest.mark.parametrize(("write", "read"), [(from_scratch, with_gluon), (with_gluon, from_scratch)])
def test_either_implementation_loads_what_the_other_has_saved(write, read, tmp_path):
    writer, reader = Runner(write()), Runner(read())
    expected = writer.predict(X).asnumpy()
    writer.save(tmp_path / "net.npz")
    reader.load(tmp_path / "net.npz")
    np.testing.assert_allclose(reader.predict(X).asnumpy(), expected, rtol=1e-5, atol=1e-6)


def test_evaluate_and_predict_agree_with_numpy_and_leave_the_history_alone():
    model = from_scratch()
    runner = Runner(model)
    history = runner.train(TRAIN, VALID, 2, 40)
    W1, b1, W2, b2 = book_arrays(model)
    points, classes = (array.asnumpy() for array in TEST[0])
    o = (1 / (1 + np.exp(-(points @ W1 + b1))) @ W2 + b2).ravel()
    np.testing.assert_allclose(runner.predict(points).asnumpy().ravel(), o, rtol=1e-5)
    found = runner.evaluate(TEST)
    assert found["loss"] == pytest.approx((np.log1p(np.exp(o)) - classes * o).mean(), rel=1e-5)
    assert found["acc"] == ((o > 0) == classes).mean()
    assert len(history) == 2


@BUILDERS
def test_inspect_sees_the_gradient_of_the_mean_loss_and_the_weights_before_each_step(build):
    seen = []
    model = build()
    Runner(model).train(TRAIN, VALID, 3, 40, inspect=lambda *step: seen.append(step))
    assert [step for step, _, _ in seen] == [0, 1, 2]
    for (_, before, gradients), (_, after, _) in zip(seen, seen[1:]):
        for p, g, q in zip(before, gradients, after):
            np.testing.assert_allclose(q, p - LR * g, rtol=1e-4, atol=1e-6)  # p <- p - lr g
    # central differences in one weight
    points, classes = (array.asnumpy() for array in TRAIN[0])

    def mean_loss(shift):
        W1, b1, W2, b2 = (array.astype(float) for array in seen[0][1])
        W1[0, 1] += shift
        o = (1 / (1 + np.exp(-(points @ W1 + b1))) @ W2 + b2).ravel()
        return (np.log1p(np.exp(o)) - classes * o).mean()

    difference = (mean_loss(1e-4) - mean_loss(-1e-4)) / 2e-4
    assert seen[0][2][0][0, 1] == pytest.approx(difference, rel=1e-3, abs=1e-7)


def test_train_prints_every_nth_epoch_and_each_new_best_score_or_nothing(capsys):
    Runner(from_scratch()).train(TRAIN, VALID, 4, 40)
    assert capsys.readouterr().out == ""
    history = Runner(from_scratch()).train(TRAIN, VALID, 9, 40, log_every=4)
    lines = capsys.readouterr().out.splitlines()
    best, expected = -1.0, []
    for row in history:
        if row["valid_acc"] > best:
            expected.append(f"epoch {row['epoch']}: validation score {row['valid_acc']:.5f}")
            best = row["valid_acc"]
        if row["epoch"] in (1, 5, 9):
            expected.append(f"epoch {row['epoch']}, train loss")
    assert len(lines) == len(expected)
    assert all(line.startswith(start) for line, start in zip(lines, expected))


def test_a_net_without_a_trainer_is_trained_by_the_loops_own_sgd():
    one = from_scratch()
    one.trainer, one.lr, one.gradients = None, LR, None
    losses = Runner(one).train(TRAIN, VALID, 3, 40)["train_loss"]
    np.testing.assert_allclose(
        losses, Runner(from_scratch()).train(TRAIN, VALID, 3, 40)["train_loss"], rtol=1e-5
    )


def test_predict_and_evaluate_switch_training_mode_off_also_after_training():
    runner = Runner(from_scratch(norm=True))
    runner.train(TRAIN, VALID, 2, 40)
    whole = runner.predict(X)[:5].asnumpy()
    np.testing.assert_allclose(runner.predict(X[:5]).asnumpy(), whole, rtol=1e-5)
    assert not autograd.is_training()


def other_file(path):
    write_arrays(path, {"x": np.zeros(3)}, "model")


FAULTS = {
    "missing": (lambda path: None, "no readable model"),
    "no zip": (lambda path: path.write_bytes(b"no zip"), "no readable model"),
    "checkpoint": (
        lambda path: write_arrays(path, {"0": np.zeros(3)}, {"run": {}}),
        "not written by a runner",
    ),
    "other net": (other_file, "has 1 arrays, not 4 as the net"),
    "other size": (lambda path: Runner(from_scratch(units=3)).save(path), "parameter 0 has shape .2, 3."),
    "nan": (
        lambda path: write_arrays(path, {f"parameter_{i}": np.full(1, np.nan) for i in range(4)}, "model"),
        "no finite numbers",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_load_refuses_other_files_in_one_line_and_changes_nothing(fault, tmp_path):
    write, message = FAULTS[fault]
    path = tmp_path / "net.npz"
    write(path)
    model = from_scratch()
    before = book_arrays(model)
    with pytest.raises(InputError, match=message) as error:
        Runner(model).load(path)
    assert "\n" not in str(error.value)
    for array, old in zip(book_arrays(model), before):
        np.testing.assert_array_equal(array, old)


def test_files_contain_arrays_and_no_pickle(tmp_path):
    Runner(from_scratch()).save(tmp_path / "net.npz")
    with zipfile.ZipFile(tmp_path / "net.npz") as file:
        read = functools.partial(np.lib.format.read_array, allow_pickle=False)
        arrays = {name: read(file.open(name)) for name in file.namelist()}
    assert set(arrays) == {"about.npy", *(f"parameter_{i}.npy" for i in range(4))}
