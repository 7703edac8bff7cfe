"""The command that measures bands, with results that no chapter has to be trained for."""

import json

import numpy as np
import pytest

from d2l_repro.cli import bands as command
from d2l_repro.cli import main as cli
from d2l_repro.errors import InputError
from d2l_repro.results import bands
from d2l_repro.results.result import Result


def result_of(task, **changes):
    """Return a result of linear regression whose losses follow its seed."""
    rng = np.random.default_rng(task.seed)
    facts = {"dataset": "synthetic", "stream": task.stream, "only": list(task.only), "impl": task.impl}
    result = Result(task.chapter, task.seed, {}, **{**facts, **changes})
    for impl in ("scratch", "gluon") if task.impl == "both" else (task.impl,):
        loss = {"macos": 4.9e-5, "linux": 5.1e-5}.get(task.stream, 5e-5) * np.exp(rng.normal(0, 0.01))
        result.add(impl, "", {"train_loss": loss, "epoch1_loss": 1000 * loss})
    result.add("data", "", {"first_label": {"macos": 4.879625, "linux": 6.000587}.get(task.stream, 1.0)})
    return result


@pytest.fixture
def runs(monkeypatch):
    """Let chapters save `result_of` at once; return the list of the tasks that were run."""
    done = []

    def run_tasks(tasks, jobs, start):
        for task in tasks:
            task.folder.mkdir(parents=True, exist_ok=True)
            result_of(task).save(task.folder)
            done.append(task)
        return dict.fromkeys(tasks, 0), False

    monkeypatch.setattr(command, "run_tasks", run_tasks)
    return done


def main(*argv):
    with pytest.raises(SystemExit) as exit:
        cli.main(["bands", *argv])
    return exit.value.code


def test_bands_measures_every_stream_and_never_with_seed_0(tmp_path, runs, capsys):
    assert main("linear_regression", "--out", str(tmp_path)) == 0
    content = bands.read(tmp_path / "bands.json")
    found = {(row["run"], row["metric"], row["stream"]): bands.Band(**row) for row in content["bands"]}
    assert {stream for *_, stream in found} == {"seeds", "linux", "macos"}
    band = found["scratch", "train_loss", "macos"]
    losses = [
        result_of(task).find("scratch").metrics["train_loss"]
        for task in runs
        if task.stream == "macos" and task.seed
    ]
    assert (band.n, band.freedom, band.dataset) == (10, 9, "synthetic")
    assert band.mean == pytest.approx(np.log(losses).mean())
    assert band.std == pytest.approx(np.log(losses).std(ddof=1))
    assert sorted(task.seed for task in runs if task.stream is None) == list(range(1, 11))
    assert [(row["stream"], row["value"]) for row in content["exact"]] == [
        ("linux", 6.000587),
        ("macos", 4.879625),
    ]
    assert f"bands: {tmp_path / 'bands.json'}" in capsys.readouterr().out


def test_bands_keeps_runs_that_are_finished_and_bands_of_other_chapters(tmp_path, runs, capsys):
    path = tmp_path / "mine.json"
    other = bands.measure("mlp", "gluon", "train_loss", [0.3, 0.31] * 5, stream="seeds", dataset="d")
    path.write_text(bands.as_json([other], {}, []))
    assert main("linear_regression", "--out", str(tmp_path), "--file", str(path)) == 0
    first, count = path.read_text(), len(runs)
    assert main("linear_regression", "--out", str(tmp_path), "--file", str(path)) == 0
    assert (path.read_text(), len(runs)) == (first, count)
    assert "32 of 32 runs finished earlier, kept" in capsys.readouterr().out
    assert '"chapter": "mlp"' in first


def test_bands_of_one_implementation_keep_those_of_the_other_in_their_places(tmp_path, runs):
    path = tmp_path / "mine.json"

    def old(run):
        return bands.measure(
            "linear_regression", run, "train_loss", [1.0, 2.0] * 5, stream="seeds", dataset=""
        )

    path.write_text(bands.as_json([old("gluon"), old("scratch"), old("other")], {}, []))
    flags = ["linear_regression", "--out", str(tmp_path), "--file", str(path)]
    assert main(*flags, "--impl", "gluon") == 0
    found = [bands.Band(**row) for row in bands.read(path)["bands"]]
    assert [band.run for band in found[:3]] == ["gluon", "scratch", "other"]
    assert found[1:3] == [old("scratch"), old("other")]
    assert found[0].center < 1.0
    assert main(*flags) == 0
    found = [bands.Band(**row) for row in bands.read(path)["bands"]]
    assert "other" not in {band.run for band in found}  # this time, nothing measured it
    assert found[1].center < 1.0


def test_bands_passes_variants_on_and_runs_them_again_with_others(tmp_path, runs):
    assert main("rbf_network", "--only", "a", "b", "--out", str(tmp_path)) == 0
    assert {task.only for task in runs} == {("a", "b")}
    assert main("rbf_network", "--only", "a", "--out", str(tmp_path)) == 0
    assert len(runs) == 20


def test_bands_of_variants_that_share_a_deviation_take_three_seeds_of_one_implementation(
    tmp_path, monkeypatch
):
    variants = ("baseline", "L2 1e-3", "L2 5e-4", "L2 3e-4")

    def run_tasks(tasks, jobs, start):
        for task in tasks:
            result = Result(
                task.chapter, task.seed, {}, dataset="mnist", only=list(task.only), impl=task.impl
            )
            for k, name in enumerate(variants):
                right = 0.98 + 0.001 * k + 0.0002 * ((k + task.seed) % 3)
                result.add("gluon", name, {"test_acc": right, "batch_loss": 0.1 + 0.01 * task.seed})
            task.folder.mkdir(parents=True)
            result.save(task.folder)
        return dict.fromkeys(tasks, 0), False

    monkeypatch.setattr(command, "run_tasks", run_tasks)
    flags = ["--only", *variants, "--impl", "gluon", "--out", str(tmp_path)]
    assert main("mnist_regularization", "--seeds", "3", *flags) == 0
    found = [bands.Band(**row) for row in bands.read(tmp_path / "bands.json")["bands"]]
    assert [(band.run, band.n, band.freedom) for band in found] == [
        (f"gluon {name}", 3, 8) for name in variants
    ]
    assert len({band.std for band in found}) == 1


def test_a_variant_from_scratch_and_with_gluon_is_one_sibling():
    """Both take the same path with a seed: counted twice, they would seem to move together."""
    results = []
    for seed in range(1, 5):
        result = Result("gru", seed, {}, dataset="lyrics")
        last = {"train_perplexity": 1.5 + 0.01 * (seed % 3), "longest_copy": 40 + 2 * (seed % 3)}
        first = {"train_perplexity": 1.8 + 0.012 * (seed % 2), "longest_copy": 40 + seed}
        result.add("scratch", "reset first", first)
        result.add("scratch", "reset last", last)
        result.add("gluon", "reset last", last)
        results.append(result)
    found = command.measured_bands("gru", results)
    assert {band.run for band in found} == {"scratch reset first", "scratch reset last", "gluon reset last"}
    assert {(band.n, band.freedom) for band in found} == {(4, 6)}


@pytest.mark.parametrize(("interrupted", "code"), [(True, 130), (False, 1)])
def test_bands_writes_nothing_before_all_runs_are_finished(tmp_path, monkeypatch, capsys, interrupted, code):
    monkeypatch.setattr(
        command, "run_tasks", lambda tasks, jobs, start: (dict.fromkeys(tasks, 1), interrupted)
    )
    assert main("mlp", "--out", str(tmp_path)) == code
    assert not (tmp_path / "bands.json").exists()
    assert "not finished: mlp (seed 1)" in capsys.readouterr().out


def test_bands_stops_after_the_first_run_if_the_published_data_are_missing(tmp_path, monkeypatch, capsys):
    done = []

    def run_tasks(tasks, jobs, start):
        for task in tasks:
            task.folder.mkdir(parents=True)
            result_of(task, dataset="digits", stand_in_for="fashion_mnist").save(task.folder)
            done.append(task)
        return dict.fromkeys(tasks, 0), False

    monkeypatch.setattr(command, "run_tasks", run_tasks)
    assert main("mlp", "--out", str(tmp_path)) == 2
    assert len(done) == 1
    assert "mlp (seed 1): bands need the published data" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["no_chapter"], "unknown chapter 'no_chapter'"),
        (["mlp", "--seeds", "9"], "--seeds: a band of mlp needs 10 or more"),
        (["mnist_regularization", "--seeds", "1"], "--seeds: must be at least 2"),
    ],
)
def test_bands_says_in_one_line_what_is_wrong(flags, message, tmp_path, capsys):
    assert main(*flags, "--out", str(tmp_path)) == 2
    assert message in capsys.readouterr().err


def test_measured_bands_need_the_published_data(tmp_path):
    tasks = [command.Task("mlp", seed, tmp_path, False, "") for seed in range(1, 11)]
    results = [result_of(task, dataset="digits", stand_in_for="fashion_mnist") for task in tasks]
    with pytest.raises(InputError, match="mlp: bands need the published data; its runs used digits"):
        command.measured_bands("mlp", results)


def test_committed_bands_are_those_that_the_command_writes():
    content = bands.committed()
    rows = [bands.Band(**row) for row in content["bands"]]
    path = bands.resources.files("d2l_repro.results").joinpath(bands.FILE_NAME)
    assert path.read_text() == bands.as_json(rows, content["environment"], content["exact"])
    assert json.loads(path.read_text()) == content
