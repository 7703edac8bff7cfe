"""The worker's side of the process in which it calls functions."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import Pipe
from typing import Any

from ..processes import python_command

POLL = 0.25  # seconds between two looks whether the command still wants the result


class ChildDied(Exception):
    """Raised when a process has ended without an answer, killed by the system for example."""


class Unwanted(Exception):
    """Raised when the command has gone, or has cancelled the task."""


@dataclass(eq=False)
class Child:
    """A process that serves calls, see `child.serve`.

    Args:
        environment: its environment variables.
        main: as in Terms.
    """

    environment: dict[str, str]
    main: str
    kept: set[str] = field(default_factory=set)  # keys of the objects that it has been sent

    def __post_init__(self) -> None:
        self._pipe, theirs = Pipe()
        with theirs:
            code = f"from d2l_repro.parallel.child import serve\nserve({theirs.fileno()}, {self.main!r})"
            self.process = subprocess.Popen(
                python_command(code),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=self.environment,
            )

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def ask(self, *request: Any, is_wanted: Callable[[], bool] = lambda: True) -> tuple[bool, bytes]:
        """Send a request, and return the answer.

        Raises:
            ChildDied: the process ended before it had answered.
            Unwanted: nobody wants the answer any more; the process has been ended.
        """
        try:
            self._pipe.send(request)
            while not self._pipe.poll(POLL):
                if not is_wanted():
                    self.end()
                    raise Unwanted
            return self._pipe.recv()
        except (EOFError, OSError) as error:
            self.end()
            raise ChildDied(str(self.process.returncode)) from error

    def end(self) -> None:
        """Kill the process."""
        self.process.kill()
        self.process.wait()
        self._pipe.close()
