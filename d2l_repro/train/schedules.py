"""Learning rates that change while training goes on: functions, number of steps taken so far -> learning
rate.

`callbacks.Schedule` hands one to the loop. `by_epoch` makes one that counts epochs of one that counts steps.
"""

import math


def constant(lr):
    """Always `lr`."""
    return lambda steps: lr


def cosine(lr, num_steps):
    """From `lr` down to 0 along half a cosine: lr / 2 (1 + cos(pi t / T)) (I. Loshchilov and F. Hutter,
    2017)."""
    return lambda steps: lr / 2 * (1 + math.cos(math.pi * min(steps / num_steps, 1)))


def exponential(lr, factor):
    """`factor` times as much after every step: lr factor^t."""
    return lambda steps: lr * factor**steps


def stepwise(lr, factor, milestones):
    """`factor` times as much from each of the milestones on, numbers of steps."""
    return lambda steps: lr * factor ** sum(steps >= milestone for milestone in milestones)


def warm_up(num_steps, then):
    """Up in a line to where the schedule `then` begins, over `num_steps` steps; then that schedule from its
    start."""
    return lambda steps: (
        then(0) * (steps + 1) / (num_steps + 1) if steps < num_steps else then(steps - num_steps)
    )


def by_epoch(schedule, steps_per_epoch):
    """A schedule that counts epochs, held through the steps of each."""
    return lambda steps: schedule(steps // steps_per_epoch)
