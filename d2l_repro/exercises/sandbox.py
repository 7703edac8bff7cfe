"""Check a learner's file in a process of its own, with limits. It needs no MXNet; that process does.

The limits are against accidents: an endless loop, too large an array, a line that writes to the wrong place.
They are no protection against hostile code, which can do whatever its user may do.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from .. import stopping
from ..errors import InputError
from ..language import VARIABLE, language
from ..results.schema import printable
from . import wording
from .report import Report
from .texts import text_of

BEGUN, REPORT, OUTPUT, FAILURE = "begun", "report.json", "output", "failure"  # files of a check
STARTING = 900.0  # seconds for importing MXNet on a busy machine
BACKSTOP = 900.0  # seconds after which a check is ended that its own limits have not ended
POLL = 0.02


@dataclass(frozen=True)
class Limits:
    """What a check may use.

    Attributes:
        seconds: of computing time; other processes on the machine do not count.
        idle: seconds in which it may do nothing, as in sleep().
        megabytes: of memory, beyond what MXNet needs.
    """

    seconds: float = 20.0
    idle: float = 30.0
    megabytes: float = 1024.0


class Checker:
    """A process that has imported MXNet and waits for a file to check. Each checks a single one.

    Use it in a `with` statement, which ends the process.
    """

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="d2l_repro-exercise-")
        self.path = Path(self.folder.name)
        (self.path / "work").mkdir()
        environment = {
            **os.environ,
            # Operators run at once, so that errors show where they are made.
            "MXNET_ENGINE_TYPE": "NaiveEngine",
            "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": self.folder.name,
            "TMPDIR": self.folder.name,
            VARIABLE: language(),
            "PYTHONDONTWRITEBYTECODE": "1",
            stopping.PARENT: str(os.getpid()),
        }
        with open(self.path / OUTPUT, "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "d2l_repro.exercises"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=_with_this_package(environment),
                start_new_session=True,  # so that Ctrl-C reaches it through us alone
            )

    def __enter__(self) -> Checker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdin:
            with suppress(OSError):
                self.process.stdin.close()
        self.folder.cleanup()

    def check(self, name: str, file: Path, seed: int = 0, limits: Limits | None = None) -> Report:
        """Check a file.

        Args:
            name: of the exercise.
            file: with the learner's functions.
            seed: of the inputs.
            limits: of the process.

        Raises:
            InputError: the exercise is unknown, the file cannot be read, or MXNet cannot be imported.
        """
        limits = limits or Limits()
        titles = list(text_of(name).steps)
        source = read_source(file)
        request = {
            "name": name,
            "file": str(file.resolve()),
            "source": source,
            "seed": seed,
            "folder": str(self.path),
            **asdict(limits),
        }
        with suppress(BrokenPipeError):
            assert self.process.stdin
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.close()
        self._wait(STARTING, BEGUN)
        ended = self._wait(BACKSTOP)
        report = self._report()
        if report is None:
            report = Report(name, len(titles), titles, message=self._how_it_ended(ended, limits))
        report.notes += self._printed()
        report.message = printable(report.message)
        return report

    def _wait(self, seconds: float, file: str = "") -> bool:
        """Wait for the process to end or to write a file; return False if it does neither in time."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and not (file and (self.path / file).exists()):
            if time.monotonic() > end:
                return False
            time.sleep(POLL)
        return True

    def _report(self) -> Report | None:
        failure = self.path / FAILURE
        if failure.exists():
            raise InputError(failure.read_text(encoding="utf-8"))
        with suppress(OSError, ValueError, TypeError):
            return Report.from_dict(json.loads((self.path / REPORT).read_text(encoding="utf-8")))
        return None

    def _how_it_ended(self, ended: bool, limits: Limits) -> str:
        code = self.process.returncode
        if not (self.path / BEGUN).exists():
            output = (self.path / OUTPUT).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            how = output[-1][:200] if output else wording.EXIT_CODE.format(code=code)
            raise InputError(wording.NO_CHECKER.format(how=how))
        if not ended:
            return wording.WAITS.format(seconds=BACKSTOP, where="")
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            return wording.SLOW.format(seconds=limits.seconds, where="")
        if code and code < 0:
            return wording.DIED.format(how=wording.BY_SIGNAL.format(signal=signal.Signals(-code).name))
        return wording.DIED.format(how=wording.WITH_CODE.format(code=code))

    def _printed(self) -> list[str]:
        lines = (self.path / OUTPUT).read_text(encoding="utf-8", errors="replace").splitlines()
        lines = [line for line in lines if line.strip()]
        if not lines:
            return []
        count = (wording.LINES if len(lines) > 1 else wording.ONE_LINE).format(count=len(lines))
        return [wording.PRINTED.format(lines=count, text=printable(lines[0][:100]))]


def check_file(name: str, file: Path, seed: int = 0, limits: Limits | None = None) -> Report:
    """Check a learner's file in a process of its own; arguments as for `Checker.check`."""
    with Checker() as checker:
        return checker.check(name, file, seed, limits)


def read_source(file: Path) -> str:
    """Return the text of a learner's file.

    Raises:
        InputError: it cannot be read, or is no text.
    """
    try:
        if file.stat().st_size > 10**6:
            raise InputError(wording.TOO_LARGE.format(file=file))
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(wording.CANNOT_READ.format(file=file, error=error.strerror)) from error
    except UnicodeDecodeError as error:
        raise InputError(wording.NO_TEXT.format(file=file)) from error


def _with_this_package(environment: dict[str, str]) -> dict[str, str]:
    """Return the environment with this package on Python's path, from whatever folder it was imported."""
    root = str(Path(__file__).resolve().parents[2])
    path = environment.get("PYTHONPATH", "")
    return {**environment, "PYTHONPATH": os.pathsep.join(filter(None, [root, path]))}
