"""Run small programs as a job's processes, without MXNet: `group.py MARK WORKER [WORKER ...]`.

Each is a guarded Python process, whose command line has the mark.
"""

import json
import os
import sys

from d2l_repro.distributed import nodes as launcher
from d2l_repro.distributed.nodes import Group, Node
from d2l_repro.errors import one_line_errors

GUARD = "d2l_repro.distributed.guard"
SILENCE = json.loads(os.environ.get("SILENCE", "null"))  # seconds, as of guards on other machines
SOCKETS = os.environ.get("SOCKETS")  # what their names begin with
SERVER = "import sys, time\ntime.sleep(600)"  # as long as nobody ends it


def node(label, code, mark):
    """Return a node that runs code; its guard has the mark in its command line, too."""
    order = {
        "environment": {},
        "share": 1,
        "socket": f"{SOCKETS}{label}" if SOCKETS else "",
        "towards": "",
        "machine": "",
        "private": False,
        "silence": SILENCE,
        "folder": ".",
        "command": [sys.executable, "-c", code, mark],
    }
    return Node(label, label.startswith("worker"), [sys.executable, "-m", GUARD, mark], order)


if __name__ == "__main__":
    _, mark, *codes = sys.argv
    nodes = [node("server 0", SERVER, mark)]
    nodes += [node(f"worker {i}", code, mark) for i, code in enumerate(codes)]
    if SILENCE:
        launcher.BEAT = SILENCE / 10
    with one_line_errors("group"):
        sys.exit(Group(nodes, prog="group").run())
