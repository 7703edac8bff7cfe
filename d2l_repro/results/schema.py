"""Does a value read from a JSON file have the shape that it should have?"""

import math

NUMBER = "a number"
MAYBE = "a number or null"


def misfit(value, shape, place="it"):
    """Say where and how a value departs from a shape, or None if it fits.

    Args:
        value: as `json` gives it.
        shape: a type; NUMBER or MAYBE; a tuple of shapes, of which one has to fit; a list of one shape, for
            every item; a dict of name -> shape for keys that have to be there, or of `str` -> shape for every
            key.
        place: what `value` is called.
    """
    if isinstance(shape, tuple):
        faults = [misfit(value, option, place) for option in shape]
        return None if None in faults else faults[0]
    if shape in (NUMBER, MAYBE):
        return None if _is_number(value) or (shape == MAYBE and value is None) else f"{place} is not {shape}"
    if not isinstance(shape, (list, dict)):
        fits = isinstance(value, shape) and (shape is bool or not isinstance(value, bool))
        return None if fits else f"{place} is not of type {shape.__name__}"
    if not isinstance(value, type(shape)):
        return f"{place} is not of type {type(shape).__name__}"
    if isinstance(shape, list):
        parts = ((item, shape[0], f"{place}[{i}]") for i, item in enumerate(value))
    elif str in shape:
        parts = ((item, shape[str], f"{place}.{name}") for name, item in value.items())
    else:
        parts = ((value.get(name), part, f"{place}.{name}") for name, part in shape.items())
    return next(filter(None, (misfit(*part) for part in parts)), None)


def _is_number(value):
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(float(value))
    except OverflowError:
        return False
