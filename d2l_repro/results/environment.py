"""What results are computed with: versions, threads, the processor, and the kernels chosen for it.

It does not import any of the packages, so it works without MXNet.
"""

from __future__ import annotations

import contextlib
import platform
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from .. import compat
from ..distributed.job import current_job

# Packages whose versions can change the digits of a result -> their modules. The others draw figures, write
# tables or download verified files.
PACKAGES = {
    "d2l_repro": "d2l_repro",  # every number
    "mxnet": "mxnet",  # every number of a training
    "numpy": "numpy",  # shuffles, folds, synthetic points, statistics over seeds
    "scipy": "scipy",  # Student's t, the draws of a sweep, the solvers of scikit-learn
    "scikit-learn": "sklearn",  # the embedded digits, preprocessing, baselines
    "pandas": "pandas",  # how the house-price tables are read, encoded and standardized
    "bottleneck": "bottleneck",  # used by pandas, if installed, for means and standard deviations
    "numexpr": "numexpr",  # used by pandas, if installed, for arithmetic on large tables
    "joblib": "joblib",  # number of threads in worker processes, which large products depend on
    "d2l": "d2l",  # its classes, with --impl d2l
    "mkl": "mkl",  # in conda's NumPy and SciPy, computes products in place of OpenBLAS
}


def environment() -> dict[str, Any]:
    """Return the versions and the machine that results are computed with.

    Returns:
        `python`, `mxnet` (None if it is not installed), `numpy`, `platform`, `threads`, `packages` (name ->
        version), `processor`, and `openblas` (package -> core type, for each OpenBLAS loaded so far); in a
        worker of a job also `workers`, how many there are.
    """
    packages, job = package_versions(), current_job()
    return {
        "python": platform.python_version(),
        "mxnet": packages.get("mxnet"),
        "numpy": packages.get("numpy"),
        "platform": platform.platform(),
        "threads": compat.threads(),
        "packages": packages,
        "processor": processor(),
        "openblas": compat.openblas_cores(),
        **({} if job is None else {"workers": job.num_workers}),
    }


def package_versions() -> dict[str, str]:
    """Return the version of each installed package that can change a digit."""
    versions = {name: _version(name, module) for name, module in PACKAGES.items()}
    return {name: version for name, version in versions.items() if version}


def versions_in_workers() -> dict[str, str]:
    """Return Python's version, and that of each package that can change a digit of what a worker computes."""
    # joblib decides about threads in its own processes only, and workers do not use them.
    versions = {name: text for name, text in package_versions().items() if name != "joblib"}
    return {"python": ".".join(platform.python_version_tuple()[:2]), **versions}


def _version(name: str, module: str) -> str | None:
    # What is loaded counts, which need not be what is installed under that name.
    loaded = getattr(sys.modules.get(module), "__version__", None)
    return str(loaded) if loaded else installed_version(name)


@cache
def installed_version(name: str) -> str | None:
    """Return the version of a package, without importing it, or None if it is not installed."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version(name)
    return None


@cache
def processor() -> str:
    """Return the name of the processor's model, or of its architecture if the system does not tell."""
    if sys.platform == "linux":
        name = _linux_processor()
    elif sys.platform == "darwin":
        name = _macos_processor()
    else:
        name = platform.processor()
    return name or platform.machine()


def _linux_processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return ""


def _macos_processor() -> str:
    command = ["sysctl", "-n", "machdep.cpu.brand_string"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
    return ""
