"""MXNet on a Python and a NumPy that are younger than it is."""

import ctypes
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import mxnet
import numpy as np
import pytest

from d2l_repro import compat


def run_python(code, **env):
    """Return what a fresh Python prints that runs `code` with only these variables beside PATH."""
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


# What NumPy 2.5 has no longer.
REMOVED = """
    float_ complex_ unicode_ string_ Inf Infinity infty NaN NAN PINF NINF PZERO NZERO compat in1d msort trapz
    product cumproduct sometrue alltrue round_ row_stack fv ipmt irr mirr nper npv pmt ppmt pv rate
""".split()
# Give MXNet a NumPy without some names. Others, such as SciPy, need what their own version of NumPy has.
LOSE = """
import d2l_repro, numpy, types
def lose(names, for_mxnet=d2l_repro.compat._NumPyForMXNet):
    class Thinner(types.ModuleType):
        def __getattr__(self, name):
            if name in names: raise AttributeError(name)
            return getattr(numpy, name)
    thinner = Thinner("numpy")
    vars(thinner).update({name: value for name, value in vars(numpy).items() if name not in names})
    d2l_repro.compat._NumPyForMXNet = lambda numpy: for_mxnet(thinner)
"""


def test_mxnet_computes_where_numpy_has_lost_the_names_it_uses_and_does_not_change_numpy():
    code = (
        f"{LOSE}import warnings; warnings.simplefilter('ignore')\n"
        f"def present(): return [name for name in {REMOVED} if hasattr(numpy, name)], numpy.bool_\n"
        f"before = present(); lose({REMOVED}); from mxnet import nd, np; print(before == present())\n"
        "print((nd.ones((2, 3)) * 2).sum().asscalar(), (np.ones(1) == 1).dtype, np.pi)\n"
        "print(np.in1d(np.array([1.0, 2]), np.array([2.0])), np.msort(np.array([3.0, 1, 2])))\n"
    )
    assert run_python(code).splitlines() == [
        "True",
        "12.0 bool 3.141592653589793",
        "[False  True] [1. 2. 3.]",
    ]


def test_mxnet_import_names_what_a_numpy_of_the_future_has_lost_and_which_version_to_install():
    lost = f"{LOSE}lose(['piecewise'])\ntry: import mxnet\nexcept ImportError as error: print(error)"
    message = run_python(lost)
    assert re.match(r"NumPy [\d.]+ has no 'piecewise', which MXNet 1\.9\.1 uses", message)
    assert f"pip install 'numpy=={compat.NUMPY_TRIED[1]}.*'" in message


def test_mxnet_import_says_how_to_install_a_missing_mxnet(monkeypatch):
    monkeypatch.setattr(compat, "PathFinder", SimpleNamespace(find_spec=lambda *args: None))
    monkeypatch.delitem(sys.modules, "mxnet", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"pip install --no-deps mxnet==1\.9\.1"):
        importlib.import_module("mxnet")


@pytest.mark.skipif(not compat.has_avx2(), reason="needs a processor with AVX2")
def test_openblas_uses_avx2_kernels_for_mxnet_only():
    code = (
        "import os, numpy, d2l_repro; before = d2l_repro.compat.openblas_cores()\n"
        "import mxnet; after = d2l_repro.compat.openblas_cores()\n"
        "print(after['mxnet'], before['numpy'] == after['numpy'], os.environ.get('OPENBLAS_CORETYPE'))"
    )
    assert run_python(code) == "Haswell True None"


def test_openblas_keeps_the_kernels_that_the_user_has_chosen_and_its_own_without_avx2():
    (library,) = Path(mxnet.__file__).parent.glob("libopenblas*")
    code = (
        "import ctypes, os\nfrom d2l_repro import compat\n{}\n"
        f"with compat.fast_kernels(): ctypes.CDLL({str(library)!r})\n"
        "print(compat.openblas_cores()['mxnet'], os.environ.get('OPENBLAS_CORETYPE'))"
    )
    assert run_python(code.format(""), OPENBLAS_CORETYPE="Prescott") == "Prescott Prescott"
    assert run_python(code.format("compat.has_avx2 = lambda: False")).split()[1] == "None"


def test_gluon_updates_each_parameter_by_itself_unless_the_user_asks_for_groups():
    code = "import os, d2l_repro; print(os.environ['MXNET_OPTIMIZER_AGGREGATION_SIZE'])"
    assert run_python(code) == "1"
    assert run_python(code, MXNET_OPTIMIZER_AGGREGATION_SIZE="4") == "4"
    assert str(mxnet.optimizer.SGD().aggregate_num) == os.environ["MXNET_OPTIMIZER_AGGREGATION_SIZE"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("wd", [0.0, 0.01])
def test_sgd_of_a_single_parameter_has_the_bits_of_the_joint_update(dtype, wd):
    rng = np.random.RandomState(0)
    value, grad = rng.normal(size=(2, 1000)).astype(dtype)
    found = []
    for aggregate_num in (1, 4):
        weight = mxnet.nd.array(value, dtype=dtype)
        sgd = mxnet.optimizer.SGD(learning_rate=0.3, wd=wd, rescale_grad=1 / 256)
        sgd.aggregate_num = aggregate_num
        update = mxnet.optimizer.get_updater(sgd)
        for _ in range(3):
            # with a second one, the joint update is used
            weights = [weight, mxnet.nd.ones(3, dtype=dtype)][: 1 if aggregate_num == 1 else 2]
            update(
                list(range(len(weights))),
                [mxnet.nd.array(grad, dtype=dtype), mxnet.nd.ones(3, dtype=dtype)][: len(weights)],
                weights,
            )
        assert sgd.num_update == 3
        found.append(weight.asnumpy())
    assert (found[0] == found[1]).all()
    assert np.abs(found[0] - value).max() > 0


def test_sgd_of_a_single_parameter_uses_the_faster_operator(monkeypatch):
    module, used = mxnet.optimizer.optimizer, []
    for name in ("sgd_update", "multi_sgd_update"):
        operator = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, f=operator, n=name, **o: used.append(n) or f(*a, **o))
    for options in ({}, {"wd": 0.1}, {"clip_gradient": 1.0}):
        update = mxnet.optimizer.get_updater(mxnet.optimizer.SGD(**options))
        update([0], [mxnet.nd.ones(2)], [mxnet.nd.ones(2)])
    assert used == ["sgd_update", "multi_sgd_update", "multi_sgd_update"]


def test_import_of_mxnet_leaves_out_what_it_hardly_uses():
    code = (
        "import d2l_repro, mxnet, sys\n"
        "print([name for name in ('scipy.stats', 'sklearn', 'pandas') if name in sys.modules])\n"
        "from mxnet import test_utils\n"
        "print(test_utils.ss.norm.cdf(0), mxnet.contrib.quantization.stats.entropy([1, 1], base=2))\n"
    )
    assert run_python(code).split("\n") == ["[]", "0.5 1.0"]


def test_threads_that_wait_leave_their_cores_to_others():
    command = [sys.executable, "-c", "import d2l_repro, mxnet"]
    for asked, policy in (({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "active"}, "ACTIVE")):
        environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
        environment.update(asked, OMP_DISPLAY_ENV="true")  # libgomp says at its loading what it will do
        found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stderr
        assert f"OMP_WAIT_POLICY = '{policy}'" in found


def test_threads_is_one_unless_the_user_asks_for_another_number():
    code = "import d2l_repro; print(d2l_repro.compat.threads())"
    assert run_python(code) == "1"
    assert run_python(code, OMP_NUM_THREADS="2") == "2"
    for nonsense in ("nonsense", "0", "99999999999", "\u00b2"):
        assert run_python(code, OMP_NUM_THREADS=nonsense) == "1"


def test_command_help_imports_neither_mxnet_nor_matplotlib():
    code = (
        "import sys\nfrom d2l_repro.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "print('mxnet' in sys.modules, 'matplotlib' in sys.modules)"
    )
    assert run_python(code).endswith("False False")


def test_prepare_large_nets_gives_a_chapter_all_cores_unless_the_user_asks_for_another_number():
    cores = str(len(os.sched_getaffinity(0)))
    code = (
        "import ctypes, d2l_repro.data.images, chapters.lenet as lenet\n"
        "print(d2l_repro.compat.threads(), ctypes.CDLL('libgomp.so.1').omp_get_max_threads())"
    )
    late = code.replace("d2l_repro.data", "chapters.mlp, d2l_repro.data")
    early = "from chapters import lenet; " + code
    assert run_python(early) == f"{cores} {cores}"
    assert run_python(early, OMP_NUM_THREADS="3") == "3 3"
    assert run_python(late) == "1 1"  # MXNet was there already


def test_prepare_decides_on_threads_in_each_child_process_anew():
    child = "import subprocess, sys; print(subprocess.check_output([sys.executable, '-c', {!r}], text=True))"
    small, large = ("import d2l_repro", "d2l_repro.compat.prepare_large_nets()")
    threads = "print(d2l_repro.compat.threads())"
    cores = str(len(os.sched_getaffinity(0)))
    assert run_python(f"{small}; {child.format(f'{small}; {large}; {threads}')}") == cores
    assert run_python(f"{small}; {large}; {child.format(f'{small}; {threads}')}") == "1"
    assert run_python(f"{small}; {child.format(f'{small}; {large}; {threads}')}", OMP_NUM_THREADS="3") == "3"


def test_threads_is_the_true_number_where_mxnet_was_imported_first():
    # The names that NumPy has removed have to be there.
    code = (
        "import warnings; warnings.simplefilter('ignore'); import numpy, scipy.sparse, scipy.stats\n"
        f"for name in {REMOVED}: setattr(numpy, name, getattr(numpy, name, len))\n"
        "numpy.bool = getattr(numpy, 'bool', bool); import ctypes, mxnet, d2l_repro\n"
        "print(d2l_repro.compat.threads(), ctypes.CDLL('libgomp.so.1').omp_get_max_threads())"
    )
    reported, true = run_python(code).split()
    assert reported == true
    assert run_python(code, OMP_NUM_THREADS="3") == "3 3"


def test_mxnet_import_names_missing_libraries_and_how_to_install_them(monkeypatch):
    def missing(name):
        raise OSError(f"{name}: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(compat, "platform", SimpleNamespace(machine=lambda: "x86_64"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", missing)
    monkeypatch.delitem(sys.modules, "mxnet", raising=False)
    with pytest.raises(
        ImportError, match=r"libgomp\.so\.1 libquadmath\.so\.0.*apt-get install libgomp1 libquadmath0"
    ):
        importlib.import_module("mxnet")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([np.float64(0.1), np.float32(0.5)], "[0.1, 0.5]"),
        ((np.int64(3), (np.int32(2), 1)), "(3, (2, 1))"),
        (np.float64(1e-300), "1e-300"),
        ([-np.float64(1e-5), np.float64("nan")], "[-1e-05, nan]"),
        ((3, 0.1, None, True), "(3, 0.1, None, True)"),
        ("float32", "float32"),
    ],
)
def test_parameter_text_is_what_mxnet_reads(value, text):
    assert compat.parameter_text(value) == text


def test_operators_and_graphs_take_numpy_numbers():
    shape = (np.int64(2), np.int64(3))
    assert mxnet.nd.zeros(shape).shape == (2, 3)
    w = mxnet.nd.ones((1,))
    mxnet.nd.multi_sgd_update(w, w, lrs=[np.float64(0.5)], wds=[np.float64(0)], num_weights=1, out=w)
    assert w.asscalar() == 0.5
    assert mxnet.sym.var("x", shape=shape).infer_shape()[1] == [(2, 3)]


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.uname().machine != "x86_64", reason="x86 only")
def test_mxnet_computes_with_0_in_place_of_numbers_that_are_too_small_and_python_and_numpy_do_not():
    code = (
        "import d2l_repro, os, numpy\n"
        "from mxnet import nd\n"
        "def products(): return [float((nd.array([1e-40]) * x).asscalar()) for x in (1, 1e10)]\n"
        "print(products(), numpy.float32(1e-40) * 1 > 0, 5e-324 * 1 > 0, flush=True)\n"
        "if os.fork() == 0:\n    print(products(), flush=True); os._exit(0)\n"
        "os.wait(); print(products())\n"
    )
    zeros = "[0.0, 0.0]"
    assert run_python(code).splitlines() == [f"{zeros} True True", zeros, zeros]


def test_cores_are_no_more_than_those_that_a_job_leaves_to_the_process(monkeypatch):
    monkeypatch.delenv(compat.CORES, raising=False)
    every = compat.cores()
    for limit, expected in (("1", 1), ("0", 1), ("1000", every), ("many", every)):
        monkeypatch.setenv(compat.CORES, limit)
        assert compat.cores() == expected
