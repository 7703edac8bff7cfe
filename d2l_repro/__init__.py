"""Reproduce chapter 3 of *Dive into Deep Learning* in MXNet/Gluon, and the work its readers built on it."""

from . import compat, moved

__version__ = "0.2.0"

compat.prepare()
moved.install()


def __getattr__(name: str) -> object:
    return moved.find_name(__name__, name)
