"""Histories of training runs."""

from hypothesis import given
from hypothesis import strategies as st

from d2l_repro.results.history import History, is_shown

ROWS = [
    {"epoch": 1, "train_loss": 0.78851, "train_acc": 0.7474, "seconds": 0.04},
    {"epoch": 2, "train_loss": 0.000050123, "train_acc": 0.8, "seconds": 0.04},
]


@given(st.lists(st.fixed_dictionaries({"epoch": st.integers(), "x": st.floats(allow_nan=False)})))
def test_history_survives_its_columns(rows):
    assert History.from_columns(History(rows).columns()) == rows


def test_history_prints_like_the_book():
    assert str(History(ROWS)).splitlines() == [
        "epoch 1, train loss 0.7885, train acc 0.747, 0.0 sec",
        "epoch 2, train loss 5.012e-05, train acc 0.800, 0.0 sec",
    ]


def test_history_gives_rows_by_number_and_columns_by_name():
    history = History(ROWS)
    assert history["train_acc"] == [0.7474, 0.8]
    assert history[-1]["epoch"] == 2
    assert history.last_numbers() == {"train_loss": 0.000050123, "train_acc": 0.8}
    assert History().last_numbers() == {}


def test_is_shown_takes_about_twenty_epochs_with_the_first_and_the_last():
    assert [epoch for epoch in range(1, 42) if is_shown(epoch, 41)] == [1, *range(3, 40, 3), 41]
    assert all(is_shown(epoch, 20) for epoch in range(1, 21))
