"""The committed runs of the study on MNIST: read as they were written, and added to, never replaced."""

import importlib.util
import json
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chapters import mnist_regularization
from chapters.mnist_regularization import BASELINE, HParams
from d2l_repro.errors import InputError
from d2l_repro.experiment.chapter import RUNS
from d2l_repro.kept import Kept
from d2l_repro.results import bands, study
from d2l_repro.results.printed import labels, published_values
from d2l_repro.results.run import RunResult, Status, run_label

ROOT = Path(__file__).parents[2]
NUMBER = st.floats(1e-6, 1e6).map(lambda number: float(f"{number:.8g}"))
RUN = st.builds(
    RunResult,
    impl=st.sampled_from(("scratch", "gluon")),
    variant=st.sampled_from((BASELINE, "L1 1e-4", 'a, "b"')),
    seed=st.integers(0, 20),
    metrics=st.dictionaries(st.sampled_from(("test_acc", "batch_loss", "step_2000_loss")), NUMBER),
    status=st.sampled_from((Status.DONE, Status.DIVERGED)),
)


@given(st.lists(RUN, max_size=8))
def test_runs_are_read_as_they_were_written(runs):
    text = study.as_csv(runs, {study.key_of(run): 1 for run in runs})
    assert study.read(text) == sorted(runs, key=lambda run: run.seed)


def test_committed_runs_are_the_chapters_once_each():
    runs = study.committed()
    known = {(run.impl, run.variant): run.may_diverge for run in mnist_regularization.chapter.runs(HParams())}
    assert len({(run.name, run.seed) for run in runs}) == len(runs)
    assert all((run.impl, run.variant) in known for run in runs)
    assert all(run.status is Status.DONE or known[run.impl, run.variant] for run in runs)
    origins, environments = study.committed_origins(), study.committed_environments()
    assert origins.keys() == {study.key_of(run) for run in runs}
    assert set(origins.values()) == set(range(1, len(environments) + 1))
    assert all({"python", "processor", "packages"} == environment.keys() for environment in environments)


def test_bands_of_ten_committed_runs_are_theirs():
    for row in published_values():
        for label in labels(row["run"]):
            values = [
                run.metrics[row["metric"]]
                for run in study.committed()
                if run.name == label and run.seed and row["metric"] in run.metrics
            ]
            if row["chapter"] == mnist_regularization.chapter.name and len(values) >= bands.MIN_RUNS:
                band = bands.find(mnist_regularization.chapter.name, label, row["metric"])
                places = [band.scale.to(value) for value in values]
                assert band.n == len(values)
                assert band.mean == pytest.approx(statistics.fmean(places))
                assert band.std == pytest.approx(statistics.stdev(places))


# scripts/study.py


@pytest.fixture
def script(tmp_path, monkeypatch):
    """Return scripts/study.py as a module that writes into a folder of its own."""
    spec = importlib.util.spec_from_file_location("study_script", ROOT / "scripts" / "study.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    return module


def run_of(seed, test_acc, variant=BASELINE):
    return RunResult("gluon", variant, seed, metrics={"test_acc": test_acc, "batch_loss": 0.03 + seed / 1e3})


def folder_with(script, folder, runs, **identity):
    """Leave a folder as the chapter does."""
    folder.mkdir(exist_ok=True)
    kept = Kept(folder / RUNS, {**script.KIND, "packages": {"numpy": "2.0"}, **identity})
    for run in runs:
        kept.add(run_label(run.impl, run.variant, run.seed), run.as_json())
    return str(folder)


def test_runs_of_a_folder_are_added_and_committed_ones_stay(script, tmp_path, monkeypatch):
    monkeypatch.setattr(study, "committed", lambda: (run_of(1, 0.98), run_of(2, 0.97)))
    found = folder_with(script, tmp_path / "runs", [run_of(2, 0.5), run_of(3, 0.96)])
    with open(tmp_path / "runs" / RUNS, "ab") as file:
        file.write(b'["gluon baseline, seed 4", {"impl": "glu')  # cut off when the command was killed
    assert script.main([found]) == 0
    written = study.read((tmp_path / study.FILE_NAME).read_text(encoding="utf-8"))
    assert written == [run_of(1, 0.98), run_of(2, 0.97), run_of(3, 0.96)]


def test_added_runs_have_the_environment_that_trained_them_and_committed_ones_keep_theirs(
    script, tmp_path, monkeypatch
):
    environments = [{"python": "3.9.1", "processor": "other", "packages": {"numpy": "1.26"}}]
    monkeypatch.setattr(study, "committed", lambda: (run_of(1, 0.98),))
    monkeypatch.setattr(study, "committed_origins", lambda: {study.key_of(run_of(1, 0.98)): 1})
    monkeypatch.setattr(study, "committed_environments", lambda: list(environments))
    monkeypatch.setattr(script, "processor", lambda: "here")
    first = folder_with(script, tmp_path / "a", [run_of(1, 0.98), run_of(2, 0.97)])
    second = folder_with(script, tmp_path / "b", [run_of(3, 0.96)])
    assert script.main([first, second, first]) == 0
    found = json.loads((tmp_path / study.ENVIRONMENTS).read_text(encoding="utf-8"))
    assert found[:1] == environments
    assert [(row["processor"], row["packages"]) for row in found[1:]] == [("here", {"numpy": "2.0"})]
    lines = (tmp_path / study.FILE_NAME).read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[:5] for line in lines[1:]] == [
        ["gluon", BASELINE, seed, "done", number] for seed, number in (("1", "1"), ("2", "2"), ("3", "2"))
    ]


def test_bands_are_measured_of_runs_unless_there_were_more_before(script, tmp_path):
    old = {(row["run"], row["metric"]): row for row in of_chapter(bands.committed()["bands"])}
    few = [run_of(1, 0.98)]
    many = [run_of(seed, 0.98 + seed / 1e4) for seed in range(1, 11)]
    for runs, n in ((few, old["gluon baseline", "test_acc"]["n"]), (many, 10)):
        path = tmp_path / f"{n}.json"
        path.write_text(script.text_of_bands(runs), encoding="utf-8")
        content = bands.read(path)
        new = {(row["run"], row["metric"]): row for row in of_chapter(content["bands"])}
        assert new["gluon baseline", "test_acc"]["n"] == n
        assert ("gluon baseline", "batch_loss") in new or n < bands.MIN_RUNS
        assert new["gluon L2 1e-3", "test_acc"] == old["gluon L2 1e-3", "test_acc"]
        assert len(content["bands"]) - len(new) == len(bands.committed()["bands"]) - len(old)
        assert content["exact"] == bands.committed()["exact"]


def of_chapter(rows):
    return [row for row in rows if row["chapter"] == mnist_regularization.chapter.name]


def test_folder_begins_with_the_committed_runs_and_goes_on(script, tmp_path, monkeypatch):
    committed = (run_of(1, 0.98), run_of(2, 0.97))
    monkeypatch.setattr(study, "committed", lambda: committed)
    assert script.main(["--begin", str(tmp_path / "runs")]) == 0
    assert script.runs_in(tmp_path / "runs" / RUNS)[0] == list(committed)
    with pytest.raises(InputError, match="exists"):
        script.main(["--begin", str(tmp_path / "runs")])


@pytest.mark.parametrize(
    "wrong", [{"quick": True}, {"dataset": "digits"}, {"settings": {}}, {"stand_in_for": "mnist"}]
)
def test_runs_of_another_kind_are_refused(script, tmp_path, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        script.main([folder_with(script, tmp_path / "runs", [run_of(1, 0.98)], **wrong)])
    assert not (tmp_path / study.FILE_NAME).exists()


@pytest.mark.parametrize("argv", [[], ["--strat", "folder"]])
def test_without_a_folder_the_script_says_what_it_needs(script, argv):
    with pytest.raises(InputError, match="name the folders"):
        script.main(argv)
