"""Send data files to the workers that lack them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

from ..data import download
from ..errors import WorkFailed
from ..language import listed, tr
from . import data_files

log = logging.getLogger(__name__)


class Supply:
    """Send each data file to each worker that lacks it.

    Args:
        ask: calls a function on some workers, as `Cluster.ask` does.
        files: name in the registry -> path of the data files that tasks may read.
        unable: (address of a worker, what is wrong there) -> the error to raise.
    """

    def __init__(
        self,
        ask: Callable[..., dict[str, Any]],
        files: Mapping[str, Path],
        unable: Callable[[str, str], WorkFailed],
    ):
        self.ask, self.files, self.unable = ask, dict(files), unable
        self.failure: WorkFailed | None = None  # of a worker that has joined later
        self._sending: set[tuple[str, str]] = set()  # (address, name), for which a worker may ask again

    def send(self, lacking: Mapping[str, Sequence[str]]) -> None:
        """Send what workers lack, and say so.

        Args:
            lacking: address of a worker -> names of the files.

        Raises:
            WorkFailed: a worker does not answer, or cannot write a file.
        """
        pairs = {(address, name) for address, names in lacking.items() for name in names} - self._sending
        self._sending |= pairs
        try:
            self._send(pairs)
        finally:
            self._sending -= pairs

    def _send(self, pairs: set[tuple[str, str]]) -> None:
        names = [name for name in self.files if any(name == lacked for _, lacked in pairs)]
        if not names:
            return
        log.warning(
            tr(
                "--cluster: workers that lack {names}: {count}; {size} MB are sent to each",
                names=listed(names),
                count=len({address for address, _ in pairs}),
                size=f"{sum(self.files[name].stat().st_size for name in names) / 1e6:.1f}",
            )
        )
        for name in names:
            addresses = [address for address, lacked in pairs if lacked == name]
            content = self.files[name].read_bytes()
            answers = self.ask(data_files.keep, content, workers=addresses)
            for address, answer in answers.items():
                if answer and isinstance(answer, str):  # after an error, the worker has gone
                    raise self.unable(address, answer)

    def hear(self, event: Any) -> None:
        """Send what a worker lacks that has joined later: not in this thread, which is Dask's."""
        _, (address, names) = event
        Thread(target=self._send_later, args=(address, names), daemon=True).start()

    def _send_later(self, address: str, names: Sequence[str]) -> None:
        try:
            self.send({address: names})
        except WorkFailed as error:
            self.failure = error
        except Exception as error:  # a file has gone, for example
            self.failure = WorkFailed(f"--cluster: {type(error).__name__}: {download.shorten(error)}")
