"""The one training loop and what plugs into it: callbacks, schedules, checkpoints."""

from .loop import Callback, evaluate, train_ch3

__all__ = ["Callback", "evaluate", "train_ch3"]
