"""How a chapter is put together: models, runs, comparisons, repeated seeds."""

from .. import moved


def __getattr__(name: str) -> object:
    return moved.find_name(__name__, name)
