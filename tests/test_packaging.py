"""What is installed: the lock files, the wheel, and the Pythons that every file must agree on."""

import configparser
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PACKAGES = ("d2l_repro", "chapters", "kaggle_house")
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13")
DEV_EXTRAS = ("test", "dask", "browser", "docs", "dev")
LOCKS = {  # file -> (extras that it contains, Pythons that it is for)
    "lock.txt": ((), PYTHONS),
    "lock-dev.txt": (DEV_EXTRAS, PYTHONS),
    "oldest.txt": (("test", "dask", "docs"), PYTHONS[:1]),
}
by_lock = pytest.mark.parametrize("name", LOCKS)


def lines_of(name):
    """Return the logical lines of a file of requirements, without comments."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8").replace("\\\n", "")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def setup_cfg():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def environment(python, system="linux"):
    """Return the values that markers are evaluated with."""
    return {
        "python_version": python,
        "python_full_version": f"{python}.1",
        "sys_platform": system,
        "platform_system": {"linux": "Linux", "darwin": "Darwin"}[system],
        "platform_machine": "x86_64",
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }


def applicable(lines, python, system="linux"):
    """Return the requirements whose markers are true."""
    requirements = [Requirement(line.split(" --hash")[0]) for line in lines]
    where = environment(python, system)
    return [item for item in requirements if not item.marker or item.marker.evaluate(where)]


def pins(name, python, system="linux"):
    """Return what a lock file installs: name -> version."""
    found = applicable(lines_of(name), python, system)
    versions = {item.name: str(item.specifier)[2:] for item in found}
    assert len(versions) == len(found), "two versions of one package"
    return versions


# Lock files


@by_lock
def test_lock_has_nothing_but_versions_with_their_hashes(name):
    pattern = r"[a-z0-9-]+==[\w.]+(?: ; [^:/\\]+?)?(?: +--hash=sha256:[0-9a-f]{64})+"
    assert [line for line in lines_of(name) if not re.fullmatch(pattern, line)] == []


@pytest.mark.parametrize("system", ["linux", "darwin"])
@by_lock
def test_lock_satisfies_every_requirement_on_every_python(name, system):
    extras, pythons = LOCKS[name]
    config = setup_cfg()
    required = [config["options"]["install_requires"]]
    required += [config["options.extras_require"][extra] for extra in extras]
    required = [line for block in required for line in block.strip().splitlines()] + lines_of("make.in")
    for python in pythons:
        pinned = pins(name, python, system)
        unmet = [
            str(item)
            for item in applicable(required, python, system)
            if pinned.get(canonicalize_name(item.name)) not in item.specifier
        ]
        assert unmet == [], python


@pytest.mark.parametrize("python", PYTHONS)
def test_lock_for_development_has_the_versions_of_the_lock(python):
    assert pins("lock.txt", python).items() <= pins("lock-dev.txt", python).items()


def test_lock_of_the_oldest_versions_has_the_lower_bounds():
    pinned = pins("oldest.txt", "3.9")
    bounds = [
        (canonicalize_name(item.name), clause.version)
        for item in applicable(setup_cfg()["options"]["install_requires"].strip().splitlines(), "3.9")
        for clause in item.specifier
        if clause.operator == ">="
    ]
    assert len(bounds) > 10
    assert [name for name, version in bounds if not f"{pinned[name]}.".startswith(f"{version}.")] == []


@pytest.mark.parametrize("python", PYTHONS)
def test_lock_has_numpy_2(python):
    assert pins("lock.txt", python)["numpy"].startswith("2.")


# The wheel


@pytest.fixture(scope="module")
def tracked():
    """Return the files that git knows; skip where this is no clone."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("no git clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


@pytest.fixture(scope="module")
def wheel(tracked, tmp_path_factory):
    """Build the wheel from a copy: setuptools leaves its build folder beside what it builds."""
    pytest.importorskip("setuptools", minversion="70.1", reason="an older setuptools needs the package wheel")
    source = tmp_path_factory.mktemp("source")
    for name in tracked:
        if name.startswith(PACKAGES) or "/" not in name:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    code = "from setuptools import build_meta; build_meta.build_wheel('.')"
    process = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    (path,) = source.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_wheel_holds_every_file_of_the_packages(wheel, tracked):
    expected = {name for name in tracked if name.split("/")[0] in PACKAGES}
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == expected


def test_wheel_declares_mxnet_only_where_pip_can_resolve_it(wheel):
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    text = wheel.read(metadata).decode()
    declared = re.findall(r"^Requires-Dist: (.*)", text, flags=re.MULTILINE)
    mxnet = [python for python in PYTHONS if "mxnet" in {item.name for item in applicable(declared, python)}]
    assert mxnet == list(PYTHONS[:-1])
    assert "\nRequires-Python: >=3.9\n" in text


# Supported Pythons


def test_supported_pythons_are_the_same_everywhere():
    classifiers = re.findall(r"Python :: (3\.\d+)", setup_cfg()["metadata"]["classifiers"])
    assert classifiers == list(PYTHONS)
    for name in ("README.md", "docs/limits.md", "docs/installing.md"):
        assert f"Python {PYTHONS[0]} to {PYTHONS[-1]}" in (ROOT / name).read_text(encoding="utf-8"), name


def test_workflow_tests_every_supported_python():
    yaml = pytest.importorskip("yaml", reason="no PyYAML")
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    assert job["strategy"]["matrix"]["python"] == list(PYTHONS)
    commands = " ".join(step.get("run", "") for step in job["steps"])
    targets = set(re.findall(r"\bmake (\w+)", commands))
    assert {"reproduce", "test"} <= targets
    assert targets <= set(
        re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
