"""Reproduce chapter 3 of *Dive into Deep Learning* in MXNet/Gluon, and the work its readers built on it."""

from . import compat

__version__ = "0.2.0"

compat.prepare()
