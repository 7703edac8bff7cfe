"""Prepare the environment so that MXNet 1.9.1 can be imported and runs fast.

MXNet is retired, while Python, NumPy and systems move on. Everything this project knows about running it is
collected here. The packages call `prepare` before anything else, so that all other files can simply write
`from mxnet import nd`.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import functools
import importlib
import importlib.util
import itertools
import math
import os
import platform
import re
import sys
import warnings
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType, SimpleNamespace
from typing import Any, Callable, NoReturn

from .language import tr

# System libraries that MXNet's Linux wheel needs but does not contain: (library, Debian and Fedora package).
LIBRARIES = (("libgomp.so.1", "libgomp1", "libgomp"), ("libquadmath.so.0", "libquadmath0", "libquadmath"))
# Environment variable with the number of threads that this project has set; child processes inherit it. If
# OMP_NUM_THREADS differs from it, OMP_NUM_THREADS was set by the user.
OWN_THREADS = "D2L_REPRO_OWN_THREADS"
FLUSH_SUBNORMALS = (
    0x8040  # of the register MXCSR: results below the smallest normal number, and operands, are 0
)
NUMPY_TRIED = ("1.23", "2.5")  # the oldest and the newest version with which the test suite has passed
CORE_TYPE = "OPENBLAS_CORETYPE"  # environment variable that OpenBLAS reads when it is loaded
WITHOUT_WHEEL = (("darwin", "arm64"),)  # and Windows
FINANCIAL_FUNCTIONS = ("fv", "ipmt", "irr", "mirr", "nper", "npv", "pmt", "ppmt", "pv", "rate")
# OMP_NUM_THREADS as the user has set it, valid or not; `prepare` replaces what is invalid.
THREADS_OF_USER = os.environ.get("OMP_NUM_THREADS", "")
if os.environ.get(OWN_THREADS) == THREADS_OF_USER:
    THREADS_OF_USER = ""
ROLE = "DMLC_ROLE"  # environment variable with what this process is to MXNet's parameter server
# Environment variable with the number of cores that a process may use, if it shares its machine. Large nets
# use exactly so many, as their last digits depend on it.
CORES = "D2L_REPRO_CORES"
FREE_BLOCKS = 7  # of each size that glibc keeps for a thread
# MXNet's modules that turn operators' parameters into text.
WRITES_PARAMETERS = ("mxnet._ctypes.ndarray", "mxnet._ctypes.symbol")
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # from glibc's <malloc.h>
# Module of MXNet -> what `when_imported` has been given for it.
_when_imported: dict[str, list[Callable[[ModuleType], None]]] = {}


def prepare() -> None:
    """Make `import mxnet` work, without importing it.

    That import raises an ImportError with one line of advice if MXNet or a system library is missing, or if
    NumPy has lost a name that MXNet needs.
    """
    # The last digits of large products depend on the number of threads, and small nets are fastest with one.
    fix_threads(1)
    # A thread that waits for others would keep its core busy. Beside other work that core is not its own, and
    # an epoch takes up to 20 times as long; alone, sleeping costs nothing that can be measured.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # Gluon's trainer would update several parameters with one `multi_sgd_update`, which is slower than an
    # `sgd_update` for each: see `_use_sgd_update`. It reads the variable whenever an optimizer is created.
    os.environ.setdefault("MXNET_OPTIMIZER_AGGREGATION_SIZE", "1")
    when_imported("mxnet.optimizer.optimizer", _use_sgd_update)
    # MXNet uses what NumPy has deprecated; users can do nothing about it.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"mxnet(\.|$)")
    if not any(isinstance(finder, _MXNetFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _MXNetFinder())


def prepare_large_nets() -> None:
    """Let MXNet use all cores, and keep the memory of freed arrays for new ones.

    Call it in the first line of a chapter whose nets are large enough to benefit: once MXNet has been
    imported, its number of threads can no longer be changed. If the user has set OMP_NUM_THREADS, that number
    is kept.
    """
    fix_threads(int(os.environ.get(CORES) or cores()))
    _keep_memory()


def threads() -> int:
    """Return the number of OpenMP threads that MXNet uses."""
    setting = _threads_setting()
    # Without a setting, that is if MXNet was imported before this package, it uses half the cores.
    return int(setting.split(",")[0]) if setting else max(1, cores() // 2)


def fix_threads(number: int) -> None:
    """Let MXNet use so many threads, unless the user has set OMP_NUM_THREADS or MXNet has been imported."""
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
    number = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get(CORES, "")
    return min(number, max(1, int(limit))) if limit.isdecimal() else number


def _keep_memory() -> None:
    # glibc returns arrays of many megabytes to the system as soon as they are freed, and the system fills new
    # ones with zeros, batch after batch. That takes longer than computing with them. Only glibc has mallopt.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        for option, value in ((M_ARENA_MAX, 1), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1)):
            mallopt(option, value)


def _serve(kvstore: Any) -> NoReturn:
    """Be a server or the scheduler of a job until it ends, and exit, as MXNet would in its import."""
    server = kvstore.KVStoreServer(kvstore.create("dist"))
    _zero_free_memory()
    server.run()
    os._exit(0)  # nothing is left to do, and to unload MXNet takes a second


def _zero_free_memory() -> None:
    """Fill the small blocks of memory that this thread would get next with zeros.

    MXNet's server does not initialize the flag whether it keeps doubles in single precision: without this,
    every second server does.
    """
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    blocks = [(libc.malloc(size), size) for size in range(16, 1024, 16) for _ in range(FREE_BLOCKS)]
    for block, size in blocks:
        ctypes.memset(block, 0, size)
        libc.free(block)


def restore_formats() -> None:
    """Restore `IPython.display.set_matplotlib_formats`, which the book calls.

    IPython 9 lacks it, and earlier versions print a warning. Outside of IPython it does nothing.
    """
    with contextlib.suppress(ImportError):
        from IPython import display, get_ipython

        def set_matplotlib_formats(*formats: str, **options: Any) -> None:
            # Without a shell there is nothing to set, and IPython would begin one, with files of its own.
            if get_ipython() is not None:
                from matplotlib_inline import backend_inline

                backend_inline.set_matplotlib_formats(*formats, **options)

        if importlib.util.find_spec("matplotlib_inline"):  # older IPythons have the function themselves
            display.set_matplotlib_formats = set_matplotlib_formats


def when_imported(name: str, function: Callable[[ModuleType], None]) -> None:
    """Call a function with a module of MXNet as soon as that is imported, or now if it has been.

    Args:
        name: full name of the module.
        function: module -> None; it may change the module, and should import nothing of MXNet itself.
    """
    if name in sys.modules:
        function(sys.modules[name])
    else:
        _when_imported.setdefault(name, []).append(function)


def _use_sgd_update(module: Any) -> None:
    """Let Gluon's SGD update a parameter that comes alone with `sgd_update`.

    It would use `multi_sgd_update` for a single one too, which takes twice as long. With momentum, a clipped
    gradient or weight decay it still does: there the two round differently.
    """
    several = module.SGD._update_impl

    def update(sgd, indices, weights, grads, states, multi_precision=False):
        if (
            not isinstance(indices, (tuple, list))
            or len(indices) != 1
            or multi_precision
            or sgd.momentum
            or sgd.clip_gradient
            or sgd._get_wds(indices)[0]
            or weights[0].stype != "default"
            or grads[0].stype != "default"
        ):
            return several(sgd, indices, weights, grads, states, multi_precision)
        sgd._update_count(indices)
        (lr,) = sgd._get_lrs(indices)
        return module.sgd_update(weights[0], grads[0], out=weights[0], lr=lr, rescale_grad=sgd.rescale_grad)

    module.SGD._update_impl = update


class _MXNetFinder:
    """Import hook that gives MXNet's modules the NumPy they were written for.

    Everything waits until `mxnet` is imported: once libgomp is loaded, its number of threads is fixed.
    """

    def find_spec(self, name, path=None, target=None) -> ModuleSpec | None:
        if name != "mxnet" and not name.startswith("mxnet."):
            return None
        if name == "mxnet":
            _check_libraries()
        spec = PathFinder.find_spec(name, path, target)
        if spec is None and name == "mxnet":
            raise ModuleNotFoundError(_how_to_install(), name="mxnet")
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _MXNetLoader(spec.loader.name, spec.loader.path)
        return spec


class _MXNetLoader(SourceFileLoader):
    """Load a module of MXNet in which `import numpy` returns NumPy with the names it has removed.

    An import statement calls the `__import__` of its module's builtins, so only MXNet sees those names: in a
    reader's code `hasattr(numpy, "float_")` still says what NumPy says.
    """

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = _builtins_for_mxnet()
        if module.__name__ in WRITES_PARAMETERS:
            module.__dict__["str"] = parameter_text
        # This is the module that loads MXNet's library, and OpenBLAS with it.
        kernels = fast_kernels() if module.__name__ == "mxnet.base" else contextlib.nullcontext()
        # A server would begin to serve in the middle of MXNet's import, and could not unpickle what needs
        # the rest.
        role = os.environ.pop(ROLE, None) if module.__name__ == "mxnet" else None
        try:
            with kernels:
                super().exec_module(module)
        except _MissingNumPyName as error:
            raise ImportError(str(error)) from error
        finally:
            if role is not None:
                os.environ[ROLE] = role
        if module.__name__ == "mxnet":
            _start_engine(module)
            # MXNet ends its threads before a fork, and starts others after it, on both sides.
            start = functools.partial(_start_engine, module)
            os.register_at_fork(after_in_parent=start, after_in_child=start)
        if module.__name__ == "mxnet.symbol.symbol":
            set_attr = module.Symbol._set_attr  # with the shapes of Gluon's parameters, as text
            module.Symbol._set_attr = lambda self, **attrs: set_attr(
                self, **{name: parameter_text(value) for name, value in attrs.items()}
            )
        for function in _when_imported.pop(module.__name__, ()):
            function(module)
        if role in ("server", "scheduler"):
            _serve(module.kvstore)


def parameter_text(value: object) -> str:
    """Return the text in which MXNet's library gets an operator's parameter.

    In a list or a tuple, NumPy 2 writes its numbers as "np.float64(0.1)", which the library cannot read.
    """
    text = str(value)
    return re.sub(r"np\.\w+\(([^()]*)\)", r"\1", text) if "np." in text else text


@functools.cache
def _builtins_for_mxnet() -> dict[str, Any]:
    import numpy
    from packaging.version import Version

    numpy_for_mxnet = _NumPyForMXNet(numpy)
    # distutils left the standard library with Python 3.12. MXNet compares versions with it, no more.
    distutils_version = SimpleNamespace(StrictVersion=Version, LooseVersion=Version)
    scipy_for_mxnet = SimpleNamespace(stats=_ImportedWhenUsed("scipy.stats"))

    imported: dict[tuple[Any, ...], ModuleType] = {}

    def import_for_mxnet(name, globals=None, locals=None, fromlist=(), level=0):
        if level and globals:
            # MXNet's operators import a neighbour at every call, and Python's own search takes as long as
            # many an operator.
            key = name, globals.get("__package__"), level, fromlist
            module = imported.get(key)
            if module is None or sys.modules.get(module.__name__) is not module:
                module = imported[key] = builtins.__import__(name, globals, locals, fromlist, level)
            return module
        if name == "distutils.version":
            return distutils_version
        # These two take as long to import as all of MXNet, which hardly uses them: scikit-learn for an
        # estimator of before Gluon, scipy.stats to test random numbers and to quantize a net.
        if name == "sklearn.base":
            raise ModuleNotFoundError(f"{name} is kept from MXNet", name=name)
        if name == "scipy.stats" or (name == "scipy" and "stats" in (fromlist or ())):
            return scipy_for_mxnet
        module = builtins.__import__(name, globals, locals, fromlist, level)
        return numpy_for_mxnet if module is numpy else module

    return {**vars(builtins), "__import__": import_for_mxnet}


class _ImportedWhenUsed(ModuleType):
    def __getattr__(self, name: str) -> object:
        return getattr(importlib.import_module(self.__name__), name)


class _MissingNumPyName(AttributeError):
    pass


class _NumPyForMXNet(ModuleType):
    """NumPy with all names that MXNet 1.9.1 uses."""

    def __init__(self, numpy: ModuleType) -> None:
        super().__init__("numpy", numpy.__doc__)
        self._numpy = numpy
        present = {name: value for name, value in vars(numpy).items() if name != "__getattr__"}
        # The type `bool` is Python's own, as it was in NumPy 1.23; NumPy 2 has another type of that name.
        self.__dict__.update({**_removed_names(numpy), **present, "bool": bool})

    def __getattr__(self, name: str) -> object:
        try:
            return getattr(self._numpy, name)  # what NumPy loads only when asked for, such as numpy.testing
        except AttributeError:
            version, newest = self._numpy.__version__, NUMPY_TRIED[1]
            raise _MissingNumPyName(
                f"NumPy {version} has no {name!r}, which MXNet 1.9.1 uses; the newest version known to work "
                f"is {newest}: pip install 'numpy=={newest}.*'"
            ) from None


def _removed_names(numpy: Any) -> dict[str, object]:
    """Return the names that MXNet 1.9.1 uses and some version of NumPy, from 1.20 to 2.4, has removed."""
    # The financial functions live on in numpy-financial. `mxnet.numpy.fallback` only needs them to exist.
    financial = {name: _moved_to_numpy_financial(name) for name in FINANCIAL_FUNCTIONS}
    return {
        **financial,
        # Aliases of Python's types, in `mxnet.test_utils`.
        **{"int": int, "float": float, "object": object, "str": str},
        # Constants, in `mxnet.numpy.utils` and Gluon's event handlers.
        **dict.fromkeys(("Inf", "Infinity", "infty", "PINF"), math.inf),
        **dict.fromkeys(("NaN", "NAN"), math.nan),
        **{"NINF": -math.inf, "PZERO": 0.0, "NZERO": -0.0},
        # Types that had a second name, and `numpy.compat` with its string type of Python 2.
        **{"float_": numpy.float64, "complex_": numpy.complex128},
        **{"unicode_": numpy.str_, "string_": numpy.bytes_, "compat": SimpleNamespace(basestring=str)},
        # Functions with another name or form, in `mxnet.numpy.fallback`.
        **{"product": numpy.prod, "cumproduct": numpy.cumprod, "round_": numpy.round},
        **{"sometrue": numpy.any, "alltrue": numpy.all, "row_stack": numpy.vstack},
        "trapz": getattr(numpy, "trapezoid", None),
        "in1d": lambda ar1, ar2, **options: numpy.isin(numpy.ravel(ar1), ar2, **options),
        "msort": lambda a: numpy.sort(a, axis=0),
    }


def _moved_to_numpy_financial(name: str) -> Callable[..., NoReturn]:
    def unavailable(*args, **kwargs):
        raise NotImplementedError(f"NumPy has removed {name}; see the package numpy-financial")

    return unavailable


@contextlib.contextmanager
def fast_kernels() -> Iterator[None]:
    """Let an OpenBLAS that is loaded in this context use its AVX2 kernels, where the processor has AVX2.

    MXNet's OpenBLAS of 2021 takes a processor that it does not know for one without AVX. A core type that the
    user has set stays. NumPy's own OpenBLAS is newer, and unaffected: it has been loaded before.
    """
    import numpy  # noqa: F401

    if CORE_TYPE in os.environ or not has_avx2():
        yield
        return
    # Zen's kernels are Haswell's, with the same digits. There are none of AVX-512 in this version.
    os.environ[CORE_TYPE] = "Haswell"
    try:
        yield
    finally:
        os.environ.pop(CORE_TYPE, None)


def has_avx2() -> bool:
    """Return whether this is a Linux machine whose processor has AVX2 and FMA."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return False
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
        return {"avx2", "fma"} <= set(flags)
    return False


def _start_engine(mxnet: Any) -> None:
    """Start the threads that compute, with the tiniest numbers flushed to 0.

    Below 1.2e-38 a processor needs a hundred times as long for each number. Adam's moving average of a
    gradient that has become 0 gets there and stays there.
    """
    with flushing_subnormals():
        mxnet.nd.zeros(1).wait_to_read()


@contextlib.contextmanager
def flushing_subnormals() -> Iterator[None]:
    """Let threads that start in this context take results and operands below the normal numbers for 0.

    Only for x86 with glibc it is known where the two flags are; elsewhere nothing is done.
    """
    if (sys.platform, platform.machine()) != ("linux", "x86_64") or platform.libc_ver()[0] != "glibc":
        yield
        return
    libm = ctypes.CDLL("libm.so.6")
    # fenv_t of 32 bytes, whose last word is the register MXCSR
    before, flushing = (ctypes.c_uint32 * 8)(), (ctypes.c_uint32 * 8)()
    libm.fegetenv(before)
    libm.fegetenv(flushing)
    flushing[7] |= FLUSH_SUBNORMALS
    libm.fesetenv(flushing)
    try:
        yield
    finally:
        libm.fesetenv(before)


def openblas_cores() -> dict[str, str]:
    """Return the core type of each OpenBLAS that this process has loaded.

    Returns:
        Package that brought the library ("mxnet", "numpy", "scipy") -> core type, such as "Haswell". The
        type "Prescott" on a processor with AVX2 means products at a third of its speed.
    """
    try:
        with open("/proc/self/maps") as file:
            paths = sorted({line.split(maxsplit=5)[-1].strip() for line in file if "openblas" in line})
    except OSError:  # no Linux
        return {}
    cores = {_package_of(path): _core_name(path) for path in paths}
    return {package: core for package, core in sorted(cores.items()) if core}


def _package_of(path: str) -> str:
    folder = os.path.basename(os.path.dirname(path))  # site-packages/mxnet, site-packages/numpy.libs
    return folder.split(".")[0]


def _core_name(path: str) -> str:
    library = ctypes.CDLL(path)  # loaded already: this only looks it up
    for prefix, suffix in itertools.product(("", "scipy_"), ("", "64_")):
        function = getattr(library, f"{prefix}openblas_get_corename{suffix}", None)
        if function:
            function.restype = ctypes.c_char_p
            return function().decode()
    return ""


def _how_to_install() -> str:
    if (sys.platform, platform.machine()) in WITHOUT_WHEEL or sys.platform == "win32":
        return tr(
            "MXNet has no wheel for {system} on {machine}: see docs/installing.md",
            system=platform.system(),
            machine=platform.machine(),
        )
    # Without its requirements: it asks for a NumPy below 2, which newer Pythons cannot have.
    return tr("MXNet is not installed: {command}", command="pip install --no-deps mxnet==1.9.1")


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
            tr(
                "MXNet needs {libraries}, which is not installed on this system: apt-get install {debian} "
                "(Debian, Ubuntu) or dnf install {fedora} (Fedora)",
                libraries=libraries,
                debian=debian,
                fedora=fedora,
            )
        )


def _is_loadable(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
