"""Chapters one after the other, or several at once, each in a process of its own."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import Event

from tqdm import tqdm

from .. import channel
from ..errors import INTERRUPTED, InputError
from ..results.result import FILE_NAME, Result


@dataclass(frozen=True)
class Task:
    """A chapter to run with one seed."""

    chapter: str
    seed: int
    folder: Path  # for its results
    quick: bool
    label: str  # what it is called in messages

    @property
    def command(self):
        # As `python -m chapters.NAME`, but that Ctrl-C is understood from the first import on.
        code = (
            "from d2l_repro.errors import one_line_errors\n"
            f"with one_line_errors('{self.chapter}'):\n"
            "    from d2l_repro.cli.chapter import run_chapter\n"
            f"    from chapters.{self.chapter} import chapter\n"
            "    run_chapter(chapter)"
        )
        return [
            sys.executable,
            "-c",
            code,
            "--out",
            str(self.folder),
            "--seed",
            str(self.seed),
            *(["--quick"] if self.quick else []),
        ]

    def is_finished(self):
        """Does the folder have the whole result of this very task?"""
        try:
            result = Result.load(self.folder / FILE_NAME)
        except InputError:
            return False
        # Where embedded data stood in, the published may have come since.
        partial = result.interrupted or result.errors or result.changed or result.only
        return not (partial or result.stand_in_for) and (
            (result.chapter, result.seed, result.quick, result.impl)
            == (self.chapter, self.seed, self.quick, "both")
        )


class Board:
    """What a reader sees: the tasks' output on stdout and, where stderr is a terminal, a bar over all of
    them."""

    def __init__(self, tasks, jobs):
        self.tasks, self.jobs = tasks, jobs
        self.stopped = Event()  # no further task is to begin
        self.shares = dict.fromkeys(tasks, 0.0)
        self.bar = tqdm(
            total=len(tasks),
            disable=None,
            leave=False,
            bar_format="{l_bar}{bar}| {n:.1f} of {total} [{elapsed}<{remaining}{postfix}]",
        )

    def advance(self, task, share, doing=""):
        """`share` of a task is done."""
        self.shares[task] = share
        self.bar.set_postfix_str(f"{task.label}: {doing}" if doing else "", refresh=False)
        self.bar.update(sum(self.shares.values()) - self.bar.n)

    def print(self, text):
        """Print above the bar."""
        with tqdm.external_write_mode(file=sys.stdout):
            print(text, flush=True)

    def follow(self, task, process):
        """Show what a task prints: at once where tasks run one by one, else in one piece when it has
        ended."""
        head = f"\n[{self.tasks.index(task) + 1}/{len(self.tasks)}] {task.label}"
        lines = []
        for line in chain([head], process.stdout):
            told = channel.read(line)
            if told:
                self.advance(task, *told)
                continue
            lines.append(line.rstrip("\n"))
            if self.jobs == 1:
                self.print(lines.pop())
        if lines:
            self.print("\n".join(lines))
        self.advance(task, 1.0)


def run_tasks(tasks, jobs=1):
    """Run every task in a process of its own, `jobs` at a time; one that fails does not keep the others from
    running.

    After Ctrl-C, which reaches the processes too, those that run write what they finished, and no other is
    started.

    Returns:
        Task -> exit code of those that were started, and whether they were interrupted.
    """
    board = Board(tasks, jobs)
    with ThreadPoolExecutor(jobs) as pool:
        futures = {task: pool.submit(_run, task, board) for task in tasks}
        try:
            wait(futures.values())
        except KeyboardInterrupt:
            board.stopped.set()
            wait(futures.values())
    board.bar.close()
    codes = {task: future.result() for task, future in futures.items() if future.result() is not None}
    return codes, board.stopped.is_set()


def _run(task, board):
    if board.stopped.is_set():
        return None
    with subprocess.Popen(
        task.command,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, channel.VARIABLE: "1"},
    ) as process:
        board.follow(task, process)
        code = process.wait()
    if code in (INTERRUPTED, -signal.SIGINT):
        board.stopped.set()
        return INTERRUPTED
    return code
