"""Readers of files that are not trusted, on honest files that were damaged in every way.

Each gives the right answer or one clear line, takes at most twice the memory, and no second longer.
"""

import contextlib
import copy
import functools
import gzip
import io
import json
import math
import operator
import re
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2l_repro.cli import compare
from d2l_repro.data import airfoil, images, text, translation
from d2l_repro.errors import InputError
from d2l_repro.results import plot, report, schema, sources, summary
from d2l_repro.results.history import History
from d2l_repro.results.report import figures, svg
from d2l_repro.results.result import Result
from d2l_repro.results.run import RunResult

SLACK = 300_000  # bytes that a message, or what a module keeps, may take beside the content
ODD_BYTES = (
    b"",
    b"\0",
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\0\0\0\1",
    b"\n",
    b",",
    b"1_0",
    b"nan",
    b"\x1b[2J",
)

# Mutators. Each change is drawn as numbers alone, so that any draw is a valid one.

CHANGES = st.lists(
    st.tuples(st.sampled_from(("flip", "cut", "delete", "insert", "repeat")), st.integers(0, 2**20)),
    min_size=1,
    max_size=3,
)


def mutate(content, changes):
    """Return bytes with some changed; each change is (what, number that says where and how)."""
    for what, number in changes:
        place = number % (len(content) + 1)
        head, tail = content[:place], content[place:]
        length = number % 7 + 1
        if what == "flip" and tail:
            content = head + bytes([tail[0] ^ (1 << number % 8)]) + tail[1:]
        elif what == "cut":
            content = head
        elif what == "delete":
            content = head + tail[length:]
        elif what == "insert":
            odd = ODD_BYTES[number % len(ODD_BYTES)]
            content = head + odd + tail[len(odd) if number % 2 else 0 :]
        elif what == "repeat":
            content = head + tail[:length] * 3 + tail
    return content


def nested(depth):
    """Return objects in objects."""
    return functools.reduce(lambda inner, _: {"x": inner}, range(depth), {})


ODD_VALUES = (
    None, True, "", "x", "x" * 5000, "a\nb\tc", "\ud800", "\x1b[2J\x9b\r\x07", "\u202e", "../../etc/passwd",
    0, -1, 2.5, 1e308, 10**18, 10**30, 10**400, math.nan, math.inf,
    [], [None], [1.5, 2, 3], [[1, 2], [3]], [{"a": 1}, {"b": [1, {}]}, {}],
    {}, {"seed": 1}, {"\x1b]0;x\x07": 1}, {"x" * 5000: 1}, {"\ud800": "\ud800"}, nested(15), nested(600),
)  # fmt: skip


def places(value, path=()):
    """Yield every place in a JSON value, as the keys that lead there."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield from places(child, (*path, key))


def replace(value, path, other):
    """Return a JSON value with another one at a place."""
    if not path:
        return other
    value = copy.deepcopy(value)
    functools.reduce(operator.getitem, path[:-1], value)[path[-1]] = other
    return value


# What must hold of every reader


def read_or_refuse(reader, path):
    """Return what a reader gives, or None if it refuses the file in one line that names it."""
    try:
        return reader(path)
    except InputError as error:
        message = str(error)
        assert message.startswith(str(path))
        assert len(message) < len(str(path)) + 600
        assert message.isprintable()
        return None


def peak_memory(reader, path):
    """Return the largest number of bytes that a reader holds at a time, and the seconds it takes."""
    start = time.process_time()
    tracemalloc.start()
    try:
        read_or_refuse(reader, path)
        return tracemalloc.get_traced_memory()[1], time.process_time() - start
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("readers")


ARRAY = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
IDX = b"\0\0\x08\3" + np.array(ARRAY.shape, ">u4").tobytes() + ARRAY.tobytes()


def reference_idx(content):
    """Return the array in the content of an idx file, or None if it is no such file."""
    if content[:3] != b"\0\0\x08" or len(content) < 4 or content[3] not in (1, 2, 3, 4):
        return None
    start = 4 + 4 * content[3]
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    if len(content) < start or len(content) - start != math.prod(shape):
        return None
    return np.array(list(content[start:]), np.uint8).reshape(shape)


@given(changes=CHANGES)
def test_read_idx_of_a_mutated_file(folder, changes):
    content = mutate(IDX, changes)
    path = folder / "idx.gz"
    path.write_bytes(gzip.compress(content, mtime=0))
    array, expected = read_or_refuse(images.read_idx, path), reference_idx(content)
    assert (array is None) == (expected is None)
    if expected is not None:
        np.testing.assert_array_equal(array, expected)


@given(changes=CHANGES)
def test_read_idx_of_a_mutated_gzip_file(folder, changes):
    path = folder / "compressed.gz"
    path.write_bytes(mutate(gzip.compress(IDX, mtime=0), changes))
    array = read_or_refuse(images.read_idx, path)
    assert array is None or np.array_equal(array, ARRAY)  # the checksum finds all else


@pytest.mark.parametrize("shape", [(10**5, 28, 28), (100, 28, 28), (2**32 - 1,), (2**32 - 1,) * 4])
def test_read_idx_unpacks_no_more_of_a_bomb_than_a_file_may_contain(folder, monkeypatch, shape):
    monkeypatch.setattr(images, "MAX_EXAMPLES", 200)
    path = folder / "bomb.gz"
    header = b"\0\0\x08" + bytes([len(shape)]) + np.array(shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(header + b"\0" * 10**7, mtime=0))
    memory, seconds = peak_memory(images.read_idx, path)
    assert memory < 2 * 100 * 784 + SLACK
    assert seconds < 1


CIFAR = b"".join(bytes([label]) + bytes([label, 9, 200] * 1024) for label in range(10))


@given(changes=CHANGES)
def test_read_cifar_batch_of_a_mutated_file(folder, changes):
    content = mutate(CIFAR, changes)
    path = folder / "data_batch_1.bin"
    path.write_bytes(content)
    found = read_or_refuse(images.read_cifar_batch, path)
    labels = list(content[:: images.CIFAR_RECORD])
    whole = content and len(content) % images.CIFAR_RECORD == 0 and max(labels) < 10
    assert (found is not None) == bool(whole)
    if found:
        assert found[1].tolist() == labels
        joined = b"".join(bytes([label]) + pixels.tobytes() for pixels, label in zip(*found))
        assert joined == content


def test_read_cifar_batch_refuses_a_file_that_would_fill_the_memory(folder, monkeypatch):
    monkeypatch.setattr(images, "MAX_CIFAR_RECORDS", 20)
    path = folder / "large.bin"
    with path.open("wb") as file:
        file.truncate(10**10)
    assert peak_memory(images.read_cifar_batch, path)[0] < 2 * len(CIFAR) + SLACK


PARTS = {part: f"{part} a rose is a <unk> \n and N \n" for part in text.PARTS}
WORDS = {part: content.replace("\n", "<eos>").split() for part, content in PARTS.items()}


def zip_of(files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


PTB = zip_of({f"ptb/ptb.{part}.txt": content for part, content in PARTS.items()})


@given(changes=CHANGES)
def test_read_archive_of_a_mutated_file(folder, changes):
    path = folder / "ptb.zip"
    path.write_bytes(mutate(PTB, changes))
    parts = read_or_refuse(text.read_archive, path)
    assert parts in (None, WORDS)


@given(changes=CHANGES)
def test_read_archive_of_a_mutated_directory(folder, changes):
    """The directory at the end of the archive, where the sizes are, is what a reader trusts."""
    start = PTB.index(b"PK\1\2")
    path = folder / "ptb.zip"
    path.write_bytes(PTB[:start] + mutate(PTB[start:], changes))
    assert read_or_refuse(text.read_archive, path) in (None, WORDS)


def test_read_archive_refuses_more_words_than_would_fit_into_memory(folder, monkeypatch):
    monkeypatch.setattr(text, "MAX_WORDS", 1000)
    path = folder / "words.zip"
    path.write_bytes(zip_of({f"ptb.{part}.txt": " ".join(map(str, range(10**4))) for part in text.PARTS}))
    assert peak_memory(text.read_archive, path)[0] < SLACK
    with pytest.raises(InputError, match="'train' contains more than 1,000 words"):
        text.read_archive(path)


AIRFOIL = b"800\t0\t0.3048\t71.3\t0.00266337\t126.201\n1e3 -0.5 .3 71.3 2.6E-3 +125\n"
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def reference_airfoil(content):
    """Return the rows of the table, or None if it is invalid."""
    lines = [line.split() for line in content.decode("ascii", "replace").splitlines() if line.strip()]
    if not lines or not all(len(line) == 6 and all(map(NUMBER.fullmatch, line)) for line in lines):
        return None
    rows = [[float(field) for field in line] for line in lines]
    return rows if np.isfinite(rows).all() else None


@given(changes=CHANGES)
def test_read_airfoil_of_a_mutated_file(folder, changes):
    content = mutate(AIRFOIL, changes)
    path = folder / "airfoil.dat"
    path.write_bytes(content)
    rows = read_or_refuse(airfoil.read_airfoil, path)
    assert (None if rows is None else rows.tolist()) == reference_airfoil(content)


def test_read_airfoil_refuses_more_lines_than_would_fit_into_memory(folder):
    path = folder / "airfoil.dat"
    path.write_text("1 1 1 1 1 1\n" * 9999)
    with pytest.raises(InputError, match=r"airfoil\.dat: contains more than 3,000 lines"):
        airfoil.read_airfoil(path)


SENTENCES = "il dort .\the sleeps .\nça va ?\thow  are you ?\n\n".encode()


def reference_pairs(content):
    """Return the pairs, or None if the file is invalid."""
    try:
        lines = [line for line in content.decode().split("\n") if line.strip()]
    except UnicodeDecodeError:
        return None
    pairs = [[side.split() for side in line.split("\t")] for line in lines]
    words = [word for pair in pairs for side in pair for word in side]
    whole = pairs and all(len(pair) == 2 and all(pair) for pair in pairs)
    printable = all(map(str.isprintable, words)) and not {"<pad>", "<bos>", "<eos>", "<unk>"} & set(words)
    return tuple(tuple(" ".join(side) for side in pair) for pair in pairs) if whole and printable else None


@given(changes=CHANGES)
def test_read_pairs_of_a_mutated_file(folder, changes):
    content = mutate(SENTENCES, changes)
    path = folder / "pairs.txt"
    path.write_bytes(content)
    assert read_or_refuse(translation.read_pairs, path) == reference_pairs(content)


def test_read_pairs_refuses_a_file_that_would_fill_the_memory(folder):
    path = folder / "large.txt"
    with path.open("wb") as file:
        file.truncate(10**10)
    assert peak_memory(translation.read_pairs, path)[0] < SLACK


# Results


def honest_result():
    rows = [{"epoch": i, "train_loss": 1 / i, "test_acc": 0.8, "seconds": 0.1} for i in (1, 2)]
    pair = {"ours": "scratch", "theirs": "gluon", "steps": 50, "max_abs_diff": 0.0, "tolerance": 1e-6}
    result = Result(
        "softmax_regression",
        0,
        {"lr": 0.1},
        dataset="fashion_mnist",
        runs=[
            RunResult(impl, "", 0, History(rows), {"train_loss": 0.5, "test_acc": 0.8})
            for impl in ("scratch", "gluon")
        ],
        parity={"steps": 50, "max_abs_diff": 0.0, "pairs": [{**pair, "left_at": {"step": 3}}]},
        tables={"t": [{"a": 1}, {"b": 2}]},
        notes={"n": {"statements": [{"text": "Sums.", "code": "1", "output": "1", "holds": True}]}},
        changed={"lr": 0.2},
        environment={"python": "3", "threads": 1, "packages": {"numpy": "2"}},
        figures={"curves": None},
    )
    result.compare()
    return result.as_json()


HONEST = honest_result()
PLACES = list(places(HONEST))


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    """Return two folders with the honest result and its figure, of which tests change the first."""
    folder = tmp_path_factory.mktemp("sides")
    for name in "ab":
        (folder / name).mkdir()
        (folder / name / "result.json").write_text(json.dumps(HONEST))
        (folder / name / "curves.svg").write_text(SVG)
    return folder / "a", folder / "b"


SVG = '<?xml version="1.0"?><svg><metadata><dc:title>Loss &amp; accuracy</dc:title></metadata></svg>'


def show_everywhere(sides):
    """Let every reader of results show both folders; return all that went to the terminal."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        for function in (make_report, compare_sides, print_result):
            try:
                function(*sides)
            except InputError as error:
                print(error)
    shown = output.getvalue()
    assert shown.replace("\n", "").replace("\t", "").isprintable()
    shown.encode()
    return shown


def make_report(ours, _):
    found = summary.collect(ours)
    report.page(found).encode()
    found.save(ours)
    for problem in found.problems:
        assert len(problem) < 500
        print(problem)


def compare_sides(ours, theirs):
    compare.CompareCommand(ours, theirs, all=True)()
    compare.CompareCommand(ours / "summary.json", theirs)()


def print_result(ours, _):
    result = Result.load(ours / "result.json")
    print(result)
    result._repr_html_().encode()


@given(place=st.sampled_from(PLACES), value=st.sampled_from(ODD_VALUES))
def test_results_with_an_odd_value_anywhere(sides, place, value):
    (sides[0] / "result.json").write_text(json.dumps(replace(HONEST, place, value)))
    show_everywhere(sides)


@given(changes=CHANGES)
def test_results_with_mutated_text(sides, changes):
    (sides[0] / "result.json").write_bytes(mutate(json.dumps(HONEST).encode(), changes))
    show_everywhere(sides)


def load(path):
    """Read a file of results in the way that its name asks for."""
    return sources.read(path)


@given(place=st.data(), value=st.sampled_from(ODD_VALUES))
def test_summaries_with_an_odd_value_anywhere(sides, place, value):
    (sides[0] / "result.json").write_text(json.dumps(HONEST))
    summary.collect(sides[0]).save(sides[0])
    path = sides[0] / "summary.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(replace(content, place.draw(st.sampled_from(list(places(content)))), value)))
    read_or_refuse(load, path)


def lists(depth):
    """Return lists in lists."""
    return functools.reduce(lambda inner, _: [inner], range(depth), [])


@pytest.mark.parametrize("make", [nested, lists])
def test_parse_json_accepts_twenty_levels_and_no_more(make):
    text = json.dumps(make(19))
    assert schema.parse_json(text) == json.loads(text)
    with pytest.raises(ValueError, match="nested more than 20 levels deep"):
        schema.parse_json(json.dumps(make(20)))


def test_read_json_refuses_a_file_that_is_larger_than_any_of_ours(tmp_path):
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(2**26 + 1)  # without any blocks on the disk
    with pytest.raises(ValueError, match="it is larger than 67,108,864 bytes"):
        schema.read_json(path)
    with path.open("wb") as file:
        file.write(b" " * (2**26 - 1) + b"1")
    assert schema.read_json(path) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"a": 1, "a": 2}', "it has the key 'a' twice in one object"),
        (json.dumps(nested(600)), "it is nested more than 20 levels deep"),
        ("[" * 10**5, "it is nested more than 20 levels deep"),
        (json.dumps({"x" * 5000: 1}), "a name has 5,000 characters: x"),
        ('{"a": "\ufffd"}', "result must have 'chapter'"),
        (json.dumps({**HONEST, "chapter": "x" * 5000}), "chapter must be shorter than or equal to 500"),
        (json.dumps({**HONEST, "chapter": "a\nb"}), "chapter must match pattern"),
        (json.dumps({**HONEST, "figures": ["../secret.svg"]}), r"figures\[0\] must match pattern"),
        (json.dumps({**HONEST, "figures": ["x" * 300]}), r"figures\[0\] must be shorter"),
    ],
)
def test_load_says_what_no_result_contains(tmp_path, content, says):
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(InputError, match=rf"result\.json: not a readable result \({says}"):
        Result.load(tmp_path / "result.json")


def test_load_refuses_histories_whose_columns_differ_in_length(tmp_path):
    content = replace(HONEST, ("runs", "scratch", "history", "test_acc"), [0.8])
    (tmp_path / "result.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="the columns of a history differ in length"):
        Result.load(tmp_path / "result.json")


def test_load_makes_all_text_printable(sides):
    text = (
        json.dumps(HONEST)
        .replace("Sums.", r"\u001b]0;title\u0007\ud800\u202e")
        .replace('"a"', r'"\u001b[2J"')
    )
    (sides[0] / "result.json").write_text(text)
    shown = show_everywhere(sides)
    assert "\ufffd]0;title\ufffd\ufffd\ufffd" in shown
    assert "\ufffd[2J" in shown


def test_collect_names_folders_printably(tmp_path):
    (tmp_path / "\x1b[2J").mkdir()
    (tmp_path / "\x1b[2J" / "result.json").write_text("{")
    [problem] = summary.collect(tmp_path).problems
    assert problem.isprintable()


# Figures


def figure_of(sides, content):
    """Return what the report makes of a figure's file."""
    path = sides[0] / "curves.svg"
    path.write_bytes(content)
    return figures.read_figure(path)


@given(changes=CHANGES)
def test_figures_that_were_mutated(sides, changes):
    content = mutate(SVG.encode(), changes)
    figure = figure_of(sides, content)
    assert (figure.source is None) == (b"<svg" not in content)
    assert (figure.problem is None) == (figure.source is not None)
    figure.alt.encode()


@functools.cache
def drawn_figure():
    """Return a figure's file as matplotlib writes it."""
    scatter = {"a": (np.arange(9.0).reshape(3, 3) / 9, np.arange(3) % 2)}
    return plot.render(plot.heat_maps([("a", scatter["a"][0], "abc", "def")], "Title", "weight"), "svg")


@given(changes=CHANGES)
def test_drawn_figures_that_were_mutated(sides, changes):
    figure = figure_of(sides, mutate(drawn_figure(), changes))
    assert (figure.problem is None) == (figure.source is not None)
    figure.alt.encode()


@pytest.mark.parametrize("number", ["1.2.3", "--", "9" * 400, "."])
def test_figures_with_something_in_place_of_a_number_stay_as_they_are(number):
    content = re.sub(rb' d="M [\d.]+', b' d="M ' + number.encode(), drawn_figure(), count=1)
    assert content != drawn_figure()
    assert svg.rewritten(content) is content


@pytest.mark.parametrize(
    "piece",
    [
        b"<!-- a -->",
        b"<!-- ",
        b'<!-- a --><g transform="scale(0.1 -0.1)">',
        b'<use xlink:href="#a" x="1" y="2" style="a"/>',
        b"<metadata>",
        b'<g id="text_1">\n',
        b"<g>",
        b"</g>",
        b' d="M 1 2 ',
        b"<defs>",
        b"<svg ",
    ],
)
def test_figures_of_many_equal_pieces_take_no_longer(piece):
    content = drawn_figure().replace(b"</svg>", piece * (400_000 // len(piece)) + b"</svg>")
    start = time.process_time()
    svg.rewritten(content)
    figures._description(content, "")
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "piece", [b"<dc:title>", b"</dc:title>", b"<dc:title>&amp;", b"</dc:title><dc:title>"]
)
def test_figures_with_many_titles_take_no_longer(sides, piece):
    start = time.process_time()
    figure = figure_of(sides, b"<svg>" + piece * (400_000 // len(piece)))
    assert time.process_time() - start < 0.5
    assert len(figure.alt) <= figures.MAX_TITLE


def test_figures_are_never_what_a_link_leads_to(sides, tmp_path):
    secret = tmp_path / "secret.svg"
    secret.write_text("<svg>secret</svg>")
    path = sides[0] / "curves.svg"
    path.unlink()
    path.symlink_to(secret)
    (sides[0] / "result.json").write_text(json.dumps(HONEST))
    page = report.page(summary.collect(sides[0]))
    assert "data:image/svg" not in page
    assert "The figure curves.svg is not shown: it is a link or no file." in page
    path.unlink()


def test_figures_that_are_too_large_or_no_image_are_not_shown(sides, monkeypatch):
    assert "no SVG" in figure_of(sides, b"root:x:0:0").problem
    monkeypatch.setattr(figures, "MAX_FIGURE", 10)
    assert "more than 10 bytes" in figure_of(sides, SVG.encode()).problem


# Size


def seconds_to_show(folder, content):
    """Return the seconds that the report and a comparison of a result with itself take."""
    paths = [folder / name for name in "ab"]
    for path in paths:
        path.mkdir(exist_ok=True)
        # The other side has other numbers.
        (path / "result.json").write_text(
            json.dumps(content).replace("0.5", "0.6" if path.name == "b" else "0.5")
        )
    start = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        report.page(summary.collect(paths[0]))
        compare.CompareCommand(*paths)()
    return time.process_time() - start


def wide_history(n):
    return {"runs": {"scratch": {"history": {f"c{i}": [0.5] for i in range(n)}, "metrics": {}}}}


def many_metrics(n):
    return {"runs": {f"r{i}": {"history": {}, "metrics": {f"m{i}": 0.5}} for i in range(n)}}


def wide_table(n):
    return {"tables": {"t": [{f"c{i}": 1 for i in range(n)}, *[{}] * n]}}


@pytest.mark.parametrize("content", [wide_history, many_metrics, wide_table])
def test_results_of_many_parts_take_linear_time(tmp_path, content):
    seconds = seconds_to_show(tmp_path, {**HONEST, **content(3000)})
    # The first call imports, too, and a busy machine doubles the time; a square would be six seconds.
    assert seconds < 3 + 10 * seconds_to_show(tmp_path, {**HONEST, **content(300)})


def test_report_of_a_folder_with_impossible_names_says_so(tmp_path):
    (tmp_path / "result.json").mkdir()
    with pytest.raises(InputError, match="no results there"):
        summary.collect(tmp_path)
    assert not Path(tmp_path, "summary.json").exists()
