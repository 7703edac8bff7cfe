"""Bands that do not change when the committed ones are measured again."""

import math

import pytest

from d2l_repro.results import bands, caught

# chapter, run, metric, stream, dataset, mean as a value, std on the scale, examples
BANDS = (
    ("softmax_regression", "scratch", "train_loss", "seeds", "fashion_mnist", 0.4865, 0.003, 0),
    ("softmax_regression", "scratch", "train_acc", "seeds", "fashion_mnist", 0.8358, 0.002, 60_000),
    ("softmax_regression", "scratch", "test_acc", "seeds", "fashion_mnist", 0.826, 0.02, 10_000),
    ("softmax_regression", "gluon", "test_acc", "seeds", "fashion_mnist", 0.826, 0.02, 10_000),
    ("polynomial_fitting", "scratch linear", "train_loss", "seeds", "synthetic", 90.0, 0.5, 0),
    ("polynomial_fitting", "scratch linear", "train_loss", "linux", "synthetic", 43.998, 1e-5, 0),
    ("polynomial_fitting", "scratch linear", "train_loss", "macos", "synthetic", 159.33, 1e-5, 0),
    ("optimizers", "scratch conclusions", "momentum_minus_adam", "seeds", "fashion_mnist", 0.015, 0.003, 0),
    ("optimizers", "scratch conclusions", "lr_difference", "seeds", "fashion_mnist", 0.02, 0.001, 0),
    ("optimizers", "scratch conclusions", "mlp_minus_softmax", "seeds", "fashion_mnist", 0.001, 0.01, 0),
    (
        "optimizers",
        "scratch softmax momentum best",
        "train_acc",
        "seeds",
        "fashion_mnist",
        0.862,
        0.01,
        60_000,
    ),
)
EXACT = {"chapter": "linear_regression", "run": "data", "metric": "first_label", "stream": "macos"}


@pytest.fixture
def fixed_bands(monkeypatch):
    """Use `BANDS` in place of the committed bands, and no mistakes."""
    use_fixed_bands(monkeypatch)


@pytest.fixture(scope="module")
def fixed_bands_in_module():
    """Use `BANDS` in all tests of a module."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_fixed_bands(monkeypatch)
        yield


def use_fixed_bands(monkeypatch):
    found = {}
    for chapter, run, metric, stream, dataset, value, std, examples in BANDS:
        scale = bands.scale_of(metric, examples)
        band = bands.Band(
            chapter, run, metric, stream, dataset, 10, scale.to(value), std, 9, examples=examples
        )
        assert math.isfinite(band.mean)
        found[chapter, run, metric, stream] = band
    monkeypatch.setattr(caught, "committed", lambda: caught.Table(0, []))
    monkeypatch.setattr(bands, "_by_key", lambda: found)
    monkeypatch.setattr(bands, "committed", lambda: {"exact": [{**EXACT, "value": 4.8796248}], "bands": []})
