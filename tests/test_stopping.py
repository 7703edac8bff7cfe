"""One handler for the signals that stop a command, and one edge for whatever goes wrong."""

import os
import signal
import subprocess
import sys
import time

import pytest

from d2l_repro import errors, stopping
from d2l_repro.errors import InputError, WorkFailed


def exit_code(error, capsys):
    """Return exit code and stderr of a command in which a function is called."""
    with pytest.raises(SystemExit) as end, errors.one_line_errors("prog"):
        error()
    return end.value.code, capsys.readouterr().err


def raise_error(error):
    raise error


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_one_line_errors_gives_each_signal_its_exit_code_and_restores_the_handlers(number, code, capsys):
    before = [signal.getsignal(each) for each in stopping.SIGNALS]
    ended = exit_code(lambda: signal.raise_signal(getattr(signal, number)), capsys)
    assert ended == (code, "prog: interrupted\n")
    assert [signal.getsignal(each) for each in stopping.SIGNALS] == before
    assert stopping.PARENT not in os.environ


def test_one_line_errors_takes_what_a_signal_has_caused_for_an_interruption(capsys):
    def interrupted_import():
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            raise ImportError("numpy: the C-extensions could not be imported") from None

    assert exit_code(interrupted_import, capsys) == (143, "prog: interrupted\n")


def test_interruptible_takes_signals_in_quick_succession_for_one_request(monkeypatch):
    with stopping.interruptible():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)  # as the parent does that got Ctrl-C, too
        assert stopping.exit_code() == 130
        monkeypatch.setattr(stopping, "REPEATED", 0)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        assert stopping.exit_code() == 143


def test_interruptible_leaves_an_ignored_hangup_ignored():
    earlier = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with stopping.interruptible():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, earlier)


class Destroyed:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)


def test_signal_in_a_destructor_is_obeyed_right_after_it_without_a_word(capsys):
    def work():
        Destroyed()
        time.sleep(5)
        raise AssertionError("the signal was lost")

    began = time.monotonic()
    assert exit_code(work, capsys) == (143, "prog: interrupted\n")
    assert time.monotonic() - began < 5
    time.sleep(2 * stopping.AGAIN)  # nothing comes after the command


def test_signal_in_a_constructor_leaves_nothing_to_say_for_the_destructor():
    code = """
import signal
from d2l_repro import errors

class Array:
    def __init__(self):
        signal.raise_signal(signal.SIGTERM)
        self.handle = 1

    def __del__(self):
        assert self.handle

with errors.one_line_errors("prog"):
    try:
        Array()
    except KeyboardInterrupt as error:
        raise error.with_traceback(None)
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (143, "prog: interrupted\n")


def test_what_destructors_raise_themselves_is_still_reported(capsys):
    class Faulty:
        def __del__(self):
            raise ValueError("of the destructor")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
        with stopping.interruptible():
            Faulty()
        assert sys.unraisablehook == sys.__unraisablehook__
    assert "ValueError: of the destructor" in capsys.readouterr().err


def test_end_with_parent_ends_a_process_whose_parent_was_killed(tmp_path):
    begun = str(tmp_path / "begun")
    child = f"import d2l_repro, pathlib, time; pathlib.Path({begun!r}).touch(); time.sleep(60)"
    parent = (
        "import subprocess, sys\n"
        "from d2l_repro import stopping\n"
        "with stopping.interruptible():\n"
        f"    subprocess.run([sys.executable, '-c', {child!r}])"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        while not (tmp_path / "begun").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
        began = time.monotonic()
        process.stdout.read()  # until the child, which holds the other end of the pipe, has ended too
    assert time.monotonic() - began < 5  # by itself it would have slept on; the cores may be busy


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("--k: no\x1b[2J such"), "prog: error: --k: no\\x1b[2J such\n"),
        (OSError(28, "No space left"), "prog: error: cannot write to standard output (No space left); "),
        (OSError(13, "Permission denied"), "PermissionError: [Errno 13] Permission denied (to see"),
        (MemoryError(), "prog: error: out of memory; "),
        (RecursionError("maximum recursion depth exceeded"), "RecursionError: maximum recursion depth"),
        (ZeroDivisionError("division\n by zero"), "ZeroDivisionError: division by zero (to see where it "),
    ],
)
def test_one_line_errors_turns_whatever_is_left_into_one_line(error, line, capsys, monkeypatch):
    code, text = exit_code(lambda: raise_error(error), capsys)
    assert code == 2
    assert line in text
    assert text.count("\n") == 1
    monkeypatch.setenv(errors.TRACEBACK, "1")
    _, text = exit_code(lambda: raise_error(error), capsys)
    assert ("Traceback" in text) == (errors.TRACEBACK in text)


def test_one_line_errors_tells_failed_work_from_wrong_input(capsys):
    for error, code in ((WorkFailed("lost; repeat it"), 1), (InputError("lost; repeat it"), 2)):
        ended = exit_code(lambda error=error: raise_error(error), capsys)
        assert ended == (code, "prog: error: lost; repeat it\n")


def test_one_line_errors_is_quiet_about_a_reader_that_stops(capsys):
    assert exit_code(lambda: raise_error(BrokenPipeError()), capsys) == (1, "")


def test_one_line_errors_works_where_output_is_closed(monkeypatch):
    with monkeypatch.context() as patch:
        for name in ("stdout", "stderr"):
            patch.setattr(sys, name, None)
        with pytest.raises(SystemExit) as exit, errors.one_line_errors("prog"):
            raise_error(InputError("wrong"))
        sys.stdout.close()
        sys.stderr.close()
    assert exit.value.code == 2


def test_end_with_parent_ignores_a_number_that_no_process_can_have(monkeypatch):
    monkeypatch.setenv(stopping.PARENT, "9" * 20)
    assert not stopping._exists(int("9" * 20))


def test_a_killed_process_is_gone_before_its_parent_has_asked_for_its_exit_code():
    with subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE) as process:
        process.stdout.read()  # until it ends
        deadline = time.monotonic() + 10
        while stopping._exists(process.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert process.returncode is None
        assert not stopping._exists(process.pid)
    assert stopping._exists(os.getpid())
