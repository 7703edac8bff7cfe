"""What several runs begin with is trained once, and draws nobody else's random numbers."""

import numpy as np
from mxnet import nd

from d2l_repro.experiment import pretraining
from d2l_repro.experiment.pretraining import learned_once
from d2l_repro.train.callbacks import seed_everything


def test_learned_once_trains_once_for_each_key_with_its_own_seed(monkeypatch):
    monkeypatch.setattr(pretraining, "_learned", {})
    calls = []

    def train():
        calls.append(1)
        return [nd.random.normal(shape=2).asnumpy()]

    seed_everything(1)
    (first,) = learned_once("a", train, seed=5)
    seed_everything(2)
    (again,) = learned_once("a", train, seed=5)
    (other,) = learned_once("b", train, seed=5)
    assert len(calls) == 2
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, other)
    for i in range(10):
        learned_once(i, train, seed=0)
    assert list(pretraining._learned) == [6, 7, 8, 9]
