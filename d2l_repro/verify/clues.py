"""Say how two models differ: by their parameters' shapes, or by the step that takes them apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

import numpy as np

RTOL = {"float64": 1e-5, "float32": 1e-2}  # relative difference below which two updates count as equal
NEGLIGIBLE = 1e-9  # an update this much smaller than the largest of the step is rounding
Shape = tuple[int, ...]
IN_TESTING = (
    "Is anything done in testing that belongs to training, such as dropout or a batch's own statistics?"
)


@dataclass(frozen=True)
class Update:
    """How one parameter changed in a step, in both models.

    Attributes:
        label: how a message calls the parameter.
        value: before the step.
        ours: what our step added to it.
        theirs: what theirs added.
        previous: what the step before added, in both models; None in the first.
    """

    label: str
    value: np.ndarray
    ours: np.ndarray
    theirs: np.ndarray
    previous: np.ndarray | None = None

    @property
    def length(self) -> float:
        """The largest absolute value in either update."""
        return max(self._our_size, self._their_size)

    @cached_property
    def _our_size(self) -> float:
        return size(self.ours)

    @cached_property
    def _their_size(self) -> float:
        return size(self.theirs)

    def ratio(self, rtol: float, negligible: float) -> float | None:
        """Return what `ours` has to be multiplied by to give `theirs`; None if no number does that.

        Args:
            rtol: relative difference that is ignored.
            negligible: differences up to this size are ignored as well.
        """
        limit = max(rtol * self._their_size, negligible)
        if size(self.theirs - self.ours) <= limit:
            return 1.0
        return 0.0 if self._their_size <= negligible else factor(self.theirs, self.ours, limit)

    @property
    def cosine(self) -> float:
        """The cosine of the angle between the two updates."""
        a, b = (array / size(array) for array in (self.ours, self.theirs))
        return float((a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b)))


def factor(array: np.ndarray, base: np.ndarray, tolerance: float) -> float | None:
    """Return the c with `array` = c `base`, element by element, or None if there is no such number."""
    largest = np.abs(base).argmax()  # no sum of squares, which overflows before training that diverges ends
    c = float(array.flat[largest]) / float(base.flat[largest]) if size(base) else math.nan
    return c if size(array - c * base) <= tolerance else None


def size(array: np.ndarray) -> float:
    """Return the largest absolute value; nan if there is one."""
    return max(float(array.max()), -float(array.min()))  # no copy of the array, as abs would make


@dataclass(frozen=True)
class Batch:
    """What is known of the batch on which two models took different steps.

    Attributes:
        number: of the step, from 1.
        examples: in the batch.
        batch_size: what the trainers divide by.
        losses: mean losses before the step, ours and theirs.
    """

    number: int
    examples: int
    batch_size: float
    losses: tuple[float, float]


def differ(updates: Sequence[Update], rtol: float) -> bool:
    """Return whether any parameter was changed by different amounts."""
    negligible = _negligible(updates)
    return any(not _is_one(update.ratio(rtol, negligible), rtol) for update in updates)


def describe_step(updates: Sequence[Update], batch: Batch, rtol: float) -> tuple[str, float | None]:
    """Say what the two models' updates have in common, and guess why they differ.

    Args:
        updates: of all parameters, in one step before which the parameters were equal.
        batch: the batch of that step.
        rtol: relative difference that is ignored.

    Returns:
        Some sentences, and how many times ours their update of every parameter is; None if no number is.
    """
    until = "" if batch.number == 1 else f"Until step {batch.number} the updates agree."
    for whose, side in (("Their", "theirs"), ("Our", "ours")):
        if not all(np.isfinite(getattr(update, side)).all() for update in updates):
            return _joined(until, _losses(batch, rtol), f"{whose} parameters are no longer finite."), None
    negligible = _negligible(updates)
    ratios = [update.ratio(rtol, negligible) for update in updates]
    common = _common([r for r, u in zip(ratios, updates) if u.length > negligible], rtol)
    if common is not None:
        return _joined(until, _whole_step(common, batch, rtol)), common
    losses = _losses(batch, rtol)
    return _joined(until, losses, *_by_parameter(updates, ratios, rtol, brief=bool(losses))), None


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _negligible(updates: Sequence[Update]) -> float:
    return NEGLIGIBLE * max(update.length for update in updates)


def _is_one(ratio: float | None, rtol: float) -> bool:
    return ratio is not None and abs(ratio - 1) <= rtol


def _close(a: float, b: float, rtol: float = 1e-3) -> bool:
    return abs(a - b) <= rtol * abs(b)


def _common(ratios: Sequence[float | None], rtol: float) -> float | None:
    """Return the ratio that all updates share, or None."""
    first = ratios[0] if ratios else None
    same = first is not None and all(r is not None and abs(r - first) <= rtol * abs(first) for r in ratios)
    return first if same else None


def format_factor(factor: float) -> str:
    """Return a factor with as many digits as tell it from 1."""
    if abs(abs(factor) - 1) < 0.01:
        return f"{factor:.6g}"
    return f"{factor:.2f}" if 0.1 <= abs(factor) < 100 else f"{factor:.3g}"


def _losses(batch: Batch, rtol: float) -> str:
    """Say whether the losses before the step differ, which tells the net and the loss from the trainer."""
    ours, theirs = batch.losses
    if _close(theirs, ours, rtol):
        return ""
    values = f"Before the step their mean loss is {theirs:.6g}, ours {ours:.6g}"
    return f"{values}: the net or the loss computes something else."


def _whole_step(ratio: float, batch: Batch, rtol: float) -> str:
    """Describe a step that is a multiple of ours, and guess where the factor comes from."""
    losses, size = _losses(batch, rtol), format_factor(abs(ratio))
    if ratio == 0:
        what = "Theirs takes no step at all: is the trainer given these parameters, and its step called?"
    elif ratio < 0:
        multiple = "ours" if _close(ratio, -1, rtol) else f"{size} times ours"
        what = f"Every update is {multiple} in the opposite direction: does it climb, or is the loss negated?"
    elif losses and _close(batch.losses[1], ratio * batch.losses[0]):
        guess = _batch_guess(ratio, batch) or "is there a factor too many or too few in the loss?"
        return f"Their loss and every update are {size} times ours: {guess}"
    else:
        guess = _batch_guess(ratio, batch) or "learning rate or batch size?"
        what = f"Every update is {size} times ours in the same direction: {guess}"
    return _joined(losses, what)


def _batch_guess(ratio: float, batch: Batch) -> str:
    """Return a question if the ratio is one that dividing by the wrong batch size gives."""
    size, examples = batch.batch_size, batch.examples
    if not _close(examples, size) and _close(ratio, size / examples):
        return f"is the gradient of this batch divided by its own {examples} examples, not by {size:g}?"
    if size > 1 and _close(ratio, size):
        return f"is the gradient not divided by the batch size, {size:g}?"
    if size > 1 and _close(ratio, 1 / size):
        return f"is the gradient divided by the batch size, {size:g}, twice, as with the mean of the losses?"
    return ""


def _by_parameter(
    updates: Sequence[Update], ratios: Sequence[float | None], rtol: float, brief: bool
) -> list[str]:
    """Return sentences on the parameters whose updates differ in the same way, and on those that agree.

    Args:
        updates: of all parameters.
        ratios: of each update.
        rtol: relative difference that is ignored.
        brief: whether to leave out what says little where the losses differ already.
    """
    sentences: dict[str, list[Update]] = {}
    for update, ratio in zip(updates, ratios):
        sentences.setdefault(_one_parameter(update, ratio, rtol), []).append(update)
    same, other = sentences.pop(SAME, []), sentences.pop(OTHER, [])
    texts = [text.format(_listed(alike, len(updates))) for text, alike in sentences.items()]
    if other and not brief:
        cosines = sorted({f"{update.cosine:.2f}" for update in other}, key=float)
        shown = cosines[0] if len(cosines) == 1 else f"{cosines[0]} to {cosines[-1]}"
        texts.append(OTHER.format(_listed(other, len(updates)), shown))
    return [*texts, SAME.format(_listed(same, len(updates)))] if same else texts


SAME = "Theirs moves {} as ours does."
OTHER = "Theirs moves {} in another direction (cosine {})."


def _one_parameter(update: Update, ratio: float | None, rtol: float) -> str:
    """Return a sentence with {} in place of the parameter."""
    if _is_one(ratio, rtol):
        return SAME
    if ratio == 0:
        return "Theirs does not move {}: given to the trainer, and used by the net?"
    if ratio is not None and math.isfinite(ratio):
        return f"Theirs moves {{}} by {format_factor(ratio)} times our step."
    if not size(update.ours):
        return "Theirs moves {}, ours does not."
    gap = update.theirs - update.ours
    # A small difference of updates is known less precisely than they are.
    tolerance = 10 * rtol * size(gap)
    repeated = None if update.previous is None else factor(gap, update.previous, tolerance)
    if repeated is not None:
        times = f"{format_factor(repeated)} times"
        return f"Theirs moves {{}} by {times} the previous step more: momentum, or gradients that add up?"
    decay = factor(gap, update.value, tolerance)
    if decay is not None and update.value.size > 1:
        return f"The difference in {{}} is {decay:.3g} times the value itself: weight decay or a penalty?"
    return OTHER


def _listed(updates: Sequence[Update], count: int) -> str:
    """Return the parameters' names, or "every parameter" if these are all `count` of them."""
    names = [update.label for update in updates]
    if len(names) == count > 1:
        return "every parameter"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def describe_shapes(ours: Sequence[Shape], theirs: Sequence[Shape], names: Sequence[str]) -> str:
    """Say which parameter is missing, additional, transposed or of another size.

    Args:
        ours: shapes in the book's layout, in order.
        theirs: the same of the other model.
        names: of its parameters; empty from scratch.
    """
    labels = [parameter_label(i, name) for i, name in enumerate(names)]
    if len(ours) == len(theirs):
        misfits = [(label, a, b) for label, a, b in zip(labels, ours, theirs) if a != b]
        if sorted(ours) == sorted(theirs) and any(a != b[::-1] for _, a, b in misfits):
            return "the same shapes in another order: give the parameters in the order of the layers"
        return "; ".join(_misfit(*misfit) for misfit in misfits)
    # A transposed matrix is still the counterpart of ours.
    a, b = ([tuple(sorted(shape)) for shape in shapes] for shapes in (ours, theirs))
    alignment = SequenceMatcher(None, a, b, autojunk=False)
    found = []
    for what, start, end, their_start, their_end in alignment.get_opcodes():
        if what == "equal":
            pairs = zip(labels[their_start:their_end], ours[start:end], theirs[their_start:their_end])
            found += [_misfit(label, a, b) for label, a, b in pairs if a != b]
            continue
        found += [f"our parameter {i}, {ours[i]}, is missing{_bias(ours[i])}" for i in range(start, end)]
        found += [f"{labels[i]}, {theirs[i]}, is one that ours lacks" for i in range(their_start, their_end)]
    return "; ".join(found)


def parameter_label(index: int, name: str) -> str:
    """Return what messages call a parameter: its position, and its name if it has one."""
    return f"parameter {index} ({name})" if name else f"parameter {index}"


def _bias(shape: Shape) -> str:
    return ": a bias?" if len(shape) == 1 else ""


def _misfit(label: str, ours: Shape, theirs: Shape) -> str:
    if theirs == ours[::-1]:
        return f"{label} is transposed: {theirs}, ours {ours}"
    if math.prod(theirs) == math.prod(ours):
        return f"{label} has the right number of elements in another shape: {theirs}, ours {ours}"
    return f"{label} has shape {theirs}, ours {ours}"
