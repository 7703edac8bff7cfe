"""Reproduce chapter 3 of *Dive into Deep Learning* in MXNet/Gluon, and the work its readers built on it."""

import sys

from . import installation, language

if installation.is_own_command():
    language.heed(sys.argv)  # before anything can go wrong
installation.explain_failed_imports()
installation.check_python()

from . import compat, moved, stopping  # noqa: E402  (too new for old Pythons)

__version__ = "0.2.0"

if installation.is_own_command():
    stopping.quit_at_once()
stopping.end_with_parent()
compat.prepare()
moved.install()


def __getattr__(name: str) -> object:
    return moved.find_name(__name__, name)
