"""Chapters of notes: every statement holds, and one that does not is told and fails the chapter."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from mxnet import init, nd

from chapters import gluon_blocks, linear_regression, ndarray_autograd
from d2l_repro.cli import main as cli
from d2l_repro.errors import InputError
from d2l_repro.experiment import notes
from d2l_repro.results import report, summary
from d2l_repro.results.result import FILE_NAME, Result

CHAPTERS = {
    name: importlib.import_module(f"chapters.{name}") for name in ("ndarray_autograd", "gluon_blocks")
}
WRONG = "Two and two.\n\n>>> x = 2\n>>> x + x\n5\n>>> x\n2\n"
SAID = "`x + x` gave `4` where the note has `5`"


@pytest.fixture(params=CHAPTERS)
def module(request):
    return CHAPTERS[request.param]


@pytest.fixture
def wrong(monkeypatch):
    """gluon_blocks with a note that says that 2 + 2 is 5, before the others."""
    others = dict(gluon_blocks.NOTES)
    gluon_blocks.NOTES.clear()
    gluon_blocks.NOTES.update({"Sums": WRONG, **others})
    yield
    del gluon_blocks.NOTES["Sums"]


def main(module, *flags):
    """A chapter's command line in this process; its exit code."""
    with pytest.raises(SystemExit) as exit:
        module.chapter.main(list(flags))
    return exit.value.code


@pytest.mark.parametrize("seed", range(5))
def test_every_statement_holds_with_every_seed(module, seed):
    result = module.run(seed=seed)
    assert result.errors == {}
    assert result.notes.keys() == module.NOTES.keys()
    assert all(one["holds"] for note in result.notes.values() for one in note["statements"])


def test_every_note_says_something_and_asserts_an_output(module):
    for title, note in module.run().notes.items():
        assert note["statements"][0]["text"], title
        assert any(one["output"] for one in note["statements"]), title
        assert all(one["code"] for one in note["statements"]), title  # nothing is said that is not shown


def test_a_note_gives_the_same_alone_as_among_the_others(module):
    whole = module.run().notes
    for title in module.NOTES:
        alone = Result("alone", 0, {})
        notes.showing({title: module.NOTES[title]}, vars(module))(alone, None)
        assert alone.notes[title] == whole[title]


def test_a_wrong_statement_is_one_line_and_exit_code_1(wrong, tmp_path, capsys):
    assert main(gluon_blocks, "--out", str(tmp_path)) == 1
    captured = capsys.readouterr()
    assert captured.err == f"python -m chapters.gluon_blocks: error: Sums: {SAID}\n"
    assert ">>> x + x\n4\n>>> x\n2\n" in captured.out  # what it really gave, and the statements after it
    kept = Result.load(tmp_path / FILE_NAME)
    assert kept.errors == {"Sums": SAID}
    assert [one["holds"] for one in kept.notes["Sums"]["statements"]] == [True, False, True]
    total = int(kept.statements().split()[-1])
    assert f"{total - 1} of {total} statements give what their notes say." in captured.out


def test_a_wrong_statement_is_loud_in_python_and_in_the_report(wrong, tmp_path):
    result = gluon_blocks.run()
    assert SAID in str(result)
    assert SAID in result._repr_html_()
    result.save(tmp_path)
    page = report.page(summary.collect(tmp_path))
    assert f"<strong>Sums failed:</strong> {SAID}" in page
    assert 'data-verdict="failed"' in page


@pytest.mark.parametrize(
    ("note", "error"),
    [
        (">>> 1 / 0\n", "`1 / 0` gave `ZeroDivisionError: division by zero` where the note has ``"),
        (">>> 1 + 1\n", "`1 + 1` gave `2` where the note has ``"),
        (">>> x = 1\n1\n", "`x = 1` gave `` where the note has `1`"),
        (
            ">>> 1 / 1\nZeroDivisionError: division by zero\n",
            "`1 / 1` gave `1.0` where the note has `ZeroDivisionError: division by zero`",
        ),
        (
            ">>> nd.ones(2)\n[1. 2.]\n<NDArray 2 @cpu(0)>\n",
            "`nd.ones(2)` gave `[1. 1.] <NDArray 2 @cpu(0)>` where the note has `[1. 2.] <NDArray 2 @cpu(0)>`",
        ),
        (">>> if True:\n...     print(3)\n4\n", "`if True: print(3)` gave `3` where the note has `4`"),
    ],
)
def test_what_a_statement_gives_is_what_the_note_has_to_have(note, error):
    assert notes.run(note, {"nd": nd})["error"] == error


@pytest.mark.parametrize(
    "note",
    [
        ">>> nd.ones((1, 2))\n[[1. 1.]]\n<NDArray 1x2 @cpu(0)>\n",
        ">>> nd.ones(2) + nd.ones(3)\nMXNetError: ... could not be broadcast together with shapes [2] [3]\n",
        ">>> print('a'); 5\na\n5\n",
        ["How far from 0.", ndarray_autograd.standard_errors, ">>> standard_errors(nd.ones(4), 0, 4)\n1.0\n"],
    ],
)
def test_values_prints_errors_and_sources_are_statements(note):
    assert "error" not in notes.run(note, {"nd": nd})


def test_a_note_leaves_nothing_behind():
    namespace, shown, streams = {"x": 1}, Result("", 0, {}), (sys.displayhook, sys.stdout)
    notes.showing({"a": ">>> x = 2\n>>> y = 3", "b": ">>> x\n1\n>>> 'y' in globals()\nFalse"}, namespace)(
        shown, None
    )
    assert shown.errors == {}
    assert namespace == {"x": 1}
    assert (sys.displayhook, sys.stdout) == streams


def test_prose_after_the_last_statement_is_kept():
    made = notes.run(">>> 1\n1\n\nThat is all.\n", {})
    assert [one["text"] for one in made["statements"]] == ["", "That is all."]


def test_a_chapter_of_notes_offers_no_impl(module, tmp_path, capsys):
    assert main(module, "--help") == 0
    assert "--impl" not in capsys.readouterr().out
    assert main(module, "--impl", "scratch", "--out", str(tmp_path)) == 2
    assert "--impl" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match=f"--impl: {module.chapter.name} trains nothing"):
        module.run(impl="gluon")
    assert main(linear_regression, "--help") == 0
    assert "--impl" in capsys.readouterr().out


def test_a_chapter_of_notes_leaves_its_notes_and_compares_nothing(module, tmp_path, capsys):
    assert main(module, "--quick", "--seed", "3", "--strict", "--out", str(tmp_path)) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "Published values are not compared" not in out
    kept = json.loads((tmp_path / FILE_NAME).read_text())
    assert (kept["seed"], kept["runs"], kept["parity"], kept["published"], kept["figures"]) == (
        3,
        {},
        None,
        [],
        [],
    )
    result = Result.load(tmp_path / FILE_NAME)
    assert result.notes == module.run(seed=3).notes
    for title in module.NOTES:
        assert f"\n{title}\n---" in out


def test_the_report_shows_prose_and_sessions_and_says_that_they_hold(tmp_path):
    ndarray_autograd.run().save(tmp_path)
    page = report.page(summary.collect(tmp_path))
    assert 'data-verdict="holds"' in page
    assert "<p><code>reshape</code> lays the same numbers out anew" in page
    assert "<pre>&gt;&gt;&gt; x.reshape((3, 4))\n[[ 0.  1.  2.  3.]\n" in page
    assert "Published values are not compared" not in page


def test_notes_run_beside_chapters_that_train(tmp_path, capfd):
    with pytest.raises(SystemExit) as exit:
        cli.main(
            ["run", "gluon_blocks", "linear_regression", "--quick", "--jobs", "2", "--out", str(tmp_path)]
        )
    assert exit.value.code == 0
    out, err = capfd.readouterr()
    assert err == ""
    overview = out[out.rindex("statements that hold") :].splitlines()
    total = sum(bool(one["code"]) for note in gluon_blocks.run().notes.values() for one in note["statements"])
    assert overview[1].split() == ["gluon_blocks", "none", "-", "-", str(total), "of", str(total)]
    assert overview[2].split()[-1] == "-"


def test_notes_of_several_seeds_have_no_table_of_numbers(tmp_path, capfd):
    with pytest.raises(SystemExit) as exit:
        cli.main(["run", "ndarray_autograd", "--seeds", "2", "--jobs", "2", "--out", str(tmp_path)])
    assert exit.value.code == 0
    assert "Empty" not in capfd.readouterr().out


def test_a_result_from_before_there_were_notes_is_still_read(tmp_path):
    linear_regression.run(quick=True, impl="gluon").save(tmp_path)
    path = tmp_path / FILE_NAME
    content = json.loads(path.read_text())
    del content["notes"]
    path.write_text(json.dumps(content))
    assert Result.load(path).notes == {}


def test_outputs_do_not_depend_on_threads(monkeypatch):
    made = []
    for threads in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        code = "import json; from chapters import gluon_blocks as g; print(json.dumps(g.run().notes))"
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        made.append(json.loads(done.stdout))
    assert made[0] == made[1]


def test_parameters_go_from_gluon_to_scratch_and_back(tmp_path):
    net, X = gluon_blocks.MLP(256, 10), nd.random.normal(shape=(8, 20))
    net.initialize(init.Normal(0.5))
    y = net(X)
    net.save_parameters(str(tmp_path / "gluon"))
    params = [nd.zeros(shape) for shape in ((20, 256), 256, (256, 10), 10)]
    gluon_blocks.load_from_gluon(str(tmp_path / "gluon"), params)
    assert gluon_blocks.scratch_mlp(*params)(X).asnumpy() == pytest.approx(y.asnumpy(), rel=1e-4, abs=1e-3)
    nd.save(str(tmp_path / "scratch"), params)
    back = gluon_blocks.MLP(256, 10)
    back.initialize()
    gluon_blocks.load_from_scratch(str(tmp_path / "scratch"), back)
    assert (back(X) == y).asnumpy().all()
