"""Parts of batches, hosts and addresses, and what is refused before any process is started."""

import platform
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mxnet import gluon, nd, optimizer

from d2l_repro.cli.chapter import run_chapter
from d2l_repro.data.loader import Minibatches, Steps
from d2l_repro.distributed import hosts, job, workers
from d2l_repro.distributed.rules import Rule
from d2l_repro.distributed.shards import Shards, own_part
from d2l_repro.distributed.store import Store
from d2l_repro.distributed.training import ServerTrainer, _check_net, in_prediction
from d2l_repro.errors import InputError
from d2l_repro.scratch.layers import Affine, BatchNorm, Network, gradients_by_hand
from d2l_repro.train.loop import gradients_by_autograd


@given(st.integers(1, 40), st.integers(0, 1000))
def test_own_parts_in_order_are_the_batch_and_differ_by_one_row_at_most(count, length):
    parts = [range(length)[own_part(length, number, count)] for number in range(count)]
    assert [row for part in parts for row in part] == list(range(length))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def loader(examples, batch_size):
    return Minibatches(nd.arange(examples).reshape((-1, 1)), nd.arange(examples), batch_size, seed=1)


def test_shards_side_by_side_are_the_batches_of_one_process_epoch_by_epoch():
    alone, shards = loader(22, 8), [Shards(loader(22, 8), number, 4) for number in range(4)]
    for _ in range(2):
        for (X, y), *parts in zip(alone, *shards):
            np.testing.assert_array_equal(np.concatenate([part[0].asnumpy() for part in parts]), X.asnumpy())
            np.testing.assert_array_equal(np.concatenate([part[1].asnumpy() for part in parts]), y.asnumpy())
    assert [len(shard) for shard in shards] == [3] * 4


@pytest.mark.parametrize("wrap", [lambda batches: batches, lambda batches: Steps(batches, 7)])
def test_shards_refuse_before_training_what_cannot_be_divided(wrap):
    with pytest.raises(InputError, match="batches of 9 examples cannot be divided equally among 2 workers"):
        Shards(wrap(loader(90, 9)), 0, 2)
    with pytest.raises(InputError, match=r"the last batch of an epoch has 2 examples.*wait for ever"):
        Shards(wrap(loader(18, 8)), 0, 4)


def test_shards_refuse_data_without_a_length_and_labels_that_are_no_rows():
    with pytest.raises(InputError, match="no length"):
        Shards((batch for batch in loader(8, 4)), 0, 2)
    with pytest.raises(InputError, match="4 rows in X and 2 in y"):
        list(Shards([(nd.zeros((4, 1)), nd.zeros((2, 2)))], 0, 2))
    with pytest.raises(InputError, match="3 examples cannot be divided"):
        list(Shards([(nd.zeros((3, 1)), nd.zeros(3))], 0, 2))


def test_rule_updates_as_gluon_does_with_the_factors_of_each_parameter_and_sums_other_keys():
    params = gluon.ParameterDict()
    weight, bias = params.get("weight", shape=(2,)), params.get("bias", shape=(2,))
    params.initialize("ones")
    bias.wd_mult, weight.lr_mult = 0.0, 0.5
    trainer = gluon.Trainer([weight, bias], "adam", {"learning_rate": 0.1, "wd": 0.3}, kvstore=None)
    updater = optimizer.get_updater(Rule({7: weight, 8: bias}, trainer.optimizer))
    on_server = [nd.ones(2), nd.ones(2)]
    for step in range(1, 4):
        gradient = nd.array([1.0, -2.0]) * step
        for key, values in zip((7, 8), on_server):
            updater(key, gradient, values)
        for param in (weight, bias):
            param.grad()[:] = gradient
            param.data()._fresh_grad = True
        trainer.step(1)
    for param, values in zip((weight, bias), on_server):
        np.testing.assert_array_equal(param.data().asnumpy(), values.asnumpy())
    stored = nd.array([5.0])
    updater(9, nd.array([2.0]), stored)
    assert stored.asscalar() == 2


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"kvstore": "dist_async"}, "each worker's gradient as it comes"),
        ({"kvstore": "dist_sync", "update_on_kvstore": False}, "overtake the initial weights"),
        ({"compression_params": {"type": "2bit", "threshold": 0.5}}, "compressed gradients"),
        ({"optimizer": "lamb"}, "norms of whole parameters"),
        ({"sparse": True}, "sparse parameters or gradients"),
    ],
)
def test_server_trainer_refuses_settings_that_lead_elsewhere(options, reason, monkeypatch):
    monkeypatch.setenv(job.NUM_SERVERS, "2")
    options = {"optimizer": "sgd", **options}
    stype = "row_sparse" if options.pop("sparse", False) else "default"
    weight = gluon.Parameter("weight", shape=(1, 1), grad_stype=stype)
    weight.initialize()
    with pytest.raises(InputError, match=reason):
        ServerTrainer(gluon.Trainer([weight], **options), store=None)


@pytest.mark.parametrize("number_of_servers", ["1", None])
def test_server_trainer_takes_an_optimizer_of_whole_parameters_on_one_server(number_of_servers, monkeypatch):
    monkeypatch.delenv(job.NUM_SERVERS, raising=False)
    if number_of_servers:
        monkeypatch.setenv(job.NUM_SERVERS, number_of_servers)
    weight = gluon.Parameter("weight", shape=(1, 1))
    weight.initialize()
    ServerTrainer(gluon.Trainer([weight], "lamb"), store=None)


class OneWorker(Store):
    """A store that answers as the servers would, without starting any."""

    def __init__(self, num_workers, others=None):
        self.number, self.num_workers, self._others, self._since = 0, num_workers, others, 0.0

    def new_keys(self, arrays):
        return list(range(len(arrays)))

    def set_rule(self, parameters=None, gluon_optimizer=None):
        pass

    def exchange(self, keys, pushed, pulled):
        for array, out in zip(pushed, pulled):  # a server without a rule returns the sum of the gradients
            out[:] = array * self.num_workers

    def gather(self, numbers):
        return [list(numbers), *(self._others or [])]


def test_servers_that_do_not_apply_the_optimizer_are_refused():
    with pytest.raises(InputError, match="the servers do not apply the optimizer that they are sent"):
        OneWorker(2)._try_rules()


def test_workers_with_other_packages_are_refused_by_name():
    alike = OneWorker(1).gather_text("numpy 1.26.4")
    assert alike == ["numpy 1.26.4"]
    other = list(b"mxnet 1.9.1, numpy 1.23".ljust(512, b"\0"))
    with pytest.raises(
        InputError, match=r"different packages \(worker 0: .*python 3.*; worker 1: .*numpy 1.23"
    ):
        OneWorker(2, [other])._check_versions()


@pytest.mark.parametrize("static", [False, True])
def test_gradients_in_prediction_are_those_without_dropout(static):
    found = []
    for rate in (0.5, 0.0):
        net = gluon.nn.HybridSequential()
        net.add(gluon.nn.Dense(3, in_units=2), gluon.nn.Dropout(rate), gluon.nn.Dense(2, in_units=3))
        net.initialize("normal", force_reinit=True)
        for i, param in enumerate(net.collect_params().values()):
            param.set_data(nd.array(np.linspace(-1, 1 + i, param.data().size).reshape(param.shape)))
        net.hybridize(static_alloc=static, static_shape=static)
        loss = gluon.loss.SoftmaxCrossEntropyLoss()
        loss.hybridize()
        gradients = gradients_by_autograd(net, loss)
        X, y = nd.array([[1, 2], [3, -4]]), nd.array([0, 1])
        gradients(X, y)
        with in_prediction():
            gradients(X, y)
        found.append([param.grad().asnumpy() for param in net.collect_params().values()])
    for ours, expected in zip(*found):
        np.testing.assert_array_equal(ours, expected)


def test_gradients_by_hand_have_the_penalty_once_for_all_workers():
    net = Network([_affine()])
    X, y = nd.ones((4, 3)), nd.array([0, 1, 1, 0])

    def of(rows, sharing):
        with job.shared_by(sharing):
            gradients_by_hand(net, "softmax", reg=0.7, l1=0.1, batch_size=4)(X[rows], y[rows])
        return net.params[0].grad.asnumpy().copy()

    whole, parts = of(slice(0, 4), 1), of(slice(0, 1), 2) + of(slice(1, 4), 2)
    np.testing.assert_allclose(parts, whole, rtol=1e-5)


def _affine():
    return Affine(nd.array(np.arange(6).reshape(3, 2) / 7), nd.zeros(2))


def test_batch_norm_is_what_the_check_of_nets_finds():
    deep = gluon.nn.HybridSequential()
    deep.add(gluon.nn.Dense(2), gluon.nn.HybridSequential())
    deep[1].add(gluon.nn.BatchNorm())
    for net in (deep, Network([BatchNorm(nd.ones(2), nd.zeros(2))])):
        with pytest.raises(InputError, match="normalizes each batch"):
            _check_net(net)
    _check_net(gluon.nn.Dense(2))
    _check_net(Network([_affine()]))


class Recurrent:
    def begin_state(self, batch_size):
        return []


def test_a_net_with_a_state_is_refused():
    with pytest.raises(InputError, match="carries a state from batch to batch"):
        _check_net(Recurrent())


@pytest.fixture
def three_workers(monkeypatch):
    """Let this process be the first of three workers, which it never hears of."""
    store = SimpleNamespace(num_workers=3, number=0, is_first=True)
    monkeypatch.setattr(workers, "join", lambda: store)
    monkeypatch.setattr(workers, "_store", store)


@pytest.mark.parametrize(
    ("name", "argv", "reason"),
    [
        ("mlp", ["--impl", "gluon"], "batches of 256 examples cannot be divided equally among 3 workers"),
        ("softmax_regression", ["--impl", "d2l"], "d2l's loss is the mean over a batch"),
        ("mnist_regularization", [], "its runs are trained side by side; use --jobs"),
        ("language_model", [], "its net carries a state from batch to batch"),
    ],
)
def test_chapters_that_workers_cannot_share_end_with_exit_code_2(
    name, argv, reason, three_workers, capsys, tmp_path
):
    chapter = import_module(f"chapters.{name}").chapter
    data = ["--dataset", "digits"] if "digits" in chapter.datasets else []
    with pytest.raises(SystemExit) as ended:
        run_chapter(chapter, ["--quick", *data, *argv, "--out", str(tmp_path)])
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err


def test_read_hosts_names_the_line_that_is_wrong(tmp_path):
    path = tmp_path / "hosts"
    path.write_text("# two machines\nme@first workers=2\n\nlocalhost  # this one\n")
    found = hosts.read_hosts(path)
    assert found == [hosts.Host("me@first", 2), hosts.Host("", 1)]
    assert hosts.place_workers(found, 3) == ["me@first", "me@first", ""]
    with pytest.raises(InputError, match="room for 3 workers, not for 4"):
        hosts.place_workers(found, 4)
    for line, problem in {
        "-oProxyCommand=evil": "line 1: -oProxyCommand=evil is no host",
        "a slots=2": "line 1: write `HOST`",
        "a workers=0": "line 1",
        "a workers=1 b": "line 1",
        "# none": "names no host",
    }.items():
        path.write_text(line)
        with pytest.raises(InputError, match=problem):
            hosts.read_hosts(path)
    with pytest.raises(InputError, match="cannot read"):
        hosts.read_hosts(tmp_path / "missing")


@pytest.mark.parametrize("address", ["0.0.0.0", "8.8.8.8", "100.128.0.1"])
def test_check_address_refuses_what_other_networks_reach(address):
    with pytest.raises(InputError, match="run programs as you"):
        hosts.check_address(address)


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1"])
def test_addresses_of_private_networks_virtual_ones_too_are_no_danger(address):
    hosts.check_private(address)


def test_own_address_refuses_one_that_leads_from_every_machine_to_itself():
    assert hosts.own_address("127.0.0.1", platform.node()) == "127.0.0.1"
    with pytest.raises(InputError, match=r"leads from every machine to itself; .* reach first"):
        hosts.own_address("127.0.0.1", "first")


def test_check_address_takes_loopback_and_refuses_other_machines():
    assert hosts.check_address("localhost") == "127.0.0.1"
    with pytest.raises(InputError, match="no address of this machine"):
        hosts.check_address("10.255.255.254")


def test_current_job_reads_the_environment_and_refuses_nonsense(monkeypatch):
    for name in (job.ROLE, job.NUM_WORKERS, job.NUMBER, job.TIMEOUT):
        monkeypatch.delenv(name, raising=False)
    assert job.current_job() is None
    monkeypatch.setenv(job.ROLE, "worker")
    with pytest.raises(InputError, match="DMLC_NUM_WORKER"):
        job.current_job()
    monkeypatch.setenv(job.NUM_WORKERS, "2")
    assert job.current_job() == job.Job(2)
    with pytest.raises(InputError, match="kaggle_house cannot be shared among workers"):
        job.refuse_workers("kaggle_house")
    monkeypatch.setenv(job.NUMBER, "2")
    with pytest.raises(InputError, match="only 2 workers"):
        job.current_job()
