"""The command lines: `d2l-repro`, and `python -m chapters.NAME`."""
