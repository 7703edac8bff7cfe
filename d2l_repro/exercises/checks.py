"""The ways in which functions are observed, which all exercises share.

Each of them returns the `observe` of a `Step`. Functions are given copies, in single precision, so that they
may change their arguments; those written for mx.np are given its arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from mxnet import autograd, nd

from . import wording
from .compare import Wrong, described
from .exercise import GRADIENT, PATH, SHAPE, VALUES, Seen, Step

Case = Mapping[str, Any]  # name of an argument -> its value, in the order of the arguments
Cases = Callable[[np.random.RandomState], Iterable[Case]]
State = Mapping[str, Any]  # name -> array, after a step


def as_nd(value: Any) -> Any:
    """Return NumPy arrays, also those in lists and tuples, as new NDArrays in single precision."""
    if isinstance(value, np.ndarray):
        # nd.array has no arrays without axes or elements.
        return nd.array(value, dtype="float32")
    if isinstance(value, (list, tuple)):
        return type(value)(as_nd(part) for part in value)
    return value


def _as_mx_np(value: Any) -> Any:
    if type(value) is nd.NDArray:
        return value.as_np_ndarray()
    return type(value)(map(_as_mx_np, value)) if isinstance(value, (list, tuple)) else value


def call(function: Callable, *args: Any) -> Any:
    """Call a function with NDArrays, or with arrays of mx.np if that is what it works on."""
    try:
        return function(*args)
    except TypeError as error:
        if "MXNet numpy ndarray" not in str(error) and "legacy" not in str(error):
            raise
    return function(*map(_as_mx_np, args))


def parts_of(result: Any, names: Sequence[str], what: str) -> list[Any]:
    """Return the results of a function that returns several.

    Raises:
        Wrong: these are not so many.
    """
    if not names:
        return [result]
    if result is None:
        raise Wrong(wording.NOTHING.format(what=what))
    if not isinstance(result, (tuple, list)):
        found = described(result)
        expected = wording.VALUES.format(count=len(names), names=", ".join(names))
        raise Wrong(wording.TYPE.format(what=what, found=found, expected=expected))
    if len(result) != len(names):
        raise Wrong(
            wording.COUNT.format(what=what, found=len(result), expected=len(names), names=", ".join(names))
        )
    return list(result)


def label(function: str, case: Case, part: str = "") -> str:
    """Return what messages call a result, as in "Y of forward(X)"."""
    call = f"{function}({', '.join(case)})"
    return wording.PART.format(part=part, call=call) if part else call


def rows_of(case: Case) -> dict[str, np.ndarray]:
    """Return the arguments that are arrays."""
    return {name: value for name, value in case.items() if isinstance(value, np.ndarray)}


def values(
    function: str,
    cases: Cases,
    returns: Sequence[str] = (),
    kind: str = VALUES,
    arrays: Callable[[Any], Any] = as_nd,
    **options: Any,
) -> Step:
    """Return a step that compares what a function returns.

    Args:
        function: name of the function.
        cases: random numbers -> arguments of each call.
        returns: names of what it returns, if that is more than one.
        kind: of the step.
        arrays: makes arguments of NumPy arrays: `as_nd`, or `deepcopy` for functions of NumPy arrays.
        options: of the step.
    """

    def observe(f: SimpleNamespace, rng: np.random.RandomState) -> Iterator[Seen]:
        for group, case in enumerate(cases(rng)):
            result = call(getattr(f, function), *map(arrays, case.values()))
            parts = parts_of(result, returns, label(function, case))
            for name, part in zip(returns or [""], parts):
                yield Seen(label(function, case, name), part, given=rows_of(case), part=name, group=group)

    return Step(kind, observe, **options)


def shapes(function: str, cases: Cases, returns: Sequence[str] = (), **options: Any) -> Step:
    """Return a step that compares only the shapes of what a function returns; arguments as for `values`."""
    return values(function, cases, returns, SHAPE, **options)


def gradient(function: str, cases: Cases, wrt: Sequence[str], returns: Sequence[str] = ()) -> Step:
    """Return a step that compares the gradients that autograd finds through a function.

    The gradients are those of a sum of all that it returns, with random weights.

    Args:
        function: name of the function.
        cases: random numbers -> arguments of each call.
        wrt: arguments with respect to which to differentiate.
        returns: names of what it returns, if that is more than one.
    """

    def observe(f: SimpleNamespace, rng: np.random.RandomState) -> Iterator[Seen]:
        for case in cases(rng):
            args = {name: as_nd(value) for name, value in case.items()}
            for name in wrt:
                args[name].attach_grad()
            weights = np.random.RandomState(1)
            with autograd.record():
                result = call(getattr(f, function), *args.values())
                parts = parts_of(result, returns, label(function, case))
                total = sum(_weighted(part, weights, label(function, case)) for part in parts)
            _backward(total, label(function, case))
            for name in wrt:
                what = wording.GRADIENT_WRT.format(call=label(function, case), name=name)
                yield Seen(what, args[name].grad, given={name: case[name]})

    return Step(GRADIENT, observe, rtol=1e-3)


def _weighted(part: Any, weights: np.random.RandomState, call: str) -> nd.NDArray:
    if not isinstance(part, nd.NDArray):
        raise _no_gradient(call)
    part = part if type(part) is nd.NDArray else part.as_nd_ndarray()
    return (part.astype("float32") * nd.array(weights.uniform(0.5, 1.5, part.shape or (1,)))).sum()


def _backward(total: nd.NDArray, call: str) -> None:
    try:
        total.backward()
    except Exception as error:  # MXNet's own, of several types
        raise _no_gradient(call) from error


def _no_gradient(call: str) -> Wrong:
    return Wrong(wording.NO_GRADIENT.format(what=wording.GRADIENT.format(call=call)))


def path(
    run: Callable[[SimpleNamespace, np.random.RandomState], Iterable[State]], rtol: float = 1e-3
) -> Step:
    """Return a step that compares a path: arrays after each step, of which the first state is the start.

    Args:
        run: (functions, random numbers) -> states; a value in them may change later.
        rtol: relative difference of a change that is ignored.
    """

    def observe(f: SimpleNamespace, rng: np.random.RandomState) -> Iterator[Seen]:
        before: dict[str, np.ndarray] = {}
        for i, state in enumerate(run(f, rng)):
            arrays = {name: array.asnumpy().copy() for name, array in state.items()}
            if i:
                for name, array in arrays.items():
                    what = wording.AFTER_STEP.format(name=name, number=i)
                    yield Seen(what, array, before[name], part=name, group=i)
            before = arrays

    return Step(PATH, observe, rtol)


def observed(kind: str, observe: Any, **options: Any) -> Step:
    """Return a step that is observed in a way of its own."""
    return Step(kind, observe, **options)
