"""Measure speed: ours beside other packages, and beside the limit that the shapes of a net set."""
