"""Whatever ends a process of a job ends all of it, soon and with a clear word."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

from d2l_repro.cli.launch import LaunchCommand
from d2l_repro.distributed import nodes

FOREVER = "import time\nprint('works', flush=True)\ntime.sleep(600)"
STUBBORN = "import signal\nfor n in (2, 15): signal.signal(n, signal.SIG_IGN)\n" + FOREVER
PARENT_OF_ANOTHER = "import subprocess, sys\n"
PARENT_OF_ANOTHER += f"subprocess.Popen([sys.executable, '-c', {FOREVER!r}, *sys.argv[1:]])\n"


@pytest.fixture
def group(jobs):
    """Return a function that starts group.py; what it leaves behind fails the test, and is killed."""
    mark = f"mark-{uuid.uuid4().hex}"
    started = []

    def start(*codes, **variables):
        started.append(
            subprocess.Popen(
                [sys.executable, str(jobs.folder / "group.py"), mark, *codes],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=jobs.environment(**variables),
            )
        )
        started[-1].mark = mark
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
    left = {} if jobs.wait_until(lambda: not jobs.running(mark), 5) else jobs.running(mark)
    for number in left:
        os.kill(number, signal.SIGKILL)
    assert left == {}


def wait_for_work(process):
    """Wait until a worker has printed that it works."""
    for line in process.stdout:
        if line.endswith("works\n"):
            return
    raise AssertionError(process.stderr.read())


@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        ("raise SystemExit(3)", 3, "worker 1 ended with exit code 3; all others were ended"),
        ("import os\nos.kill(os.getpid(), 9)", 137, "worker 1 was ended by SIGKILL; all others were ended"),
        ("import os\nos.abort()", 134, "worker 1 was ended by SIGABRT; all others were ended"),
    ],
)
def test_one_process_that_fails_ends_all_and_its_code_is_carried_up(code, exit_code, said, group):
    process = group(PARENT_OF_ANOTHER + STUBBORN, code)
    _, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (exit_code, f"group: error: {said}\n")


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_signal_to_the_launcher_reaches_the_workers_and_leaves_nothing(number, code, group):
    tell = "import time\ntry:\n    print('works', flush=True)\n    time.sleep(600)\n"
    tell += "except KeyboardInterrupt:\n    print('saved')\n    raise SystemExit(130)\n"
    if number != "SIGINT":
        tell = f"import signal\nsignal.signal(signal.{number}, signal.default_int_handler)\n{tell}"
    process = group(tell)
    wait_for_work(process)
    process.send_signal(getattr(signal, number))
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (code, "[worker 0] saved\n", "group: interrupted\n")


def test_launcher_that_is_killed_leaves_nothing(group):
    process = group(PARENT_OF_ANOTHER + STUBBORN, STUBBORN)
    wait_for_work(process)
    process.kill()  # the fixture looks for what is left


def test_silent_launcher_leaves_nothing_on_other_machines(group, jobs):
    # Nothing is closed when a connection breaks; a launcher that is stopped is as silent.
    process = group(FOREVER, SILENCE="2")
    wait_for_work(process)
    time.sleep(2.5)
    assert len(jobs.running(process.mark)) > 1  # it lets them know that it lives
    process.send_signal(signal.SIGSTOP)
    assert jobs.wait_until(lambda: set(jobs.running(process.mark)) <= {process.pid}, 15)
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert "was ended by SIGTERM; all others were ended" in err


def test_guard_that_is_killed_takes_its_process_with_it_and_ends_the_job(group, jobs, tmp_path):
    sockets = [tmp_path / label for label in ("server 0", "worker 0")]
    for socket in sockets:
        socket.touch()
    process = group(FOREVER, SOCKETS=f"{tmp_path}/")
    wait_for_work(process)
    guard = next(number for number, command in jobs.running(process.mark).items() if "guard" in command)
    os.kill(guard, signal.SIGKILL)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 137
    assert re.search(r"(server|worker) 0 was ended by SIGKILL", err)
    assert not any(socket.exists() for socket in sockets)


def test_lines_of_all_processes_have_their_names_in_front(group):
    code = "import sys\nprint('one')\nprint('\\033[31mtwo', file=sys.stderr)"
    process = group(code, "raise SystemExit(4)")
    out, err = process.communicate(timeout=300)
    assert out == "[worker 0] one\n"
    assert "[worker 0] ?[31mtwo\n" in err


class Ended(nodes.Node):
    """A process that has ended, or has not, but none that runs."""

    code = None


def node(label, code, socket=""):
    """Return a process of a job, with its exit code."""
    found = Ended(label, label.startswith("worker"), [], {"silence": None, "socket": socket})
    found.code = code
    return found


def test_workers_that_never_left_the_job_are_an_error_as_its_servers_go_on(capsys, monkeypatch):
    monkeypatch.setattr(nodes, "TO_CLOSE", 0.1)
    group = nodes.Group([node("server 0", None), node("worker 0", 0)])
    assert group._watch() == 1
    assert "the workers have ended without leaving the job" in capsys.readouterr().err


def test_launcher_that_cannot_print_ends_the_job_with_the_reason():
    group = nodes.Group([node("server 0", None), node("worker 0", None)])
    with open("/dev/full", "w") as full:
        group._show("epoch 1", full)
        with pytest.raises(OSError, match="No space left"):
            group._watch()
        with suppress(OSError):
            full.close()


def test_of_several_that_failed_the_first_worker_is_named(capsys, monkeypatch):
    monkeypatch.setattr(nodes, "LAST_WORDS", 0)
    group = nodes.Group(
        [node("server 0", 134), node("worker 0", None), node("worker 1", 3), node("worker 2", 4)]
    )
    assert group._watch() == 3
    assert "worker 1 ended with exit code 3" in capsys.readouterr().err


def test_servers_are_spread_over_the_hosts():
    command = LaunchCommand(workers=4, servers=3, command=("python",))
    found = command._processes(["", "", "second", "second"], "127.0.0.1")
    labels = [one.label for one in found if not one.is_worker]
    assert labels == ["scheduler", "server 0", "server 1 @second", "server 2"]


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        (["-n", "2"], "no command given"),
        (["-n", "2", "--address", "0.0.0.0", "--", "true"], "run programs as you"),
        (["-n", "2", "--hosts", "/no/file", "--", "true"], "--hosts: cannot read"),
        (["-n", "0", "--", "true"], "--workers: must be"),
    ],
)
def test_launch_refuses_before_it_starts_anything(argv, problem, jobs):
    code, out, err = jobs.launch(*argv)
    assert (code, out) == (2, "")
    assert problem in err


@pytest.fixture
def other_machine(tmp_path):
    """Return a function that makes an ssh of some lines, and returns the flags and variables that use it."""
    ssh, hosts = tmp_path / "ssh", tmp_path / "hosts"
    hosts.write_text("localhost\nsomewhere\n")

    def make(script):
        ssh.write_text(f"#!/bin/sh\n{script}\n")
        ssh.chmod(ssh.stat().st_mode | stat.S_IXUSR)
        flags = ["--hosts", hosts, "--address", "127.0.0.1", "--python", sys.executable]
        return flags, {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    return make


def test_launch_starts_workers_on_other_machines_by_ssh_and_listens_on_loopback_only(jobs, other_machine):
    # An ssh that runs the remote command here, as sshd would: with the user's shell.
    flags, variables = other_machine(
        'while [ "$1" != -- ]; do shift; done\necho "ssh $2" >&2\nexec sh -c "$3"'
    )
    code, out, err = jobs.launch("-n", "2", *flags, "--", "python", jobs.folder / "sockets.py", **variables)
    assert code == 0, err
    text = "[3.0] 127.0.0.1 4 processes listen on ['0100007F']"
    assert sorted(out.splitlines()) == [f"[worker {label}] {text}" for label in ("0", "1 @somewhere")]
    assert "[worker 1 @somewhere] ssh somewhere" in err


def test_machine_that_ssh_does_not_reach_ends_the_job_with_the_code_of_ssh(jobs, other_machine):
    flags, variables = other_machine("echo 'somewhere: no route' >&2; exit 255")
    code, _, err = jobs.launch("-n", "2", *flags, "--", "python", "-c", FOREVER, **variables)
    assert code == 255
    assert "[worker 1 @somewhere] somewhere: no route" in err
    assert "worker 1 @somewhere ended with exit code 255; all others were ended" in err


def test_worker_waits_for_the_others_no_longer_than_the_timeout(jobs):
    program = (
        "import time\nfrom d2l_repro.distributed import workers\n"
        "with workers.together() as store:\n"
        "    if store.number:\n        time.sleep(600)\n"
        "    store.total([1])\n"
    )
    code, _, err = jobs.launch("-n", "2", "--timeout", "2", "--", "python", "-c", program)
    assert code == 1
    assert re.search(r"worker 0: error: waited 2 s for .*, in vain", err)
    assert "d2l-repro launch: error: worker 0 ended with exit code 1; all others were ended" in err


def environment_of(process):
    """Return the environment that a process was started with."""
    text = Path(f"/proc/{process}/environ").read_text()
    return dict(item.split("=", 1) for item in text.split("\0") if "=" in item)


def test_worker_killed_in_mid_epoch_ends_the_job_with_a_clear_error_and_no_file_left(jobs, tmp_path):
    flags = ["--quick", "--dataset", "digits", "--impl", "scratch", "--num-epochs", "100000"]
    process = jobs.start("-n", "2", "--", "python", "-m", "chapters.mlp", *flags, "--out", tmp_path / "o")
    try:
        assert "epoch 1," in process.stdout.readline()
        environments = {number: environment_of(number) for number in jobs.running(str(tmp_path))}
        victim = next(n for n, found in environments.items() if found.get("D2L_REPRO_WORKER") == "1")
        first = int(environments[victim]["DMLC_PS_ROOT_PORT"])
        for i in range(2):  # scheduler and server
            assert os.stat(f"/tmp/{first + i}").st_mode & 0o077 == 0
        job = jobs.processes(first)
        assert len(job) == 4
        assert set().union(*map(jobs.listening, job)) == set()  # no port is opened
        began = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        _, err = process.communicate(timeout=300)
        assert time.monotonic() - began < 30 * max(1, os.getloadavg()[0] / (os.cpu_count() or 1))
        assert process.returncode == 137
        assert "d2l-repro launch: error: worker 1 was ended by SIGKILL; all others were ended" in err
        assert jobs.running(str(tmp_path)) == {}
        assert not any(os.path.exists(f"/tmp/{first + i}") for i in range(4))
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_launcher_killed_in_mid_epoch_leaves_no_process(jobs, tmp_path):
    flags = ["--quick", "--dataset", "digits", "--num-epochs", "100000"]
    process = jobs.start("-n", "2", "--", "python", "-m", "chapters.mlp", *flags, "--out", tmp_path)
    assert "epoch 1," in process.stdout.readline()
    children = jobs.running("d2l_repro.distributed.guard")
    assert len([number for number in children if number != process.pid]) >= 4
    process.kill()
    process.communicate()
    assert jobs.wait_until(lambda: not (children.keys() & jobs.running("").keys()), 10)
    assert jobs.running(str(tmp_path)) == {}


@pytest.mark.slow
def test_interrupted_job_keeps_the_epochs_that_are_finished(jobs, tmp_path):
    flags = ["--quick", "--dataset", "digits", "--impl", "scratch", "--num-epochs", "100000"]
    process = jobs.start("-n", "2", "--", "python", "-m", "chapters.mlp", *flags, "--out", tmp_path)
    assert "epoch 1," in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["interrupted"]
    assert result["runs"]["scratch"]["history"]["epoch"]
    assert jobs.running(str(tmp_path)) == {}
