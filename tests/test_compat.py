"""MXNet on a Python and a NumPy that are younger than it is."""

import ctypes
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from d2l_repro import compat


def run_python(code, **env):
    """Return what a fresh Python prints that runs `code` with only these variables beside PATH."""
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


@pytest.fixture(scope="module")
def fresh_python():
    """A fresh Python that imports a chapter, computes with MXNet, and shows every deprecation warning.

    Returns:
        The finished process. It prints whether NumPy still had `bool`, which type that name has once MXNet
        is imported, and a result.
    """
    # NumPy 1.23 still has the name and warns: take it away, as NumPy 1.24 did.
    code = (
        "import numpy; getattr(numpy, '__deprecated_attrs__', {}).pop('bool', None); has_bool = True\n"
        "try: numpy.bool\nexcept AttributeError: has_bool = False\n"
        "import d2l_repro, mxnet, chapters.mlp; from mxnet import nd\n"
        "print(has_bool, numpy.dtype(numpy.bool), (nd.ones((2, 3)) * 2).sum().asscalar())"
    )
    process = subprocess.run(
        [sys.executable, "-W", "default::DeprecationWarning", "-c", code],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.returncode == 0, process.stderr
    return process


def test_mxnet_imports_and_computes_where_numpy_has_no_bool(fresh_python):
    assert fresh_python.stdout.split() == ["False", "bool", "12.0"]


def test_mxnet_imports_without_warnings(fresh_python):
    assert "mxnet" not in fresh_python.stderr


def test_threads_is_one_unless_the_user_asks_for_another_number():
    code = "import d2l_repro; print(d2l_repro.compat.threads())"
    assert run_python(code) == "1"
    assert run_python(code, OMP_NUM_THREADS="2") == "2"
    for nonsense in ("nonsense", "0", "99999999999", "\u00b2"):
        assert run_python(code, OMP_NUM_THREADS=nonsense) == "1"


def test_command_help_imports_neither_mxnet_nor_matplotlib():
    code = (
        "import sys\nfrom d2l_repro.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "print('mxnet' in sys.modules, 'matplotlib' in sys.modules)"
    )
    assert run_python(code).endswith("False False")


def test_prepare_large_nets_gives_a_chapter_all_cores_unless_the_user_asks_for_another_number():
    cores = str(len(os.sched_getaffinity(0)))
    code = (
        "import ctypes, d2l_repro.data.images, chapters.lenet as lenet\n"
        "print(d2l_repro.compat.threads(), ctypes.CDLL('libgomp.so.1').omp_get_max_threads())"
    )
    late = code.replace("d2l_repro.data", "chapters.mlp, d2l_repro.data")
    early = "from chapters import lenet; " + code
    assert run_python(early) == f"{cores} {cores}"
    assert run_python(early, OMP_NUM_THREADS="3") == "3 3"
    assert run_python(late) == "1 1"  # MXNet was there already


def test_prepare_decides_on_threads_in_each_child_process_anew():
    child = "import subprocess, sys; print(subprocess.check_output([sys.executable, '-c', {!r}], text=True))"
    small, large = ("import d2l_repro", "d2l_repro.compat.prepare_large_nets()")
    threads = "print(d2l_repro.compat.threads())"
    cores = str(len(os.sched_getaffinity(0)))
    assert run_python(f"{small}; {child.format(f'{small}; {large}; {threads}')}") == cores
    assert run_python(f"{small}; {large}; {child.format(f'{small}; {threads}')}") == "1"
    assert run_python(f"{small}; {child.format(f'{small}; {large}; {threads}')}", OMP_NUM_THREADS="3") == "3"


def test_threads_is_the_true_number_where_mxnet_was_imported_first():
    # The name that NumPy 1.24 removed has to be there.
    code = (
        "import numpy; numpy.bool = bool; import ctypes, mxnet, d2l_repro\n"
        "print(d2l_repro.compat.threads(), ctypes.CDLL('libgomp.so.1').omp_get_max_threads())"
    )
    reported, true = run_python(code).split()
    assert reported == true
    assert run_python(code, OMP_NUM_THREADS="3") == "3 3"


def test_mxnet_import_names_missing_libraries_and_how_to_install_them(monkeypatch):
    def missing(name):
        raise OSError(f"{name}: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(compat, "platform", SimpleNamespace(machine=lambda: "x86_64"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", missing)
    monkeypatch.delitem(sys.modules, "mxnet", raising=False)
    with pytest.raises(
        ImportError, match=r"libgomp\.so\.1 libquadmath\.so\.0.*apt-get install libgomp1 libquadmath0"
    ):
        import mxnet  # noqa: F401
