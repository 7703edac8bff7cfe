"""The one training loop and what plugs into it: callbacks, schedules, checkpoints."""

from .loop import Callback, evaluate, evaluate_accuracy, train_ch3

__all__ = ["Callback", "evaluate", "evaluate_accuracy", "train_ch3"]
