"""Data sets and minibatches: published files, the embedded stand-ins, and what the book makes up."""
from .images import load_images
from .loader import Data, Minibatches
from .synthetic import linear_data, polynomial_data

__all__ = ["Data", "Minibatches", "linear_data", "load_images", "polynomial_data"]
