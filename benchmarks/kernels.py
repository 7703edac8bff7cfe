"""Measure what the settings of `d2l_repro.compat` are worth: OpenBLAS's kernels and Gluon's updates.

    python -m benchmarks.kernels [rounds]

OpenBLAS chooses its kernels when it is loaded, so each contestant is a process of its own. They take turns,
and each reports the median of a few epochs of the MLP. Without the published files, random pixels are used.
"""

import os
import statistics
import subprocess
import sys

# name -> (function of the chapter, environment, whether compat leaves the choice of kernels to OpenBLAS)
CONTESTANTS = {
    "scratch, kernels chosen by compat": ("from_scratch", {}, False),
    "scratch, kernels chosen by OpenBLAS": ("from_scratch", {}, True),
    "scratch, kernels for a processor it does not know": (
        "from_scratch",
        {"OPENBLAS_CORETYPE": "Prescott"},
        False,
    ),
    "Gluon, an update for each parameter": ("with_gluon", {}, False),
    "Gluon, one update for four parameters": ("with_gluon", {"MXNET_OPTIMIZER_AGGREGATION_SIZE": "4"}, False),
}
PROGRAM = """
from d2l_repro import compat
if {leave_to_openblas}:
    compat.has_avx2 = lambda: False
import statistics
from benchmarks.epoch import load_pixels, our_epoch
from chapters import mlp
from d2l_repro.data.loader import Minibatches
from mxnet import nd

pixels, labels = load_pixels()
X = nd.array(pixels[:, None], dtype="uint8").astype("float32") / 255
epoch = our_epoch(mlp, mlp.{build}, Minibatches(X, nd.array(labels), 256, seed=0))
epoch()
print(statistics.median(epoch() for _ in range(3)), compat.openblas_cores()["mxnet"])
"""


def measure(build: str, environment: dict[str, str], leave_to_openblas: bool) -> tuple[float, str]:
    """Return the seconds of an epoch in a new process, and the core type of its OpenBLAS."""
    program = PROGRAM.format(build=build, leave_to_openblas=leave_to_openblas)
    output = subprocess.check_output(
        [sys.executable, "-c", program], env={**os.environ, **environment}, text=True
    )
    seconds, core = output.split()
    return float(seconds), core


def main(rounds: int = 3) -> None:
    """Measure all contestants, and print the ratios to the first of the same implementation."""
    times: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    cores = {}
    for _ in range(rounds):
        for name, contestant in CONTESTANTS.items():
            seconds, cores[name] = measure(*contestant)
            times[name].append(seconds)
    median = {name: statistics.median(seconds) for name, seconds in times.items()}
    for name, seconds in median.items():
        first = next(other for other in median if other.split(",")[0] == name.split(",")[0])
        print(f"{name:50} {seconds:6.3f} s an epoch, ratio {seconds / median[first]:.2f} ({cores[name]})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
