"""Test the files of arrays and checkpoints: read back as written, and whatever else in one line."""

import io
import json
import math
import re
import struct
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mxnet import nd

from d2l_repro.errors import InputError
from d2l_repro.results.history import History
from d2l_repro.scratch import SGD, linreg, squared_loss
from d2l_repro.train import train_ch3
from d2l_repro.train.arrays import parse_history, read_arrays, write_arrays
from d2l_repro.train.checkpoint import Checkpoint
from d2l_repro.train.parameters import Parameter

ARRAYS = {
    "w": np.arange(6, dtype=np.float32).reshape(2, 3),
    "t": np.arange(6.0).reshape(2, 3).T,
    "n": np.ones(2),
}
ABOUT = {"name": "a ü", "numbers": [1, 0.1, math.inf], "nothing": None}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("arrays") / "a.npz"


def whole(path):
    write_arrays(path, ARRAYS, ABOUT)
    return path.read_bytes()


def npy(header, data=b""):
    """Return the content of an npy file with this header."""
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def zipped(members, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_read_arrays_returns_what_was_written(path):
    whole(path)
    arrays, about = read_arrays(path)
    assert about == ABOUT
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def header(dtype, shape):
    return f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}"


def forged(member, compression=zipfile.ZIP_STORED):
    """Return an archive whose JSON text is right and whose array is not."""
    about = npy(header("<U2", "()"), "{}".encode("utf-32-le"))
    return zipped({"about.npy": about, "w.npy": member}, compression)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        zipped({}),
        zipped({"w.npy": npy(header("<f4", "(1,)"), b"0000")}),
        zipped({"about.npy": npy(header("<U8", "()"), ("[" * 8).encode("utf-32-le"))}),
        forged(b"\0" * 100_000_000, zipfile.ZIP_DEFLATED),  # 100 kB
        forged(npy(header("<f4", "(10000000000,)"))),
        forged(npy(header("<f4", "(-1,)"), b"0" * 8)),
        forged(npy(header("|O", "(1,)"), b"0" * 8)),
        forged(npy("(" * 100)),
        forged(npy("{'descr': '<f4'}\n")),
        forged(b"\x93NUMPY\x09\x00"),
        # the size of a compressed member is 20 bytes into its entry in the directory
        re.sub(rb"(?<=PK\x01\x02.{16}).{4}", lambda _: b"\xff\xff\xff\x7f", forged(b""), flags=re.DOTALL),
    ],
    ids=range(13),
)
def test_read_arrays_refuses_other_files_in_one_line_and_little_memory(path, content):
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r".") as caught:
            read_arrays(path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
    assert str(caught.value).isprintable()
    assert str(caught.value)


@given(
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 20), st.binary(max_size=20)), min_size=1, max_size=4
    )
)
@settings(max_examples=150, deadline=None)
def test_read_arrays_reads_a_damaged_file_or_says_in_one_line_why_not(path, edits):
    content = whole(path)
    for place, length, piece in edits:
        start = int(place * len(content))
        content = content[:start] + piece + content[start + length :]
    path.write_bytes(content)
    message, start = "", time.process_time()
    try:
        arrays, about = read_arrays(path)
    except ValueError as error:
        message = str(error)
    assert time.process_time() - start < 1
    if message:
        assert message.isprintable()
        return
    # zip's checksums let nothing else through
    assert about == ABOUT
    assert all(np.array_equal(array, ARRAYS[name]) for name, array in arrays.items() if name in ARRAYS)


ROWS = [
    {"epoch": 1, "train_loss": 2.0, "perplexity": math.inf},
    {"epoch": 2, "train_loss": 1.0, "perplexity": 3},
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["epoch", "train_loss"]), inner)
    ),
    max_leaves=6,
)


def test_parse_history_returns_the_rows():
    assert parse_history(json.loads(json.dumps(ROWS))) == ROWS
    assert isinstance(parse_history(ROWS), History)


@given(st.lists(JSON, max_size=3) | JSON)
def test_parse_history_accepts_consecutive_epochs_of_numbers_only(rows):
    rows = json.loads(json.dumps(rows))
    try:
        history = parse_history(rows)
    except ValueError:
        return
    assert history["epoch"] == list(range(1, len(rows) + 1))
    assert all(math.isfinite(loss) for loss in history["train_loss"])


def train(path, num_epochs=2, resume=True):
    params = [nd.zeros((2, 1)), nd.zeros(1)]
    for param in params:
        param.attach_grad()
    checkpoint = Checkpoint(path, [Parameter(param) for param in params], {"lr": 0.1}, resume)
    history = train_ch3(
        lambda X: linreg(X, *params),
        [(nd.array([[1, 2], [3, 4]]), nd.array([1, 2]))],
        None,
        squared_loss,
        num_epochs,
        2,
        trainer=SGD(params, 0.1),
        metrics={},
        callbacks=[checkpoint],
    )
    return history, [param.asnumpy() for param in params]


def with_history(change):
    def changed(arrays, about):
        change(about["history"])

    return changed


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            lambda arrays, about: arrays.update({"0": np.full((2, 1), np.nan, np.float32)}),
            "array 0 has values",
        ),
        (lambda arrays, about: arrays.update({"1": np.array(["a"])}), "array 1 has values"),
        (lambda arrays, about: arrays.update({"1": np.ones(2, np.float32)}), "other shapes"),
        (lambda arrays, about: arrays.pop("1"), "not a readable checkpoint"),
        (lambda arrays, about: about.pop("run"), "not a readable checkpoint"),
        (
            with_history(lambda rows: rows.append({**rows[0], "epoch": 3})),
            "has 3 epochs, more than the 2 to train",
        ),
        (with_history(lambda rows: rows.append(rows[0])), "no training loss of epoch 3"),
        (with_history(lambda rows: rows.pop(0)), "no training loss of epoch 1"),
        (with_history(lambda rows: rows.clear()), "no epochs"),
        (with_history(lambda rows: rows[0].update(train_loss="1")), "no numbers in epoch 1"),
        (with_history(lambda rows: rows[1].update(train_loss=math.nan)), "no training loss of epoch 2"),
        (with_history(lambda rows: rows[1].update(other=1)), "other columns in epoch 2"),
        (with_history(lambda rows: rows.insert(0, 7)), "no numbers in epoch 1"),
    ],
)
def test_checkpoint_refuses_what_it_did_not_write(tmp_path, fault, message):
    path = tmp_path / "checkpoint.npz"
    expected = train(path)
    history, values = train(path)  # all is done: nothing is trained
    assert history == expected[0]
    for value, wanted in zip(values, expected[1]):
        np.testing.assert_array_equal(value, wanted)
    arrays, about = read_arrays(path)
    fault(arrays, about)
    write_arrays(path, arrays, about)
    with pytest.raises(InputError, match=rf"checkpoint\.npz: .*{message}.*leave --resume out"):
        train(path)
    assert len(train(path, resume=False)[0]) == 2
