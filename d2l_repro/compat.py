"""What has to be true before MXNet 1.9.1 can be imported.

MXNet is retired, so the world moves on around it: all that is known of that lives here. The packages of
this project call `prepare` before anything else; every other file then plainly writes `from mxnet import nd`.
"""
import ctypes
import os
import platform
import re
import sys
import warnings

# What MXNet's wheel needs of a Linux system and does not bring: library, Debian's package, Fedora's package.
LIBRARIES = (("libgomp.so.1", "libgomp1", "libgomp"), ("libquadmath.so.0", "libquadmath0", "libquadmath"))


def prepare():
    """Make `import mxnet` work, without importing it.

    Raises:
        ImportError: a system library that MXNet's wheel needs is missing; the message says how to get it.
    """
    _fix_threads()
    _restore_numpy_bool()
    # Its import asks NumPy and distutils for names that both announce as deprecated: of no use to a reader.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"mxnet(\.|$)")
    _require_libraries()


def threads():
    """Number of OpenMP threads that MXNet computes with."""
    return int(os.environ["OMP_NUM_THREADS"].split(",")[0])


def _fix_threads():
    # MXNet and NumPy read the number once, when they are imported, and MXNet by itself takes half the machine's cores.
    # Digits of large products depend on it, and small nets are fastest with one: so one, unless the user says else.
    if not re.fullmatch("[1-9][0-9]{0,3}(,[0-9]+)*", os.environ.get("OMP_NUM_THREADS", "")):
        os.environ["OMP_NUM_THREADS"] = "1"


def _restore_numpy_bool():
    import numpy  # not before the threads are fixed

    # MXNet names `numpy.bool`, which NumPy 1.24 removed. From 1.20 on, merely asking for it warns.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not hasattr(numpy, "bool"):
            numpy.bool = numpy.bool_


def _require_libraries():
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return
    missing = [names for names in LIBRARIES if not _is_loadable(names[0])]
    if missing:
        libraries, debian, fedora = (" ".join(column) for column in zip(*missing))
        raise ImportError(f"MXNet needs {libraries}, which this machine lacks: "
                          f"apt-get install {debian} (Debian, Ubuntu) or dnf install {fedora} (Fedora)")


def _is_loadable(library):
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
