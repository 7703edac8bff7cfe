"""`d2l-repro data`: where the published files are, get them, and see that they are whole."""

import sys
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Optional, Union

import tyro

from ..data import download
from ..errors import DONE, FAILED, InputError
from ..results.result import frame
from ..settings import Settings


@dataclass(frozen=True)
class Chosen(Settings):
    """What the commands have in common."""

    sets: Annotated[
        tuple[str, ...], tyro.conf.Positional
    ] = ()  # data sets, such as fashion_mnist; all when none
    data_dir: Optional[Path] = None  # folder that holds fashion_mnist/, mnist/, ... (else $D2L_REPRO_DATA)

    def files(self):
        """Data set -> its files' names in the registry, of the chosen sets."""
        known = {}
        for name in download.registry():
            known.setdefault(name.split("/")[0], []).append(name)
        unknown = [name for name in self.sets if name not in known]
        if unknown:
            raise InputError(f"no data set is called {', '.join(unknown)}: take of {', '.join(known)}")
        return {name: known[name] for name in self.sets or known}


@dataclass(frozen=True)
class Status(Chosen):
    """Show which published files are on this machine, and where."""

    def __call__(self):
        rows = []
        for name, files in self.files().items():
            found = [path for path in (download.find(file, self.data_dir) for file in files) if path]
            rows.append(
                {
                    "data set": name,
                    "files": f"{len(found)} of {len(files)}",
                    "MB": f"{sum(path.stat().st_size for path in found) / 1e6:.1f}",
                    "where": ", ".join(dict.fromkeys(str(path.parent) for path in found))
                    or f"not here: d2l-repro data fetch {name}",
                }
            )
        print(frame(rows).to_string(index=False))
        return DONE


@dataclass(frozen=True)
class Fetch(Chosen):
    """Download the files that are not on this machine to the user's cache, and verify them."""

    def __call__(self):
        failed = []
        for name in chain(*self.files().values()):
            try:
                print(f"{name}: {download.fetch(name, self.data_dir)}", flush=True)
            except download.DataUnavailable as error:
                failed.append(name)
                print(f"d2l-repro: error: {error}", file=sys.stderr)
        return FAILED if failed else DONE


@dataclass(frozen=True)
class Verify(Chosen):
    """Compare every file that is here with the published one's checksum; exit with 1 when one is another."""

    def __call__(self):
        wrong = []
        for name in chain(*self.files().values()):
            path = download.find(name, self.data_dir)
            if path is None:
                print(f"{name}: not here")
            elif download.is_published(path, name):
                print(f"{name}: as published ({path})")
            else:
                wrong.append(name)
                print(
                    f"d2l-repro: error: {path}: not the published file; remove it, then: "
                    f"d2l-repro data fetch {name.split('/')[0]}",
                    file=sys.stderr,
                )
        return FAILED if wrong else DONE


@dataclass(frozen=True)
class Data:
    """Look after the published data files: status, fetch, verify."""

    action: Union[Status, Fetch, Verify]

    def __call__(self):
        return self.action()
