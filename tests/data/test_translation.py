"""Sentences and their translations as data: reading, numbers of words, stand-in numbers, and BLEU."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2l_repro.data import download, translation
from d2l_repro.data.translation import Pairs, as_numbers, bleu, load_numbers, load_pairs, read_pairs
from d2l_repro.errors import InputError

PAIRS = Pairs("x", "x", (("a b .", "c ."), ("a .", "d d c ."), ("a b a b a b .", "c .")), ())
WORDS = st.lists(st.sampled_from("abcd"), min_size=2, max_size=7).map(" ".join)


@pytest.fixture(autouse=True)
def empty_cache():
    translation._load.cache_clear()
    yield
    translation._load.cache_clear()


def test_minibatches_pad_sentences_and_give_the_decoder_the_words_before():
    data = PAIRS.minibatches(batch_size=5, num_steps=5, seed=0)
    [(X, y)] = list(data.train_iter)
    source, given, target = (
        sorted(vocabulary.text(row) for row in rows.asnumpy().astype(int))
        for vocabulary, rows in (
            (PAIRS.source_words, X[:, 0]),
            (PAIRS.target_words, X[:, 1]),
            (PAIRS.target_words, y),
        )
    )
    # the third pair does not fit
    assert source == ["a . <eos> <pad> <pad>", "a b . <eos> <pad>"]
    assert given == ["<bos> c . <eos> <pad>", "<bos> d d c ."]
    assert target == ["c . <eos> <pad> <pad>", "d d c . <eos>"]


def test_minibatches_need_a_pair_that_fits():
    with pytest.raises(InputError, match="--num-steps: no sentence and its translation have fewer than 3"):
        PAIRS.minibatches(1, 3, 0)


def test_as_numbers_marks_unknown_words_and_ends_what_is_too_long():
    numbers = as_numbers(["a z .", "a b a b a b"], PAIRS.source_words, 4)
    assert [PAIRS.source_words.text(row) for row in numbers] == ["a <unk> . <eos>", "a b a <eos>"]


def test_load_numbers_has_each_number_once_and_tests_with_known_words():
    pairs = load_numbers()
    assert len({*pairs.train, *pairs.new}) == len(pairs.train) + len(pairs.new) == 100
    for french, english in (
        ("seize .", "sixteen ."),
        ("dix sept .", "seventeen ."),
        ("vingt et un .", "twenty one ."),
        ("soixante et onze .", "seventy one ."),
        ("quatre vingt un .", "eighty one ."),
        ("quatre vingt onze .", "ninety one ."),
        ("quatre vingt dix neuf .", "ninety nine ."),
    ):
        assert (french, english) in pairs.train
    for source, target in pairs.new:
        assert set(source.split()) <= set(pairs.source_words.words)
        assert set(target.split()) <= set(pairs.target_words.words)


def test_load_pairs_falls_back_to_numbers_if_the_file_is_unavailable(offline):
    stand_in = load_pairs()
    assert (stand_in.name, stand_in.stand_in_for) == ("numbers", "fr_en")
    assert load_pairs("numbers").stand_in_for is None
    with pytest.raises(download.DataUnavailable, match=r"misc/fr-en-small\.txt: not found in"):
        load_pairs("fr_en")
    with pytest.raises(InputError, match="unknown data set 'bible'; choose from auto, fr_en, numbers"):
        load_pairs("bible")


def test_load_pairs_marks_a_file_that_is_not_the_published_one(offline, tmp_path):
    (tmp_path / "misc").mkdir()
    (tmp_path / "misc" / "fr-en-small.txt").write_text("il dort .\the sleeps .\n")
    pairs = load_pairs(data_dir=tmp_path)
    assert not pairs.official
    assert pairs.minibatches(1, 7, 0).official is False
    assert pairs.train == (("il dort .", "he sleeps ."),)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("a\tb\nc d\n", "line 2: expected a sentence, a tab and its translation"),
        ("a\tb\tc\n", "line 1: expected a sentence"),
        ("\ta\n", "line 1: expected a sentence"),
        ("a\tb <pad>\n", "line 1: contains characters that cannot be printed, or one of the words <unk>"),
        ("a\tb \x1b[2J\n", "line 1: contains characters that cannot be printed"),
        ("\n \n", "is empty"),
        ("a\tb\n" * 401, "contains more than 400 lines"),
        (b"\xff\tb\n", "utf-8"),
    ],
)
def test_read_pairs_says_what_is_wrong_in_one_line(tmp_path, content, fault):
    path = tmp_path / "pairs.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=fault) as caught:
        read_pairs(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_load_pairs_finds_the_published_sentences(real_data):
    if not (real_data / "misc" / "fr-en-small.txt").is_file():
        pytest.skip("no misc/fr-en-small.txt there")
    pairs = load_pairs("fr_en", real_data)
    assert pairs.official
    assert len(pairs.train) == 20
    assert ("ils regardent .", "they are watching .") in pairs.train
    assert (len(pairs.source_words), len(pairs.target_words)) == (47, 39)
    assert not set(pairs.new) & set(pairs.train)
    for source, target in pairs.new:  # of words that are known
        assert set(source.split()) <= set(pairs.source_words.words)
        assert set(target.split()) <= set(pairs.target_words.words)


# BLEU


def reference_bleu(predicted, right, k):
    """Return BLEU, each time counting one n-gram of the right translation off the list."""
    ours, theirs = predicted.split(), right.split()
    logarithm = min(0, 1 - len(theirs) / len(ours))
    for n in range(1, k + 1):
        left = [theirs[i : i + n] for i in range(len(theirs) - n + 1)]
        grams = [ours[i : i + n] for i in range(len(ours) - n + 1)]
        matched = 0
        for gram in grams:
            if gram in left:
                left.remove(gram)
                matched += 1
        if not matched:
            return 0
        logarithm += 0.5**n * math.log(matched / len(grams))
    return math.exp(logarithm)


@given(WORDS, WORDS)
def test_bleu_equals_a_count_of_matches(predicted, right):
    assert bleu(predicted, right) == pytest.approx(reference_bleu(predicted, right, 2), abs=1e-12)
    assert 0 <= bleu(predicted, right) <= 1


@given(WORDS, WORDS)
def test_bleu_is_1_for_the_same_words_in_a_row_only(predicted, right):
    assert bleu(right, right) == 1
    if bleu(predicted, right) == 1:
        assert Counter(predicted.split()) == Counter(right.split())


@given(WORDS, st.permutations("abcd"))
def test_bleu_does_not_depend_on_what_the_words_are(right, names):
    renamed = str.maketrans("abcd", "".join(names))
    predicted = right[::-1]
    assert bleu(predicted, right) == bleu(predicted.translate(renamed), right.translate(renamed))


def test_bleu_has_the_numbers_of_the_book():
    # p_1 = 4/5, p_2 = 3/4, p_3 = 1/3, p_4 = 0
    expected = (4 / 5) ** (1 / 2) * (3 / 4) ** (1 / 4) * (1 / 3) ** (1 / 8) * math.exp(1 - 6 / 5)
    assert bleu("A B B C D", "A B C D E F", k=3) == pytest.approx(expected)
    assert bleu("A B B C D", "A B C D E F", k=4) == 0
    assert bleu("A B", "A B C D E F") == pytest.approx(0.14, abs=0.005)  # exp(1 - 6/2): too short
    assert bleu("they are russian .", "they are canadian .") == pytest.approx(0.658, abs=0.0005)


@pytest.mark.parametrize("predicted", ["", "they", "canadian are"])
def test_bleu_is_0_without_two_right_words_in_a_row(predicted):
    assert bleu(predicted, "they are canadian .") == 0
