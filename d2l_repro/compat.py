"""Prepare the environment so that MXNet 1.9.1 can be imported and runs fast.

MXNet is retired, while Python, NumPy and systems move on. Everything this project knows about running it is
collected here. The packages call `prepare` before anything else, so that all other files can simply write
`from mxnet import nd`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import re
import sys
import warnings

# System libraries that MXNet's Linux wheel needs but does not contain: (library, Debian and Fedora package).
LIBRARIES = (("libgomp.so.1", "libgomp1", "libgomp"), ("libquadmath.so.0", "libquadmath0", "libquadmath"))
# Environment variable with the number of threads that this project has set; child processes inherit it. If
# OMP_NUM_THREADS differs from it, OMP_NUM_THREADS was set by the user.
OWN_THREADS = "D2L_REPRO_OWN_THREADS"
# OMP_NUM_THREADS as the user has set it, valid or not; `prepare` replaces what is invalid.
THREADS_OF_USER = os.environ.get("OMP_NUM_THREADS", "")
if os.environ.get(OWN_THREADS) == THREADS_OF_USER:
    THREADS_OF_USER = ""
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # from glibc's <malloc.h>


def prepare() -> None:
    """Make `import mxnet` work, without importing it.

    If a system library is missing, that import raises an ImportError that says how to install it.
    """
    # The last digits of large products depend on the number of threads, and small nets are fastest with one.
    _fix_threads(1)
    _restore_numpy_bool()
    # MXNet's import uses names that NumPy and distutils have deprecated; users can do nothing about it.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"mxnet(\.|$)")
    if not any(isinstance(finder, _RequireLibraries) for finder in sys.meta_path):
        sys.meta_path.insert(0, _RequireLibraries())


def prepare_large_nets() -> None:
    """Let MXNet use all cores, and keep the memory of freed arrays for new ones.

    Call it in the first line of a chapter whose nets are large enough to benefit: once MXNet has been
    imported, its number of threads can no longer be changed. If the user has set OMP_NUM_THREADS, that number
    is kept.
    """
    _fix_threads(cores())
    _keep_memory()


def threads() -> int:
    """Return the number of OpenMP threads that MXNet uses."""
    setting = _threads_setting()
    # Without a setting, that is if MXNet was imported before this package, it uses half the cores.
    return int(setting.split(",")[0]) if setting else max(1, cores() // 2)


def _fix_threads(number: int) -> None:
    setting = _threads_setting()
    set_by_user = setting and setting != os.environ.get(OWN_THREADS)
    # MXNet reads the variable only once, when it is imported.
    if not set_by_user and "mxnet" not in sys.modules:
        os.environ["OMP_NUM_THREADS"] = os.environ[OWN_THREADS] = str(number)


def _threads_setting() -> str:
    """Return the value of OMP_NUM_THREADS, or "" if it is missing or invalid."""
    setting = os.environ.get("OMP_NUM_THREADS", "")
    return setting if is_thread_number(setting) else ""


def is_thread_number(setting: str) -> bool:
    """Return whether a value of OMP_NUM_THREADS is valid."""
    return bool(re.fullmatch("[1-9][0-9]{0,3}(,[0-9]+)*", setting))


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _keep_memory() -> None:
    # glibc returns arrays of many megabytes to the system as soon as they are freed, and the system fills new
    # ones with zeros, batch after batch. That takes longer than computing with them. Only glibc has mallopt.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        for option, value in ((M_ARENA_MAX, 1), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1)):
            mallopt(option, value)


def _restore_numpy_bool() -> None:
    try:
        import numpy  # only after the number of threads has been set
    except ImportError:
        return

    # MXNet uses `numpy.bool`, which NumPy 1.24 removed. From 1.20 on, even looking it up causes a warning.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not hasattr(numpy, "bool"):
            numpy.bool = numpy.bool_


def restore_formats() -> None:
    """Restore `IPython.display.set_matplotlib_formats`, which the book calls and newer IPython lacks."""
    with contextlib.suppress(ImportError):
        from IPython import display
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        if not hasattr(display, "set_matplotlib_formats"):
            display.set_matplotlib_formats = set_matplotlib_formats


def openblas_cores() -> dict[str, str]:
    """Return package -> core type whose kernels it uses, of every OpenBLAS that is loaded."""
    cores = {}
    with open("/proc/self/maps") as maps:
        paths = {line.split()[-1] for line in maps if "openblas" in line}
    for path in sorted(paths):
        library = ctypes.CDLL(path)
        for name in ("openblas_get_corename", "openblas_get_corename64_", "scipy_openblas_get_corename64_"):
            function = getattr(library, name, None)
            if function:
                function.restype = ctypes.c_char_p
                cores[re.findall("mxnet|numpy|scipy", path)[-1]] = function().decode()
    return cores


class _RequireLibraries:
    """Import hook that checks the system libraries as soon as `mxnet` is imported.

    It cannot be done earlier: once libgomp is loaded, its number of threads is fixed.
    """

    def find_spec(self, name, path=None, target=None) -> None:
        if name == "mxnet":
            _check_libraries()


def missing_libraries() -> list[tuple[str, str, str]]:
    """Return the rows of LIBRARIES that MXNet needs on this system and that are not installed."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return []
    return [names for names in LIBRARIES if not _is_loadable(names[0])]


def _check_libraries() -> None:
    missing = missing_libraries()
    if missing:
        libraries, debian, fedora = (" ".join(column) for column in zip(*missing))
        raise ImportError(
            f"MXNet needs {libraries}, which is not installed on this system: "
            f"apt-get install {debian} (Debian, Ubuntu) or dnf install {fedora} (Fedora)"
        )


def _is_loadable(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
