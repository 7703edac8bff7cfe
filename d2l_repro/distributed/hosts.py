"""The machines of a job, and the addresses that its processes listen on."""

from __future__ import annotations

import ipaddress
import platform
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..language import tr

LOCAL = ("localhost", "127.0.0.1")  # hosts that need no ssh
# Not for the internet either, though Python does not count it as private: virtual private networks use it.
SHARED = ipaddress.ip_network("100.64.0.0/10")


@dataclass(frozen=True)
class Host:
    """A machine.

    Attributes:
        name: for ssh; empty for the launcher's own machine.
        workers: how many it has room for.
    """

    name: str = ""
    workers: int = 1


def read_hosts(path: Path) -> list[Host]:
    """Read a file with a host per line: a name for ssh, and `workers=N` if there is room for more than one.

    Raises:
        InputError: the file cannot be read, or has a line of another kind.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(tr("--hosts: cannot read {path} ({error})", path=path, error=error)) from error
    hosts = []
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        name, room = words[0], words[1:] or ["workers=1"]
        count = room[0].removeprefix("workers=")
        if len(room) > 1 or not room[0].startswith("workers=") or not count.isdecimal() or not int(count):
            raise InputError(
                tr(
                    "--hosts: {path}, line {number}: write `HOST` or `HOST workers=N`, not {line}",
                    path=path,
                    number=number,
                    line=repr(line.strip()),
                )
            )
        if name.startswith("-"):  # ssh would take it for an option
            raise InputError(
                tr("--hosts: {path}, line {number}: {name} is no host", path=path, number=number, name=name)
            )
        hosts.append(Host("" if name in LOCAL else name, int(count)))
    if not hosts:
        raise InputError(tr("--hosts: {path} names no host", path=path))
    return hosts


def place_workers(hosts: Sequence[Host], num_workers: int) -> list[str]:
    """Return the host of each worker; the hosts are filled one after another.

    Raises:
        InputError: they have no room for so many.
    """
    places = [host.name for host in hosts for _ in range(host.workers)]
    if len(places) < num_workers:
        raise InputError(
            tr(
                "-n: the hosts have room for {room} workers, not for {count}; write `HOST workers=N`",
                room=len(places),
                count=num_workers,
            )
        )
    return places[:num_workers]


def check_address(address: str) -> str:
    """Return a numeric address on which the scheduler of a job may listen.

    Raises:
        InputError: it is none of this machine's, or the world might reach it.
    """
    try:
        numeric = socket.gethostbyname(address)
    except OSError as error:
        raise InputError(
            tr("--address: unknown address {address} ({error})", address=address, error=error)
        ) from error
    check_private(numeric)
    try:
        free_port(numeric)
    except OSError as error:
        raise InputError(
            tr(
                "--address: {address} is no address of this machine ({error})",
                address=address,
                error=error.strerror,
            )
        ) from error
    return numeric


def own_address(towards: str, machine: str) -> str:
    """Return the address of this machine in the network that leads to another address.

    Args:
        towards: the numeric address.
        machine: name of the machine that has it.

    Raises:
        InputError: no network leads there, it leads to this machine instead, or the world might reach the
            address that is found.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((towards, 9))  # sends nothing
            address = probe.getsockname()[0]
    except OSError as error:
        raise InputError(
            tr("--address: no network leads from here to {address} ({error})", address=towards, error=error)
        ) from error
    # Every machine may have such an address: that of a bridge to its containers, for example.
    leads_here = address == towards or ipaddress.ip_address(address).is_loopback
    if leads_here and machine != platform.node():
        raise InputError(
            tr(
                "--address: {address} leads from every machine to itself; name the address by which the "
                "others reach {machine}",
                address=towards,
                machine=machine,
            )
        )
    check_private(address)
    return address


def check_private(address: str) -> None:
    """Check that only a private network, or this machine, reaches a numeric address.

    Raises:
        InputError: the world might reach it.
    """
    found = ipaddress.ip_address(address)
    if found.is_unspecified or not (found.is_private or found in SHARED):
        raise InputError(
            tr(
                "--address: {address} can be reached from other networks, and whoever reaches the parameter "
                "server can run programs as you; name this machine's address in a private network",
                address=address,
            )
        )


def free_port(address: str) -> int:
    """Return a TCP port of this machine that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]
