"""Data sets and minibatches: published files, embedded stand-in data, and synthetic data."""
