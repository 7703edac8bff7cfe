"""Train a chapter in several processes, on this machine or on several, through MXNet's parameter server."""

import os
import platform
import random
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Optional

import tyro

from .. import installation
from ..distributed import guard, job
from ..distributed.hosts import Host, check_address, free_port, place_workers, read_hosts
from ..distributed.nodes import Group, Node
from ..errors import InputError
from ..language import VARIABLE, tr
from ..processes import python_command
from ..settings import Bounds, Count, Settings

# To other machines go the variables that begin so, but for those about a process on this one.
PASSED_ON, KEPT = ("D2L_REPRO_", "MXNET_", "OMP_"), ("D2L_REPRO_PARENT", "D2L_REPRO_PROGRESS")
SSH = ("ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5")
SERVE = "import d2l_repro, mxnet"  # all that a server or a scheduler runs: see compat.ROLE


@dataclass(frozen=True)
class LaunchCommand(Settings):
    """Train a chapter in several processes, which share each batch: `launch -n 2 -- python -m chapters.mlp`.

    On one machine they talk through sockets in the file system, on several through TCP, without a password:
    see docs/scaling.md. When one process fails, all others are ended. Exit codes: 0 done; that of the process
    that failed, 128 + N for one that signal N ended; 2 usage error; 130 interrupted.
    """

    # processes that share each batch
    workers: Annotated[Count, tyro.conf.arg(aliases=["-n"])]
    # what each worker runs; `python` is the interpreter of this command, on other machines that of --python
    command: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="-- COMMAND ...", help_behavior_hint="(required)"),
    ] = ()
    servers: Annotated[Count, tyro.conf.arg(aliases=["-s"])] = 1  # processes that add up the gradients
    # file with a host per line, `HOST` or `HOST workers=N`, to which ssh connects without a password
    hosts: Annotated[
        Optional[Path], tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: this machine)")
    ] = None
    # address of this machine in a private network on which the processes listen; needed with --hosts. Without
    # both, no port is opened
    address: Annotated[Optional[str], tyro.conf.arg(metavar="ADDRESS")] = None
    python: str = "python3"  # interpreter on other machines
    # folder on other machines in which the command runs
    folder: Annotated[
        Optional[Path], tyro.conf.arg(metavar="PATH", help_behavior_hint="(default: that of this command)")
    ] = None
    # seconds that a worker waits for the others before it gives up
    timeout: Annotated[int, Bounds(1, 86_401)] = round(job.DEFAULT_TIMEOUT)

    def __call__(self) -> int:
        if not self.command:
            raise InputError(tr("no command given; write `d2l-repro launch -n 2 -- python -m chapters.mlp`"))
        installation.check_packages()
        hosts = [Host(workers=self.workers)] if self.hosts is None else read_hosts(self.hosts)
        places = place_workers(hosts, self.workers)
        address = self._address(any(places))
        return Group(self._processes(places, address)).run()

    def _address(self, others: bool) -> str:
        """Return the numeric address to listen on; empty for sockets in the file system."""
        if others and self.address is None:
            raise InputError(
                tr("--hosts: name the address of this machine in the network of the hosts, with --address")
            )
        if others and shutil.which("ssh") is None:
            raise InputError(tr("--hosts: ssh is not installed"))
        return check_address(self.address) if self.address else ""

    def _processes(self, places: Sequence[str], address: str) -> list[Node]:
        """Return the processes of the job."""
        # Numbers that no other job has. As ports, only the scheduler's is needed.
        first = random.SystemRandom().randrange(10**8, 10**9)
        shared = {
            "DMLC_PS_ROOT_URI": address or "127.0.0.1",
            "DMLC_PS_ROOT_PORT": str(free_port(address) if address else first),
            job.NUM_WORKERS: str(self.workers),
            job.NUM_SERVERS: str(self.servers),
            job.TIMEOUT: str(self.timeout),
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": "utf-8",
        }
        machines = list(dict.fromkeys(places))  # among which the servers are spread
        roles = [("scheduler", 0, "")]
        roles += [("server", i, machines[i % len(machines)]) for i in range(self.servers)]
        roles += [("worker", i, place) for i, place in enumerate(places)]
        nodes = []
        for i, (role, number, place) in enumerate(roles):
            environment = {**shared, job.ROLE: role}
            if role == "worker":
                environment[job.NUMBER] = str(number)
            if not address:
                environment.update({"DMLC_LOCAL": "1", "DMLC_NODE_HOST": "127.0.0.1", "PORT": str(first + i)})
            order = {
                "environment": environment,
                "share": max(1, places.count(place)),
                # with DMLC_LOCAL, MXNet's transport puts the socket of a port there, whatever TMPDIR says
                "socket": "" if address else f"/tmp/{first + i}",
                "towards": address,
                "machine": platform.node(),
                "private": role != "worker",  # a worker's results are for others, too
                "silence": guard.SILENCE if place else None,
            }
            nodes.append(self._node(role if role == "scheduler" else f"{role} {number}", place, order))
        return nodes

    def _node(self, label: str, place: str, order: dict[str, Any]) -> Node:
        """Return a process of the job, with the rest of its order for the guard."""
        is_worker = label.startswith("worker")
        if place:
            order["environment"].update(_passed_on())
            command = list(self.command) if is_worker else ["python", "-c", SERVE]
            order.update(command=_with_python(command, self.python), folder=str(self.folder or os.getcwd()))
            remote = f"cd {shlex.quote(order['folder'])} && exec {shlex.quote(self.python)} -m {guard.PROG}"
            return Node(f"{label} @{place}", is_worker, [*SSH, "--", place, remote], order)
        command = _with_python(self.command, sys.executable) if is_worker else python_command(SERVE)
        order.update(command=command, folder=os.getcwd())
        program = python_command(f"import sys\nfrom {guard.PROG} import main\nsys.exit(main())")
        return Node(label, is_worker, program, order)


def _with_python(command: Sequence[str], python: str) -> list[str]:
    """Return a command with an interpreter in place of the word `python`."""
    return [python if i == 0 and word == "python" else word for i, word in enumerate(command)]


def _passed_on() -> dict[str, str]:
    """Return the variables of the environment that processes on other machines get, too."""
    return {
        name: value
        for name, value in os.environ.items()
        if (name.startswith(PASSED_ON) and name not in KEPT) or name == VARIABLE
    }
