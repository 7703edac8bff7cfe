"""`d2l-repro data`: find, download and verify the published files."""

import sys
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Optional, Union

import tyro

from ..data import download
from ..errors import DONE, FAILED, InputError
from ..results.formatting import as_frame
from ..settings import Settings

PROG = "d2l-repro"


@dataclass(frozen=True)
class DataSets(Settings):
    """Options that the three commands share."""

    # data sets, such as fashion_mnist; all of them by default
    sets: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    data_dir: Optional[Path] = None  # folder that contains fashion_mnist/, mnist/, ... (else $D2L_REPRO_DATA)

    def files(self) -> dict[str, list[str]]:
        """Return data set -> names of its files in the registry, for the requested sets.

        Raises:
            InputError: a data set is unknown.
        """
        known = download.data_sets()
        unknown = [name for name in self.sets if name not in known]
        if unknown:
            names = ", ".join(map(repr, unknown))
            raise InputError(f"unknown data set {names}; choose from {', '.join(known)}")
        return {name: known[name] for name in self.sets or known}


@dataclass(frozen=True)
class Status(DataSets):
    """Show which published files are on this machine, and where."""

    def __call__(self) -> int:
        print(
            as_frame([self._row(name, files) for name, files in self.files().items()]).to_string(index=False)
        )
        return DONE

    def _row(self, name: str, files: list[str]) -> dict[str, str]:
        paths = [path for path in (download.find(file, self.data_dir) for file in files) if path]
        folders = dict.fromkeys(str(path.parent) for path in paths)
        return {
            "data set": name,
            "files": f"{len(paths)} of {len(files)}",
            "MB": f"{sum(path.stat().st_size for path in paths) / 1e6:.1f}",
            "where": ", ".join(folders) or f"not here: {PROG} data fetch {name}",
        }


@dataclass(frozen=True)
class Fetch(DataSets):
    """Download missing files to the user's cache and verify them."""

    def __call__(self) -> int:
        failed = False
        for name in chain(*self.files().values()):
            try:
                print(f"{name}: {download.fetch(name, self.data_dir)}", flush=True)
            except InputError as error:
                failed = True
                print(f"{PROG}: error: {error}", file=sys.stderr)
        return FAILED if failed else DONE


@dataclass(frozen=True)
class Verify(DataSets):
    """Compare the files on this machine with the published checksums; exit with 1 when one differs."""

    def __call__(self) -> int:
        failed = False
        for name in chain(*self.files().values()):
            path = download.find(name, self.data_dir)
            if path is None:
                print(f"{name}: not here")
            elif download.is_published(path, name):
                print(f"{name}: as published ({path})")
            else:
                failed = True
                print(
                    f"{PROG}: error: {path}: not the published file; remove it, then run "
                    f"{PROG} data fetch {name.split('/')[0]}",
                    file=sys.stderr,
                )
        return FAILED if failed else DONE


@dataclass(frozen=True)
class DataCommand:
    """Find, download and verify the published data files."""

    action: Union[Status, Fetch, Verify]

    def __call__(self) -> int:
        return self.action()
