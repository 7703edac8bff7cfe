"""Say, as a worker of a job, on which addresses its processes listen: `sockets.py`."""

import os
from contextlib import suppress
from pathlib import Path

PORT = "DMLC_PS_ROOT_PORT"  # environment variable that all processes of a job have in common
LISTENING = "0A"  # in /proc/net/tcp


def processes(port):
    """Return the folders in /proc of a job's processes: scheduler, servers and workers."""
    mark = f"{PORT}={port}\0".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (folder / "environ").read_bytes():
                found.append(folder)
    return found


def listening(folder):
    """Return the addresses that a process listens on, in hexadecimal digits."""
    sockets = set()
    for link in (folder / "fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            sockets.add(os.readlink(link))
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {row[1].split(":")[0] for row in rows if row[3] == LISTENING and f"socket:[{row[9]}]" in sockets}


if __name__ == "__main__":
    from d2l_repro.distributed import workers  # not where the tests call the functions

    with workers.together() as store:
        total = store.total([1 + store.number])
        found = processes(os.environ[PORT])
        addresses = set().union(*map(listening, found))
        print(total, os.environ["DMLC_NODE_HOST"], len(found), "processes listen on", sorted(addresses))
        store.total([0])  # nobody leaves before all have looked
