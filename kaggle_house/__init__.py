"""Kaggle's house prices: k-fold, a submission, and recipes from the book's to one worth submitting."""

import d2l_repro  # noqa: F401  (prepares mxnet before it is imported)
