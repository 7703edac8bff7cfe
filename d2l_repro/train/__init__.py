"""The one training loop and what plugs into it: callbacks, schedules, checkpoints."""

from .loop import Callback, evaluate, evaluate_accuracy, train_ch3
from .runner import Runner

__all__ = ["Callback", "Runner", "evaluate", "evaluate_accuracy", "train_ch3"]
