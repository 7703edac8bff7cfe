"""Texts of the exercises on optimizers and a learning-rate schedule."""

from ..texts import Text

STEPS = ("the first step", "three steps", "the same path for 50 steps")
TEXTS = {
    "momentum": Text(
        title="SGD with momentum",
        section="7.4",
        task=(
            "Take one step, in place: update the velocity v, then the parameter. The gradient is that "
            "of the mean."
        ),
        formula="""v <- rho v + lr g
p <- p - v""",
        template='''
def momentum(param, grad, v, lr, rho):
    """Update the arrays param and v, which have the shape of grad. Return nothing."""
    raise NotImplementedError
''',
        steps=STEPS,
        hints=(
            "v has to be the caller's array in the next step, too.",
            "v[:] = ... writes into an array; v = ... gives its name to a new one.",
            "v[:] = rho * v + lr * grad; param[:] = param - v",
        ),
        mistakes={
            "average": (
                "v is an average, with the gradient multiplied by 1 - rho. Here it is a velocity: rho "
                "v + lr g."
            ),
            "forgets": (
                "v is a new array that the caller never sees, so each step begins at 0. Assign to v[:]."
            ),
            "rebinds": "`param = param - v` makes a new array. Assign to param[:].",
            "nesterov": "This looks ahead, as Nesterov's method does. Subtract v itself.",
            "rate twice": "The learning rate is in v already; the step multiplies by it once more.",
            "late": "The step is taken before the gradient enters v. Update v first.",
            "climbs": "The velocity is added. Subtract it.",
            "unscaled": (
                "v lacks the learning rate, which comes in with the step: another form of momentum, with the "
                "same path until lr changes. Here v <- rho v + lr g."
            ),
            "added": (
                "v has the opposite sign and is added: the same path, but not the v of the formula. Here "
                "v <- rho v + lr g, and it is subtracted."
            ),
            "1 - rho": "v is multiplied by 1 - rho. The share to keep is rho.",
        },
        commentary=(
            "At a constant gradient the velocity grows to lr g / (1 - rho): with rho = 0.9, ten times "
            "the step of SGD."
        ),
    ),
    "rmsprop": Text(
        title="RMSProp",
        section="7.6",
        task="Take one step, in place: update the average s of the squared gradient, then the parameter.",
        formula="""s <- rho s + (1 - rho) g^2
p <- p - lr g / sqrt(s + epsilon)""",
        template='''
def rmsprop(param, grad, s, lr, rho, epsilon):
    """Update the arrays param and s, which have the shape of grad. Return nothing."""
    raise NotImplementedError
''',
        steps=STEPS,
        hints=(
            "All of it is element by element.",
            "Where is epsilon, inside the root or outside? Look at the formula.",
            "s[:] = rho * s + (1 - rho) * grad ** 2; param[:] = param - lr * grad / (s + epsilon).sqrt()",
        ),
        mistakes={
            "no root": "The step is divided by s itself. Take the root.",
            "adagrad": (
                "Squares are summed up for ever, as in AdaGrad. Keep a share rho and add a share 1 - rho."
            ),
            "exchanged": "rho and 1 - rho are exchanged. rho is the share of the old average.",
            "absolute": "s averages the absolute gradient. Square it.",
            "outside": "epsilon is added to the root. Add it to s, inside the root.",
            "no average": "The square is added whole. Multiply it by 1 - rho.",
            "forgets": "s is not kept for the next step. Assign to s[:].",
        },
        commentary=(
            "Each element takes steps of about lr, whatever the scale of its gradient: look at the "
            "four curvatures of the check, from 0.2 to 20."
        ),
    ),
    "adam": Text(
        title="Adam",
        section="7.8",
        task="Take step t, in place: update both averages, correct their bias, update the parameter.",
        formula="""v <- beta1 v + (1 - beta1) g,  v_hat = v / (1 - beta1^t)
s <- beta2 s + (1 - beta2) g^2,  s_hat = s / (1 - beta2^t)
p <- p - lr v_hat / (sqrt(s_hat) + epsilon)""",
        template='''
def adam(param, grad, v, s, t, lr, beta1, beta2, epsilon):
    """Update the arrays param, v and s, which have the shape of grad. Return nothing.

    t is 1 in the first step.
    """
    raise NotImplementedError
''',
        steps=STEPS,
        hints=(
            "Both averages begin at 0 and are too small at first, which the correction makes up for.",
            "Correct copies, v_hat and s_hat. v and s themselves go on to the next step.",
            "v[:] = ...; s[:] = ...; param[:] = param - lr * v_hat / (s_hat.sqrt() + epsilon)",
        ),
        mistakes={
            "not corrected": (
                "Neither average is corrected for its start at 0. Divide by 1 - beta1^t and 1 - beta2^t."
            ),
            "s not corrected": (
                "s is not corrected for its start at 0, so that the first steps are too large."
            ),
            "v not corrected": (
                "v is not corrected for its start at 0, so that the first steps are too small."
            ),
            "betas exchanged": (
                "beta1 and beta2 are exchanged. beta1 belongs to v, the average of the gradient."
            ),
            "no root": "The step is divided by s_hat. Take its root.",
            "inside": "epsilon is added inside the root. Add it to the root.",
            "t late": "The correction is that of step t + 1. Is t increased once more inside?",
            "correction kept": (
                "The corrected averages are written back to v and s, and corrected again in the next "
                "step. Keep them in names of their own."
            ),
            "forgets": "v and s are not kept for the next step. Assign to v[:] and s[:].",
        },
        commentary=(
            "With the correction the first step is about lr in every element, whatever the gradient, which "
            "answers what the correction is good for."
        ),
    ),
    "schedule": Text(
        title="A learning rate that warms up and cools down",
        section="7.3",
        task=(
            "The book's learning rates are constant; this schedule is common today. "
            "Return the learning rate of step t: in the first `warmup` steps it grows linearly up to "
            "lr, then it falls along half a wave of the cosine, from lr towards 0 at step "
            "`total`, before which t stays. A warmup of 0 is none."
        ),
        formula="""lr (t + 1) / warmup                                        for t < warmup
lr (1 + cos(pi (t - warmup) / (total - warmup))) / 2       afterwards""",
        template='''
def schedule(t, lr, warmup, total):
    """Return a number; t counts steps from 0."""
    raise NotImplementedError
''',
        steps=(
            "the warm-up",
            "the cosine",
            "without a warm-up",
        ),
        hints=(
            "Two cases, and an `if`.",
            "math.cos takes radians: half a wave is math.pi.",
            "lr * (1 + math.cos(math.pi * (t - warmup) / (total - warmup))) / 2",
        ),
        mistakes={
            "from 0": (
                "The warm-up begins at a rate of 0, and the first step is lost. Multiply by (t + 1) / warmup."
            ),
            "no warm-up": "There is no warm-up: the cosine begins at step 0.",
            "over all": (
                "The cosine runs over all steps, so that it jumps at the end of the warm-up. Count "
                "from there."
            ),
            "linear": "The rate falls linearly. Take the cosine.",
            "whole wave": "This is a whole wave, which rises again. Half a wave is pi.",
            "no half": "The factor 1/2 is missing: 1 + cos is 2 at the beginning.",
            "degrees": "The angle is in degrees. math.cos takes radians: pi, not 180.",
            "not from lr": (
                "This is a quarter of a wave, cos(pi x / 2). The formula has (1 + cos(pi x)) / 2."
            ),
        },
        commentary=(
            "A schedule is a function of the step alone, so that it can be drawn before anything is trained."
        ),
    ),
}
