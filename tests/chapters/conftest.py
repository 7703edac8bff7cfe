import os
import warnings

import matplotlib as mpl
import mxnet as mx
import pytest
import sklearn.cluster
import sklearn.datasets  # noqa: F401  (its first import sets an environment variable and a warning filter)

from d2l_repro.experiment import paths

# They hold the number of steps itself.
FULL_PATHS = ("test_textbook", "test_lenet", "test_language_model", "test_full_scale")


def global_state():
    """Return what a function that somebody calls in a program of their own must leave as it was."""
    return {
        "environment": {name: os.environ[name] for name in os.environ if name != "PYTEST_CURRENT_TEST"},
        "filters of warnings": list(warnings.filters),
        "matplotlib's settings": dict(mpl.rcParams),
        "NumPy's semantics": (mx.util.is_np_array(), mx.util.is_np_shape()),
    }


@pytest.fixture(autouse=True)
def global_state_is_kept():
    """Let a test fail that leaves global state changed."""
    before = global_state()
    yield
    after = global_state()
    assert [name for name in before if before[name] != after[name]] == []


@pytest.fixture(scope="module", autouse=True)
def short_paths(request):
    """Compare the paths of a chapter's many variants over few steps: a wrong one is left in the first."""
    with pytest.MonkeyPatch.context() as patch:
        if request.module.__name__.rpartition(".")[2] not in FULL_PATHS:
            patch.setattr(paths, "PARITY_STEPS", 10)
        yield
