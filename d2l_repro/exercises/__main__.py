"""The process that checks one learner's file; `sandbox.Checker` starts it and reads its report.

It imports MXNet, and waits for a request on stdin. From then on what the file prints goes to a file, and what
it does is limited.
"""

from __future__ import annotations

import io
import json
import linecache
import os
import re
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from .. import installation
from . import wording
from .report import Report, place
from .sandbox import BEGUN, FAILURE, OUTPUT, REPORT
from .texts import text_of

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {  # audit event -> how many of its first arguments are paths that it changes
    "os.remove": 1,
    "os.rename": 2,
    "os.rmdir": 1,
    "os.mkdir": 1,
    "os.link": 2,
    "os.symlink": 2,
    "os.truncate": 1,
    "os.chmod": 1,
    "os.chown": 1,
}
PROCESSES = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.forkpty",
    "pty.spawn",
)
NETWORK = ("socket.connect", "socket.bind", "socket.getaddrinfo")
FILE_SIZE = 16 * 2**20  # bytes of a file that it may write, and of what it may print
GRACE = 5  # seconds of computing time from our own limit to that of the system


class Refused(PermissionError):
    """Raised in a learner's file when it does what a check does not allow."""

    ends_check = True


class Check:
    """The check of one file.

    Args:
        request: as `sandbox.Checker` writes it.
    """

    def __init__(self, request: Mapping[str, Any]):
        self.request = request
        self.folder = Path(request["folder"])
        self.file, self.name = request["file"], request["name"]
        titles = list(text_of(self.name).steps)
        self.report = Report(self.name, len(titles), titles)
        self.limited = False
        self.busy_until, self.computed = time.monotonic(), 0.0

    def run(self) -> None:
        """Check the file, and write the report."""
        from .checker import check_functions, one_line
        from .exercise import exercise_of

        exercise_of(self.name)  # imports what our functions need, before anything is limited
        self.limit()
        (self.folder / BEGUN).touch()
        try:
            self.limited = True
            functions = self.load(one_line)
            if functions is not None:
                passed = self.report
                self.report = check_functions(
                    self.name,
                    functions,
                    self.request["seed"],
                    self.file,
                    lambda number: setattr(passed, "passed", number),
                )
        except Refused as error:
            self.report.message = wording.REFUSED.format(what=error.args[0], where=self.where(error))
        except MemoryError as error:
            self.report.message = self.out_of_memory(error)
        except (SystemExit, KeyboardInterrupt) as error:
            self.report.message = wording.EXITS.format(where=self.where(error))
        self.limited = False
        self.finish()

    def load(self, one_line: Any) -> Mapping[str, Any] | None:
        """Run the learner's file; return what it defines, or None if it cannot be run."""
        source, file = self.request["source"], Path(self.file).name
        linecache.cache[self.file] = (len(source), None, source.splitlines(keepends=True), self.file)
        try:
            code = compile(source, self.file, "exec")
        except (SyntaxError, ValueError) as error:  # ValueError: null bytes
            line = getattr(error, "lineno", None) or 1
            self.report.message = wording.SYNTAX.format(
                file=file, error=getattr(error, "msg", error), line=line
            )
            return None
        sys.path.append(str(Path(self.file).parent))  # last, so that an exercise's name hides no module
        module = {"__name__": f"exercise_{self.name}", "__file__": self.file}
        try:
            exec(code, module)
        except (Refused, MemoryError, SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.report.message = wording.RAISED_LOADING.format(
                file=file, error=one_line(error), where=self.where(error)
            )
            return None
        return module

    def limit(self) -> None:
        """Limit memory, computing time, files and processes from now on."""
        size = _address_space()
        if size:
            most = size + int(self.request["megabytes"] * 2**20)
            with suppress(ValueError, OSError):  # macOS refuses
                resource.setrlimit(resource.RLIMIT_AS, (most, most))
        used = time.process_time()
        hard = int(used + self.request["seconds"] + GRACE)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CPU, (hard, hard + 1))
            resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
        signal.signal(signal.SIGPROF, self.too_slow)
        signal.setitimer(signal.ITIMER_PROF, self.request["seconds"])
        signal.signal(signal.SIGALRM, self.look_whether_idle)
        self.busy_until, self.computed = time.monotonic(), used + _waited_for_core()
        signal.setitimer(signal.ITIMER_REAL, 1, 1)
        sys.addaudithook(self.audit)

    def too_slow(self, number: int, frame: FrameType | None) -> None:
        """End the process: it has used up its computing time."""
        self.end(wording.SLOW.format(seconds=self.request["seconds"], where=self.where_now(frame)))

    def look_whether_idle(self, number: int, frame: FrameType | None) -> None:
        """End the process if it has done nothing for a while."""
        now, computed = time.monotonic(), time.process_time() + _waited_for_core()
        if computed - self.computed > 0.1:
            self.busy_until, self.computed = now, computed
        elif now - self.busy_until > self.request["idle"]:
            self.end(wording.WAITS.format(seconds=self.request["idle"], where=self.where_now(frame)))

    def end(self, message: str) -> NoReturn:
        """Write the report from within a signal; an exception might be caught in the learner's file."""
        self.limited = False
        self.report.message = message
        self.finish()

    def finish(self) -> NoReturn:
        """Write the report and end, whatever threads the learner's file has started."""
        with suppress(Exception):
            sys.stdout.flush()
        text = json.dumps(self.report.as_dict())
        (self.folder / f"{REPORT}.new").write_text(text, encoding="utf-8")
        os.replace(self.folder / f"{REPORT}.new", self.folder / REPORT)
        os._exit(0)

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """Refuse to write outside the check's own folder, to start processes, and to use a network."""
        if not self.limited:
            return
        if event == "open" and args[2] & WRITING and not isinstance(args[0], int):
            self.refuse_outside(args[:1])
        elif event in CHANGES:
            self.refuse_outside(args[: CHANGES[event]])
        elif event in PROCESSES:
            self.refuse(wording.STARTS_PROCESS)
        elif event in NETWORK:
            self.refuse(wording.USES_NETWORK)

    def refuse_outside(self, paths: tuple[Any, ...]) -> None:
        """Refuse to change files outside the check's own folder."""
        for path in paths:
            if isinstance(path, (str, bytes, os.PathLike)):
                real = os.path.realpath(os.fsdecode(path))
                if real != os.devnull and not real.startswith(os.path.realpath(self.folder) + os.sep):
                    self.refuse(wording.WRITES.format(path=os.fsdecode(path)))

    def refuse(self, what: str) -> NoReturn:
        """Raise an error in the learner's file."""
        raise Refused(what)

    def where(self, error: BaseException) -> str:
        """Return the line of the learner's file in which an error was raised, as " in line 7"."""
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == self.file]
        return place(frames[-1].lineno, _start(frames[-1].line)) if frames else ""

    def where_now(self, frame: FrameType | None) -> str:
        """Return the line of the learner's file that is being executed, as " in line 7"."""
        while frame and frame.f_code.co_filename != self.file:
            frame = frame.f_back
        return place(frame.f_lineno, _start(linecache.getline(self.file, frame.f_lineno))) if frame else ""

    def out_of_memory(self, error: BaseException) -> str:
        """Return the message about a lack of memory."""
        where = self.where(error) or self.where(error.__cause__ or error)
        return wording.MEMORY.format(megabytes=self.request["megabytes"], where=where)


def _start(code: str | None) -> str:
    return (code or "").strip()[:80]


def _waited_for_core() -> float:
    """Return the seconds in which this process could have computed, had the machine had a core for it.

    Without them, a process on a crowded machine would look as if it were asleep. 0 where that is unknown.
    """
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/schedstat").read_text(encoding="utf-8").split()[1]) / 1e9
    return 0.0


def _address_space() -> int:
    """Return the bytes that this process has mapped, or 0 where that is unknown."""
    with suppress(OSError):
        found = re.search(r"VmSize:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
        return int(found[1]) * 1024 if found else 0
    return 0


def _request() -> dict[str, Any]:
    text = sys.stdin.readline()
    if not text:  # nothing to check: whoever started this has changed their mind
        os._exit(0)
    return json.loads(text)


def _redirect(output: Path) -> None:
    """Send what is printed to a file, empty now, and let nothing be read."""
    null = os.open(os.devnull, os.O_RDONLY)
    file = os.open(output, os.O_WRONLY | os.O_TRUNC | os.O_APPEND | os.O_CREAT)
    for target in (1, 2):
        os.dup2(file, target)
    os.dup2(null, 0)
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False), encoding="utf-8")  # noqa: SIM115


def main() -> None:
    """Check the file of the request on stdin."""
    failure = _imported()
    request = _request()
    folder = Path(request["folder"])
    if failure:
        (folder / FAILURE).write_text(failure, encoding="utf-8")
        return
    warnings.simplefilter("ignore")
    os.chdir(folder / "work")
    _redirect(folder / OUTPUT)
    Check(request).run()


def _imported() -> str:
    """Import what takes long; return one line if that is impossible."""
    try:
        from . import checker

        checker.warm_up()
    except Exception as error:
        return installation.explain(error) or f"{type(error).__name__}: {error}".splitlines()[0]
    return ""


if __name__ == "__main__":
    main()
