"""One module a chapter: `python -m chapters.softmax_regression`."""

import d2l_repro  # noqa: F401  (prepares mxnet before a chapter imports it)
