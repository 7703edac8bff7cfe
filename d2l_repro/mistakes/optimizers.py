"""Mistakes in the optimizers from scratch, on one linear layer."""

from dataclasses import replace

from chapters.optimizers import AVERAGE, CONCLUSIONS, Setting, softmax_from_scratch, softmax_with_gluon

from ..experiment.conclusions import add_differences
from ..scratch import SGD, Adam, AdamW, Momentum
from .mistake import PARITY, Lesson, Mistake

BATCHES = 235  # of Fashion-MNIST in an epoch


def with_optimizer(optimizer_cls, **options):
    """Return a change of the optimizer, which keeps the setting's learning rate and weight decay."""
    return lambda model, hp: replace(
        model, trainer=optimizer_cls(model.params, hp.lr, **{"wd": hp.wd, **options})
    )


class WithoutRoot(Adam):
    """Divide by the average of the squares instead of its root."""

    def update(self, g, v, s):
        return super().update(g, v, s) * (s.sqrt() + self.epsilon) / (s + self.epsilon)


class EpsilonInside(Adam):
    """Add epsilon to the average of the squares before the root is taken, not to the root."""

    def update(self, g, v, s):
        return super().update(g, v, s) * (s.sqrt() + self.epsilon) / (s + self.epsilon).sqrt()


class Late(Momentum):
    """Step by the average as it was before it got to know the gradient."""

    def update(self, g, v):
        before = v.copy()
        super().update(g, v)
        return self.learning_rate * before


def decay_times_batch_size(model, hp):
    """Multiply the decay by the batch size, as for a gradient that is not yet divided by it."""
    return with_optimizer(Momentum, average=True, l2_factor=hp.batch_size)(model, hp)


class Deaf:
    """Keep the first learning rate, whatever a schedule says.

    Args:
        trainer: from scratch.
    """

    def __init__(self, trainer):
        self.trainer, self.step = trainer, trainer.step

    @property
    def learning_rate(self):
        return self.trainer.learning_rate

    def set_learning_rate(self, lr):
        """Ignore the learning rate."""


MOMENTUM = {"optimizer": "momentum", "lr": 0.02}
ADAM = {"optimizer": "adam", "lr": 0.001}

lesson = Lesson(
    softmax_from_scratch,
    softmax_with_gluon,
    Setting(num_epochs=20, batch_size=256, optimizer="momentum", lr=0.02),
    [
        Mistake(
            "average as velocity",
            "whose momentum is an average of the gradients, with the learning rate of a velocity",
            "momentum",
            with_optimizer(Momentum, average=True),
            settings=MOMENTUM,
            caught_by=(PARITY,),
        ),
        Mistake(
            "velocity forgotten",
            "whose momentum begins at zero in every step, which is plain SGD",
            "momentum",
            with_optimizer(SGD),
            settings=MOMENTUM,
            caught_by=(PARITY,),
        ),
        Mistake(
            "no look ahead",
            "whose Nesterov momentum does not look ahead, which is plain momentum",
            "momentum",
            with_optimizer(Momentum),
            settings={**MOMENTUM, "optimizer": "nesterov"},
            caught_by=(PARITY,),
        ),
        Mistake(
            "decay without half",
            "whose optimizer decays twice as fast, as for a penalty without its half",
            "factor of the penalty",
            with_optimizer(Momentum, l2_factor=2.0),
            settings={**MOMENTUM, "wd": 5e-4},
            caught_by=(PARITY,),
        ),
        Mistake(
            "no decay",
            "whose optimizer ignores the weight decay",
            "penalty left out",
            with_optimizer(Momentum, wd=0.0),
            settings={**MOMENTUM, "wd": 5e-4},
            caught_by=(PARITY,),
        ),
        Mistake(
            "no correction",
            "whose Adam lacks the correction of its averages' bias",
            "bias correction",
            with_optimizer(Adam, correct_bias=False),
            settings=ADAM,
            caught_by=(PARITY,),
        ),
        Mistake(
            "t counts epochs",
            "whose Adam counts epochs where it should count steps",
            "bias correction",
            with_optimizer(Adam, steps_per_t=BATCHES),
            settings=ADAM,
            caught_by=(PARITY,),
        ),
        Mistake(
            "betas exchanged",
            "whose Adam has its two betas exchanged",
            "averages of Adam",
            with_optimizer(Adam, beta1=0.999, beta2=0.9),
            settings=ADAM,
            caught_by=(PARITY,),
        ),
        Mistake(
            "no root",
            "whose Adam divides by the average square, not by its root",
            "averages of Adam",
            with_optimizer(WithoutRoot),
            settings=ADAM,
            caught_by=(PARITY,),
        ),
        Mistake(
            "decay decoupled",
            "whose Adam decays its weights as AdamW does, not through the gradient",
            "form of the penalty",
            with_optimizer(AdamW),
            settings={**ADAM, "wd": 0.01},
            caught_by=(PARITY,),
        ),
        Mistake(
            "velocity as average",
            "whose momentum is a velocity, with the learning rate of an average",
            "momentum",
            with_optimizer(Momentum),
            settings={"optimizer": AVERAGE, "lr": 0.2},
            caught_by=(PARITY,),
            rows=(("mlp momentum best", "train_acc"),),
        ),
        # Parity compares steps, which no schedule has touched.
        Mistake(
            "schedule never moves",
            "whose learning rate stays what it was, whatever the schedule says",
            "schedule",
            lambda model, hp: replace(model, trainer=Deaf(model.trainer)),
            settings={"optimizer": AVERAGE, "lr": 0.2},
            missed=(("mlp momentum best", "gap"),),
        ),
        Mistake(
            "average forgotten",
            "whose momentum begins at zero in every step, with the learning rate of an average",
            "momentum",
            with_optimizer(SGD),
            settings={"optimizer": AVERAGE, "lr": 0.2},
            caught_by=(PARITY,),
        ),
        Mistake(
            "epsilon inside",
            "whose Adam adds epsilon inside the root",
            "averages of Adam",
            with_optimizer(EpsilonInside),
            settings=ADAM,
            caught_by=(PARITY,),
        ),
        Mistake(
            "one step late",
            "that takes each step before the gradient enters the average",
            "order of the update",
            with_optimizer(Late, average=True),
            settings={"optimizer": AVERAGE, "lr": 0.2},
            caught_by=(PARITY,),
        ),
        Mistake(
            "decay times batch size",
            "whose weight decay is multiplied by the batch size",
            "factor of the penalty",
            decay_times_batch_size,
            settings={"optimizer": AVERAGE, "lr": 0.2, "wd": 5e-4},
            caught_by=(PARITY,),
            rows=(
                ("softmax momentum best", "train_acc"),
                ("mlp momentum best", "train_acc"),
                ("mlp momentum best", "test_acc"),
                ("mlp momentum best", "gap"),
            ),
        ),
    ],
    derived=lambda result: add_differences(result, CONCLUSIONS),
    derived_from={"conclusions": {name: pair[:2] for name, pair in CONCLUSIONS.items()}},
)
