"""What a result records of the machine and the packages."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from d2l_repro.results import environment as module
from d2l_repro.results.environment import environment, processor
from d2l_repro.results.formatting import environment_text
from d2l_repro.results.result import Result
from d2l_repro.results.schema import schema_error

ROOT = Path(__file__).parents[2]


def test_environment_names_the_packages_and_kernels_that_can_change_a_digit():
    import mxnet  # noqa: F401  (loads its OpenBLAS)

    found = environment()
    for name in ("mxnet", "numpy", "scipy", "scikit-learn", "pandas", "joblib"):
        assert found["packages"][name] == metadata.version(name)
    assert found["packages"]["d2l_repro"]
    assert {"mxnet", "numpy"} <= found["openblas"].keys()
    assert (found["mxnet"], found["numpy"]) == (metadata.version("mxnet"), metadata.version("numpy"))
    assert found["processor"]


def test_environment_conforms_to_the_schema_with_and_without_mxnet():
    content = Result("mlp", 0, {}).as_json()
    assert schema_error(content) is None
    assert schema_error({**content, "environment": {**content["environment"], "mxnet": None}}) is None
    assert "packages" in schema_error({**content, "environment": {"packages": ["numpy"]}})


def test_environment_without_mxnet_says_so():
    code = (
        "import importlib.metadata as m, sys; found = m.version\n"
        "def version(name):\n"
        "    if name == 'mxnet': raise m.PackageNotFoundError(name)\n"
        "    return found(name)\n"
        "m.version = version; sys.modules['mxnet'] = None\n"
        "from d2l_repro.results.environment import environment; e = environment()\n"
        "print(e['mxnet'], 'mxnet' in e['packages'], 'mxnet' in e['openblas'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["None", "False", "False"], done.stderr


def test_environment_records_the_version_that_is_loaded(monkeypatch):
    import joblib

    monkeypatch.setattr(joblib, "__version__", "0.0.1")
    assert environment()["packages"]["joblib"] == "0.0.1"


@pytest.mark.parametrize(
    ("system", "cpuinfo", "name"),
    [
        ("linux", "processor\t: 0\nmodel name\t: A fast one\n\nmodel name\t: Another\n", "A fast one"),
        ("linux", "processor\t: 0\nFeatures\t: fp asimd\n", "a machine"),  # arm64
        ("linux", None, "a machine"),
        ("win32", None, "what Windows says"),
    ],
)
def test_processor_is_the_model_or_else_the_architecture(system, cpuinfo, name, monkeypatch):
    def read_text(self, **_):
        if cpuinfo is None:
            raise FileNotFoundError
        return cpuinfo

    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(Path, "read_text", read_text)
    monkeypatch.setattr(module.platform, "processor", lambda: "what Windows says")
    monkeypatch.setattr(module.platform, "machine", lambda: "a machine")
    assert processor.__wrapped__() == name


def test_processor_on_macos_comes_from_sysctl(monkeypatch):
    def run(command, **_):
        assert command == ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.CompletedProcess(command, 0, "Intel(R) Core(TM) i5\n")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", run)
    assert processor.__wrapped__() == "Intel(R) Core(TM) i5"


def test_environment_text_lists_each_version_once():
    shown = environment_text(
        {"mxnet": None, "numpy": "2", "packages": {"numpy": "2", "scipy": "1"}, "openblas": {"numpy": "Zen"}}
    )
    assert shown == {"mxnet": "none", "numpy": "2", "packages": "scipy 1", "openblas": "numpy Zen"}
    assert not any(re.search("[{}]", text) for text in environment_text(environment()).values())
