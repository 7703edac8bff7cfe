"""Learning rates that change during training: functions from the number of steps taken to the learning rate.

`callbacks.Schedule` hands one to the loop, whose steps are batches. `by_epoch` turns a schedule that counts
epochs into one that counts batches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Callable

LearningRate = Callable[[int], float]  # steps taken -> learning rate


def constant(lr: float) -> LearningRate:
    """Keep the learning rate at `lr`."""
    return lambda steps: lr


def cosine(lr: float, num_steps: float) -> LearningRate:
    """Decay the learning rate to 0 along half a cosine (I. Loshchilov and F. Hutter, 2017).

    Args:
        lr: initial learning rate.
        num_steps: number of steps after which the learning rate is 0, and stays there.
    """
    # lr / 2 (1 + cos(pi t / T))
    return lambda steps: lr / 2 * (1 + math.cos(math.pi * min(steps / num_steps, 1)))


def exponential(lr: float, factor: float) -> LearningRate:
    """Multiply the learning rate by `factor` after every step."""
    # lr factor^t
    return lambda steps: lr * factor**steps


def stepwise(lr: float, factor: float, milestones: Sequence[int]) -> LearningRate:
    """Multiply the learning rate by `factor` whenever the number of steps reaches a milestone."""
    return lambda steps: lr * factor ** sum(steps >= milestone for milestone in milestones)


def warm_up(num_steps: int, then: LearningRate) -> LearningRate:
    """Increase the learning rate linearly to the first value of another schedule, which then begins.

    Args:
        num_steps: number of steps of the increase.
        then: schedule after the increase; it counts its steps from there.
    """
    return lambda steps: (
        then(0) * (steps + 1) / (num_steps + 1) if steps < num_steps else then(steps - num_steps)
    )


def by_epoch(schedule: LearningRate, steps_per_epoch: int) -> LearningRate:
    """Turn a schedule that counts epochs into one that counts batches, constant within each epoch."""
    return lambda steps: schedule(steps // steps_per_epoch)


# Name -> function from initial learning rate and number of epochs to a schedule that counts epochs.
SCHEDULES: dict[str, Callable[[float, int], LearningRate]] = {
    "constant": lambda lr, num_epochs: constant(lr),
    "step": lambda lr, num_epochs: stepwise(lr, 0.1, (num_epochs // 2, 3 * num_epochs // 4)),
    "exponential": lambda lr, num_epochs: exponential(lr, 0.8),
    "cosine": cosine,
    "warm-up": lambda lr, num_epochs: warm_up(num_epochs // 5, cosine(lr, num_epochs * 4 / 5)),
}
