"""Say in one line which package is missing or broken, and how to repair it.

Pythons that are too old for this project have to be able to read this file, so that it can tell their users.
"""

import importlib.util
import os
import re
import shlex
import sys
import textwrap
from importlib.machinery import PathFinder
from types import TracebackType
from typing import Optional

from .language import listed, tr

# Module -> package, for all that this project cannot do without.
PACKAGES = {
    "mxnet": "mxnet",
    "numpy": "numpy",
    "scipy": "scipy",
    "pandas": "pandas",
    "sklearn": "scikit-learn",
    "matplotlib": "matplotlib",
    "PIL": "pillow",
    "joblib": "joblib",
    "pooch": "pooch",
    "requests": "requests",
    "tqdm": "tqdm",
    "jinja2": "jinja2",
    "fastjsonschema": "fastjsonschema",
    "tyro": "tyro",
    "packaging": "packaging",
}
OLDEST_PYTHON, NEWEST_PYTHON = (3, 9), (3, 13)  # of those tried
USAGE = 2  # as in errors.py, which old Pythons cannot read


def explain_failed_imports() -> None:
    """Let commands of this project end with one line if a package is missing or broken.

    A command imports packages before any handler of its own can run, so this has to be called before that.
    Other programs that import this project keep their tracebacks.
    """
    if is_own_command():
        sys.excepthook = _print_one_line


def is_own_command() -> bool:
    """Return whether this process was started as a command of this project: `python -m chapters.mlp`."""
    # While Python looks for the module of `python -m`, its name is "-m".
    return bool(sys.argv) and (sys.argv[0] == "-m" or os.path.basename(sys.argv[0]).startswith("d2l-repro"))


def check_python() -> None:
    """Check the version of Python.

    Raises:
        ImportError: it is too old; the message is a single line that says what to do.
    """
    if sys.version_info < OLDEST_PYTHON:
        this, oldest = (".".join(map(str, numbers)) for numbers in (sys.version_info[:3], OLDEST_PYTHON))
        raise ImportError(
            tr(
                "this is Python {this} ({path}), but d2l_repro needs {oldest} or later; install one, or name "
                "one that you have: make PYTHON=/path/to/python",
                this=this,
                path=sys.executable,
                oldest=oldest,
            )
        )


def check_packages() -> None:
    """Check that no required package is missing, so that no work is done in vain.

    Raises:
        ImportError: some are missing; the message is a single line that says what to do.
    """
    importlib.util.find_spec("mxnet")  # compat.py, which knows more about MXNet, may raise an error here
    missing = find_missing()
    if missing:
        raise ImportError(_describe_missing(missing))


def explain(error: BaseException) -> Optional[str]:
    """Return which package could not be imported, or that memory is used up, and what to do, in one line.

    Returns:
        None for any error that has another reason.
    """
    if not isinstance(error, Exception):
        return None
    if _is_such_a_line(error):
        return str(error)
    if isinstance(error, MemoryError):  # during an import, too
        return tr("out of memory; end other programs, or raise the limit that `ulimit -v` shows")
    absent = error.name if isinstance(error, ModuleNotFoundError) else None
    if absent in PACKAGES:
        return _describe_missing(sorted({PACKAGES[absent], *find_missing()}))
    package = _package_being_imported(error.__traceback__) or _package_without_name(error)
    if package is None:
        return None
    remedy = install([absent]) if absent and "." not in absent else install([package], again=True)
    if isinstance(error, ValueError):  # MPLBACKEND, for one
        remedy = tr("correct the environment variable that it reads, or {remedy}", remedy=remedy)
    return tr(
        "{package} cannot be imported ({error}); {remedy}",
        package=package,
        error=_describe(error),
        remedy=remedy,
    )


def find_missing() -> "list[str]":
    """Return the required packages that are not installed, without importing any."""
    return [package for module, package in PACKAGES.items() if not _is_installed(module)]


def install(packages: "list[str]", again: bool = False) -> str:
    """Return the command that installs packages, or replaces broken ones, for the Python that runs this."""
    declared = _declared()
    if again:
        commands = [["--force-reinstall", "--no-deps", *packages]]
    elif declared is None and set(packages) <= set(PACKAGES.values()) - {"mxnet"}:
        # This project is run from its folder: installing it brings all packages.
        commands = [["-e", os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]]
    else:
        # MXNet asks for NumPy 1, which it does not need here, and which new Pythons do not have.
        others = [package for package in packages if package != "mxnet"]
        commands = [others] * bool(others) + [["--no-deps", "mxnet"]] * ("mxnet" in packages)
    pip = " && ".join(_pip_command(command, declared or []) for command in commands)
    return tr("run: {command}", command=pip)


def _pip_command(arguments, declared):
    arguments = [_add_versions(argument, declared) for argument in arguments]
    return " ".join(map(shlex.quote, [sys.executable, "-m", "pip", "install", *arguments]))


def _print_one_line(kind: type, error: BaseException, traceback: Optional[TracebackType]) -> None:
    line = explain(error)
    if line is None:
        sys.__excepthook__(kind, error, traceback)
    else:
        print(tr("{prog}: error: {text}", prog="d2l_repro", text=line), file=sys.stderr)
        sys.exit(USAGE)


def _frames(traceback):
    while traceback:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def _is_such_a_line(error):
    """Return whether an error's message is already one that `explain` would return."""
    modules = [frame.f_globals.get("__name__") for frame in _frames(error.__traceback__)]
    is_from_a_check = modules[-1:] in ([__name__], ["d2l_repro.compat"])
    by_python = str(error).startswith(("No module named", "import of", "cannot import name"))
    return isinstance(error, ImportError) and is_from_a_check and not by_python


def _is_installed(module):
    # Looking for MXNet in the usual way would call the finder of compat.py, which asks for more than MXNet.
    find_spec = PathFinder.find_spec if module == "mxnet" else importlib.util.find_spec
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # sys.modules or a finder says that it cannot be imported
        return False


def _describe_missing(packages):
    return tr("not installed: {names}; {remedy}", names=listed(packages), remedy=install(packages))


def _package_being_imported(traceback):
    """Return the package whose module was being executed when the error occurred, or None."""
    found = None
    for frame in _frames(traceback):
        top = frame.f_globals.get("__name__", "").partition(".")[0]
        if frame.f_code.co_name == "<module>":
            found = PACKAGES.get(top, found)  # the innermost is to blame
    return found


def _package_without_name(error):
    """Return the package that lacks a module or name which was to be imported from it, or None."""
    name = (error.name or "") if isinstance(error, ImportError) else ""
    return PACKAGES.get(name.partition(".")[0])


def _describe(error):
    while error.__cause__ is not None:  # NumPy hides the reason behind a page of advice
        error = error.__cause__
    return textwrap.shorten(f"{type(error).__name__}: {error}", 200, placeholder=" ...")


def _declared():
    """Return the requirements of this project, or None if it is not installed."""
    from importlib import metadata  # new in Python 3.8

    try:
        return metadata.requires("d2l_repro") or []
    except metadata.PackageNotFoundError:
        return None


def _add_versions(package, declared):
    """Return the package with the versions that this project declares, if any."""
    pattern = re.compile(re.escape(package) + r"[\s(]*([<>=!~][^;)]*)?\s*\)?\s*(;.*)?", re.IGNORECASE)
    for requirement in declared:
        match = pattern.fullmatch(requirement)
        if match and match[1] and "extra" not in (match[2] or ""):
            return package + match[1].strip()
    return package
