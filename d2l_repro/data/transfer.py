"""Receive files from servers that may be slow, silent or hostile."""

from __future__ import annotations

import gzip
import sys
import threading
import time
from typing import Any
from urllib.parse import urljoin

import requests
from tqdm import tqdm

TIMEOUT = (5, 30)  # seconds to wait for a connection, and for the next bytes
PATIENCE, MIN_RATE = 30, 10_000  # seconds; bytes per second, on average over each such period
MAX_DOWNLOAD = 2**28  # bytes; the largest archive has 170 MB, unpacked 184 MB
CHUNK = 2**13  # bytes that are received at a time


class _HttpsSession(requests.Session):
    """Follow no redirection that leaves https."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target and resp.url.startswith("https:") and not urljoin(resp.url, target).startswith("https:"):
            raise requests.exceptions.InvalidURL(f"{resp.url} redirects to {target}, which is not https")
        return target


class _Transfer(threading.Thread):
    """Download a URL to a file in a thread of its own, which can be given up while it waits for the server.

    Attributes:
        received, total: bytes so far, and in all if the server says so.
        error: why it ended early.
        given_up: set from outside to end it with its next bytes.
    """

    def __init__(self, url: str, path: str, max_size: int):
        super().__init__(daemon=True)
        self.url, self.path, self.max_size = url, path, max_size
        self.received, self.total, self.given_up = 0, None, False
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._receive()
        except Exception as error:  # the other thread raises it
            self.error = error

    def _receive(self) -> None:
        identity = {"Accept-Encoding": "identity"}  # so that bytes are counted as they are sent
        with (
            _HttpsSession() as session,
            session.get(self.url, stream=True, timeout=TIMEOUT, headers=identity) as response,
            open(self.path, "wb") as file,
        ):
            response.raise_for_status()
            self.total = int(response.headers.get("Content-Length", 0)) or None
            for chunk in response.iter_content(CHUNK):
                self.received += len(chunk)
                if self.received > self.max_size:
                    raise ValueError(f"{self.url} sends more than {self.max_size:,} bytes")
                if self.given_up:
                    return
                file.write(chunk)
        if self.total and self.received < self.total:  # which urllib3 2 notices itself
            raise OSError(f"{self.url} ended after {self.received:,} of {self.total:,} bytes")


def receive(url: str, path: str, _pooch: Any = None, max_size: int | None = None) -> None:
    """Download a URL to a file, with a progress bar on a terminal; pooch calls this.

    Args:
        url: where the file is.
        path: where to write it.
        max_size: bytes that it may have; `MAX_DOWNLOAD` by default.

    Raises:
        OSError, ValueError: the server does not answer, refuses, is too slow, or sends too much.
    """
    transfer = _Transfer(url, path, max_size or MAX_DOWNLOAD)
    transfer.start()
    checked, before = time.monotonic(), 0
    try:
        with tqdm(unit="B", unit_scale=True, disable=not sys.stderr.isatty()) as bar:
            while transfer.is_alive():
                transfer.join(min(0.1, PATIENCE))
                bar.total = transfer.total
                bar.update(transfer.received - bar.n)
                if time.monotonic() - checked > PATIENCE:
                    if transfer.received - before < PATIENCE * MIN_RATE:
                        raise TimeoutError(f"{url} sends less than {MIN_RATE:,} bytes per second")
                    checked, before = time.monotonic(), transfer.received
    finally:
        transfer.given_up = True
    if transfer.error:
        raise transfer.error


class LimitedGzip(gzip.GzipFile):
    """A gzipped file that ends with an error where it would unpack to more than `MAX_DOWNLOAD` bytes."""

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        if self.tell() > MAX_DOWNLOAD:
            raise ValueError(f"it unpacks to more than {MAX_DOWNLOAD:,} bytes")
        return content
