"""What several workers train together is what one process trains alone."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

BOUND = 20_000  # elements from which MXNet divides an array among the servers, here; else a million
WITHOUT_JOB = {"DMLC_ROLE": "worker", "DMLC_NUM_WORKER": "2"}


@pytest.fixture(scope="module")
def trained(jobs, tmp_path_factory):
    """Train all nets alone and in a job of two workers and two servers; return the arrays of each process.

    Each of the servers has a part of the large arrays.
    """
    out = tmp_path_factory.mktemp("trained")
    program = jobs.folder / "trainings.py"
    alone = jobs.run(sys.executable, program, out / "alone")
    options, bound = ["-n", "2", "-s", "2"], {"MXNET_KVSTORE_BIGARRAY_BOUND": str(BOUND)}
    job = jobs.launch(*options, "--", "python", program, out / "job", **bound)
    assert (alone[0], job[0]) == (0, 0), alone[2] + job[2]
    return SimpleNamespace(
        alone=dict(np.load(out / "alone.0.npz")),
        workers=[dict(np.load(out / f"job.{number}.npz")) for number in range(2)],
    )


def largest_difference(ours, theirs, name):
    """Return the largest relative difference of a net's arrays, each as a vector.

    Of LeNet's 51,200 weights of a convolution, one may be 5e-6 apart after five steps in single precision:
    Adam divides a gradient that is hardly more than rounding by its own size.
    """
    keys = [key for key in ours if key.startswith(f"{name}/")]
    assert keys
    return max(np.linalg.norm(ours[key] - theirs[key]) / np.linalg.norm(ours[key]) for key in keys)


# In double precision 1e-6 would pass on a server that keeps doubles in single precision.
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 1e-5)])
@pytest.mark.parametrize("impl", ["scratch", "gluon"])
@pytest.mark.parametrize("net", ["softmax", "mlp", "lenet", "house"])
def test_workers_have_the_parameters_and_the_loss_of_one_process(net, impl, dtype, tolerance, trained):
    name = f"{net}/{impl}/{dtype}"
    assert all(largest_difference(trained.alone, worker, name) < tolerance for worker in trained.workers)


@pytest.mark.parametrize("net", ["mlp", "lenet"])
def test_some_arrays_are_divided_among_the_servers_and_some_are_not(net, trained):
    sizes = [array.size for key, array in trained.alone.items() if key.startswith(f"{net}/gluon/float64")]
    assert min(sizes) < BOUND <= max(sizes)


def test_workers_have_the_same_bits(trained):
    first, second = trained.workers
    assert all(np.array_equal(first[key], second[key]) for key in first)


@pytest.fixture(scope="module")
def tried(jobs, tmp_path_factory):
    """Try the cases of refusals.py alone and in a job; return what each process found, and the output."""
    out = tmp_path_factory.mktemp("tried")
    program = jobs.folder / "refusals.py"
    alone = jobs.run(sys.executable, program, out / "alone")
    job = jobs.launch("-n", "2", "--", "python", program, out / "job")
    assert (alone[0], job[0]) == (0, 0), alone[2] + job[2]
    names = ["alone.0", "job.0", "job.1"]
    return [json.loads((out / f"{name}.json").read_text()) for name in names], job[1]


@pytest.mark.parametrize(
    ("case", "reason"),
    {
        "other number of batches": "differ in the number of batches: they have 6, 7",
        "other learning rate": "differ in the learning rate: they have 0.1, 1.1",
        "other weights": "differ in the",
        "schedule on servers": "lr of the optimizer was changed in training from 0.1 to 0.05",
        "own trainer's learning rate": "lr of the optimizer was changed in training from 0.1 to 0.2",
        "weight decay": "wd of the optimizer was changed in training from 0.0 to 0.5",
        "factor of a parameter": ".lr_mult of the optimizer was changed in training from 1.0 to 0.5",
        "mean with dropout": "do not add up",
        "parameters set": "parameters were changed in training",
        "clip on servers": "Clip sees or changes a worker's gradients",
        "batch norm": "normalizes each batch",
        "penalty in gradients": "do not add up",
        "mean over the batch": "do not add up",
    }.items(),
)
def test_all_workers_refuse_what_one_process_would_train_otherwise(case, reason, tried):
    (alone, *workers), _ = tried
    assert isinstance(alone[case], list)
    assert all(reason in worker[case] for worker in workers)


@pytest.mark.parametrize(
    "case",
    [
        "constant schedule",
        "own gradients",
        "parameters set and restored",
        "from scratch",
        "clip from scratch",
    ],
)
def test_workers_train_what_only_looks_dangerous_as_one_process_does(case, tried):
    (alone, *workers), _ = tried
    for worker in workers:
        for ours, theirs in zip(alone[case], worker[case]):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_workers_draw_masks_of_their_own_and_say_that_the_result_is_another(tried):
    (alone, first, second), out = tried
    assert first["dropout"] == second["dropout"] != alone["dropout"]
    assert out.count("the net draws random numbers in training") == 3  # also those with a mean and noise
    assert out.count("could not be checked") == 1  # that with noise


def test_chapter_has_the_numbers_of_one_process_and_only_the_first_worker_writes(jobs, tmp_path):
    flags = ["--quick", "--dataset", "digits", "--impl", "gluon"]
    alone = jobs.run(sys.executable, "-m", "chapters.mlp", *flags, "--out", tmp_path / "alone")
    job = jobs.launch("-n", "2", "--", "python", "-m", "chapters.mlp", *flags, "--out", tmp_path / "job")
    assert (alone[0], job[0]) == (0, 0), alone[2] + job[2]
    assert "[worker 1]" not in job[1]
    results = [json.loads((tmp_path / name / "result.json").read_text()) for name in ("alone", "job")]
    histories = [result["runs"]["gluon"]["history"] for result in results]
    for name in ("train_loss", "train_acc", "test_acc"):
        np.testing.assert_allclose(*(history[name] for history in histories), rtol=1e-4)
    assert results[0]["parity"] == results[1]["parity"]  # which is not shared
    assert [result["environment"].get("workers") for result in results] == [None, 2]


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["-m", "kaggle_house", "kfold"], "kaggle_house cannot be shared among workers"),
        (["-m", "d2l_repro", "run", "mlp"], "d2l-repro cannot be shared among workers"),
    ],
)
def test_commands_that_no_job_can_share_say_so(argv, reason, jobs):
    code, _, err = jobs.run(sys.executable, *argv, **WITHOUT_JOB)
    assert code == 2
    assert reason in err
