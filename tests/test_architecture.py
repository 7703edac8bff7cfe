"""The direction of imports, and how far it is from a command to the line that learns."""

import ast
import subprocess
import sys
import warnings
from importlib import import_module
from pathlib import Path

import pytest

from chapters import mlp
from d2l_repro import moved
from d2l_repro.cli.chapter import run_chapter
from d2l_repro.scratch import SGD

ROOT = Path(__file__).parents[1]
FOUNDATIONS = {
    "",
    "channel",
    "columns",
    "compat",
    "errors",
    "files",
    "installation",
    "kept",
    "language",
    "moved",
    "processes",
    "settings",
    "stopping",
    "suggestions",
}  # "" is the package itself
# A room may import from earlier rooms, and from neighbours on its level as long as no circle arises.
LEVELS = [
    FOUNDATIONS,
    {"distributed", "results", "scratch", "data"},
    {"train", "parallel"},
    {"verify"},
    {"experiment", "exercises"},
    {"cli", "d2lzh"},
    {"mistakes", "bench"},
    {"__main__"},
]


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted((ROOT / "d2l_repro").rglob("*.py"))}


def imports(name):
    """Return the full names of the modules that a module imports, inside functions too."""
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])
            base = base if node.level else node.module
            submodules = {f"{base}.{alias.name}" for alias in node.names} & MODULES.keys()
            found.update(submodules)
            if len(submodules) < len(node.names):
                found.add(base)
    return found


def room(name):
    return name.split(".")[1] if "." in name else ""


def level(name):
    return next(i for i, rooms in enumerate(LEVELS) if room(name) in rooms)


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_one_way(name):
    own = {target for target in imports(name) if target.split(".")[0] == "d2l_repro"}
    assert [target for target in own if level(target) > level(name)] == []
    others = {target.split(".")[0] for target in imports(name)}
    # Mistakes are made in chapters, and speed is measured of everything.
    allowed = {"mistakes": {"chapters"}, "bench": {"chapters", "kaggle_house"}}
    assert others & {"chapters", "kaggle_house"} <= allowed.get(room(name), set())


def test_imports_form_no_circle():
    graph = {name: {target for target in imports(name) if room(target)} & MODULES.keys() for name in MODULES}
    del graph["d2l_repro"]  # which every module has as its package
    while True:
        leaves = [name for name, targets in graph.items() if not targets & graph.keys()]
        if not leaves:
            break
        for name in leaves:
            del graph[name]
    assert graph == {}


def test_imports_stay_without_mxnet_in_results_and_without_matplotlib_in_train():
    results = [name for name in MODULES if room(name) == "results"]
    code = (
        f"import importlib, sys; sys.modules['mxnet'] = None\n"
        f"for name in {results}: importlib.import_module(name)\n"
        "del sys.modules['mxnet']\n"
        "for name in [name for name in sys.modules if name.startswith('matplotlib')]: del sys.modules[name]\n"
        f"for name in {[name for name in MODULES if room(name) == 'train']}: importlib.import_module(name)\n"
        "assert 'matplotlib' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_commands_begin_without_the_packages_that_take_long_to_import():
    slow = ("matplotlib", "mxnet", "numpy", "pandas", "scipy", "sklearn")
    code = f"import sys, d2l_repro.cli.main; print(*[name for name in {slow} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, [], "")


def test_chapters_contains_nothing_but_chapters():
    paths = (ROOT / "chapters").rglob("*.py")
    others = [path.name for path in paths if "chapter = " not in path.read_text(encoding="utf-8")]
    assert others == ["__init__.py"]


def test_run_chapter_reaches_the_update_in_eight_frames_of_five_files(tmp_path):
    frames = []

    def watch(frame, event, arg):
        if event == "call" and frame.f_code is SGD.step.__code__ and not frames:
            while frame:
                frames.append(frame.f_code)
                frame = frame.f_back

    argv = [
        "--quick",
        "--impl",
        "scratch",
        "--num-epochs",
        "1",
        "--dataset",
        "digits",
        "--out",
        str(tmp_path),
    ]
    sys.setprofile(watch)
    try:
        with pytest.raises(SystemExit):
            run_chapter(mlp.chapter, argv)
    finally:
        sys.setprofile(None)
    folders = [str(ROOT / name) for name in ("d2l_repro", "chapters")]
    own = [code for code in frames if code.co_filename.startswith(tuple(folders))]
    # `python -m chapters.mlp` adds the frame of the module, which calls run_chapter.
    assert len(own) + 1 <= 8
    assert len({code.co_filename for code in own}) <= 5


@pytest.mark.parametrize(
    "old", [*moved.MODULES, *(f"{old}.{n}" for old, names in moved.NAMES.items() for n in names)]
)
def test_moved_imports_work_and_name_the_new_place(old):
    package, _, name = old.rpartition(".")
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} has moved to d2l_repro.") as caught:
        found = getattr(import_module(package), name) if package in moved.NAMES else import_module(old)
    assert caught[0].filename == __file__ or package not in moved.NAMES
    new = moved.MODULES.get(old) or f"{moved.NAMES[package][name]}.{name}"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module, _, attribute = new.rpartition(".")
        assert found is (
            import_module(new) if old in moved.MODULES else getattr(import_module(module), attribute)
        )


def test_moved_names_leave_other_attributes_unknown():
    for package in ("d2l_repro", "d2l_repro.experiment"):
        with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
            import_module(package).nonsense  # noqa: B018
