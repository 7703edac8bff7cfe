"""Packages that are missing or broken, and Pythons that are too old."""

import ast
import sys
from importlib import import_module
from pathlib import Path

import pytest

from d2l_repro import installation

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("argv", "environment", "said"),
    [
        (["chapters.mlp"], {"HIDDEN": "mxnet"}, "mxnet"),
        (["chapters.mlp"], {"HIDDEN": "numpy"}, "numpy"),
        (["chapters.linear_regression", "--quick"], {"HIDDEN": "pandas"}, "pandas"),  # imported by the table
        (["chapters.mlp"], {"BROKEN": "mxnet"}, "mxnet cannot be imported (AttributeError: module 'numpy'"),
        (["kaggle_house", "kfold", "--dataset", "generated"], {"HIDDEN": "sklearn"}, "scikit-learn"),
        (["d2l_repro", "list"], {"HIDDEN": "tyro"}, "tyro"),
        (["d2l_repro", "run", "textbook"], {"HIDDEN": "mxnet"}, "mxnet"),
    ],
)
def test_commands_name_a_package_that_cannot_be_imported_in_one_line(argv, environment, said, run_faulty):
    done = run_faulty("-m", *argv, **environment)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert ": error: " in done.stderr
    assert said in done.stderr
    assert "pip install " in done.stderr


def test_run_stops_after_the_first_chapter_if_a_package_is_broken(run_faulty):
    done = run_faulty("-m", "d2l_repro", "run", "textbook", "--quick", BROKEN="mxnet")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "[1/7]" in done.stdout
    assert "[2/7]" not in done.stdout


def test_other_programs_keep_their_tracebacks(run_faulty):
    done = run_faulty("-c", "import d2l_repro, mxnet", HIDDEN="mxnet")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "raise OSError('libfoo.so: cannot open shared object file')",
            "--force-reinstall --no-deps 'pooch>=",
        ),
        ("import no_such_package", "pip install no_such_package"),
        ("import no_such_package.part", "pip install no_such_package"),
        ("import tqdm.no_such_part", "No module named 'tqdm.no_such_part'"),
        ("from math import no_such_name", "pooch cannot be imported (ImportError: cannot import name"),
        ("try: 1 / 0\nexcept Exception as e: raise ImportError('A page\\nof advice') from e", "ZeroDivision"),
    ],
)
def test_explain_names_what_is_broken_and_the_remedy(source, said, tmp_path, monkeypatch):
    (tmp_path / "pooch.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pooch", raising=False)
    with pytest.raises(Exception) as caught:  # noqa: PT011
        import_module("pooch")
    line = installation.explain(caught.value)
    assert "\n" not in line
    assert line.startswith("pooch cannot be imported (")
    assert said in line


def test_explain_names_a_package_that_lacks_a_name():
    with pytest.raises(ImportError) as caught:
        from sklearn.utils import no_such_name  # noqa: F401
    assert installation.explain(caught.value).startswith("scikit-learn cannot be imported (ImportError")


@pytest.mark.parametrize(
    "statement",
    [
        "import no_such_module",
        "from d2l_repro.errors import no_such_name",
        "raise ImportError('mine')",
        "1 / 0",
    ],
)
def test_explain_leaves_other_errors_alone(statement):
    with pytest.raises((ImportError, ZeroDivisionError)) as caught:
        exec(statement)
    assert installation.explain(caught.value) is None


def test_explain_repeats_advice_but_not_what_python_says():
    code = compile("raise error", "compat.py", "exec")
    for message, expected in (("MXNet is not installed: do this", 1), ("No module named 'mxnet'", 0)):
        error = ModuleNotFoundError(message, name="mxnet")
        with pytest.raises(ImportError):
            exec(code, {"error": error, "__name__": "d2l_repro.compat"})
        assert (installation.explain(error) == message) == expected


def test_explain_repeats_what_compat_says(monkeypatch):
    from d2l_repro import compat

    monkeypatch.setattr(compat, "missing_libraries", lambda: [("liba.so", "liba1", "liba")])
    monkeypatch.delitem(sys.modules, "mxnet", raising=False)
    with pytest.raises(ImportError) as caught:
        import mxnet  # noqa: F401
    assert installation.explain(caught.value).startswith("MXNet needs liba.so, which is not installed")


@pytest.mark.parametrize(
    ("declared", "package", "expected"),
    [
        (["scikit-learn>=1.6", "scipy"], "scikit-learn", "scikit-learn>=1.6"),
        (["scikit-learn>=1.6", "scipy"], "scipy", "scipy"),
        (["mxnet==1.9.1; python_version < '3.13'"], "mxnet", "--no-deps mxnet==1.9.1"),
        (["packaging; python_version >= '3.12'"], "packaging", "packaging"),
        (["d2l==1.0.3; extra == 'd2l'"], "d2l", "d2l"),
        (["numpy (>=1.23)"], "numpy", "numpy>=1.23"),
        (["pandas-stubs>=2"], "pandas", "pandas"),
    ],
)
def test_install_asks_for_the_declared_versions(declared, package, expected, monkeypatch):
    monkeypatch.setattr(installation, "_declared", lambda: declared)
    monkeypatch.setattr(sys, "executable", "python")
    quoted = f"'{expected}'" if ">" in expected else expected
    assert installation.install([package]) == f"run: python -m pip install {quoted}"


def test_install_without_an_installation_installs_the_project(monkeypatch):
    monkeypatch.setattr(installation, "_declared", lambda: None)
    assert installation.install(["numpy", "scipy"]).endswith(f"-m pip install -e {ROOT}")


def test_install_does_not_let_mxnet_choose_the_numpy(monkeypatch):
    monkeypatch.setattr(installation, "_declared", lambda: ["mxnet==1.9.1", "pandas>=2"])
    monkeypatch.setattr(sys, "executable", "python")
    pip = "python -m pip install"
    assert (
        installation.install(["mxnet", "pandas"]) == f"run: {pip} 'pandas>=2' && {pip} --no-deps mxnet==1.9.1"
    )


def imported_modules(path):
    """Yield the first parts of the absolute imports in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.skipif(sys.version_info < (3, 10), reason="Python 3.9 does not list its own modules")
def test_packages_are_those_that_the_project_imports():
    folders = ("d2l_repro", "chapters", "kaggle_house")
    imported = {name for f in folders for path in (ROOT / f).rglob("*.py") for name in imported_modules(path)}
    # markupsafe comes with jinja2; dask and cloudpickle with distributed
    extras = {"d2l", "torch", "IPython", "matplotlib_inline", "distributed", "dask", "cloudpickle"}
    optional = {"tomli", "markupsafe", *extras}
    assert imported - sys.stdlib_module_names - optional - {*folders} <= installation.PACKAGES.keys()


@pytest.mark.parametrize("version", [(3, 6, 15), (3, 8, 18)])
def test_check_python_rejects_what_is_too_old(version, monkeypatch):
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(
        ImportError, match=rf"this is Python 3\.{version[1]}\.\d+ .* needs 3\.9 or later; install"
    ):
        installation.check_python()


@pytest.mark.parametrize("name", ["__init__", "installation"])
def test_old_pythons_can_read_what_tells_their_users(name):
    source = (ROOT / "d2l_repro" / f"{name}.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    assert "from __future__" not in source
