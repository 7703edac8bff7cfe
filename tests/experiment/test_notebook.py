"""Chapters that are notebooks: every statement holds; one that does not is reported and fails the chapter."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mxnet import init, nd

from chapters import gluon_blocks, linear_regression, ndarray_autograd
from d2l_repro.cli import main as cli
from d2l_repro.cli.chapter import run_chapter
from d2l_repro.cli.runner import Task
from d2l_repro.errors import InputError
from d2l_repro.experiment import notebook
from d2l_repro.results import catalogue, report, summary
from d2l_repro.results.result import FILE_NAME, Result

ROOT = Path(__file__).parents[2]
CHAPTERS = {
    name: importlib.import_module(f"chapters.{name}") for name in ("ndarray_autograd", "gluon_blocks")
}
SCRIPT = '''# %% [markdown]
"""Sums: a small notebook."""

# %% tags=["active-py"]
1 / 0  # which a note never gets to see

# %%
import math

# %% [markdown]
# ## Sums
# Two and two.

# %%
x = 2
x + x  # -> 5
x  # -> 2

# %% [markdown]
# ## Roots
# Of four.
#
# A second paragraph.

# %%
math.sqrt(4)
# -> 2.0

# What came before is not known here.
"x" in globals()  # -> False
'''
ERROR = "`x + x` gave `4` instead of `5`"


@pytest.fixture(params=CHAPTERS)
def module(request):
    return CHAPTERS[request.param]


@pytest.fixture
def wrong(tmp_path):
    """Return a chapter with two notes, the first of which says that 2 + 2 is 5."""
    path = tmp_path / "wrong_sums.py"
    path.write_text(SCRIPT)
    return notebook.notebook_chapter(str(path))


def run_main(chapter, *flags):
    """Run a chapter's command line in this process and return its exit code."""
    with pytest.raises(SystemExit) as exit:
        run_chapter(chapter, list(flags))
    return exit.value.code


def run_source(source, **namespace):
    return notebook.run_note(notebook.read_statements(source), namespace)


@pytest.mark.parametrize("seed", range(5))
def test_notebook_statements_hold_with_every_seed(module, seed):
    result = module.run(seed=seed)
    assert result.errors == {}
    assert all(one["holds"] for note in result.notes.values() for one in note["statements"])


def test_figure_that_a_note_names_shows_how_random_numbers_are_distributed():
    axes = ndarray_autograd.run().figures["random_numbers"].axes
    bars = [[(bar.get_x(), bar.get_height()) for bar in ax.patches] for ax in axes]
    assert [sum(height for _, height in each) for each in bars] == [10000] * 3
    uniform, normal, poisson = bars
    expected = 10000 / len(uniform)
    # five standard errors, of the share that falls into one of 60 bars
    assert all(abs(height - expected) < 5 * expected**0.5 for _, height in uniform)
    assert abs(max(normal, key=lambda bar: bar[1])[0] - 2) < 2
    # whole numbers only: 0 and those up to the end of the last bar
    assert sum(height > 0 for _, height in poisson) <= poisson[-1][0] + 2


def test_notebook_sections_are_notes_with_prose_and_checked_output(module):
    notes = module.run().notes
    assert list(notes) == re.findall(r"^# ## (.*)", Path(module.__file__).read_text(), flags=re.MULTILINE)
    for title, note in notes.items():
        assert note["statements"][0]["text"], title
        assert any(one["output"] for one in note["statements"]), title
        assert all(one["code"] for one in note["statements"]), title  # no prose without code


def test_notebook_compares_every_expected_output_of_its_script(module):
    statements = [one for note in module.run().notes.values() for one in note["statements"]]
    expected = re.findall(r"^.*# ->", Path(module.__file__).read_text(), flags=re.MULTILINE)
    assert sum(bool(one["output"]) for one in statements) == len(expected)


def test_note_gives_the_same_alone_as_among_the_others(module, tmp_path):
    head, *sections = re.split(
        r"^(?=# %% \[markdown\]\n# ## )", Path(module.__file__).read_text(), flags=re.MULTILINE
    )
    alone = {}
    for section in sections:
        (tmp_path / "alone.py").write_text(head + section)
        alone.update(notebook.notebook_chapter(str(tmp_path / "alone.py")).run().notes)
    assert alone == module.run().notes


def test_notebook_with_a_wrong_statement_prints_one_line_and_exits_with_1(wrong, tmp_path, capsys):
    assert run_main(wrong, "--out", str(tmp_path)) == 1
    captured = capsys.readouterr()
    assert captured.err == f"python -m chapters.wrong_sums: error: Sums: {ERROR}\n"
    assert ">>> x + x\n4\n>>> x\n2\n" in captured.out  # the real output, and the statements after it
    kept = Result.load(tmp_path / FILE_NAME)
    assert kept.errors == {"Sums": ERROR}
    assert [one["holds"] for one in kept.notes["Sums"]["statements"]] == [True, False, True]
    assert "4 of 5 statements give what their notes say." in captured.out


def test_notebook_with_a_wrong_statement_shows_it_in_python_and_in_the_report(wrong, tmp_path):
    result = wrong.run()
    assert ERROR in str(result)
    assert ERROR in result._repr_html_()
    result.chapter = "gluon_blocks"  # the report lists only chapters of the project
    result.save(tmp_path)
    page = report.page(summary.collect(tmp_path))
    assert f"<strong>Sums failed:</strong> {ERROR}" in page
    assert 'data-verdict="failed"' in page


def test_read_notebook_returns_titles_prose_code_and_outputs(wrong):
    assert (wrong.name, wrong.doc) == ("wrong_sums", "Sums: a small notebook.")
    setup, notes = notebook.read_notebook(SCRIPT)
    assert "import math" in setup
    assert "1 / 0" not in setup
    assert [(one.prose, one.code, one.expected.strip()) for one in notes["Sums"]] == [
        ("Two and two.", "x = 2", ""),
        ("", "x + x", "5"),
        ("", "x", "2"),
    ]
    assert [(one.prose, one.code, one.expected.strip()) for one in notes["Roots"]] == [
        ("Of four.\n\nA second paragraph.", "math.sqrt(4)", "2.0"),
        ("What came before is not known here.", '"x" in globals()', "False"),
    ]


def test_catalogue_lists_a_notebook_as_a_chapter_that_trains_nothing(module):
    entry = catalogue.entries()[module.chapter.name]
    assert (entry.trains, entry.datasets) == (False, ())
    assert module.chapter.doc == module.__doc__.strip()
    assert module.__doc__.startswith(entry.title)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("1 / 0\n", "`1 / 0` gave `ZeroDivisionError: division by zero` instead of no output"),
        ("1 + 1\n", "`1 + 1` gave `2` instead of no output"),
        ("1 + 1  # a remark\n", "`1 + 1 # a remark` gave `2` instead of no output"),
        ("x = 1\n# -> 1\n", "`x = 1` gave no output instead of `1`"),
        (
            "with notebook.raises() as error:\n    x = 1\nerror  # -> ZeroDivisionError: division by zero\n",
            "`error` gave `no exception` instead of `ZeroDivisionError: division by zero`",
        ),
        (
            "nd.ones(2)\n# -> [1. 2.]\n#    <NDArray 2 @cpu(0)>\n",
            "`nd.ones(2)` gave `[1. 1.] <NDArray 2 @cpu(0)>` instead of `[1. 2.] <NDArray 2 @cpu(0)>`",
        ),
        ("if True:\n    print(3)\n# -> 4\n", "`if True: print(3)` gave `3` instead of `4`"),
        ("1\n# -> 1\n#    2\n", "`1` gave `1` instead of `1 2`"),
    ],
)
def test_run_note_reports_an_output_that_differs(source, error):
    assert run_source(source, nd=nd, notebook=notebook)["error"] == error


@pytest.mark.parametrize(
    "source",
    [
        "nd.ones((1, 2))\n# -> [[1. 1.]]\n#    <NDArray 1x2 @cpu(0)>\n",
        "nd.ones((1, 2))  # -> [[1. 1.]] <NDArray 1x2 @cpu(0)>\n",
        "with notebook.raises() as error:\n    nd.ones(2) + nd.ones(3)\n"
        "error  # -> MXNetError: ... could not be broadcast together with shapes [2] [3]\n",
        "(print('a'), 5)[1]\n# -> a\n#    5\n",
        "print('# -> 3', 'é')  # -> # -> 3 é\n",
        "print(\n    1,  # one\n)\n# -> 1\n",
        "@staticmethod\ndef f():\n    # -> no output, as it is inside\n    return 1\n",
        "None\n",
    ],
)
def test_run_note_accepts_an_output_that_matches(source):
    assert "error" not in run_source(source, nd=nd, notebook=notebook)


def test_raises_shows_the_last_line_of_an_exception():
    with notebook.raises() as error:
        raise ValueError("first\nlast")
    assert repr(error) == "ValueError: last"
    with pytest.raises(KeyboardInterrupt), notebook.raises():
        raise KeyboardInterrupt


def test_read_statements_takes_comments_for_prose_but_not_outputs():
    note = run_source("# One.\n1\n# -> 1\n# Two,\n# still.\n2  # -> 2\n\n# That is all.\n")
    assert [one["text"] for one in note["statements"]] == ["One.", "Two,\nstill.", "That is all."]
    assert note["statements"][-1] == {"text": "That is all.", "code": "", "output": "", "holds": True}


def test_run_note_restores_the_streams():
    streams = sys.displayhook, sys.stdout
    assert "error" not in run_source("1  # -> 1\nprint(2)  # -> 2\n")
    assert (sys.displayhook, sys.stdout) == streams


def test_notebook_import_is_quiet_quick_and_leaves_no_files(tmp_path):
    code = (
        "import time, d2l_repro.experiment.notebook; begin = time.process_time()\n"
        "from chapters import gluon_blocks, ndarray_autograd\n"
        "assert time.process_time() - begin < 2\n"
        "for module in (gluon_blocks, ndarray_autograd): assert module.run == module.chapter.run\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_task_runs_the_cells_of_a_notebook_once(tmp_path):
    path = tmp_path / "chapters" / "counted.py"
    path.parent.mkdir()
    head, _ = Path(gluon_blocks.__file__).read_text().split("# %%\n", 1)
    path.write_text(head + "# %%\nprint('a cell')\n\n# %% [markdown]\n# ## One\n\n# %%\n1  # -> 1\n")
    task = Task("counted", seed=0, folder=tmp_path / "run", quick=False, label="counted")
    code = "import chapters; chapters.__path__.append('chapters'); "
    command = [sys.executable, "-c", code + task.command[2], *task.command[3:]]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("a cell") == 1
    assert Result.load(tmp_path / "run" / FILE_NAME).statements() == "1 of 1"


def test_notebook_offers_no_impl(module, tmp_path, capsys):
    assert run_main(module.chapter, "--help") == 0
    assert "--impl" not in capsys.readouterr().out
    assert run_main(module.chapter, "--impl", "scratch", "--out", str(tmp_path)) == 2
    assert "--impl" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match=f"--impl: {module.chapter.name} trains nothing"):
        module.run(impl="gluon")
    assert run_main(linear_regression.chapter, "--help") == 0
    assert "--impl" in capsys.readouterr().out


def test_notebook_keeps_its_notes_and_compares_nothing(module, tmp_path, capsys):
    assert run_main(module.chapter, "--quick", "--seed", "3", "--strict", "--out", str(tmp_path)) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "Published values are not compared" not in out
    kept = json.loads((tmp_path / FILE_NAME).read_text())
    assert (kept["seed"], kept["runs"], kept["parity"], kept["published"]) == (3, {}, None, [])
    assert kept["figures"] == (["random_numbers.svg"] if module is ndarray_autograd else [])
    result = Result.load(tmp_path / FILE_NAME)
    assert result.notes == module.run(seed=3).notes
    for title in result.notes:
        assert f"\n{title}\n---" in out


def test_report_shows_prose_and_sessions_and_says_that_they_hold(tmp_path):
    ndarray_autograd.run().save(tmp_path)
    page = report.page(summary.collect(tmp_path))
    assert 'data-verdict="holds"' in page
    assert "<p><code>reshape</code> arranges the same numbers in a new shape" in page
    assert "&gt;&gt;&gt; x.reshape((3, 4))\n[[ 0.  1.  2.  3.]\n" in page
    assert "Published values are not compared" not in page


def test_notebooks_run_beside_chapters_that_train(tmp_path, capfd):
    with pytest.raises(SystemExit) as exit:
        cli.main(
            ["run", "gluon_blocks", "linear_regression", "--quick", "--jobs", "2", "--out", str(tmp_path)]
        )
    assert exit.value.code == 0
    out, err = capfd.readouterr()
    assert err == ""
    overview = out[out.rindex("statements that hold") :].splitlines()
    total = sum(bool(one["code"]) for note in gluon_blocks.run().notes.values() for one in note["statements"])
    assert overview[1].split() == ["gluon_blocks", "none", "-", "-", "-", str(total), "of", str(total)]
    assert overview[2].split()[-1] == "-"


def test_notebooks_with_several_seeds_have_no_table_of_numbers(tmp_path, capfd):
    with pytest.raises(SystemExit) as exit:
        cli.main(["run", "ndarray_autograd", "--seeds", "2", "--jobs", "2", "--out", str(tmp_path)])
    assert exit.value.code == 0
    assert "Empty" not in capfd.readouterr().out


def test_result_from_before_there_were_notes_can_still_be_loaded(tmp_path):
    linear_regression.run(quick=True, impl="gluon").save(tmp_path)
    path = tmp_path / FILE_NAME
    content = json.loads(path.read_text())
    del content["notes"]
    path.write_text(json.dumps(content))
    assert Result.load(path).notes == {}


def test_notebook_outputs_do_not_depend_on_threads(monkeypatch):
    outputs = []
    for threads in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        code = "import json; from chapters import gluon_blocks as g; print(json.dumps(g.run().notes))"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        outputs.append(json.loads(done.stdout))
    assert outputs[0] == outputs[1]


def test_parameters_go_from_gluon_to_scratch_and_back(tmp_path):
    net, X = gluon_blocks.mlp(256, 10), nd.random.normal(shape=(8, 20))
    net.initialize(init.Normal(0.5))
    y = net(X)
    net.save_parameters(str(tmp_path / "gluon"))
    params = [nd.zeros(shape) for shape in ((20, 256), 256, (256, 10), 10)]
    gluon_blocks.load_from_gluon(str(tmp_path / "gluon"), params)
    assert gluon_blocks.scratch_mlp(*params)(X).asnumpy() == pytest.approx(y.asnumpy(), rel=1e-4, abs=1e-3)
    nd.save(str(tmp_path / "scratch"), params)
    back = gluon_blocks.mlp(256, 10)
    back.initialize()
    gluon_blocks.load_from_scratch(str(tmp_path / "scratch"), back)
    assert (back(X) == y).asnumpy().all()


@pytest.mark.parametrize(
    ("shown", "expected", "holds"),
    [
        ("np.float32(6.0)", "6.0", True),
        ("(np.True_, np.int64(3))", "(True, 3)", True),
        ("np.float32(6.5)", "6.0", False),
        ("np.False_", "True", False),
        ("np.array([6.0])", "[6.0]", False),
    ],
)
def test_run_note_reads_a_scalar_of_numpy_2_as_its_value_and_nothing_else(shown, expected, holds):
    note = notebook.run_note(notebook.read_statements(f"print({shown!r})  # -> {expected}"), {})
    assert note["statements"][0]["output"].strip() == shown
    assert note["statements"][0]["holds"] is holds
