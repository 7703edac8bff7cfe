"""Chapter 3 of *Dive into Deep Learning* in MXNet/Gluon, and what its readers built on it, reproduced."""

from . import compat

__version__ = "0.2.0"

compat.prepare()
