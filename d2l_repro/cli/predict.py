"""`d2l-repro predict`: classify pictures with a model that a chapter has saved."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from .. import installation
from ..errors import DONE, InputError
from ..language import tr
from ..results.catalogue import entries
from ..results.table_text import aligned
from ..settings import Count, Settings
from ..suggestions import did_you_mean

FILE_NAME = "model.npz"


@dataclass(frozen=True)
class PredictCommand(Settings):
    """Classify pictures with a model that a chapter has saved with --save.

    A picture may have any size. It is turned gray, inverted if its border is light, and fitted into 28 x 28
    pixels with its proportions kept, as the images of Fashion-MNIST and MNIST are: one object, bright on
    black. Exit codes: 0 done; 2 usage error, or a file cannot be used.
    """

    # file of the model, or a chapter whose model is runs/CHAPTER/model.npz
    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    # PNG, JPEG or other files
    pictures: Annotated[
        tuple[Path, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="PICTURE [PICTURE ...]", help_behavior_hint="(required)"),
    ]
    top: Count = 3  # classes to print of each picture, the most probable first

    def __call__(self) -> int:
        if not self.pictures:
            raise InputError(tr("no picture given; name one or more PNG or JPEG files"))
        path = _find_model(self.model)
        installation.check_packages()
        # MXNet, which these import, is not needed for --help.
        import numpy as np

        from ..data.pictures import read_picture
        from ..experiment.saved import Classifier

        images = np.stack([read_picture(picture) for picture in self.pictures])
        classifier = Classifier(path)
        rows = [
            _row(picture, list(map(float, found)), classifier.classes, self.top)
            for picture, found in zip(self.pictures, classifier.probabilities(images))
        ]
        print(aligned(rows))
        return DONE


def _find_model(name: str) -> Path:
    """Return the file of a model, given itself or by the chapter's name.

    Raises:
        InputError: there is none.
    """
    path = Path(name)
    if path.is_file():
        return path
    if name not in entries():
        raise InputError(
            tr(
                "{name}: neither a file nor a chapter; {hint}save a model first: python -m chapters.mlp "
                "--save model.npz",
                name=name,
                hint=did_you_mean(name, entries()),
            )
        )
    path = Path("runs", name, FILE_NAME)
    if not path.is_file():
        raise InputError(
            tr(
                "{path}: no such file; train first: python -m chapters.{name} --save {path}",
                path=path,
                name=name,
            )
        )
    return path


def _row(picture: Path, found: list[float], classes: list[str], top: int) -> dict[str, str]:
    best = sorted(range(len(found)), key=lambda i: -found[i])[:top]
    return {
        "picture": str(picture),
        **{tr("class {n}", n=n): f"{classes[i]} {found[i]:.3f}" for n, i in enumerate(best, 1)},
    }
