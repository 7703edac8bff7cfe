"""Run chapters one after the other, or several at once, each in its own process."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from threading import Event, Thread
from typing import Any, Optional

from tqdm import tqdm

from .. import channel, compat, stopping
from ..errors import BROKEN, DONE, FAILED, InputError
from ..language import listed, tr
from ..parallel import Where
from ..parallel.where import RESUME
from ..processes import module_command
from ..results.catalogue import TEXTBOOK, entries
from ..results.formatting import format_duration
from ..results.result import FILE_NAME, Result, check_replaceable
from ..settings import Stream
from ..suggestions import choice

GROUPS = ("textbook", "all")  # names of groups of chapters
GIVEN = 500  # chapters that a cluster is given at a time; a thread here follows each


@dataclass(frozen=True)
class Task:
    """A chapter to run with one seed.

    Attributes:
        chapter: its name.
        seed: of all random numbers.
        folder: for its results.
        quick: whether to run with --quick.
        label: what messages call the task.
        stream: for --stream, if it is given.
        only: variants to train; all if it is empty.
        settings: names and values of settings to change.
        impl: implementations to train.
        dataset: data set to train on.
        data_dir: folder of the data, if it is given.
        show: whether the figures are opened.
        jobs: processes of a study; by default as many as there are cores.
        quiet: whether its lines are printed only if it fails; else the bar, and a line at its end.
    """

    chapter: str
    seed: int
    folder: Path
    quick: bool
    label: str
    stream: Optional[Stream] = None
    only: tuple[str, ...] = ()
    settings: tuple[tuple[str, Any], ...] = ()
    impl: str = "both"
    dataset: str = "auto"
    data_dir: Optional[Path] = None
    show: bool = False
    jobs: Optional[int] = None
    quiet: bool = False

    @property
    def flags(self) -> list[str]:
        """The flags of the chapter, all but those that name folders."""
        flags = ["--seed", str(self.seed), *(["--quick"] if self.quick else [])]
        flags += ["--stream", self.stream] if self.stream else []
        flags += ["--only", *self.only] if self.only else []
        flags += ["--impl", self.impl] if self.impl != "both" else []
        flags += ["--dataset", self.dataset] if self.dataset != "auto" else []
        flags += ["--jobs", str(self.jobs)] if self.jobs else []
        return flags + [word for name, value in self.settings for word in _flag(name, value)]

    @property
    def command(self) -> list[str]:
        """The process to start: `python -m chapters.NAME`, with Ctrl-C handled from the first import on."""
        flags = ["--out", str(self.folder), *self.flags]
        flags += ["--data-dir", str(self.data_dir)] if self.data_dir else []
        flags += ["--show"] if self.show else []
        return [*module_command(f"chapters.{self.chapter}", self.chapter), *flags]

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data set that it will load; empty for synthetic data."""
        return entries()[self.chapter].datasets[:1] if self.dataset == "auto" else (self.dataset,)

    def is_finished(self, despite_errors: bool = False) -> bool:
        """Return whether the folder holds a complete result of exactly this task.

        Args:
            despite_errors: whether runs in it may have failed, such as one that diverges with this seed.
        """
        try:
            result = Result.load(self.folder / FILE_NAME)
        except InputError:
            return False
        # Stand-in data count as unfinished: the published data may be available by now.
        partial = result.interrupted or result.stand_in_for or (result.errors and not despite_errors)
        changed = result.changed.keys() == dict(self.settings).keys() and all(
            result.settings.get(name) == value for name, value in self.settings
        )
        same = (result.chapter, result.seed, result.quick, result.stream, tuple(result.only), result.impl)
        asked = (self.chapter, self.seed, self.quick, self.stream, self.only, self.impl)
        datasets = entries()[self.chapter].datasets
        own = self.dataset if self.dataset != "auto" else next(iter(datasets), result.dataset)
        # A full disk or a signal may have come between the numbers and a figure.
        drawn = all((self.folder / f"{name}.svg").is_file() for name in result.figures)
        return not partial and changed and same == asked and result.dataset == own and drawn


def sharing_cores(tasks: Sequence[Task], jobs: int) -> list[Task]:
    """Return tasks of which each study leaves cores to those that run beside it.

    Large nets do not: their last digits depend on the number of threads.

    Args:
        tasks: to run.
        jobs: how many run at a time.
    """
    side_by_side = min(jobs, len(tasks))
    if side_by_side < 2:
        return list(tasks)
    share = max(1, compat.cores() // side_by_side)
    return [
        replace(task, jobs=share) if entries()[task.chapter].execution == "IN_PROCESSES" else task
        for task in tasks
    ]


def _flag(name: str, value: Any) -> list[str]:
    """Return the words that give a setting a value."""
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", *map(str, value if isinstance(value, tuple) else [value])]


def select_chapters(names: Sequence[str]) -> list[str]:
    """Return the chapters that `names` stand for, each once, in the order given.

    Args:
        names: chapters, or the groups textbook and all.

    Raises:
        InputError: a name is unknown, or there is none.
    """
    found = chapters_of(names, entries())
    check_chapters(found, GROUPS)
    return found


def chapters_of(names: Sequence[str], every: Iterable[str]) -> list[str]:
    """Return names of chapters, with those of groups in place of their names, each once, in the order given.

    Args:
        names: chapters, or the groups textbook and all.
        every: the chapters that the group all stands for.
    """
    groups = dict(zip(GROUPS, (TEXTBOOK, tuple(every))))
    return list(dict.fromkeys(chapter for name in names for chapter in groups.get(name, (name,))))


def check_chapters(names: Collection[str], groups: Iterable[str] = ()) -> None:
    """Check that there are names, and that all are those of chapters.

    Args:
        names: of chapters.
        groups: names of groups of chapters, to choose from as well.

    Raises:
        InputError: a name is unknown, or there is none.
    """
    known = [*groups, *entries()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        names = listed(map(repr, unknown))
        problem = tr("unknown chapter {names}", names=names) if unknown else tr("no chapter given")
        raise InputError(
            tr("{problem}; {advice}", problem=problem, advice=choice(next(iter(unknown), ""), known))
        )


def default_folder(quick: bool, chapters: Sequence[str]) -> Path:
    """Return the folder for results where --out is not given.

    It is runs/, or runs/quick/ if a quick run would replace results of full ones; then a line says so.
    """
    folder = Path("runs")
    try:
        for chapter in chapters:
            check_replaceable(folder / chapter, quick)
    except InputError:
        other = folder / "quick"
        text = tr(
            "{folder} has results of full runs; those of this quick one go to {other}",
            folder=folder,
            other=other,
        )
        print(text, file=sys.stderr)
        return other
    return folder


def check_streams(names: Sequence[str]) -> None:
    """Check that --stream means something to every chapter.

    Raises:
        InputError: it does not to some of them.
    """
    able = [entry.name for entry in entries().values() if entry.depends_on_stream]
    others = [name for name in names if name not in able]
    if others:
        raise InputError(
            tr(
                "--stream: no published value of {others} depends on the random stream; choose from {names}",
                others=listed(others),
                names=listed(able),
            )
        )


class Board:
    """Show the tasks' output on stdout and, if stderr is a terminal, a progress bar over all of them.

    Args:
        tasks: all of them.
        jobs: how many run at a time.
    """

    def __init__(self, tasks: Sequence[Task], jobs: int):
        self.tasks, self.jobs = tasks, jobs
        self.stopped = Event()  # no further task may start
        self.processes: set[Any] = set()  # that are running
        self.shares = dict.fromkeys(tasks, 0.0)
        self.bar = tqdm(
            total=len(tasks),
            disable=None,
            leave=False,
            bar_format=f"{{l_bar}}{{bar}}| {tr('{part} of {whole}', part='{n:.1f}', whole='{total}')} "
            "[{elapsed}<{remaining}{postfix}]",
        )

    def stop(self) -> None:
        """Start no further task, and pass the signal that stopped this process on to the running ones."""
        self.stopped.set()
        # A cluster may take its time, and a further signal must not come in between.
        Thread(target=self._pass_on, args=(stopping.last_signal(),), daemon=True).start()

    def _pass_on(self, number: int) -> None:
        for process in tuple(self.processes):
            process.send_signal(number)

    def advance(self, task: Task, share: float, activity: str = "") -> None:
        """Record that `share` of a task is done, from 0 to 1."""
        self.shares[task] = share
        self.bar.set_postfix_str(f"{task.label}: {activity}" if activity else "", refresh=False)
        self.bar.update(sum(self.shares.values()) - self.bar.n)

    def print(self, text: str) -> None:
        """Print above the bar."""
        with tqdm.external_write_mode(file=sys.stdout):
            print(text, flush=True)

    def follow(self, task: Task, process: Any) -> None:
        """Show what a task prints: line by line if tasks run one by one, else all of it at the end.

        Of a quiet task that succeeds, one line is shown.
        """
        start = time.monotonic()
        head = f"\n[{self.tasks.index(task) + 1}/{len(self.tasks)}] {task.label}"
        lines = []
        for line in chain([head], process.stdout or ()):
            progress = channel.read(line)
            if progress:
                self.advance(task, *progress)
                continue
            lines.append(line.rstrip("\n"))
            if self.jobs == 1 and not task.quiet:
                self.print(lines.pop())
        if task.quiet and process.wait() == DONE:
            begun = getattr(process, "begun", None) or start  # on a cluster, a task may have waited
            lines = [f"{head.strip()}: {format_duration(time.monotonic() - begun)}"]
        if lines:
            self.print("\n".join(lines))
        self.advance(task, 1.0)


def start_here(task: Task) -> subprocess.Popen:
    """Start a task in a process of this machine."""
    environment = {**os.environ, channel.VARIABLE: "1"}
    return subprocess.Popen(
        task.command, stdout=subprocess.PIPE, text=True, errors="replace", env=environment
    )


@contextmanager
def starter(
    tasks: Sequence[Task], jobs: int, cluster: Optional[str], again: str = RESUME
) -> Iterator[Callable[[Task], Any]]:
    """Yield a function that starts a task, in a process here or on a cluster.

    Args:
        tasks: that it will be called with.
        jobs: number of processes of a local cluster.
        cluster: as in `parallel.Where`.
        again: as there.

    Raises:
        InputError: the cluster or one of its workers cannot be used.
    """
    if cluster is None or not tasks:
        yield start_here
        return
    if any(task.show for task in tasks):
        raise InputError(tr("--show: a chapter on a cluster has no screen to show figures on; leave it out"))
    from ..parallel.chapters import hearing
    from ..parallel.cluster import connect

    datasets = sorted({name for task in tasks for name in task.datasets})
    where = Where(jobs, cluster, datasets, tasks[0].data_dir, again)
    with connect(where) as connected, hearing(connected) as chapters:
        yield lambda task: chapters.start(task.chapter, task.flags, task.folder)


def run_tasks(
    tasks: Sequence[Task], jobs: int = 1, start: Callable[[Task], Any] = start_here
) -> tuple[dict[Task, int], bool]:
    """Run every task in its own process; the others still run when one fails.

    After Ctrl-C, SIGTERM or SIGHUP, running tasks write what they have finished, and no other task starts.

    Args:
        tasks: to run.
        jobs: how many run at a time.
        start: starts one, as `starter` yields it; a cluster is given as many as it may be at once.

    Returns:
        Task -> exit code of the tasks that were started, and whether others were not, or were interrupted.
    """
    if start is not start_here:
        jobs = max(2, min(len(tasks), GIVEN))  # the cluster decides how many of them run
    board = Board(tasks, jobs)
    with ThreadPoolExecutor(jobs) as pool:
        futures = {task: pool.submit(_run, task, board, start) for task in tasks}
        while True:
            try:
                wait(futures.values())
                break
            except KeyboardInterrupt:
                board.stop()
    board.bar.close()
    results = {task: future.result() for task, future in futures.items()}
    codes = {task: code for task, code in results.items() if code is not None}
    return codes, board.stopped.is_set()


def _run(task: Task, board: Board, start: Callable[[Task], Any]) -> Optional[int]:
    if board.stopped.is_set():
        return None
    with start(task) as process:
        board.processes.add(process)
        if board.stopped.is_set():  # since the question above
            process.send_signal(stopping.last_signal())
        try:
            board.follow(task, process)
        except BaseException:  # our stdout was closed, for example
            board.stop()
            raise
        finally:
            code = process.wait()
            board.processes.discard(process)
    if board.stopped.is_set() and code == FAILED:
        # The signal came before Python had the chapter's handlers, which made it an error.
        code = -stopping.last_signal()
    # A chapter that cannot import a package says so; the others would fail in the same way.
    if stopping.is_stopped(code) or code == BROKEN:
        board.stopped.set()
    return code
