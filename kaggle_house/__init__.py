"""Predict Kaggle's house prices: recipes from the book's to a tuned one, k-fold, and submissions."""

import d2l_repro  # noqa: F401  (prepares mxnet before it is imported)
