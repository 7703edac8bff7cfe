"""A real cluster of several processes: the same bits as without it, whatever is killed or missing."""

import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chapters import mnist_regularization
from d2l_repro import channel, compat
from d2l_repro.cli import main as cli
from d2l_repro.data import download
from d2l_repro.data.images import load_images
from d2l_repro.errors import InputError, WorkFailed
from d2l_repro.mistakes import __main__ as mistakes
from d2l_repro.parallel import Where, cluster, computed, connection, data_files, where
from d2l_repro.parallel.cluster import ClusterLost, connect
from d2l_repro.processes import python_command
from kaggle_house import cli as kaggle
from kaggle_house import kfold
from kaggle_house.data import Tables
from kaggle_house.generated import generated_tables
from kaggle_house.recipes import TUNED
from kaggle_house.sweep import SweepOptions, sweep

pytest.importorskip("distributed", reason="the optional extra dask is not installed")
import cloudpickle

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # no worker can import this file
ROOT = Path(__file__).parents[2]
TIMES = {"seconds", "finished", "environment"}


@pytest.fixture(scope="module")
def address():
    """Start a cluster of two processes."""
    with connection.local_cluster(2) as place:
        yield place


@pytest.fixture
def fragile():
    """Start a cluster of two processes that a test may kill; return the address and the process."""
    process = subprocess.Popen(
        python_command("from d2l_repro.parallel.local import main\nmain(2)"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    yield process.stdout.readline().strip(), process
    process.stdin.close()
    process.kill()
    process.wait()
    process.stdout.close()


def values(results):
    """Return what came back, in the order of the tasks; each must have come once."""
    found = list(results)
    assert sorted(i for i, _ in found) == list(range(len(found)))
    return [value for _, value in sorted(found)]


def without_times(value):
    if isinstance(value, dict):
        return {name: without_times(item) for name, item in value.items() if name not in TIMES}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def is_gone(process):
    """Return whether a process ends within some seconds; more if the cores are shared."""
    deadline = time.monotonic() + 10 * max(1.0, os.getloadavg()[0] / os.cpu_count())
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        time.sleep(0.1)
    return False


def test_computed_is_the_same_here_in_processes_and_on_a_cluster(address):
    tasks = [(n,) for n in range(7)]
    expected = [math.factorial(n) for n in range(7)]
    for place in (Where(), Where(jobs=2), Where(cluster=address)):
        assert values(computed(math.factorial, tasks, place)) == expected


def test_computed_without_tasks_connects_to_nothing():
    assert list(computed(math.factorial, [], Where(cluster="tcp://127.0.0.1:9"))) == []


def settings():
    return compat.threads(), dict(os.environ)


def test_processes_on_a_cluster_have_the_settings_of_the_command(address, monkeypatch):
    monkeypatch.setenv("MXNET_CPU_WORKER_NTHREADS", "3")
    [(threads, environment)] = values(computed(settings, [()], Where(cluster=address)))
    assert threads == compat.threads()
    assert environment["MXNET_CPU_WORKER_NTHREADS"] == "3"
    # Dask sets these for its workers, and they would change speed or digits.
    for name in ("MALLOC_TRIM_THRESHOLD_", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        assert environment.get(name) == os.environ.get(name)


class Counted:
    """An array that writes a line to a file whenever it is unpickled."""

    def __init__(self, array, path):
        self.array, self.path = array, path

    def __setstate__(self, state):
        self.__dict__ = state
        with open(self.path, "a") as file:
            file.write(f"{os.getpid()}\n")


def item(counted, i):
    time.sleep(0.05)
    return float(counted.array[i])


def test_common_arguments_reach_each_process_once(address, tmp_path, monkeypatch):
    sizes = []
    submit = cluster.Cluster.submit

    def recorded(self, function, terms, request, *others):
        sizes.append(len(request))
        return submit(self, function, terms, request, *others)

    monkeypatch.setattr(cluster.Cluster, "submit", recorded)
    array = np.random.RandomState(0).rand(200_000)
    counted = Counted(array, tmp_path / "unpickled")
    found = values(computed(item, [(i,) for i in range(12)], Where(cluster=address), (counted,)))
    assert found == array[:12].tolist()
    times = Counter((tmp_path / "unpickled").read_text().split())
    assert set(times.values()) == {1}
    assert max(sizes) < 10_000 < array.nbytes


class Unloadable:
    """An object that can be sent, but not loaded."""

    def __setstate__(self, state):
        raise ValueError("cannot be loaded here")


def test_common_arguments_that_cannot_be_loaded_are_the_error(address):
    unloadable = Unloadable()
    unloadable.state = 1
    with pytest.raises(ValueError, match="cannot be loaded here"):
        list(computed(item, [(0,)], Where(cluster=address), (unloadable,)))


def loaded(name):
    time.sleep(0.2)  # so that each worker gets some
    images = load_images("fashion_mnist", name)
    folder = Path(os.environ[download.ENVIRONMENT])
    files = [path.resolve() for path in folder.rglob("*") if path.is_file()]
    return (
        images.name,
        images.stand_in_for,
        float(images.train[0].sum().asscalar()),
        sorted({str(path.parent.name) for path in files}),
    )


def forget():
    """Let a worker forget the data files that it was sent."""
    from d2l_repro.parallel import data_files, worker

    data_files.received.clear()
    worker._folders.clear()
    worker._asked.clear()


@pytest.mark.parametrize("arrival", ["shared", "asked before", "joined later"])
def test_data_reach_workers_by_path_or_once(address, small_fashion, arrival, monkeypatch, caplog):
    there = Where(cluster=address, datasets=["fashion_mnist"], data_dir=small_fashion)
    sent, sizes = Counter(), []
    with connect(there) as connected:
        run, submit = connected.client.run, connected.client.submit

        def counted(function, *arguments, **options):
            if function is data_files.keep:
                sent.update(options["workers"])
            return run(function, *arguments, **options)

        def measured(function, *arguments, **options):
            sizes.append(len(cloudpickle.dumps(arguments)))
            return submit(function, *arguments, **options)

        monkeypatch.setattr(connected.client, "run", counted)
        monkeypatch.setattr(connected.client, "submit", measured)
        workers = set(connected.client.nthreads())
        if arrival != "shared":  # as if the workers were on other machines
            run(forget)
            files = tuple((name, f"/nowhere/{name}", digest) for name, _, digest in connected.terms.files)
            connected.terms = replace(connected.terms, files=files)
            if arrival == "asked before":
                connected.check_workers()
                assert sent.keys() == workers
            else:  # as if they had not been there
                connected.client.subscribe_topic(connected.terms.topic, connected._supply.hear)
        found = values(connected.compute(loaded, [("auto",)] * 8))
    here = load_images("fashion_mnist", "auto", small_fashion)
    total = float(here.train[0].sum().asscalar())
    assert [item[:3] for item in found] == [("fashion_mnist", None, total)] * 8
    assert all((item[3] == ["fashion_mnist"]) is (arrival == "shared") for item in found)
    assert set(sent.values()) == (set() if arrival == "shared" else {4})
    assert ("lack" in caplog.text) is (arrival != "shared")
    assert max(sizes) < 10_000


def set_temporary_folder(folder):
    import tempfile

    tempfile.tempdir = folder


def test_workers_that_go_while_they_are_asked_are_left_out(address, monkeypatch):
    from distributed.comm import CommClosedError

    with connect(Where(cluster=address)) as connected:
        run = connected.client.run

        def one_goes(*arguments, **options):
            answers = run(*arguments, **options)
            return {**answers, min(answers): CommClosedError()}

        monkeypatch.setattr(connected.client, "run", one_goes)
        connected.check_workers()
        assert len(connected.ask(os.getpid)) == len(connected.client.nthreads()) - 1


def test_what_the_system_of_a_worker_refuses_is_no_lost_cluster(address, monkeypatch):
    monkeypatch.setenv("MXNET_CPU_WORKER_NTHREADS", "2")  # for another folder than those of other tests
    with connection.client_of({"address": address}, address) as client:
        client.run(set_temporary_folder, "/nowhere")
        try:
            with pytest.raises(WorkFailed, match=r"worker tcp://\S+: .*/nowhere.*; mend that") as error:
                list(computed(math.factorial, [(1,)], Where(cluster=address)))
        finally:
            client.run(set_temporary_folder, None)
    assert not isinstance(error.value, ClusterLost)


def test_workers_use_stand_in_data_where_the_command_would(address, offline):
    there = Where(cluster=address, datasets=["fashion_mnist"])
    [(name, stand_in_for, _, files)] = values(computed(loaded, [("auto",)], there))
    assert (name, stand_in_for, files) == ("digits", "fashion_mnist", [])


def fail(i):
    if i == 1:
        raise InputError("one line")
    time.sleep(600)


def test_an_error_of_a_task_is_raised_here_and_ends_the_others(address):
    before = time.monotonic()
    with pytest.raises(InputError, match=r"^one line$"):
        list(computed(fail, [(0,), (1,)], Where(cluster=address)))
    # The worker is free again: nothing sleeps on it for ten minutes.
    assert values(computed(math.factorial, [(n,) for n in range(4)], Where(cluster=address))) == [1, 1, 2, 6]
    assert time.monotonic() - before < 500


def die(path, times):
    with open(path, "a") as file:
        file.write(".")
    if len(Path(path).read_text()) <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def test_a_task_whose_process_is_killed_runs_again(address, tmp_path):
    assert values(computed(die, [(tmp_path / "a", 2)], Where(cluster=address))) == ["done"]
    with pytest.raises(WorkFailed, match=r"a task ended its process 3 times \(exit code -9"):
        list(computed(die, [(tmp_path / "b", 3)], Where(cluster=address)))


def slowly(i):
    time.sleep(0.3)
    return i, os.getppid()


def test_tasks_of_killed_workers_run_again_elsewhere(fragile):
    place, _ = fragile
    rng, killed = random.Random(0), set()
    found = {}
    with closing(computed(slowly, [(i,) for i in range(20)], Where(cluster=place))) as results:
        for i, (value, worker) in results:
            assert i not in found
            found[i] = value
            if len(killed) < 3 and worker not in killed and rng.random() < 0.5:
                os.kill(worker, signal.SIGKILL)  # with whatever it is running
                killed.add(worker)
    assert len(killed) == 3
    assert found == {i: i for i in range(20)}


@pytest.mark.parametrize("again", [where.RESUME, pytest.param(where.ANEW, marks=pytest.mark.slow)])
def test_a_lost_scheduler_ends_the_command_with_what_to_do(fragile, again):
    place, process = fragile
    finished = []

    def work():
        for i, _ in computed(slowly, [(i,) for i in range(1000)], Where(cluster=place, again=again)):
            finished.append(i)
            if len(finished) == 2:
                os.killpg(process.pid, signal.SIGKILL)

    with pytest.raises(ClusterLost, match=f"is lost; start it again, and {again}$"):
        work()
    assert len(finished) < 100


def family():
    return os.getpid(), os.getppid()


def test_a_local_cluster_leaves_nothing_behind():
    [processes] = values(computed(family, [()], Where(cluster="local")))
    assert all(map(is_gone, processes))


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)])
def test_a_stopped_command_takes_its_cluster_with_it(number, tmp_path):
    code = (
        "import os, time\n"
        "from d2l_repro.parallel import Where, computed\n"
        "def work(i):\n"
        f"    open({str(tmp_path)!r} + f'/{{os.getpid()}}-{{os.getppid()}}', 'w').close()\n"
        "    time.sleep(600)\n"
        "list(computed(work, [(0,)], Where(cluster='local')))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while not list(tmp_path.iterdir()):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(number)
    assert process.wait(120) != 0
    assert all(map(is_gone, next(tmp_path.iterdir()).name.split("-")))


def test_a_killed_command_leaves_nothing_on_a_cluster(address, tmp_path):
    code = (
        "import os, time\n"
        "from d2l_repro.parallel import Where, computed\n"
        "def work(i):\n"
        f"    open({str(tmp_path)!r} + f'/{{os.getpid()}}', 'w').close()\n"
        "    time.sleep(600)\n"
        f"list(computed(work, [(0,)], Where(cluster={address!r})))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
    while not list(tmp_path.iterdir()):
        assert process.poll() is None
        time.sleep(0.1)
    process.kill()
    process.wait()
    assert is_gone(next(tmp_path.iterdir()).name)


def test_what_is_no_cluster_is_refused_in_one_line(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"no such scheduler file: nowhere\.json; give its path"):
        list(computed(math.factorial, [(1,)], Where(cluster="nowhere.json")))
    monkeypatch.setattr(connection, "CONNECTING", 1.0)
    with pytest.raises(InputError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9 "):
        list(computed(math.factorial, [(1,)], Where(cluster="tcp://127.0.0.1:9")))
    (tmp_path / "scheduler.json").write_text(json.dumps({"address": "tcp://127.0.0.1:9"}))
    with pytest.raises(InputError, match=r"no scheduler answers at .*scheduler\.json"):
        list(computed(math.factorial, [(1,)], Where(cluster=str(tmp_path / "scheduler.json"))))


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"distributed is not installed; run: .* 'd2l_repro\[dask\]'"):
        list(computed(math.factorial, [(1,)], Where(cluster="local")))


def test_a_scheduler_without_workers_is_refused(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECTING", 1.0)
    with (
        connection.local_cluster(0) as place,
        pytest.raises(InputError, match="has no workers; start some with `dask worker`"),
    ):
        list(computed(math.factorial, [(1,)], Where(cluster=place)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"numpy": "1.0"}, r"has other versions of numpy \(numpy: .* there, 1\.0 here\)"),
        ({"sources": "abc"}, "has other versions of sources"),
        ({"python": "3.8", "extra": "1"}, "has other versions of extra, python"),
    ],
)
def test_workers_with_other_versions_are_refused_before_anything_starts(
    address, changes, message, monkeypatch
):
    ours = {**cluster.describe(), **changes}
    monkeypatch.setattr(cluster, "describe", lambda: ours)
    monkeypatch.setattr(cluster.Cluster, "submit", lambda *_: pytest.fail("something was started"))
    with pytest.raises(InputError, match=f"worker tcp://.*: {message}.*install the same versions"):
        list(computed(math.factorial, [(1,)], Where(cluster=address)))


def test_workers_that_join_later_are_checked_too(address, monkeypatch):
    ours = {**cluster.describe(), "numpy": "1.0"}
    monkeypatch.setattr(cluster, "describe", lambda: ours)
    monkeypatch.setattr(cluster.Cluster, "check_workers", lambda self: None)  # as if there had been others
    with pytest.raises(InputError, match=r"joined later does not fit \(numpy\); end it, and repeat"):
        list(computed(math.factorial, [(1,)], Where(cluster=address)))


def test_workers_with_other_processors_are_warned_of(address, monkeypatch, caplog):
    ours = {**cluster.describe(), "processor": "another"}
    monkeypatch.setattr(cluster, "describe", lambda: ours)
    assert values(computed(math.factorial, [(3,)], Where(cluster=address))) == [6]
    assert "other processors than this machine" in caplog.text


def test_workers_without_this_project_are_refused(tmp_path):
    code = (
        "import sys\n"
        "sys.modules['d2l_repro'] = None\n"
        "from distributed import LocalCluster\n"
        "where = dict(processes=False, host='127.0.0.1', protocol='tcp://', dashboard_address=None)\n"
        "with LocalCluster(n_workers=1, **where) as found:\n"
        "    print(found.scheduler_address, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        place = process.stdout.readline().strip()
        with pytest.raises(InputError, match=r"worker .*: cannot import this version of d2l_repro; install"):
            list(computed(math.factorial, [(1,)], Where(cluster=place)))
        process.stdin.close()


TRAIN, TEST = generated_tables()
FEW = Tables(TRAIN.head(150), TEST.head(40), name="generated")
QUICK = TUNED.replace(num_epochs=3, num_hiddens=8)


def test_folds_on_a_cluster_have_the_same_bits_and_are_kept(address, tmp_path):
    serial, _ = kfold.cross_validate(QUICK, FEW, kfold.FoldOptions(k=3))
    options = kfold.FoldOptions(k=3, cluster=address)
    there, _ = kfold.cross_validate(QUICK, FEW, options, tmp_path)
    assert len(list(tmp_path.glob("folds/*.npz"))) == 3
    for a, b in zip(serial, there):
        np.testing.assert_array_equal(a["predictions"], b["predictions"])
        names = ("repeat", "fold", "train", "valid", "baselines")
        assert [a[name] for name in names] == [b[name] for name in names]


def test_a_sweep_on_a_cluster_has_the_same_bits(address):
    here = sweep(QUICK, FEW, kfold.FoldOptions(k=2), SweepOptions(trials=1))
    there = sweep(QUICK, FEW, kfold.FoldOptions(k=2, cluster=address), SweepOptions(trials=1))
    pd.testing.assert_frame_equal(there, here, check_exact=True)


def test_a_study_on_a_cluster_has_the_same_bits(address):
    small = mnist_regularization.HParams(steps=10, num_evaluations=2, batch_size=20, num_hiddens=20)
    asked = {"only": ("baseline", "tanh"), "impl": "gluon", "dataset": "digits", "quick": True}
    here = mnist_regularization.run(small, jobs=1, **asked)
    there = mnist_regularization.run(small, cluster=address, **asked)
    assert without_times(there.as_json()) == without_times(here.as_json())


def test_run_on_a_cluster_writes_the_same_files(address, tmp_path, capsys):
    argv = ["run", "linear_regression", "--quick", "--seeds", "2", "--out"]
    with pytest.raises(SystemExit) as end:
        cli.main([*argv, str(tmp_path / "here")])
    assert end.value.code == 0
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        cli.main([*argv, str(tmp_path / "there"), "--cluster", address])
    out, err = capsys.readouterr()
    assert end.value.code == 0, err
    assert f"results and figures: {tmp_path / 'there' / 'linear_regression'}\n" in out
    contents = [
        {
            str(path.relative_to(tmp_path / place)): without_times(json.loads(path.read_text()))
            for path in (tmp_path / place).rglob("result.json")
        }
        for place in ("here", "there")
    ]
    assert len(contents[0]) == 2
    assert contents[0] == contents[1]
    names = [sorted(path.name for path in (tmp_path / place).rglob("*.svg")) for place in ("here", "there")]
    assert names[0] == names[1] != []


def test_run_on_a_cluster_passes_a_signal_on_and_gets_what_is_finished(address, tmp_path):
    argv = ["run", "polynomial_fitting", "--num-epochs", "400", "--cluster", address, "--out", tmp_path]
    with connection.client_of({"address": address}, address) as client:
        earlier = set(client.get_events())
        process = subprocess.Popen(
            [sys.executable, "-m", "d2l_repro", *map(str, argv)], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        while max(shares(client, earlier), default=0) < 1 / 6:  # the first of six runs
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(300) == 143, process.stderr.read()
    process.stderr.close()
    result = json.loads((tmp_path / "polynomial_fitting" / "result.json").read_text())
    assert result["interrupted"]
    assert "done" in [run["status"] for run in result["runs"].values()]


def shares(client, earlier):
    """Yield the shares of their work that chapters have reported under topics that are not earlier ones."""
    for topic, events in client.get_events().items():
        for _, message in events if topic.startswith("d2l_repro-") and topic not in earlier else ():
            progress = channel.read(message[-1]) if isinstance(message[-1], str) else None
            if progress:
                yield progress[0]


@pytest.mark.slow
def test_run_whose_scheduler_is_lost_keeps_what_is_finished_and_resumes(fragile, tmp_path):
    place, cluster_process = fragile
    argv = ["-m", "d2l_repro", "run", "linear_regression", "polynomial_fitting", "--out", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, *argv, "--cluster", place],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while not (tmp_path / "linear_regression" / "result.json").exists():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    os.killpg(cluster_process.pid, signal.SIGKILL)
    out, _ = process.communicate(timeout=600)
    assert process.returncode == 1, out
    assert f"the connection to the scheduler at {place} is lost; start it again" in out
    assert "failed: polynomial_fitting (exit code 1)" in out
    done = subprocess.run(
        [sys.executable, *argv, "--resume"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "linear_regression: finished earlier, kept" in done.stdout


@pytest.mark.slow
def test_a_study_started_as_a_command_resumes_on_a_cluster(address, tmp_path):
    argv = ["-m", "chapters.mnist_regularization", "--quick", "--dataset", "digits", "--steps", "10"]
    argv += ["--num-evaluations", "2", "--only", "baseline", "tanh", "--impl", "gluon"]

    def run(folder, *more):
        command = [sys.executable, *argv, "--out", tmp_path / folder, *more]
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    run("here")
    run("there", "--cluster", address)
    kept = tmp_path / "there" / "runs.jsonl"
    kept.write_text("".join(kept.read_text().splitlines(keepends=True)[:2]))
    assert "1 of 2 runs finished earlier, kept" in run("there", "--cluster", address, "--resume")
    contents = [json.loads((tmp_path / name / "result.json").read_text()) for name in ("here", "there")]
    assert without_times(contents[0]) == without_times(contents[1])


@pytest.mark.slow
def test_kfold_and_sweep_as_commands_resume_on_a_cluster(address, tmp_path):
    few = ["--dataset", "generated", "--num-epochs", "2", "--num-hiddens", "8", "--k", "2"]

    def run(*argv):
        with pytest.raises(SystemExit) as end:
            kaggle.main(list(map(str, argv)))
        assert end.value.code == 0

    def folds(name):
        found = json.loads((tmp_path / name / "kfold.json").read_text())["folds"]
        return [(fold["train"], fold["valid"]) for fold in found]

    run("kfold", *few, "--out", tmp_path / "here")
    there = ("kfold", *few, "--out", tmp_path / "there", "--cluster", address)
    run(*there)
    next((tmp_path / "there" / "folds").iterdir()).unlink()
    run(*there, "--resume")
    assert folds("there") == folds("here")

    run("sweep", *few, "--trials", "1", "--out", tmp_path / "sweep here")
    there = ("sweep", *few, "--trials", "1", "--out", tmp_path / "sweep", "--cluster", address)
    run(*there)
    scores = tmp_path / "sweep" / "scores.jsonl"
    scores.write_text("".join(scores.read_text().splitlines(keepends=True)[:2]))
    run(*there, "--resume")
    tables = [(tmp_path / name / "sweep.csv").read_text() for name in ("sweep here", "sweep")]
    assert tables[0] == tables[1]


@pytest.mark.slow
def test_run_with_a_frozen_worker_ends_when_it_is_asked_to(fragile, tmp_path):
    place, _ = fragile
    argv = ["run", "polynomial_fitting", "weight_decay", "--cluster", place, "--out", tmp_path]
    process = subprocess.Popen(
        [sys.executable, "-m", "d2l_repro", *map(str, argv)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )

    def look(dask_worker):
        from d2l_repro.parallel import worker

        return list(worker._running)

    with connection.client_of({"address": place}, place) as client:
        while not all(client.run(look).values()):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.2)
        frozen = next(iter(client.run(os.getpid).values()))
    os.kill(frozen, signal.SIGSTOP)
    try:
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 143, process.stderr.read()
    finally:
        os.kill(frozen, signal.SIGCONT)
        process.kill()
        process.stderr.close()


@pytest.mark.slow
def test_mistakes_on_a_cluster_are_caught_by_the_same_proofs(address, tmp_path):
    for name, more in (("here", []), ("there", ["--cluster", address])):
        with pytest.raises(SystemExit) as end:
            mistakes.main(["linear_regression", "--out", str(tmp_path / name), *more])
        assert end.value.code == 0
    contents = [(tmp_path / name / "mistakes.json").read_bytes() for name in ("here", "there")]
    assert contents[0] == contents[1]


@pytest.mark.slow
def test_a_study_whose_workers_are_killed_at_random_has_the_same_bits(fragile, tmp_path):
    place, _ = fragile
    only = ("baseline", "tanh", "ReLU6", "L1 1e-7", "Adam", "width 1000")
    asked = {"only": only, "impl": "gluon", "dataset": "digits", "quick": True, "seeds": 3}
    whole = mnist_regularization.run(jobs=2, **asked)
    rng, over, killed = random.Random(0), threading.Event(), []

    def kill():
        while not (tmp_path / "runs.jsonl").exists():
            over.wait(0.05)
        with connection.client_of({"address": place}, place) as client:
            while len(killed) < 5 and not over.is_set():
                running = sorted(client.run(os.getpid, on_error="ignore").values())
                if running:
                    killed.append(rng.choice(running))
                    os.kill(killed[-1], signal.SIGKILL)
                over.wait(rng.uniform(3, 8))

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        there = mnist_regularization.run(cluster=place, folder=tmp_path, **asked)
    finally:
        over.set()
        killer.join()
    assert killed
    assert without_times(there.as_json()) == without_times(whole.as_json())
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 1 + 18


@pytest.mark.slow
def test_a_study_whose_scheduler_is_lost_resumes_to_the_same_bits(fragile, tmp_path):
    place, process = fragile
    asked = {"only": ("baseline", "tanh"), "impl": "gluon", "dataset": "digits", "quick": True, "seeds": 6}
    whole = mnist_regularization.run(jobs=1, **asked)

    def kill():
        path = tmp_path / "runs.jsonl"
        while not path.exists() or len(path.read_text().splitlines()) < 4:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)

    threading.Thread(target=kill).start()
    with pytest.raises(ClusterLost):
        mnist_regularization.run(cluster=place, folder=tmp_path, **asked)
    kept = len((tmp_path / "runs.jsonl").read_text().splitlines()) - 1
    assert 3 <= kept < 12
    resumed = mnist_regularization.run(jobs=1, folder=tmp_path, resume=True, **asked)
    assert without_times(resumed.as_json()) == without_times(whole.as_json())
