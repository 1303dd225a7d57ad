"""Ids of words against dictionaries and counts made by hand, hashlib, and onnxruntime."""

import hashlib
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from compression_ops.data.dataset import Description, load_description, save_description
from compression_ops.data.modalities import known
from compression_ops.data.modalities.images import Images
from compression_ops.data.modalities.tokens import Tokens
from compression_ops.data.texts import words
from compression_ops.errors import DataError
from compression_ops.onnx_model import metadata, raw_samples
from compression_ops.onnx_model.session import open_session
from tests.compression_ops import linear_models

TEXTS = ["The cat sat.", "the DOG sat on the cat", "a dog, a cat & a mouse", "mice sat"]
LENGTH = 6
HASHED = Tokens("hashed", 2 + 100)


def codes(texts: list[str], length: int = LENGTH) -> np.ndarray:
    return np.stack([words.row(words.of(text), length) for text in texts])


def vocabulary(size: int, rows: list[int] | None = None) -> Tokens:
    corpus = tuple(sorted({word for text in TEXTS for word in words.of(text)}))
    return Tokens("words", 2 + size, corpus).fitted(codes(TEXTS), np.array(rows or range(len(TEXTS))))


def by_hand(word: str, buckets: int) -> int:
    """As the sentence in every model's metadata says it."""
    number = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
    return 2 + ((number >> 2) + 1) % buckets


def told_words(text: str) -> list[str]:
    """As that sentence says what a word is, letter by letter."""
    found, is_open = list[str](), False
    for letter in unicodedata.normalize("NFC", text.lower()):
        kind = unicodedata.category(letter)
        begins = kind[0] in "LN" or letter == "_"
        if begins and not is_open:
            found.append(letter)
        elif begins or (is_open and kind in ("Mn", "Mc")):
            found[-1] += letter
        is_open = begins or (is_open and kind in ("Mn", "Mc"))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cat's 2 n_samples!", ["the", "cat", "s", "2", "n_samples"]),
        ("ÜBER-Straße", ["über", "straße"]),
        ("日本 語", ["日本", "語"]),
        (" \t\n.,;", []),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("İstanbul, ta\u0331m.", ["i\u0307stanbul", "ta\u0331m"]),
        ("ที่นี่ ❤\ufe0f \u0301x", ["ที่นี่", "x"]),
    ],
)
def test_words_are_runs_of_letters_digits_and_underscores_in_lower_case(text: str, expected: list[str]) -> None:
    assert words.of(text) == expected
    assert words.of(unicodedata.normalize("NFD", text)) == expected


def test_hashed_ids_are_those_that_the_metadata_tell_how_to_compute() -> None:
    texts = [*TEXTS, "हिन्दी_2 में, İstanbul! ❤\ufe0f E\u0301te\u0301", "½ \u0301 日本"]
    found = HASHED.encoded(codes(texts))
    expected = [[by_hand(word, 100) for word in told_words(text)][:LENGTH] for text in texts]
    assert found.tolist() == [ids + [0] * (LENGTH - len(ids)) for ids in expected]
    assert found.dtype == np.int64


def test_a_vocabulary_holds_the_most_frequent_words_of_the_training_split_alone() -> None:
    rows = [0, 1, 3]
    counts = Counter(word for row in rows for word in words.of(TEXTS[row])[:LENGTH])
    expected = sorted(counts, key=lambda word: (-counts[word], word))[:4]
    found = vocabulary(4, rows)
    assert list(found.words) == expected
    assert found.size == 6


def test_a_vocabulary_gives_each_of_its_words_its_place_and_others_one_id() -> None:
    found = vocabulary(4)
    places = {word: 2 + place for place, word in enumerate(found.words)}
    expected = [[places.get(word, 1) for word in words.of(text)][:LENGTH] for text in TEXTS]
    assert found.encoded(codes(TEXTS)).tolist() == [ids + [0] * (LENGTH - len(ids)) for ids in expected]


def test_a_vocabulary_larger_than_the_words_has_no_ids_without_a_word() -> None:
    assert vocabulary(1000).size == 2 + len({word for text in TEXTS for word in words.of(text)})


def test_a_text_is_known_again_whatever_its_padding_and_vocabulary() -> None:
    short, long = codes(TEXTS[:1], 4), codes(TEXTS[:1], 9)
    assert HASHED.digests(short) == vocabulary(2).digests(long)
    assert len(set(HASHED.digests(codes(TEXTS)))) == len(TEXTS)
    cut = HASHED.digests(codes(TEXTS, 3))
    assert [a == b for a, b in zip(HASHED.digests(codes(TEXTS)), cut, strict=True)] == [
        len(words.of(text)) <= 3 for text in TEXTS
    ]


def test_ids_that_are_padded_in_front_or_between_are_known_apart() -> None:
    ids = np.random.default_rng(0).integers(0, 3, (300, 5)) * 7
    expected = [row[: max((place + 1 for place in range(5) if row[place]), default=0)] for row in ids.tolist()]
    found = Tokens("ids", 50).digests(ids)
    assert found == [hashlib.sha256(np.array(row, np.int64).tobytes()).digest() for row in expected]
    assert len(set(found)) == len(set(map(tuple, expected)))


def test_a_text_is_shown_by_its_words_or_by_its_ids() -> None:
    known, (text,) = vocabulary(4), codes(TEXTS[1:2], 8)
    expected = " ".join(word if word in known.words else "?" for word in words.of(TEXTS[1]))
    assert known.shown(known.encoded(text)) == expected
    assert "?" in expected
    assert HASHED.shown(HASHED.encoded(text)) == "ids " + ", ".join(
        str(by_hand(word, 100)) for word in words.of(TEXTS[1])
    )
    assert Tokens("ids", 9).shown(np.array([0, 0, 5, 1])) == "ids 5, 1"
    assert known.shown(np.full(25, 2)) == " ".join([known.words[0]] * 24) + ", …"
    assert known.shown(np.zeros(3, np.int64)) == HASHED.shown(np.zeros(3, np.int64)) == "no words"


def description(modality: Tokens) -> Description:
    return Description(("a", "b", "c"), (LENGTH,), (), (), modality)


def test_ids_reach_the_network_as_the_same_numbers_in_torch_numpy_and_onnx() -> None:
    ids = np.array([[0, 1, 2, 3, 2**20, 2**24]] * 2, np.int64)
    said = description(HASHED)
    expected = ids.astype(np.float32)
    assert expected.astype(np.int64).tolist() == ids.tolist()
    np.testing.assert_array_equal(HASHED.normalize(torch.from_numpy(ids), said).numpy(), expected)
    np.testing.assert_array_equal(HASHED.normalize_array(ids, said), expected)
    network = linear_models.linear(np.eye(LENGTH, 3), (LENGTH,))
    shipped = raw_samples.normalizing(network, said)
    onnx.checker.check_model(shipped, full_check=True)
    session = open_session(shipped.SerializeToString())
    assert session.get_inputs()[0].type == "tensor(int64)"
    found = session.run(None, {"tokens": ids})[0]
    np.testing.assert_array_equal(found, open_session(network.SerializeToString()).run(None, {"input": expected})[0])


@pytest.mark.parametrize("modality", [HASHED, vocabulary(3), Tokens("ids", 12)], ids=["hashed", "words", "ids"])
def test_what_is_said_of_texts_comes_back_from_a_data_set_and_from_a_model(modality: Tokens, tmp_path: Path) -> None:
    said = description(modality)
    assert known.of_fields(modality.fields()) == modality
    save_description(tmp_path, said)
    assert load_description(tmp_path) == said
    model = linear_models.linear(np.eye(LENGTH, 3), (LENGTH,))
    metadata.describe(model, said)
    assert metadata.read(model).description == said


def test_ids_of_one_vocabulary_are_translated_into_those_of_another() -> None:
    mine, other = vocabulary(6), vocabulary(3, [2])
    ids = mine.encoded(codes(TEXTS))
    assert other.unlike(mine) is None
    places = {word: 2 + place for place, word in enumerate(other.words)}
    named = {0: 0, 1: 1} | {2 + place: places.get(word, 1) for place, word in enumerate(mine.words)}
    assert mine.translated(ids, other).tolist() == [[named[each] for each in row] for row in ids.tolist()]
    assert mine.translated(ids, HASHED)[ids > 1].tolist() == [by_hand(mine.words[i - 2], 100) for i in ids[ids > 1]]


def test_what_a_vocabulary_cannot_say_to_a_model_is_told() -> None:
    mine, other = vocabulary(6), vocabulary(3, [2])
    gone = [word for word in mine.words if word not in other.words]
    assert other.lost(mine) == f"the data set's vocabulary lacks {len(gone)} of the 6 words it knows: {', '.join(gone)}"
    assert "it knows every word, and the data set's vocabulary of 6 " in str(mine.lost(HASHED))
    for same, model in ((mine, mine), (Tokens("words", 5, mine.words[:3]), Tokens("words", 4, mine.words[:2]))):
        assert same.lost(model) is None
    assert HASHED.lost(Tokens("hashed", 52)) is HASHED.lost(mine) is Images().lost(Images()) is None


def test_buckets_are_translated_into_fewer_that_divide_them_and_into_no_others() -> None:
    half = Tokens("hashed", 2 + 50)
    ids = HASHED.encoded(codes(TEXTS))
    assert half.unlike(HASHED) is None
    np.testing.assert_array_equal(HASHED.translated(ids, half), half.encoded(codes(TEXTS)))
    assert "hashed into 30 buckets, and the data set's are hashed into 100" in str(Tokens("hashed", 32).unlike(HASHED))
    assert "a vocabulary of 3 words" in str(vocabulary(3).unlike(HASHED))


def test_drift_is_the_index_of_the_words_frequencies_without_padding() -> None:
    before, after = Tokens("words", 4, ("cat", "sat")), Tokens("words", 4, ("a", "cat"))
    first, second = before.encoded(codes(TEXTS)), after.encoded(codes(TEXTS[2:]))
    assert before.drift(first, first, before) == 0
    # Of unknown words, cat, sat and a; each of the first three has more than a tenth, and so a bin of its own.
    p, q = np.maximum(np.array([[11, 3, 3, 0], [4, 1, 0, 3]]) / [[17], [8]], 1e-4)
    assert after.drift(first, second, before) == pytest.approx(float(np.sum((q - p) * np.log(q / p))))


def test_drift_of_other_lengths_buckets_and_words_counts_what_is_in_common() -> None:
    ids = HASHED.encoded(codes(TEXTS))
    longer, halved = HASHED.encoded(codes(TEXTS, 9)), Tokens("hashed", 2 + 50)
    texts = [text for text in TEXTS if len(words.of(text)) <= LENGTH]
    assert HASHED.drift(HASHED.encoded(codes(texts)), HASHED.encoded(codes(texts, 9)), HASHED) == 0
    assert halved.drift(ids, halved.encoded(codes(TEXTS)), HASHED) == 0
    assert Tokens("hashed", 2 + 99).drift(ids, longer, HASHED) > 1
    assert Tokens("ids", 102).drift(ids, ids, HASHED) > 1


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (np.zeros((3, 4), np.float32), r"float32 \[3, 4\]; a data source must give texts int64 \[N, L\]"),
        (np.full((3, 4), -1, np.int64), "ids from -1 to -1; allowed are 0 to 11"),
        (np.full((3, 4), 12, np.int64), "ids from 12 to 12; allowed are 0 to 11"),
    ],
)
def test_what_are_no_ids_is_told(values: np.ndarray, found: str) -> None:
    with pytest.raises(DataError, match=found):
        Tokens("ids", 12).require_sound("train", values)


def test_texts_that_are_all_equal_are_told() -> None:
    with pytest.raises(DataError, match="all texts have the same words"):
        HASHED.statistics(np.full((3, 4), 5), "train")
    assert HASHED.statistics(np.eye(3, 4, dtype=np.int64), "train") == ((), (), [])


def test_a_users_file_is_read_as_the_training_texts_were(tmp_path: Path) -> None:
    file = tmp_path / "one.txt"
    file.write_text(TEXTS[1], encoding="utf-8")
    ((name, ids, _),) = HASHED.read(file, description(HASHED))
    assert name == str(file)
    np.testing.assert_array_equal(ids, HASHED.encoded(codes(TEXTS[1:2]))[0])
    file.write_text("...")
    with pytest.raises(DataError, match=r"one\.txt: a text without words"):
        HASHED.read(file, description(HASHED))
    with pytest.raises(DataError, match="the data state ids without their words"):
        Tokens("ids", 4).read(file, description(Tokens("ids", 4)))


def test_a_users_file_is_utf_8_or_bears_a_mark_and_is_no_table(tmp_path: Path) -> None:
    file = tmp_path / "one.txt"
    file.write_text(TEXTS[1], encoding="utf-16")
    np.testing.assert_array_equal(HASHED.read(file, description(HASHED))[0].value, HASHED.encoded(codes(TEXTS[1:2]))[0])
    file.write_text("Straße", encoding="cp1252")
    with pytest.raises(DataError, match=r"in Windows-1252 it is ß\)\. Save it in UTF-8\.$"):
        HASHED.read(file, description(HASHED))
    for name, content in (("rows.CSV", b"text,stars\ngood,3\n"), ("rows", b"PAR1\x15")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=rf"{name}: a table; the model takes a text a file\. Save"):
            HASHED.read(tmp_path / name, description(HASHED))


def test_texts_are_none_of_another_kind() -> None:
    assert Images().indices() is None
    assert HASHED.indices() == HASHED.arguments()["vocabulary"] == 102
