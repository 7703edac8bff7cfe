"""`d2l-repro data`: find, download and verify the published files."""

import sys
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Optional, Union

import tyro

from ..data import download
from ..errors import DONE, FAILED, InputError, error_line
from ..language import listed, tr
from ..results.table_text import as_frame, frame_text
from ..settings import Settings
from ..suggestions import choice

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
            names = listed(map(repr, unknown))
            raise InputError(
                tr("unknown data set {names}; {advice}", names=names, advice=choice(unknown[0], known))
            )
        return {name: known[name] for name in self.sets or known}


@dataclass(frozen=True)
class Status(DataSets):
    """Show which published files are on this machine, and where."""

    def __call__(self) -> int:
        print(frame_text(as_frame([self._row(name, files) for name, files in self.files().items()])))
        return DONE

    def _row(self, name: str, files: list[str]) -> dict[str, str]:
        paths = [path for path in (download.find(file, self.data_dir) for file in files) if path]
        folders = dict.fromkeys(str(path.parent) for path in paths)
        return {
            "data set": name,
            "files": tr("{part} of {whole}", part=len(paths), whole=len(files)),
            "MB": f"{sum(path.stat().st_size for path in paths) / 1e6:.1f}",
            "where": ", ".join(folders) or tr("not here: {command}", command=f"{PROG} data fetch {name}"),
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
                print(error_line(PROG, error), file=sys.stderr)
        return FAILED if failed else DONE


@dataclass(frozen=True)
class Verify(DataSets):
    """Compare the files on this machine with the published checksums; exit with 1 when one differs."""

    def __call__(self) -> int:
        failed = False
        for name in chain(*self.files().values()):
            path = download.find(name, self.data_dir)
            if path is None:
                print(tr("{name}: not here", name=name))
            elif download.is_published(path, name):
                print(tr("{name}: as published ({path})", name=name, path=path))
            else:
                failed = True
                text = tr(
                    "{path}: not the published file; remove it, then run {command}",
                    path=path,
                    command=f"{PROG} data fetch {name.split('/')[0]}",
                )
                print(error_line(PROG, text), file=sys.stderr)
        return FAILED if failed else DONE


@dataclass(frozen=True)
class DataCommand:
    """Find, download and verify the published data files."""

    action: Union[Status, Fetch, Verify]

    def __call__(self) -> int:
        return self.action()
