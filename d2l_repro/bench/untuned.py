"""Contestants without the settings of `d2l_repro.compat`."""

from __future__ import annotations

from typing import Any

from .. import compat


def images(chapter: str, build: str, steps: int) -> Any:
    """Build a net on Fashion-MNIST while OpenBLAS chooses its kernels by itself."""
    compat.has_avx2 = lambda: False  # before MXNet is imported
    from . import ours

    return ours.images(chapter, build, steps)
