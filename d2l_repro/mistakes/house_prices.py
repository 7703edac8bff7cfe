"""Mistakes in the prediction of house prices."""

from dataclasses import replace

from mxnet import nd

from chapters.house_prices import HParams, add_means, from_scratch, with_gluon

from ..data.loader import Minibatches
from ..scratch import SGD, Adam, linreg
from ..scratch.optim import clip_gradients
from . import parts
from .mistake import PARITY, Lesson, Mistake

NUM_NUMBERS = 36  # columns with numbers, which come before those of the categories


def with_adam(lr=None, **options):
    """Return a change of Adam, whose learning rate is the setting's by default."""
    return lambda model, hp: replace(model, trainer=Adam(model.params, lr or hp.lr, **options))


def without_categories(model, hp):
    """Use the columns with numbers only."""
    w, b = model.params
    return replace(model, net=lambda X: linreg(X[:, :NUM_NUMBERS], w[:NUM_NUMBERS], b))


def of_logarithms(model, hp):
    """Train on the logarithms of the prices, although the score takes predictions for prices."""
    return replace(model, loss=lambda y_hat, y: model.loss(y_hat, y.log()))


def train_on_validation_fold(data):
    """Train on the rows that are scored as well."""
    houses = data.source
    if houses.valid is None:
        return data
    X, y = (nd.concat(*arrays, dim=0) for arrays in zip(houses.train, houses.valid))
    return replace(data, train_iter=Minibatches(X, y, data.train_iter.batch_size, seed=0))


def smaller_batches(data):
    """Take half the houses per step, and so twice the steps."""
    size = data.train_iter.batch_size // 2
    return replace(data, train_iter=Minibatches(*data.source.train, size, seed=0))


class Clipped(Adam):
    """Clip the gradients' joint norm at 1, which prices in US dollars always exceed."""

    def step(self, batch_size):
        clip_gradients([param.grad for param in self.params], 1.0)
        super().step(batch_size)


def price_among_the_features(data):
    """Put the price, roughly standardized, in the place of the first column."""
    houses = data.source

    def leaky(X, prices):
        return nd.concat((prices.expand_dims(1) - 180_000) / 80_000, X[:, 1:], dim=1), prices

    train, valid = leaky(*houses.train), houses.valid and leaky(*houses.valid)
    batches = Minibatches(train[0], houses.target, data.train_iter.batch_size, seed=0)
    return replace(data, train_iter=batches, source=replace(houses, train=train, valid=valid))


def other_columns(data):
    """Move the categories' columns of the validation rows by one, as encoding both sets separately may do."""
    houses = data.source
    if houses.valid is None:
        return data
    X, prices = houses.valid
    numbers, first, others = X[:, :NUM_NUMBERS], X[:, NUM_NUMBERS : NUM_NUMBERS + 1], X[:, NUM_NUMBERS + 1 :]
    valid = nd.concat(numbers, others, first, dim=1), prices
    return replace(data, source=replace(houses, valid=valid))


TRAINING = (("book", "train_log_rmse"), ("book", "full_train_log_rmse"))
ALL = (*TRAINING, ("book", "valid_log_rmse"))
FOLDS = (*(f"fold {fold}" for fold in range(1, HParams().k + 1)), "all rows")

lesson = Lesson(
    from_scratch,
    with_gluon,
    HParams(fold=1),
    [
        Mistake(
            "logarithms for prices",
            "that is trained on logarithms of the prices but scored as if it predicted prices",
            "scale of the labels",
            of_logarithms,
            caught_by=(PARITY,),
            rows=ALL,
        ),
        Mistake(
            "old learning rate",
            "with the learning rate of linear regression, 0.03",
            "learning rate",
            with_adam(lr=0.03),
            caught_by=(PARITY,),
            rows=ALL,
        ),
        Mistake(
            "SGD for Adam",
            "that is trained by SGD where Adam is meant, with Adam's learning rate",
            "optimizer",
            lambda model, hp: replace(model, trainer=SGD(model.params, hp.lr)),
            caught_by=(PARITY,),
            rows=ALL,
        ),
        Mistake(
            "no correction",
            "whose Adam lacks the correction of its averages' bias",
            "bias correction",
            with_adam(correct_bias=False),
            caught_by=(PARITY,),
        ),
        Mistake(
            "no categories",
            "that uses the columns with numbers, but not those of the categories",
            "parameter not used",
            without_categories,
            caught_by=(PARITY,),
            rows=ALL,
        ),
        Mistake(
            "bias not learned",
            "whose bias is not given to the optimizer",
            "parameter not learned",
            lambda model, hp: replace(model, trainer=Adam(model.params[:1], hp.lr)),
            caught_by=(PARITY,),
            rows=ALL[:1],
            missed=ALL[1:],
        ),
        Mistake(
            "labels of others",
            "whose labels were not shuffled together with the houses",
            "labels of other examples",
            data=parts.labels_of_others,
            rows=ALL,
        ),
        Mistake(
            "validation fold trained on",
            "that is trained on the rows of the validation fold as well",
            "test set trained on",
            data=train_on_validation_fold,
            rows=(("book", "valid_log_rmse"),),
        ),
        Mistake(
            "smaller batches",
            "whose batches have half the houses, so that it takes twice the steps",
            "batch size",
            data=smaller_batches,
            rows=TRAINING,
        ),
        Mistake(
            "absolute error",
            "whose loss is the absolute error, not the squared one",
            "form of the loss",
            lambda model, hp: replace(model, loss=parts.absolute_error),
            caught_by=(PARITY,),
            rows=ALL,
        ),
        Mistake(
            "gradient clipped",
            "whose gradient is clipped at a norm of 1 before Adam sees it",
            "gradient clipped",
            lambda model, hp: replace(model, trainer=Clipped(model.params, hp.lr)),
            caught_by=(PARITY,),
        ),
        Mistake(
            "price among the features",
            "whose features contain the price",
            "label among the inputs",
            data=price_among_the_features,
            rows=ALL,
        ),
        Mistake(
            "other columns",
            "whose categories have other columns in the validation rows than in training",
            "training and test inputs differ",
            data=other_columns,
            rows=(("book", "valid_log_rmse"),),
        ),
    ],
    derived=lambda result: add_means(result, "scratch"),
    derived_from={"book": {"": FOLDS}},
)
