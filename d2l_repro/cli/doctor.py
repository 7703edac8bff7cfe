"""`d2l-repro doctor`: whether this machine can run everything, and what to do about what is missing.

At the top it imports only Python's own modules, so that it also starts where packages are missing or broken.
"""

import contextlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from .. import compat, installation
from ..columns import padded
from ..errors import DONE, FAILED, InputError
from ..language import listed, mark, tr, trn
from ..processes import python_command
from ..results import environment
from ..settings import Settings

OK, WARNING, MISSING = mark("ok"), mark("warning"), mark("missing")
TIMEOUT = 300  # seconds for all imports, which take long from a cold disk
FIRST_LABEL = "6.000587"  # printed in section 3.2 of the book
FAST_KERNELS = ("Haswell", "Zen")  # those with AVX2 in MXNet's OpenBLAS
MEMORY, DISK = 1.5e9, 1e9  # bytes: fully_connected_nets takes 1.4 GB; with all downloads, 0.5 GB of files
OPTIONAL_SETS = {"fashion_mnist_2017"}  # used only if --dataset names it
EXTRAS = {"d2l": "--impl d2l", "ipykernel": mark("notebooks"), "distributed": mark("work on a cluster")}

ABOVE = mark("first do what is said above")

Findings = Mapping[str, Mapping[str, Any]]  # step of the probe -> what it has found


@dataclass(frozen=True)
class Check:
    """What the doctor has to say on one topic.

    Attributes:
        status: OK, WARNING if everything runs all the same, or MISSING.
        topic: of the check, in one word.
        what: was found.
        remedy: what to do about it.
    """

    status: str
    topic: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        text = tr("{what}; {remedy}", what=self.what, remedy=self.remedy) if self.remedy else self.what
        return f"{padded(tr(self.status), 8)} {padded(tr(self.topic), 10)} {text}"


@dataclass(frozen=True)
class DoctorCommand(Settings):
    """Check whether this machine can run everything, and say what to do about what is missing.

    Nothing is downloaded or changed. Exit codes: 0 everything needed is there; 1 something is missing; 2
    usage error.
    """

    # folder that contains fashion_mnist/, mnist/, ...; searched before $D2L_REPRO_DATA
    data_dir: Optional[Path] = None

    def __call__(self) -> int:
        if self.data_dir and not self.data_dir.is_dir():
            raise InputError(tr("{flag}: no such folder: {folder}", flag="--data-dir", folder=self.data_dir))
        statuses = []
        for check in diagnose(self.data_dir):
            print(check, flush=True)
            statuses.append(check.status)
        print(f"\n{_conclude(statuses)}")
        return FAILED if MISSING in statuses else DONE


def _conclude(statuses: list[str]) -> str:
    missing, warnings = statuses.count(MISSING), statuses.count(WARNING)
    if missing:
        return tr(
            "This machine cannot run everything; lines marked {mark}: {count}.",
            mark=repr(tr(MISSING)),
            count=missing,
        )
    if warnings:
        return tr("This machine can run everything; warnings: {count}.", count=warnings)
    return tr("This machine can run everything.")


def diagnose(data_dir: Optional[Path] = None) -> Iterator[Check]:
    """Yield all checks."""
    yield check_python()
    yield check_libraries()
    findings = run_probe()
    yield check_packages(findings)
    yield check_mxnet(findings)
    if "error" not in findings["mxnet"]:
        yield check_digits(findings)
        yield check_kernels(findings)
    yield check_threads()
    yield check_data(data_dir)
    yield check_figures(findings)
    yield check_memory()
    yield check_folders(Path("runs"))
    yield check_extras()


def run_probe() -> Findings:
    """Try all packages in a child process.

    Returns:
        Step -> what `probe` says about it; a step that was not reached has the reason as its error.
    """
    command = python_command(f"import runpy; runpy.run_module('{__package__}.probe', run_name='__main__')")
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        reason = tr("not tried: importing the packages takes longer than {seconds} seconds", seconds=TIMEOUT)
        return _by_step("", reason)
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        return _by_step(done.stdout, tr("Python ended with {signal} here", signal=name))
    return _by_step(done.stdout, " ".join(done.stderr.splitlines()[-1:]))


def _by_step(output: str, reason: str) -> Findings:
    reached = [json.loads(line) for line in output.splitlines() if line.startswith('{"step"')]
    steps = [*installation.PACKAGES.values(), "first label", "openblas", "figure"]
    return {**{step: {"error": reason} for step in steps}, **{line["step"]: line for line in reached}}


def check_python() -> Check:
    """Check that this version of Python is one of those tried."""
    what = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info[:2] <= installation.NEWEST_PYTHON:
        return Check(OK, "Python", what)
    tried = (installation.OLDEST_PYTHON, installation.NEWEST_PYTHON)
    oldest, newest = (".".join(map(str, numbers)) for numbers in tried)
    remedy = tr("if anything fails, use {oldest} to {newest}", oldest=oldest, newest=newest)
    return Check(WARNING, "Python", tr("{python} has not been tried", python=what), remedy)


def check_libraries() -> Check:
    """Check the system's libraries that MXNet's wheel does not contain."""
    missing = compat.missing_libraries()
    if not missing:
        return Check(OK, mark("libraries"), tr("the system has those that MXNet needs"))
    names, debian, fedora = (" ".join(column) for column in zip(*missing))
    remedy = tr(
        "run: apt-get install {debian} (Debian, Ubuntu) or dnf install {fedora} (Fedora)",
        debian=debian,
        fedora=fedora,
    )
    return Check(MISSING, "libraries", tr("not installed: {names}", names=names), remedy)


def check_packages(findings: Findings) -> Check:
    """Check that all packages but MXNet can be imported, and that NumPy's version is one of those tried."""
    errors = _errors_of_packages(findings)
    if errors:
        what = next(iter(errors.values()))
        if len(set(errors.values())) > 1:
            what = tr("{error} (also faulty: {names})", error=what, names=listed([*errors][1:]))
        return Check(MISSING, mark("packages"), what)
    oldest_numpy, newest_numpy = compat.NUMPY_TRIED
    shown = ("numpy", "scipy", "scikit-learn", "pandas", "matplotlib")
    what = ", ".join(f"{package} {findings[package]['version']}" for package in shown)
    oldest, version, newest = map(_two_numbers, (oldest_numpy, findings["numpy"]["version"], newest_numpy))
    if oldest <= version <= newest:
        return Check(OK, "packages", what)
    what = tr(
        "{versions}; NumPy was tried from {oldest} to {newest}",
        versions=what,
        oldest=oldest_numpy,
        newest=newest_numpy,
    )
    return Check(WARNING, "packages", what, tr("if anything fails, use one of those"))


def _two_numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")[:2]]


def _errors_of_packages(findings: Findings) -> dict[str, str]:
    """Return package -> error of those that cannot be imported, MXNet excepted."""
    others = [package for package in installation.PACKAGES.values() if package != "mxnet"]
    return {package: findings[package]["error"] for package in others if "error" in findings[package]}


def check_mxnet(findings: Findings) -> Check:
    """Check that MXNet can be imported, and how long that takes."""
    found = findings["mxnet"]
    if "error" not in found:
        seconds = sum(step.get("seconds", 0.0) for step in findings.values())
        what = tr(
            "{version}; all imports take {seconds} s", version=found["version"], seconds=f"{seconds:.1f}"
        )
        return Check(OK, "MXNet", what)
    if compat.missing_libraries() or found["error"] in _errors_of_packages(findings).values():
        return Check(MISSING, "MXNet", tr("cannot be imported"), tr(ABOVE))
    explained = tr("; run: ") in found["error"]
    return Check(MISSING, "MXNet", found["error"], "" if explained else _reinstall_mxnet())


def _reinstall_mxnet() -> str:
    return installation.install(["mxnet"], again=True)


def check_digits(findings: Findings) -> Check:
    """Check that MXNet draws and computes the numbers that the book prints."""
    found = findings["first label"]
    if "error" in found:
        what = tr("MXNet cannot compute: {error}", error=found["error"])
        return Check(MISSING, mark("digits"), what, _reinstall_mxnet())
    label = f"{found['value']:.6f}"
    if label == FIRST_LABEL:
        return Check(
            OK, "digits", tr("seed 0 gives the first label that the book prints, {label}", label=label)
        )
    what = tr(
        "seed 0 gives the first label {label}, where the book prints {printed}",
        label=label,
        printed=FIRST_LABEL,
    )
    if sys.platform == "linux":
        return Check(MISSING, "digits", what, _reinstall_mxnet())
    remedy = tr("for the book's own synthetic data, use Linux or the container")
    what = tr("{what}: this system has another random stream", what=what)
    return Check(WARNING, "digits", what, remedy)


def check_kernels(findings: Findings) -> Check:
    """Check that MXNet multiplies matrices with kernels that suit the processor."""
    core = findings["openblas"].get("cores", {}).get("mxnet")
    if core is None:
        what = tr("MXNet does not use OpenBLAS on this {processor}", processor=environment.processor())
        return Check(OK, mark("kernels"), what)
    what = tr(
        "MXNet's OpenBLAS uses those for {core} on this {processor}",
        core=core,
        processor=environment.processor(),
    )
    if core in FAST_KERNELS or not compat.has_avx2():
        return Check(OK, "kernels", what)
    if os.environ.get("OPENBLAS_CORETYPE"):
        remedy = tr("unset {variable}", variable="OPENBLAS_CORETYPE")
    else:
        remedy = tr("set {setting}", setting="OPENBLAS_CORETYPE=Haswell")
    what = tr("{what}, which are two to three times slower than they could be", what=what)
    return Check(WARNING, "kernels", what, remedy)


def check_threads() -> Check:
    """Check OMP_NUM_THREADS, if the user has set it."""
    setting, cores = compat.THREADS_OF_USER, compat.cores()
    machine = trn("{count} core", "{count} cores", cores)
    if not setting:
        what = tr("{machine}; a chapter uses one thread, or all cores if its nets are large", machine=machine)
        return Check(OK, mark("threads"), what)
    what = tr("{machine}; OMP_NUM_THREADS is {setting}", machine=machine, setting=repr(setting))
    remedy = tr("unset {variable}", variable="OMP_NUM_THREADS")
    if not compat.is_thread_number(setting):
        return Check(WARNING, "threads", tr("{what}, which is no number and ignored", what=what), remedy)
    if compat.threads() > cores:
        return Check(WARNING, "threads", tr("{what}, more than there are cores", what=what), remedy)
    return Check(OK, "threads", tr("{what}, for every chapter", what=what))


def check_data(data_dir: Optional[Path] = None) -> Check:
    """Check which published data sets are on this machine."""
    try:
        from ..data import download

        sets = {
            name: [download.find(file, data_dir) for file in files]
            for name, files in download.data_sets().items()
        }
    except InputError as error:
        remedy = tr("correct or unset {variable}", variable=download.ENVIRONMENT)
        return Check(MISSING, mark("data"), str(error), remedy)
    except Exception as error:
        if installation.explain(error) is None:
            raise
        return Check(MISSING, "data", tr("cannot be looked for"), tr(ABOVE))
    absent = [name for name, paths in sets.items() if not all(paths)]
    folders = dict.fromkeys(str(path.parents[1]) for paths in sets.values() for path in paths if path)
    found = tr(
        "{count} of {all} data sets are in {folders}",
        count=len(sets) - len(absent),
        all=len(sets),
        folders=listed(folders),
    )
    what = [found] * bool(folders) + [tr("not here: {names}", names=listed(absent))] * bool(absent)
    if OPTIONAL_SETS.issuperset(absent):
        return Check(OK, "data", tr("; ").join(what))
    what.append(tr("downloaded when needed (not tried), or else replaced by stand-ins"))
    return Check(WARNING, "data", tr("; ").join(what), tr("run: {command}", command="d2l-repro data fetch"))


def check_figures(findings: Findings) -> Check:
    """Check that figures can be drawn, and in the font that is asked for."""
    found = findings["figure"]
    if "error" not in found:
        return Check(OK, mark("figures"), tr("drawn as SVG and PNG, in {font}", font=found["font"]))
    if found["error"] in _errors_of_packages(findings).values():
        return Check(MISSING, "figures", tr("cannot be drawn"), tr(ABOVE))
    if "Failed to find font" in found["error"]:
        what = tr("matplotlib's settings name a font that is not installed, and another replaces it")
        remedy = tr("install it, or remove font.family from your matplotlibrc")
        return Check(WARNING, "figures", what, remedy)
    remedy = installation.install(["matplotlib"], again=True)
    return Check(MISSING, "figures", tr("cannot be drawn: {error}", error=found["error"]), remedy)


def check_memory() -> Check:
    """Check that there is enough memory for the largest nets."""
    available = _available_memory()
    if available is None:
        return Check(OK, mark("memory"), tr("this system does not tell how much is available"))
    what = tr("{size} GB available", size=f"{available / 1e9:.1f}")
    if available >= MEMORY:
        return Check(OK, "memory", what)
    what = tr("{what}; the largest chapters need {size} GB", what=what, size=f"{MEMORY / 1e9:.1f}")
    return Check(WARNING, "memory", what, tr("close other programs, and use `--jobs 1`"))


def _available_memory() -> Optional[float]:
    """Return the bytes that the system, or this container, can still give."""
    limits = []
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        limits.append(
            next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
        )
    with contextlib.suppress(OSError, ValueError):  # "max" if there is no limit
        limit, used = (Path(f"/sys/fs/cgroup/memory.{name}").read_text() for name in ("max", "current"))
        limits.append(float(int(limit) - int(used)))
    return min(limits, default=None)


def check_folders(out: Path) -> Check:
    """Check that results and downloads can be written, and that there is room for them.

    Args:
        out: folder for the results.
    """
    out = out.absolute()
    free = shutil.disk_usage(_nearest(out)).free / 1e9
    return (
        _check_folder(out, MISSING, tr("change to another folder, or use --out"))
        or _check_folder(_cache_dir(), WARNING, tr("set XDG_CACHE_HOME to another folder"))
        or Check(
            OK,
            mark("folders"),
            tr("results go to {folder}, {size} GB free", folder=out, size=f"{free:.0f}"),
        )
    )


def _check_folder(folder: Path, status: str, remedy: str) -> Optional[Check]:
    """Return what is wrong with a folder that need not exist yet, or None."""
    if not _is_writable(_nearest(folder)):
        return Check(status, "folders", tr("cannot write to {folder}", folder=folder), remedy)
    free = shutil.disk_usage(_nearest(folder)).free
    if free < DISK:
        what = tr(
            "{free} GB free for {folder}; {size} GB is enough for everything",
            free=f"{free / 1e9:.1f}",
            folder=folder,
            size=f"{DISK / 1e9:.0f}",
        )
        return Check(WARNING, "folders", what, tr("free some space"))
    return None


def _nearest(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def _cache_dir() -> Path:
    try:
        from ..data.download import cache_dir

        return cache_dir()
    except Exception:  # a package is missing, which other checks say
        return Path.home()


def _is_writable(folder: Path) -> bool:
    # Asking for permissions is not enough: a file system may be read-only, and root may do anything.
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def check_extras() -> Check:
    """Say which optional packages are installed."""
    versions = {name: environment.installed_version(name) for name in EXTRAS}
    there = [f"{name} {version}" for name, version in versions.items() if version]
    absent = [
        tr("{name} ({use})", name=name, use=tr(EXTRAS[name]))
        for name, version in versions.items()
        if not version
    ]
    what = [tr("optional: {names}", names=listed(there))] if there else []
    what += [tr("not installed, and optional: {names}", names=listed(absent))] if absent else []
    return Check(OK, mark("extras"), tr("; ").join(what))
