"""Text as data: vocabulary, windows, the embedded grammar, and archives that are not trusted."""

import random
import zipfile

import numpy as np
import pytest

from d2l_repro.data import download, text
from d2l_repro.data.text import Vocabulary, Windows, load_grammar, load_text, read_archive
from d2l_repro.errors import InputError

PARTS = {"train": "a rose is a rose \n is <unk> \n", "valid": "a lily is \n", "test": "is a lily \n"}


@pytest.fixture(autouse=True)
def empty_cache():
    text._load.cache_clear()
    yield
    text._load.cache_clear()


@pytest.fixture
def archive(tmp_path):
    """Return a function: archive({name: content}, compression) writes a zip file and returns its path."""

    def put(files, compression=zipfile.ZIP_DEFLATED):
        (tmp_path / "ptb").mkdir(exist_ok=True)
        path = tmp_path / "ptb" / "ptb.zip"
        with zipfile.ZipFile(path, "w", compression) as file:
            for name, content in files.items() if isinstance(files, dict) else files:
                file.writestr(name, content)
        return path

    return put


def ptb_files(folder="ptb/", **changes):
    """Return name -> content of the three parts."""
    return {f"{folder}ptb.{part}.txt": content for part, content in {**PARTS, **changes}.items()}


def test_vocabulary_is_sorted_by_frequency_then_alphabetically_and_maps_other_words_to_unk():
    vocabulary = Vocabulary("b b a c a b <eos>".split())
    assert vocabulary.words == ["b", "a", "<eos>", "c", "<unk>"]
    numbers = vocabulary.numbers("c lily b".split())
    assert numbers.tolist() == [3, 4, 0]
    assert vocabulary.text(numbers) == "c <unk> b"


def test_windows_continue_each_row_and_y_is_shifted_by_one_word():
    windows = Windows(
        np.arange(100, 130), batch_size=3, num_steps=4
    )  # rows of 9 words, of which 8 fill windows
    batches = [(X.asnumpy(), y.asnumpy()) for X, y in windows]
    assert len(batches) == len(windows) == 2
    np.testing.assert_array_equal(
        batches[0][0], [[100, 101, 102, 103], [109, 110, 111, 112], [118, 119, 120, 121]]
    )
    np.testing.assert_array_equal(batches[1][0], batches[0][0] + 4)
    for X, y in batches:
        np.testing.assert_array_equal(y, X + 1)
    assert [len(list(windows)) for _ in range(2)] == [2, 2]


def test_windows_need_one_word_more_than_x_contains():
    windows = Windows(np.arange(7), batch_size=2, num_steps=3)
    assert next(iter(windows))[1].asnumpy().tolist() == [[1, 2, 3], [4, 5, 6]]
    with pytest.raises(InputError, match="--batch-size, --num-steps: a text of 6 words is too short"):
        Windows(np.arange(6), batch_size=2, num_steps=3)


@pytest.mark.parametrize("folder", ["ptb/", "simple-examples/data/", ""])
def test_read_archive_reads_each_layout_and_marks_the_ends_of_lines(archive, folder):
    parts = read_archive(archive({"readme.txt": "x", "../evil.txt": "x", **ptb_files(folder)}))
    assert parts["train"] == "a rose is a rose <eos> is <unk> <eos>".split()
    assert parts["valid"] == "a lily is <eos>".split()


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        (
            ptb_files(train="x" * (text.MAX_PART + 1)),
            r"train.txt would expand from [\d,]+ to 10,500,001 bytes",
        ),
        (ptb_files(train="x " * 100000), r"train.txt would expand from [\d,]+ to 200,000 bytes"),
        (ptb_files(valid=" "), "the part 'valid' contains no words"),
        (ptb_files(valid=b"\xff\xfe\x00"), "utf-8"),
        ({"ptb/ptb.train.txt": "a"}, "it contains no files named ptb/ptb.valid.txt or"),
        (ptb_files("../"), "it contains no files"),
        (ptb_files("/"), "it contains no files"),
        ({**ptb_files("ptb/"), **ptb_files("")}, "it contains 2 files"),
        ({}, "it contains no files"),
    ],
)
def test_read_archive_rejects_implausible_archives_in_one_line(archive, files, fault):
    path = archive(files)
    with pytest.raises(InputError, match=fault) as caught:
        read_archive(path)
    assert str(caught.value).startswith(f"{path}: cannot be read (")
    assert str(caught.value).endswith("replace it with the published file")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_read_archive_rejects_compression_methods_without_a_size_limit(archive, compression):
    with pytest.raises(InputError, match="by a method other than deflate"):
        read_archive(archive(ptb_files(), compression))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_read_archive_rejects_duplicate_and_encrypted_files(archive):
    twice = [*ptb_files().items(), ("ptb/ptb.train.txt", "another")]
    with pytest.raises(InputError, match="it contains 2 files"):
        read_archive(archive(twice))
    path = archive(ptb_files())
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the encryption flag, in the archive's directory
    path.write_bytes(content)
    with pytest.raises(InputError, match="is encrypted"):
        read_archive(path)


def test_read_archive_reads_no_more_than_the_declared_size(archive):
    path = archive(ptb_files(train="a b " * 8))
    content = bytearray(path.read_bytes())
    size = content.index(b"PK\x01\x02") + 24
    assert content[size] == 32
    content[size] = 6
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        read_archive(path)


def test_read_archive_raises_input_errors_for_random_damage(archive):
    path = archive(ptb_files())
    whole = path.read_bytes()
    rng = random.Random(0)
    damaged = [whole[:length] for length in range(0, len(whole), 7)]
    for _ in range(400):
        content = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        damaged.append(bytes(content))
    refused = 0
    for content in damaged:
        path.write_bytes(content)
        try:
            read_archive(path)
        except InputError:
            refused += 1
    assert refused > len(damaged) / 2


def test_read_archive_does_not_open_an_archive_that_is_too_large(archive, monkeypatch):
    path = archive(ptb_files())
    monkeypatch.setattr(text, "MAX_ARCHIVE", 10)
    with pytest.raises(InputError, match="is larger than 10 bytes"):
        read_archive(path)


def test_load_text_falls_back_to_the_grammar_if_the_treebank_is_unavailable(offline):
    stand_in = load_text()
    assert (stand_in.name, stand_in.stand_in_for) == ("grammar", "ptb")
    assert load_text("grammar").stand_in_for is None
    with pytest.raises(download.DataUnavailable, match=r"ptb/ptb\.zip: not found in"):
        load_text("ptb")
    with pytest.raises(InputError, match="unknown data set 'bible'; choose from auto, ptb, grammar"):
        load_text("bible")


def test_load_text_never_replaces_a_corrupt_treebank(offline, tmp_path):
    (tmp_path / "ptb").mkdir()
    (tmp_path / "ptb" / "ptb.zip").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"ptb\.zip: cannot be read"):
        load_text(data_dir=tmp_path)


def test_load_text_never_replaces_what_a_folder_named_by_the_user_lacks(offline, tmp_path):
    with pytest.raises(InputError, match=rf"ptb/ptb\.zip: not found in {tmp_path}, .*leave out --data-dir"):
        load_text("auto", tmp_path)


def test_load_text_marks_a_text_that_is_not_the_published_one(offline, archive):
    path = archive(ptb_files())
    ours = load_text("ptb", path.parents[1])
    assert not ours.official
    assert ours.windows(1, 2).official is False


def test_load_grammar_is_reproducible_and_its_verbs_agree():
    ours, again, other = load_grammar(), load_grammar(), load_grammar(seed=1)
    assert ours.train_words == again.train_words
    assert ours.train_words != other.train_words
    assert [len(part) for part in (ours.train_words, ours.valid_words, ours.test_words)] == [
        30000,
        4000,
        4000,
    ]
    assert set(ours.valid_words) <= set(ours.train_words)
    follows = set(zip(ours.train_words, ours.train_words[1:]))
    assert ("anna", "sleeps") in follows
    assert ("anna", "sleep") not in follows


def test_load_text_finds_the_published_numbers_of_words(real_data):
    if not (real_data / "ptb").is_dir():
        pytest.skip("no ptb/ there")
    ptb = load_text("ptb", real_data)
    assert ptb.official
    assert len(ptb.train_words) == 929589
    assert len(ptb.valid_words) == 73760
    assert len(ptb.vocabulary) == 10000
    assert {"<unk>", "<eos>", "N"} <= set(ptb.vocabulary.words)
    assert len(ptb.windows(20, 35).train_iter) == 1327
    assert len(load_text("ptb", real_data, quick=True).train_words) == 8000
