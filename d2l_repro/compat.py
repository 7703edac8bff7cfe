"""What has to be true before MXNet 1.9.1 can be imported.

MXNet is retired, so the world moves on around it: all that is known of that lives here. The packages of
this project call `prepare` before anything else; every other file then plainly writes `from mxnet import nd`.
"""
import ctypes
import os
import sys
import warnings

import numpy


def prepare():
    """Make `import mxnet` work, without importing it.

    Raises:
        ImportError: the system library that MXNet's wheel needs is missing; the message says how to get it.
    """
    _fix_threads()
    _restore_numpy_bool()
    # Its import asks NumPy and distutils for names that both announce as deprecated: of no use to a reader.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"mxnet(\.|$)")
    _require_libgomp()


def threads():
    """Number of OpenMP threads that MXNet computes with."""
    return int(os.environ["OMP_NUM_THREADS"].split(",")[0])


def _fix_threads():
    # MXNet reads the number once, when it is imported, and by itself takes half the machine's cores. A large
    # product's digits depend on it, and small nets are fastest with one: so one, unless the user says otherwise.
    if not os.environ.get("OMP_NUM_THREADS", "").split(",")[0].isdigit():
        os.environ["OMP_NUM_THREADS"] = "1"


def _restore_numpy_bool():
    # MXNet names `numpy.bool`, which NumPy 1.24 removed. From 1.20 on, merely asking for it warns.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not hasattr(numpy, "bool"):
            numpy.bool = numpy.bool_


def _require_libgomp():
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        raise ImportError(
            "MXNet needs the system library libgomp.so.1, which this machine lacks: "
            "install it (Debian, Ubuntu: apt-get install libgomp1; Fedora: dnf install libgomp)"
        ) from None
