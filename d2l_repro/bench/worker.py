"""The process of one contestant: it builds the contestant, and trains for a round whenever it is asked to."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Callable

from .. import compat
from ..results.environment import environment, installed_version
from ..results.speed import LIMIT
from .contests import CONTESTS, Contestant
from .operators import Operators


def main(contest_name: str, name: str, steps: int) -> None:
    """Answer each line on stdin with the time of a round of a contestant."""
    contest = CONTESTS[contest_name]
    if contest.large:
        # As in our chapters, before MXNet is loaded; other packages keep their own way with memory.
        is_ours = name == LIMIT or contest.contestants[name].needs is None
        compat.prepare_large_nets() if is_ours else compat.fix_threads(compat.cores())
    if name == LIMIT:
        assert contest.limit is not None
        operators = contest.limit()
        serve(lambda: watch(operators))
    else:
        serve(lambda: _contestant(contest.contestants[name], steps))


def serve(prepare: Callable[[], Callable[[], Any]], warm_up: bool = True) -> None:
    """Answer each line on stdin with a line of JSON on stdout; the first line, unasked, is the environment.

    Args:
        prepare: () -> a function () -> the answer to a line.
        warm_up: whether that function is called once before the first line.
    """
    answers = own_stdout()
    measure = prepare()
    if warm_up:
        measure()
    print(json.dumps({"environment": environment(), "kernels": _kernels()}), file=answers, flush=True)
    for _ in sys.stdin:
        print(json.dumps(measure()), file=answers, flush=True)


def own_stdout() -> Any:
    """Return the stdout of this process, and leave stderr to whatever else prints."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _contestant(contestant: Contestant, steps: int) -> Callable[[], float]:
    """Return a function () -> seconds of a step."""
    module, _, function = contestant.build.partition(":")
    if contestant.needs == "torch":
        import_module("d2l_repro.bench.torch_nets").torch.set_num_threads(compat.threads())
    num_steps = max(1, round(contestant.share * steps))
    train = getattr(import_module(f"d2l_repro.bench.{module}"), function)(*contestant.arguments, num_steps)

    def measure() -> float:
        start = time.perf_counter()
        train()
        return (time.perf_counter() - start) / num_steps

    return measure


def watch(operators: Operators) -> Callable[[], dict[str, dict[str, float]]]:
    """Return a function () -> operator -> kernel -> seconds of a call."""
    from . import kernels

    watches = kernels.watches(operators)
    return lambda: kernels.measure(watches)


def _kernels() -> str:
    """Return in words what computes the products of this process."""
    return "; ".join(_libraries())


def _libraries() -> Iterator[str]:
    for package, core in compat.openblas_cores().items():
        yield f"{package}'s OpenBLAS for {core}"
    torch = sys.modules.get("torch")
    if torch is not None:
        yield f"PyTorch {installed_version('torch')} for {torch.backends.cpu.get_cpu_capability()}"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
