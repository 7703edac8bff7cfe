"""Chapters on a cluster, seen from the command: signals, errors, and whose thread waits for what."""

import signal
import time
from threading import Event, Thread
from types import SimpleNamespace

import pytest

pytest.importorskip("distributed", reason="the optional extra dask is not installed")
from d2l_repro.cli import runner
from d2l_repro.cli.runner import Board, Task, run_tasks
from d2l_repro.errors import FAILED, WorkFailed
from d2l_repro.parallel import worker
from d2l_repro.parallel.chapters import Chapters


class Future:
    """What `distributed` returns for a task, as far as it is used; a test ends it."""

    def __init__(self):
        self.is_cancelled, self.callbacks = False, []

    def add_done_callback(self, function):
        self.callbacks.append(function)

    def end(self):
        for function in self.callbacks:
            function(self)

    def cancel(self):
        self.is_cancelled = True
        self.end()

    def cancelled(self):
        return self.is_cancelled

    def release(self):
        pass


class Cluster:
    """A cluster on which `result` says what comes back, and whose workers answer as `run` does."""

    terms = None

    def __init__(self, result=None, run=lambda: True):
        self.result, self.futures, self.calls = result, [], []
        self.client = SimpleNamespace(status="running", run=self._run)
        self._answer = run

    def submit(self, function, *_):
        assert function is worker.run_chapter
        self.futures.append(Future())
        return self.futures[-1]

    def lost(self):
        return WorkFailed("lost")

    def _run(self, function, identifier, number, *, workers, on_error, callback_timeout):
        assert (function, on_error) == (worker.pass_on, "ignore")
        assert callback_timeout < 60
        self.calls.append((workers, number))
        return {address: self._answer() for address in workers}


@pytest.fixture
def begin(tmp_path):
    """Return a function that starts a chapter on a cluster; with an address, a worker there has begun it."""

    def start(cluster, address=None):
        chapters = Chapters(cluster)
        remote = chapters.start("mlp", [], tmp_path)
        if address:
            chapters.hear((0.0, (remote.identifier, address, "")))
        return remote

    return start


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_signal_goes_to_the_worker_that_runs_the_chapter_and_one_that_waits_is_cancelled(begin):
    cluster = Cluster()
    waiting, running = begin(cluster), begin(cluster, "tcp://b")
    for remote in (waiting, running):
        remote.send_signal(signal.SIGTERM)
    wait_for(lambda: cluster.calls)
    assert cluster.calls == [(["tcp://b"], signal.SIGTERM)]
    assert waiting.wait() == -signal.SIGTERM
    assert list(waiting.stdout) == []
    assert not cluster.futures[1].is_cancelled


def test_nobody_waits_for_a_worker_that_does_not_answer_a_signal(begin):
    frozen = Event()

    def no_answer():
        assert frozen.wait(60)
        raise TimeoutError

    remote = begin(Cluster(run=no_answer), "tcp://b")
    remote.send_signal(signal.SIGINT)  # returns
    frozen.set()
    assert remote.wait() == -signal.SIGTERM


def test_a_signal_that_comes_too_late_loses_no_result(begin, tmp_path):
    cluster = Cluster(lambda future: (0, "", "", {"result.json": b"{}"}), run=lambda: False)
    remote = begin(cluster, "tcp://b")
    remote.send_signal(signal.SIGINT)
    wait_for(lambda: cluster.calls)
    cluster.futures[0].end()
    assert remote.wait() == 0
    assert not cluster.futures[0].is_cancelled
    assert (tmp_path / "result.json").is_file()


def test_whatever_comes_back_a_chapter_ends_with_a_line(begin):
    def result(future):
        raise AttributeError("no such class")

    cluster = Cluster(result)
    remote = begin(cluster)
    cluster.futures[0].end()
    assert remote.wait() == FAILED
    assert list(remote.stdout) == ["mlp: error: AttributeError: no such class\n"]


def test_a_result_that_is_computed_again_keeps_no_other_chapter_waiting(begin, tmp_path):
    again = Event()

    def result(future):
        if future is cluster.futures[0]:
            assert again.wait(60)
        return 0, f"files: {worker.OUT}\n", "", {"result.json": b"{}"}

    cluster = Cluster(result)
    first, second = begin(cluster), begin(cluster)
    codes = []
    thread = Thread(target=lambda: codes.append(first.wait()))
    thread.start()
    for future in cluster.futures:
        future.end()
    assert list(second.stdout) == [f"files: {tmp_path}\n"]
    assert second.wait() == 0
    assert (tmp_path / "result.json").read_bytes() == b"{}"
    assert codes == []
    again.set()
    thread.join()
    assert codes == [0]


def test_chapters_of_a_lost_cluster_fail_those_not_yet_submitted_too(begin, tmp_path):
    cluster = Cluster()
    cluster.check_connection = lambda: (_ for _ in ()).throw(WorkFailed("gone"))
    chapters = Chapters(cluster)
    remotes = [chapters.start("mlp", [], tmp_path)]
    chapters.watch(SimpleNamespace(wait=lambda seconds: False))
    remotes.append(chapters.start("mlp", [], tmp_path))
    cluster.submit = None  # raises
    remotes.append(Chapters(cluster).start("mlp", [], tmp_path))
    assert [remote.wait() for remote in remotes] == [FAILED] * 3
    ends = ["gone", "gone", "lost"]
    assert [list(remote.stdout) for remote in remotes] == [[f"mlp: error: {end}\n"] for end in ends]


def tasks_of(count, folder, quiet=False):
    return [Task("mlp", seed, folder, False, f"mlp {seed}", quiet=quiet) for seed in range(count)]


def test_a_cluster_is_given_a_limited_number_of_tasks_at_a_time(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(runner, "GIVEN", 3)
    running, most = set(), []

    class Process:
        stdout = ()

        def __init__(self, task):
            self.task = task

        def __enter__(self):
            running.add(self.task)
            most.append(len(running))
            time.sleep(0.01)
            return self

        def __exit__(self, *_):
            running.discard(self.task)

        def wait(self):
            return 0

    tasks = tasks_of(20, tmp_path)
    codes, interrupted = run_tasks(tasks, 1, Process)
    assert codes == dict.fromkeys(tasks, 0)
    assert not interrupted
    assert max(most) <= 3


def test_the_time_of_a_quiet_task_on_a_cluster_is_without_the_wait(tmp_path, capsys):
    [task] = tasks_of(1, tmp_path, quiet=True)
    process = SimpleNamespace(stdout=(), wait=lambda: 0, begun=time.monotonic() - 7200)
    Board([task], 2).follow(task, process)
    assert "[1/1] mlp 0: 120.0 min" in capsys.readouterr().out
