"""Define the options of the commands; a comment on a field is the flag's help text."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Optional

import tyro

from d2l_repro.settings import Count, Settings

from .recipes import RECIPES, REPEATS, Recipe
from .settings import LOG_NAME, FoldOptions, SweepOptions

RecipeName = Literal["book", "article", "tuned", "blend"]


@dataclass(frozen=True)
class DataOptions(Settings):
    """Where the competition's files are."""

    train: Optional[Path] = None  # file of the training table, train.csv; needs --test
    test: Optional[Path] = None  # file of the test table, test.csv; needs --train
    # auto falls back to generated houses if the files can neither be found nor downloaded
    dataset: Literal["auto", "kaggle_house", "generated"] = "auto"
    # folder with the two files, or with a folder kaggle_house/ that has them; by default, the current folder,
    # $D2L_REPRO_DATA and the cache are searched, and failing that the files are downloaded
    data_dir: Optional[Path] = None


@dataclass(frozen=True)
class TrainingCommand:
    """Options of all commands that train."""

    recipe: RecipeName = "tuned"  # recipe whose settings are the defaults below
    settings: Recipe = RECIPES["tuned"]
    folds: FoldOptions = field(default_factory=FoldOptions)
    data: DataOptions = field(default_factory=DataOptions)

    def flags(self) -> list[str]:
        """Return the flags that give another command the same recipe, settings, folds and data."""
        folds = FoldOptions(repeats=REPEATS[self.recipe])
        return [
            *([] if self.recipe == "tuned" else ["--recipe", self.recipe]),
            *changed_flags(self.settings, RECIPES[self.recipe]),
            *changed_flags(self.folds, folds),
            *changed_flags(self.data, DataOptions()),
        ]


def changed_flags(settings: Settings, defaults: Settings) -> list[str]:
    """Return the flags that turn the defaults into these settings."""
    flags = []
    for name, value in vars(settings).items():
        flag = name.replace("_", "-")
        if value != getattr(defaults, name):
            flags += (
                [f"--{'' if value else 'no-'}{flag}"]
                if isinstance(value, bool)
                else [f"--{flag}", str(value)]
            )
    return flags


@dataclass(frozen=True)
class KFold(TrainingCommand):
    """Cross-validate a recipe: print tables, write kfold.json, oof.csv, figures, and the fold models."""

    out: Path = Path("runs/kaggle_house")  # folder for the results
    resume: bool = False  # reuse folds in --out that an interrupted run with the same settings has finished


@dataclass(frozen=True)
class Submit(TrainingCommand):
    """Write a submission, from the average of the fold models or from one model fitted on all rows."""

    # average: mean of the fold models, which scores better; refit: one model fitted on all training rows
    method: Literal["average", "refit"] = "average"
    # folder of a k-fold run; folds of the same settings and data are taken from there
    models: Path = Path("runs/kaggle_house")
    out: Path = Path("submission.csv")  # file to write
    log: Optional[Path] = None  # log to add a line to; by default submissions.csv beside --out
    intervals: Optional[Path] = None  # file for 80 and 95 % prediction intervals


@dataclass(frozen=True)
class Sweep(TrainingCommand):
    """Try settings drawn at random, all on the same folds, and rank them in sweep.csv."""

    sweep: SweepOptions = field(default_factory=SweepOptions)
    out: Path = Path("runs/kaggle_house_sweep")  # folder for the table
    resume: bool = False  # reuse scores in --out that an interrupted sweep of the same recipe has computed


@dataclass(frozen=True)
class Predict:
    """Predict prices with the fold models that `kfold` has saved."""

    houses: Annotated[Path, tyro.conf.Positional]  # CSV file with the competition's columns except SalePrice
    # folder of a complete k-fold run, whose models are used
    models: Path = Path("runs/kaggle_house")
    out: Path = Path("predictions.csv")  # file to write


@dataclass(frozen=True)
class Explain:
    """Explain what `kfold` has measured: which columns matter and how, which houses it gets wrong."""

    # folder of a complete k-fold run, to which the results are added
    models: Path = Path("runs/kaggle_house")
    data: DataOptions = field(default_factory=DataOptions)
    permutations: Count = 5  # how often each column is shuffled
    # also train on fewer houses, to see whether more would help; takes about as long as `kfold`
    learning_curve: bool = True
    jobs: Count = 1  # folds to train at once for the learning curve
    cluster: Optional[str] = None  # Dask cluster to train them on, as for `kfold`


@dataclass(frozen=True)
class Check:
    """Check a submission: list every error (exit code 1), or report that there is none."""

    submission: Annotated[Path, tyro.conf.Positional]  # file to check
    test: Optional[Path] = None  # test.csv with the expected Ids; by default the competition's file
    data_dir: Optional[Path] = None  # folder with the competition's files, or with kaggle_house/


@dataclass(frozen=True)
class Log(Settings):
    """Show the log of submissions, or record the score that Kaggle has returned for one."""

    score: Optional[float] = None  # log rmse that Kaggle returned
    submission: Optional[Path] = None  # file that was uploaded; by default the last one in the log
    log: Path = Path(LOG_NAME)  # log that `submit` has written
