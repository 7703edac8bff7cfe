"""What a chapter's `run` and its settings accept from Python."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from chapters import mlp, softmax_regression
from d2l_repro.errors import InputError
from d2l_repro.settings import SeedOptions


def test_numpy_numbers_become_pythons():
    hp = mlp.HParams(lr=np.float64(0.03), num_hiddens=np.int64(16), batch_size=np.array(8))
    assert hp == mlp.HParams(lr=0.03, num_hiddens=16, batch_size=8)
    assert json.loads(json.dumps(asdict(hp)))["lr"] == 0.03
    assert SeedOptions(quick=np.bool_(True)).quick is True
    with pytest.raises(InputError, match="--lr: must be at least"):
        mlp.HParams(lr=np.float64("nan"))


def test_a_flag_is_true_or_false():
    with pytest.raises(InputError, match="--quick: must be True or False, not no"):
        SeedOptions(quick="no")


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ([{"num_epochs": 1}], {}, r"mlp.run needs mlp.HParams\(...\), not builtins.dict"),
        ([mlp.HParams], {}, r"mlp.run needs mlp.HParams\(...\), not builtins.type"),
        ([softmax_regression.HParams()], {}, "not chapters.softmax_regression.HParams"),
        (
            [],
            {"num_epochs": 1},
            r"num_epochs is one of the chapter's settings; pass mlp.HParams\(num_epochs=",
        ),
        ([], {"epochs": 1}, "mlp.run has no argument 'epochs'; choose from .*dataset"),
    ],
)
def test_run_says_how_settings_are_passed(args, options, message):
    with pytest.raises(InputError, match=message):
        mlp.run(*args, **options)
