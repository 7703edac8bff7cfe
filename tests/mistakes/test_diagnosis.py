"""Test that the reader's mistake is found among those of the chapter."""

import pytest
from mxnet import gluon, init, nd
from mxnet.gluon import nn

from chapters import dropout, linear_regression, mlp, optimizers, softmax_regression, weight_decay
from d2l_repro.data.loader import Data, Minibatches
from d2l_repro.errors import InputError
from d2l_repro.experiment.model import Model
from d2l_repro.mistakes import CHAPTERS, diagnose, lesson_of
from d2l_repro.scratch import SGD, Adam, cross_entropy, softmax, softmax_cross_entropy
from d2l_repro.settings import Options

BATCH = 16


def images():
    X, y = nd.random.uniform(shape=(40, 1, 28, 28)), nd.arange(40) % 10
    return Data("few images", Minibatches(X, y, BATCH, seed=0))


def reader_net(trainer=None, sigma=0.01, out=softmax, lr=None):
    """Return softmax regression as a reader writes it."""
    W, b = nd.random.normal(scale=sigma, shape=(784, 10)), nd.zeros(10)
    for param in (W, b):
        param.attach_grad()
    return Model(
        lambda X: out(nd.dot(X.reshape((-1, 784)), W) + b),
        cross_entropy,
        [W, b],
        trainer and trainer([W, b]),
        lr=lr,
    )


def diagnosed(theirs, chapter=softmax_regression, name="softmax_regression", **settings):
    hp = chapter.HParams(batch_size=BATCH, **settings)
    return diagnose(name, theirs, images(), hp, steps=6)


def test_diagnose_says_that_a_net_follows_our_path():
    diagnosis = diagnosed(reader_net())
    assert diagnosis
    assert diagnosis.mistakes == diagnosis.starts == []
    assert str(diagnosis).startswith("the same path: over 6 steps")
    assert str(diagnosis).count("\n") == 0


def test_diagnose_names_the_mistake_of_a_readers_net():
    diagnosis = diagnosed(reader_net(out=lambda scores: softmax(softmax(scores))))
    assert not diagnosis
    first, last = str(diagnosis).splitlines()
    assert first == str(diagnosis.parity)
    assert last == "Your steps are those of a net that applies softmax twice."


def test_diagnose_finds_mistakes_of_gluon_nets():
    net = nn.HybridSequential()
    net.add(nn.Dense(8), nn.Dense(10))
    net.initialize(init.Normal(0.01))
    net.hybridize()
    params = net.collect_params()
    trainer = gluon.Trainer(params, "sgd", {"learning_rate": 0.5}, kvstore=None)
    theirs = Model(net, gluon.loss.SoftmaxCrossEntropyLoss(), params, trainer)
    diagnosis = diagnosed(theirs, mlp, "mlp", num_hiddens=8)
    assert [mistake.name for mistake in diagnosis.mistakes] == ["no activation"]


def test_diagnose_says_how_many_mistakes_it_tried_in_vain():
    diagnosis = diagnosed(reader_net(lr=0.123))
    assert "1.23 times ours in the same direction" in str(diagnosis)
    tried = sum(mistake.model is not None for mistake in lesson_of("softmax_regression").mistakes)
    assert str(diagnosis).endswith(f"None of the {tried} mistakes that were tried gives your steps.")


def test_diagnose_lists_mistakes_that_take_the_same_steps():
    hp = weight_decay.HParams(num_inputs=5, wd=0.0)  # without lambda, no mistake of the penalty shows
    data = weight_decay.data(hp, Options())
    theirs = weight_decay.from_scratch(hp.replace(wd=3.0), data)
    assert not diagnose("weight_decay", theirs, data, hp, steps=4).mistakes
    linear = lesson_of("linear_regression")
    hp = linear.hp.replace(num_examples=25)
    data = linear_regression.data(hp, Options())
    theirs = linear.from_scratch(hp, data)
    theirs.trainer = SGD(theirs.params[:1], hp.lr)
    text = str(diagnose("linear_regression", theirs, data, hp, steps=4))
    assert text.endswith(
        "a net that leaves out the bias, or of one whose bias is not given to the optimizer."
    )


def test_diagnose_sees_the_penalty_without_its_half():
    hp = weight_decay.HParams(num_inputs=5)
    data = weight_decay.data(hp, Options())
    theirs = weight_decay.from_scratch(hp, data)
    w, _ = theirs.params
    theirs.penalty = lambda: hp.wd * (w**2).sum()
    assert str(diagnose("weight_decay", theirs, data, hp)).endswith(
        "Your steps are those of a net whose penalty lacks its half."
    )


def test_diagnose_sees_initial_parameters_even_if_the_steps_are_right():
    theirs = mlp.from_scratch(mlp.HParams(num_hiddens=8), None)
    for param in theirs.params:
        param[:] = 0
    diagnosis = diagnosed(theirs, mlp, "mlp", num_hiddens=8)
    assert diagnosis
    assert str(diagnosis).endswith(
        "\nYour initial parameters are those of a net whose weights begin at zero."
    )


def test_diagnose_compares_dropout_with_the_same_masks():
    def theirs(p1, p2):
        hp = dropout.HParams(num_hiddens1=8, num_hiddens2=8, drop_prob1=p1, drop_prob2=p2)
        return dropout.from_scratch(hp, None)

    sizes = {"num_hiddens1": 8, "num_hiddens2": 8}
    assert diagnosed(theirs(0.2, 0.5), dropout, "dropout", **sizes)
    wrong = diagnosed(theirs(0.8, 0.5), dropout, "dropout", **sizes)
    assert [mistake.name for mistake in wrong.mistakes] == ["p and 1 - p"]


def test_diagnose_tries_only_mistakes_that_fit_the_settings():
    adam = optimizers.Setting(1, BATCH, optimizer="adam", lr=0.001)
    theirs = reader_net(lambda params: Adam(params, 0.001, correct_bias=False), out=lambda scores: scores)
    theirs.loss = softmax_cross_entropy
    diagnosis = diagnose("optimizers", theirs, images(), adam, steps=6)
    assert [mistake.name for mistake in diagnosis.mistakes] == ["no correction"]
    assert diagnosis.tried == 5


def test_diagnose_refuses_a_chapter_without_mistakes_and_another_net():
    with pytest.raises(InputError, match="choose from linear_regression"):
        diagnose("xor", reader_net(), images())
    with pytest.raises(ValueError, match="do not correspond"):
        diagnosed(reader_net(), mlp, "mlp")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_diagnose_tells_a_chapters_mistakes_apart(chapter, lesson_with_data):
    """Put every mistake into a reader's net: it must be among those found, unless it does not show."""
    lesson, data = lesson_with_data(chapter)
    for mistake in lesson.mistakes:
        if mistake.model and mistake.caught_by and mistake.kind != "initial weights":  # they start from ours
            hp = lesson.hp.replace(**mistake.settings)
            theirs = mistake.put_into(lesson.from_scratch(hp, data), hp)
            diagnosis = diagnose(chapter, theirs, data, hp, steps=6)
            assert mistake.name in [found.name for found in diagnosis.mistakes]
            assert len(diagnosis.mistakes) <= 2
