"""One module a chapter: `python -m chapters.softmax_regression`."""
from d2l_repro import compat

compat.prepare()
