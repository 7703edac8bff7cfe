"""Which proofs catch a mistake."""

from __future__ import annotations

from typing import Any

from ..data.loader import Data
from ..experiment.model import Model
from ..train.callbacks import seed_everything
from ..verify.gradcheck import check_model
from ..verify.parity import same_in_testing, same_path
from .mistake import GRADIENT_CHECK, PARITY, Lesson, Mistake

LIMIT = 1e-6  # relative error of a right gradient against central differences
NO_MISTAKE = Mistake("none", "without a mistake", "none")


def caught_by(lesson: Lesson, data: Data, mistake: Mistake = NO_MISTAKE, steps: int = 50) -> tuple[str, ...]:
    """Return which of gradient check and parity catch a mistake, with the names of `Mistake.caught_by`.

    Args:
        lesson: of the mistake's chapter.
        data: to compare on.
        mistake: by default none, which nothing should catch.
        steps: over which the paths are compared.
    """
    data = mistake.data(data) if mistake.data else data
    hp = lesson.hp.replace(**mistake.settings)
    proofs = {GRADIENT_CHECK: _gradients_differ, PARITY: _paths_differ}
    return tuple(name for name, proof in proofs.items() if proof(lesson, data, mistake, hp, steps))


def _gradients_differ(lesson: Lesson, data: Data, mistake: Mistake, hp: Any, steps: int) -> bool:
    seed_everything(0)
    model = mistake.put_into(lesson.from_scratch(hp, data), hp)
    X, y = next(iter(data.train_iter))
    return check_model(model, X, y, hp.batch_size) > LIMIT


def _paths_differ(lesson: Lesson, data: Data, mistake: Mistake, hp: Any, steps: int) -> bool:
    """Compare the model with the mistake and the reference implementation, as the chapter does."""
    alike = hp.replace(**lesson.parity_settings)
    wrong, right = _built(lesson, data, mistake, alike)
    if not same_path(wrong, right, data.train_iter, alike.batch_size, steps):
        return True
    # Where masks are drawn, nothing but the outputs in testing can be compared.
    return alike != hp and not same_in_testing(*_built(lesson, data, mistake, hp), data.train_iter)


def _built(lesson: Lesson, data: Data, mistake: Mistake, hp: Any) -> tuple[Model, Model]:
    """Return the model with the mistake, and the reference implementation."""
    seed_everything(0)
    return mistake.put_into(lesson.from_scratch(hp, data), hp), lesson.with_gluon(hp, data)
