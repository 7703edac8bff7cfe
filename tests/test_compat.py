import ctypes
import subprocess
import sys
from types import SimpleNamespace

import pytest

from d2l_repro import compat


def run_python(code, **env):
    """Run code in a fresh Python with only these variables beside PATH; its standard output."""
    process = subprocess.run([sys.executable, "-c", code], env={"PATH": "/usr/bin:/bin", **env},
                             capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def test_mxnet_imports_and_computes_in_a_fresh_python():
    assert run_python("import d2l_repro; from mxnet import nd; print((nd.ones((2, 3)) * 2).sum().asscalar())") == "12.0"


def test_mxnet_imports_where_numpy_has_no_bool():
    # NumPy 1.23 still has the name and warns: take it away, as NumPy 1.24 did, where there is nothing to take.
    code = ("import numpy; getattr(numpy, '__deprecated_attrs__', {}).pop('bool', None); has_bool = True\n"
            "try: numpy.bool\nexcept AttributeError: has_bool = False\n"
            "import d2l_repro, mxnet; print(has_bool, numpy.dtype(numpy.bool))")
    assert run_python(code) == "False bool"


def test_importing_is_silent():
    code = "import d2l_repro, mxnet, chapters.mlp"
    process = subprocess.run([sys.executable, "-W", "default::DeprecationWarning", "-c", code],
                             capture_output=True, text=True, timeout=60)
    assert process.returncode == 0
    assert "mxnet" not in process.stderr


def test_one_thread_unless_the_user_says_otherwise():
    code = "import d2l_repro; print(d2l_repro.compat.threads())"
    assert run_python(code) == "1"
    assert run_python(code, OMP_NUM_THREADS="2") == "2"
    for nonsense in ("nonsense", "0", "99999999999", "\u00b2"):
        assert run_python(code, OMP_NUM_THREADS=nonsense) == "1"


def test_help_does_not_import_mxnet():
    code = ("import sys, d2l_repro.cli\ntry: d2l_repro.cli.main(['--help'])\nexcept SystemExit: pass\n"
            "print('mxnet' in sys.modules, 'matplotlib' in sys.modules)")
    assert run_python(code).endswith("False False")


def test_missing_libraries_are_named_together_with_their_remedy(monkeypatch):
    def missing(name):
        raise OSError(f"{name}: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(compat, "platform", SimpleNamespace(machine=lambda: "x86_64"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", missing)
    with pytest.raises(ImportError, match=r"libgomp\.so\.1 libquadmath\.so\.0.*apt-get install libgomp1 libquadmath0"):
        compat.prepare()
