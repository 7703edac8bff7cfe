"""Imports from where modules were before version 0.2; they work until 0.3, and name the new place."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MODULES = {  # old -> new
    "d2l_repro.callbacks": "d2l_repro.train.callbacks",
    "d2l_repro.data.hub": "d2l_repro.data.download",
    "d2l_repro.gradcheck": "d2l_repro.verify.gradcheck",
    "d2l_repro.history": "d2l_repro.results.history",
    "d2l_repro.parameters": "d2l_repro.train.parameters",
    "d2l_repro.parity": "d2l_repro.verify.parity",
    "d2l_repro.plot": "d2l_repro.results.plot",
    "d2l_repro.result": "d2l_repro.results.result",
    "d2l_repro.schedules": "d2l_repro.train.schedules",
}
NAMES = {  # old module -> name -> new module
    "d2l_repro.experiment": {
        "Chapter": "d2l_repro.experiment.chapter",
        "Model": "d2l_repro.experiment.model",
        "runs_of": "d2l_repro.experiment.runs",
        "seed_everything": "d2l_repro.train.callbacks",
    },
}


def find_name(old_module: str, name: str) -> object:
    """Return what a module's `__getattr__` is asked for, from its new place.

    Raises:
        AttributeError: the name is not one that moved.
    """
    new_module = MODULES.get(f"{old_module}.{name}")
    if new_module:
        _warn(f"{old_module}.{name}", new_module, 4)
        return importlib.import_module(new_module)
    new_module = NAMES.get(old_module, {}).get(name)
    if new_module is None:
        raise AttributeError(f"module {old_module!r} has no attribute {name!r}")
    _warn(f"{old_module}.{name}", f"{new_module}.{name}", 4)
    return getattr(importlib.import_module(new_module), name)


def install() -> None:
    """Make `import` find the modules under their old names."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


class _Finder(MetaPathFinder, Loader):
    """Finds a module under its old name as the very module that has the new one."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in MODULES else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        _warn(spec.name, MODULES[spec.name], 3)
        module = importlib.import_module(MODULES[spec.name])
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._own_spec  # the import system has replaced it by the old name's


def _warn(old: str, new: str, level: int) -> None:
    # Python shows deprecations only where the reader's own line is to blame, `level` frames up.
    message = f"{old} has moved to {new}; the old import works until version 0.3"
    warnings.warn(message, DeprecationWarning, stacklevel=level)
