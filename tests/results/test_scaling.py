"""The model of several workers: cases by hand, what must always hold, and constants that it finds."""

import dataclasses
import json
import math

import pytest

from d2l_repro.bench import operators
from d2l_repro.errors import InputError
from d2l_repro.results import scaling, workers_model
from d2l_repro.results.plot import workers_curves
from d2l_repro.results.scaling import Costs, Record
from d2l_repro.results.workers_model import Exchange, Model, Net, Network

# fixed 1 ms, 10 µs an example, 1 µs to gather it; 10 steps an epoch, and 20 ms for the test set
NET = Net("net", (1000, 250), 100, 1000, 1e-3, 1e-5, 1e-6, 0.02)
EXCHANGE = Exchange(wait=1e-4, message=5e-5, byte=1e-8)
NETWORK = Network(bandwidth=1e8, latency=1e-4)
MODEL = Model(NET, EXCHANGE, NETWORK)


def on(**changes):
    return Model(NET, EXCHANGE, dataclasses.replace(NETWORK, **changes))


def test_a_case_by_hand():
    assert NET.computation(1) == pytest.approx(1e-3 + 1e-3 + 1e-4)
    assert NET.computation(4) == pytest.approx(1e-3 + 0.25e-3 + 1e-4)
    # 5,000 bytes from each of four workers to one server, handled, sent there and sent back
    handled = 1e-4 + 4 * (2 * 5e-5 + 5000 * 1e-8)
    assert MODEL.communication(4) == pytest.approx(handled + 2 * 4 * 5000 * 8 / 1e8 + 2e-4)
    assert MODEL.epoch(1) == pytest.approx(10 * 2.1e-3 + 0.02)
    speedup = 0.041 / (10 * (1.35e-3 + MODEL.communication(4)) + 0.02)
    assert MODEL.estimate(4).speedup == pytest.approx(speedup)


def test_a_process_alone_does_not_communicate():
    assert MODEL.communication(1) == 0
    assert MODEL.estimate(1).speedup == 1


@pytest.mark.parametrize("servers", [1, 3])
def test_communication_falls_with_bandwidth_and_rises_with_latency_and_workers(servers):
    by_bandwidth = [on(bandwidth=10**k, servers=servers).communication(4) for k in range(6, 13)]
    assert by_bandwidth == sorted(by_bandwidth, reverse=True)
    by_latency = [on(latency=10**-k, servers=servers).communication(4) for k in range(6, 0, -1)]
    assert by_latency == sorted(by_latency)
    by_workers = [on(servers=servers).communication(n) for n in NET.numbers()]
    assert by_workers == sorted(by_workers)


def test_servers_share_what_mxnet_divides():
    assert workers_model.busiest((2_000_000, 10), 4) == 0.25
    assert workers_model.busiest((999_999, 999_999), 4) == 0.5  # whole on a server each
    assert workers_model.busiest((200_704, 256, 2560, 10), 2) == pytest.approx(0.986, abs=1e-3)


def test_only_numbers_that_divide_the_batches_and_have_a_row_of_the_last_one():
    assert NET.numbers() == [1, 2, 4, 5, 10, 20, 25, 50, 100]
    # the last of batches of 100 out of 1,004 has four rows
    assert dataclasses.replace(NET, examples=1004).numbers() == [1, 2, 4]


def test_crossing_is_the_first_number_of_workers_that_communicate_longer():
    crossing = on(bandwidth=1e9, latency=0).crossing()
    numbers = NET.numbers()
    before = numbers[numbers.index(crossing) - 1]
    model = on(bandwidth=1e9, latency=0)
    assert model.communication(crossing) > NET.computation(crossing)
    assert model.communication(before) <= NET.computation(before)
    free = Model(NET, Exchange(0, 0, 0), Network(math.inf, 0))
    assert free.crossing() is None
    assert free.best().workers == 100
    assert on(bandwidth=1e3).best().workers == 1


def test_break_even_is_the_least_batch_whose_computation_is_no_shorter():
    for workers in (2, 5, 10):
        even = MODEL.break_even(workers)
        sizes = (even - workers, even)
        smaller, equal = (
            dataclasses.replace(NET, batch_size=size, examples=10 * even).computation(workers)
            for size in sizes
        )
        assert smaller < MODEL.communication(workers) <= equal * (1 + 1e-9)
    idle = dataclasses.replace(NET, each=0.0, gather=0.0)
    assert Model(idle, EXCHANGE, on(bandwidth=1e3).network).break_even(2) is None


def test_multiplications_and_parameters_are_those_of_the_operators():
    for sizes in ((784, 10), (784, 256, 10), (20, 30, 40, 5)):
        counted = sum(one.flops * one.count for one in operators.dense(7, sizes))
        assert 7 * scaling.flops(sizes) == counted
    net = scaling.committed().dense((784, 256, 10), 256, 60_000, 10_000)
    assert sum(net.arrays) == operators.num_parameters((784, 256, 10))


def costs(chapter, sizes):
    """Return costs that follow from known constants; of several rounds all but one are disturbed."""
    weights = scaling.forward(sizes) / 2
    parts = (8, 16, 32, 64)

    def of(part):
        return 1e-4 + 5e-5 * (len(sizes) - 1) + 1e-10 * weights + part * (1e-7 + 2e-10 * scaling.flops(sizes))

    return Costs(
        chapter,
        [sizes[0] * sizes[1], sizes[1]],
        64,
        1000,
        sizes,
        100,
        parts,
        [[of(part) * 3, of(part)] for part in parts],
        [1e-7 + 1e-9 * sizes[0]],
        [1e-3 + 100 * (1e-7 + 1e-10 * scaling.forward(sizes))],
    )


@pytest.fixture
def record():
    known = [
        costs(f"c{i}", sizes) for i, sizes in enumerate([(2, 1), (784, 10), (784, 256, 10), (99, 50, 20, 3)])
    ]
    exchanges = [
        {
            "workers": n,
            "arrays": arrays,
            "seconds": [EXCHANGE.handling(arrays, n) * factor for factor in (2, 1)],
        }
        for n in (1, 2)
        for arrays in ([1], [1] * 8, [10_000] * 4, [500_000])
    ]
    trainings = [
        {"net": "c1", "workers": n, "batch_size": size, "seconds": [1e-5 * size * (n + 1)]}
        for n in (0, 1, 2)
        for size in (64, 128)
    ]
    machine = {"processor": "a", "cores": 2, "packages": {}}
    return Record(machine, "2026-11-27T20:30+00:00", known, exchanges, trainings, {"0": [1.0], "2": [3.0]})


def test_fits_find_the_constants_that_times_were_made_of(record):
    assert tuple(vars(record.exchange()).values()) == pytest.approx(tuple(vars(EXCHANGE).values()))
    net = record.dense((300, 200, 100, 10), 64, 1000, 100)
    expected = costs("new", (300, 200, 100, 10)).net()
    for name in ("fixed", "each", "gather", "evaluation"):
        assert getattr(net, name) == pytest.approx(getattr(expected, name)), name


def test_records_come_back_and_others_are_refused(record, tmp_path):
    path = tmp_path / "scaling.json"
    record.save(path)
    assert scaling.load(path).nets() == record.nets()
    content = json.loads(path.read_text())
    for broken in ({}, [], {**content, "costs": [{}]}, {**content, "exchanges": []}, {**content, "more": 1}):
        path.write_text(json.dumps(broken))
        with pytest.raises(InputError, match="no record of scaling"):
            scaling.load(path)


def test_trainings_are_compared_with_the_same_net_alone(record):
    rows = scaling.training_rows(record)
    assert [(row["batch"], row["workers"]) for row in rows] == [
        (size, workers) for size in ("64", "128") for workers in ("alone", "1", "2")
    ]
    assert [row["overhead"].partition(" ")[0] for row in rows[3:]] == ["-", "1.28", "2.56"]
    assert [row["strong scaling"][:4] for row in rows] == ["-", "0.50", "0.33"] * 2
    # alone with 64 rows, over two workers with 64 each
    assert [row["weak scaling"][:4] for row in rows] == ["-"] * 5 + ["0.17"]
    net = dataclasses.replace(record.nets()["c1"], batch_size=64)
    for row, seconds, exchange in (
        (rows[0], 6.4e-4, 0),
        (rows[2], 1.92e-3, EXCHANGE.handling(net.arrays, 2)),
    ):
        model = net.computation(2 if exchange else 1) + exchange
        assert float(row["step / model"].split()[0]) == pytest.approx(seconds / model, abs=0.006)


def test_the_committed_record_has_nets_whose_constants_agree_with_the_fit_for_shapes():
    committed = scaling.committed()
    nets = committed.nets()
    assert all(net.fixed > 0 and net.gather > 0 for net in nets.values())
    fitted = committed.dense((784, 256, 10), 256, 60_000, 10_000)
    assert fitted.computation(1) == pytest.approx(nets["mlp"].computation(1), rel=0.5)


def test_the_figure_shows_the_speed_up_of_each_net():
    left, right = workers_curves([MODEL], "title").axes[:2]
    assert right.lines[0].get_ydata()[0] == 1
    ratios = list(left.lines[0].get_ydata())
    assert ratios == sorted(ratios)
    assert ratios[0] == MODEL.communication(2) / NET.computation(2)
