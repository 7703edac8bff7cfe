"""Kaggle's house prices: k-fold, a submission, and recipes from the book's to one worth submitting."""
from d2l_repro import compat

compat.prepare()
