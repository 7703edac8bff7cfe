"""Define the settings that flags change, without importing MXNet, so that `--help` answers at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Optional

from d2l_repro.errors import InputError
from d2l_repro.language import listed, tr
from d2l_repro.settings import Bounds, Count, NonNegative, Positive, Probability, Seed, Settings

PROG = "python -m kaggle_house"
LOG_NAME = "submissions.csv"  # the log of submissions
MAX_HIDDENS = 100_000  # of all nets together; their weights and Adam's arrays take about 500 MB


@dataclass(frozen=True)
class NetSettings(Settings):
    """Settings of the net."""

    log_target: bool  # learn the logarithm of the price
    standardise_target: bool  # scale the target to mean 0 and standard deviation 1
    # hidden units of each net beside its linear layer; 0 for none
    num_hiddens: Annotated[int, Bounds(0, MAX_HIDDENS + 1)]
    # nets trained side by side; their mean is the prediction
    num_nets: Annotated[int, Bounds(1, MAX_HIDDENS + 1)]
    drop_prob: Probability  # probability of dropping a hidden unit in training
    # error, in standard deviations of the target, beyond which the loss is absolute instead of squared
    huber: Positive
    l1: NonNegative  # L1 penalty on the linear layer of nets with hidden units
    wd: NonNegative  # weight decay
    lr: Positive  # learning rate of Adam
    schedule: Literal["constant", "cosine"]  # learning rate schedule
    num_epochs: Count  # passes over the training rows
    batch_size: Count  # houses per step

    def __post_init__(self) -> None:
        super().__post_init__()
        units = self.num_hiddens * self.num_nets
        if units > MAX_HIDDENS:
            raise InputError(
                tr(
                    "--num-nets: {nets} nets of {units} hidden units are too large: at most {limit} units "
                    "fit into memory; choose fewer",
                    nets=self.num_nets,
                    units=self.num_hiddens,
                    limit=f"{MAX_HIDDENS:,}",
                )
            )
        unused = {"num_nets": 1, "drop_prob": 0, "huber": 1, "l1": 0}
        changed = {
            f"--{name.replace('_', '-')}": neutral
            for name, neutral in unused.items()
            if getattr(self, name) != neutral
        }
        if not self.num_hiddens and changed:
            neutral = " ".join(f"{flag} {value}" for flag, value in changed.items())
            raise InputError(
                tr(
                    "{flags}: without meaning for a net that has no hidden units; give it some with "
                    "--num-hiddens, or choose {neutral}",
                    flags=listed(changed),
                    neutral=neutral,
                )
            )


@dataclass(frozen=True)
class FoldOptions(Settings):
    """How to split the training table, and where to compute."""

    k: Annotated[int, Bounds(2)] = 5  # number of folds
    repeats: Count = 1  # repeat the cross-validation this many times, each with another seed
    stratify: bool = False  # draw folds with similar distributions of prices (needs --shuffle)
    seed: Seed = 0  # seed of the folds, the initial weights and the order of the houses
    # implementation of the net; scratch supports only a linear layer without weight decay
    impl: Literal["gluon", "scratch"] = "gluon"
    jobs: Count = 1  # folds to compute at once, each in its own process; results do not depend on it
    # Dask cluster to use: its scheduler's address (tcp://HOST:8786) or file, or local, which starts one on
    # this machine with as many processes as --jobs says
    cluster: Optional[str] = None

    @classmethod
    def recorded(cls, options: dict[str, Any]) -> FoldOptions:
        """Return the options that kfold.json has; earlier versions also recorded a backend of joblib."""
        return cls(**{name: value for name, value in options.items() if name != "backend"})


@dataclass(frozen=True)
class SweepOptions(Settings):
    """How far to search."""

    # number of settings to draw, in addition to the recipe's own: --lr, --num-epochs and --batch-size around
    # the recipe's values, those of hidden layers, --huber, --l1 and --wd from fixed ranges that suit the
    # tuned recipe. Features are fitted on the training rows of each fold, whatever --statistics says
    trials: Count = 20
