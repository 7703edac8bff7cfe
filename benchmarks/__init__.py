"""Measure speed as ratios to the book's way of loading, to PyTorch and to matrix products."""
