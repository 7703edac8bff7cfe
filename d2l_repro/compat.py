"""What has to be true before MXNet 1.9.1 can be imported.

MXNet is retired, so the world moves on around it: all that is known of that lives here. The packages of
this project call `prepare` before anything else; every other file then plainly writes `from mxnet import nd`.
"""

import contextlib
import ctypes
import os
import platform
import re
import sys
import warnings

# What MXNet's wheel needs of a Linux system and does not bring: library, Debian's package, Fedora's package.
LIBRARIES = (("libgomp.so.1", "libgomp1", "libgomp"), ("libquadmath.so.0", "libquadmath0", "libquadmath"))
# The number of threads as this project set it, for child processes too: what differs from it the user has
# asked for.
OWN_THREADS = "D2L_REPRO_OWN_THREADS"
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # from glibc's <malloc.h>


def prepare():
    """Make `import mxnet` work, without importing it.

    Where a system library that MXNet's wheel needs is missing, that import is an ImportError whose message
    says how to get it.
    """
    # Digits of large products depend on the number of threads, and small nets are fastest with one.
    _fix_threads(1)
    _restore_numpy_bool()
    # Its import asks NumPy and distutils for names that both announce as deprecated: of no use to a reader.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"mxnet(\.|$)")
    if not any(isinstance(finder, _RequireLibraries) for finder in sys.meta_path):
        sys.meta_path.insert(0, _RequireLibraries())


def prepare_large_nets():
    """Give MXNet all cores, and keep the memory of arrays that are no longer needed for those to come.

    For the first line of a chapter whose nets are large enough to gain from both. Once MXNet has been
    imported its number of threads stays; what the user has set in OMP_NUM_THREADS stays in any case.
    """
    _fix_threads(cores())
    _keep_memory()


def threads():
    """Number of OpenMP threads that MXNet computes with."""
    asked = _asked_threads()
    # Not told, which is when it was imported before this package, MXNet takes half the cores.
    return int(asked.split(",")[0]) if asked else max(1, cores() // 2)


def _fix_threads(number):
    asked = _asked_threads()
    is_users = asked and asked != os.environ.get(OWN_THREADS)
    if not is_users and "mxnet" not in sys.modules:  # which reads the number once, when it is imported
        os.environ["OMP_NUM_THREADS"] = os.environ[OWN_THREADS] = str(number)


def _asked_threads():
    """What OMP_NUM_THREADS says, "" where it makes no sense."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return asked if re.fullmatch("[1-9][0-9]{0,3}(,[0-9]+)*", asked) else ""


def cores():
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _keep_memory():
    # glibc gives arrays of many megabytes back to the system at once and has the system fill them with zeros
    # anew for each batch, which takes longer than to compute with them. Elsewhere there is no mallopt.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        for option, value in ((M_ARENA_MAX, 1), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1)):
            mallopt(option, value)


def _restore_numpy_bool():
    import numpy  # not before the threads are fixed

    # MXNet names `numpy.bool`, which NumPy 1.24 removed. From 1.20 on, merely asking for it warns.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not hasattr(numpy, "bool"):
            numpy.bool = numpy.bool_


def restore_formats():
    """Where IPython is installed, give it back the call that the book's figures make; later ones moved it
    away."""
    with contextlib.suppress(ImportError):
        from IPython import display
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        if not hasattr(display, "set_matplotlib_formats"):
            display.set_matplotlib_formats = set_matplotlib_formats


class _RequireLibraries:
    """Asks for the libraries when `mxnet` is looked for: libgomp, once loaded, would keep the number of
    threads."""

    def find_spec(self, name, path=None, target=None):
        if name == "mxnet":
            _check_libraries()


def _check_libraries():
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return
    missing = [names for names in LIBRARIES if not _is_loadable(names[0])]
    if missing:
        libraries, debian, fedora = (" ".join(column) for column in zip(*missing))
        raise ImportError(
            f"MXNet needs {libraries}, which this machine lacks: "
            f"apt-get install {debian} (Debian, Ubuntu) or dnf install {fedora} (Fedora)"
        )


def _is_loadable(library):
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
