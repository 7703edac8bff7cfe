"""Say, as a worker of a job, where its processes listen; with `hang`, leave the first worker waiting then."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import d2l_repro  # noqa: F401  (prepares mxnet)
from d2l_repro.distributed import workers

PORT = "DMLC_PS_ROOT_PORT"  # environment variable that all processes of a job have in common
LISTENING = "0A"  # in /proc/net/tcp


def processes():
    """Return the folders in /proc of the job's processes: scheduler, servers and workers."""
    mark = f"{PORT}={os.environ[PORT]}\0".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (folder / "environ").read_bytes():
                found.append(folder)
    return found


def listening(folder):
    """Return the addresses that a process listens on, in hexadecimal digits."""
    sockets = {os.readlink(link) for link in (folder / "fd").iterdir() if link.is_symlink()}
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {row[1].split(":")[0] for row in rows if row[3] == LISTENING and f"socket:[{row[9]}]" in sockets}


if __name__ == "__main__":
    with workers.together() as store:
        total = store.total([1 + store.number])
        found = processes()
        addresses = set().union(*map(listening, found))
        print(total, os.environ["DMLC_NODE_HOST"], len(found), "processes listen on", sorted(addresses))
        store.total([0])  # all others are still there
        if sys.argv[1:] and store.number:
            time.sleep(600)
        store.total([1])
