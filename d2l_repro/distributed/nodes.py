"""Start the processes of a job, show what they print, and end all of them when one fails."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from .. import stopping
from ..errors import DONE, FAILED, error_line
from ..language import tr
from .guard import BEAT

POLL = 0.05  # seconds between two looks at the processes
LAST_WORDS = 1.0  # seconds for the others to say what they know when one has failed
TO_SAVE = 5.0  # seconds for the first worker to save what is finished
TO_CLOSE = 30.0  # seconds in which servers end after the workers
TO_END = 5.0  # seconds in which a guard ends its process; then the guard is killed, and its process with it


@dataclass
class Node:
    """One process of a job.

    Attributes:
        label: what it is called in front of its lines.
        is_worker: whether it is no server or scheduler.
        argv: of the guard that runs it, here or on another machine.
        order: for the guard; see `guard.start`.
        process: the guard, once it is started.
        readers: threads that show what it prints.
    """

    label: str
    is_worker: bool
    argv: Sequence[str]
    order: Mapping[str, Any]
    process: Any = None
    readers: list[threading.Thread] = field(default_factory=list)

    @property
    def code(self) -> int | None:
        """Exit code, or None while it runs."""
        return None if self.process is None else self.process.poll()

    def start(self, show: Any) -> None:
        """Start the guard, and tell it what to run.

        Args:
            show: (line, stream) -> None; called in threads.
        """
        self.process = subprocess.Popen(
            self.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C is for the launcher, which passes it on
        )
        self.tell(self.order)
        for source, target in ((self.process.stdout, sys.stdout), (self.process.stderr, sys.stderr)):
            thread = threading.Thread(target=_read, args=(source, self.label, target, show), daemon=True)
            thread.start()
            self.readers.append(thread)

    def tell(self, order: Mapping[str, Any]) -> None:
        """Write a line to the guard, if it still reads."""
        with suppress(OSError, ValueError):
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()

    def end(self) -> None:
        """Let the guard end its process."""
        if self.process is not None:
            with suppress(OSError, ValueError):
                self.process.stdin.close()


def _read(source: IO[str], label: str, target: IO[str], show: Any) -> None:
    for line in source:
        show(f"[{label}] {line.rstrip()}", target)


class Group:
    """Run the processes of a job together.

    Args:
        nodes: all of them; at least one is a worker.
        prog: name of the command, for its messages.
    """

    def __init__(self, nodes: Sequence[Node], prog: str = "d2l-repro launch"):
        self.nodes, self.prog = nodes, prog
        self.workers = [node for node in nodes if node.is_worker]
        self._lock = threading.Lock()
        self._last_beat = float("-inf")
        self._lost: OSError | None = None  # why what the processes print cannot be shown any longer

    def run(self) -> int:
        """Run all to their end, and return the exit code: of the first that failed, or 0.

        Nothing is left running, whatever happens.

        Raises:
            OSError: what they print cannot be shown.
        """
        try:
            for node in self.nodes:
                node.start(self._show)
            code = self._watch()
        except KeyboardInterrupt:
            self._pass_on()
            raise
        finally:
            self._end()
        self._check_output()
        return code

    def _watch(self) -> int:
        while True:
            failed = self._failed()
            if failed is not None:
                time.sleep(LAST_WORDS)
                return self._report(failed)
            if all(node.code == DONE for node in self.workers):
                return self._close()
            self._wait()

    def _wait(self) -> None:
        """Wait a little, and from time to time tell the guards on other machines that this process lives."""
        time.sleep(POLL)
        self._check_output()
        if time.monotonic() > self._last_beat + BEAT:
            self._last_beat = time.monotonic()
            for node in self.nodes:
                if node.order["silence"] is not None:
                    node.tell({})

    def _check_output(self) -> None:
        if self._lost is not None:
            raise self._lost

    def _failed(self) -> Node | None:
        # The workers first: servers lose their connections when a worker dies.
        order = [*self.workers, *(node for node in self.nodes if not node.is_worker)]
        return next((node for node in order if node.code not in (None, DONE)), None)

    def _report(self, node: Node) -> int:
        code = node.code or FAILED
        code = 128 - code if code < 0 else code  # of a guard that was killed
        if code > 128 and code - 128 in {number.value for number in signal.Signals}:
            how = tr("was ended by {signal}", signal=signal.Signals(code - 128).name)
        else:
            how = tr("ended with exit code {code}", code=code)
        self._say(tr("{node} {how}; all others were ended", node=node.label, how=how))
        return code

    def _close(self) -> int:
        """Wait for the servers, which end when the workers have left the job."""
        deadline = time.monotonic() + TO_CLOSE
        while any(node.code is None for node in self.nodes) and time.monotonic() < deadline:
            self._wait()
        failed = self._failed()
        if failed is not None:
            return self._report(failed)
        if any(node.code is None for node in self.nodes):
            self._say(
                tr(
                    "the workers have ended without leaving the job: if they have never joined it, each has "
                    "done the whole work; launch a chapter, or a program as in docs/scaling.md"
                )
            )
            return FAILED
        return DONE

    def _pass_on(self) -> None:
        """Send the signal that stopped this process to the first worker, and let it save what is finished.

        The others go on meanwhile: waiting for them in C, it would not see the signal.
        """
        self.workers[0].tell({"signal": stopping.last_signal()})
        deadline = time.monotonic() + TO_SAVE
        while self.workers[0].code is None and time.monotonic() < deadline:
            time.sleep(POLL)

    def _end(self) -> None:
        started = [node for node in self.nodes if node.process is not None]
        for node in started:
            node.end()
        deadline = time.monotonic() + TO_END
        while any(node.code is None for node in started) and time.monotonic() < deadline:
            time.sleep(POLL)
        for node in started:
            if node.code is None:
                node.process.kill()
                node.process.wait()
            for thread in node.readers:
                thread.join(timeout=1)
            if node.order["socket"]:  # which is left if the guard was killed, too
                Path(node.order["socket"]).unlink(missing_ok=True)

    def _show(self, line: str, target: IO[str]) -> None:
        # What comes from other machines may contain what a terminal obeys.
        text = "".join(c if c.isprintable() or c == "\t" else "?" for c in line)
        try:
            with self._lock, suppress(ValueError):
                print(text, file=target, flush=True)
        except OSError as error:  # a full disk, a closed pipe
            self._lost = error

    def _say(self, text: str) -> None:
        self._show(error_line(self.prog, text), sys.stderr)
