"""Texts as a source gives them: what was cut, left out or odd is counted and named."""

import numpy as np
import pytest

from compression_ops.data.modalities.tokens import Tokens
from compression_ops.data.samples import HoldOut
from compression_ops.data.texts import words
from compression_ops.data.texts.coding import Coding
from compression_ops.data.texts.corpus import Corpus, Text, of_array
from compression_ops.errors import DataError


def corpus(**fields: object) -> Corpus:
    return Corpus(Coding.model_validate({"length": 4, **fields}), "here", ("low", "high"))


def test_texts_are_codes_of_their_words_with_labels_names_and_groups() -> None:
    texts = [Text("a b", 0, "1.txt", "x"), Text("c d e f g", 1, "2.txt", "y")]
    found = corpus().samples(texts, grouped=True)
    assert found.values.tolist() == [[words.code("a"), words.code("b"), 0, 0], [*map(words.code, "cdef")]]
    assert found.labels.tolist() == [0, 1]
    assert found.groups is not None
    assert found.names is not None
    assert (found.groups.tolist(), found.names.tolist()) == (["x", "y"], ["1.txt", "2.txt"])


def warnings(*texts: Text, **fields: object) -> tuple[str, ...]:
    found = corpus(**fields)
    return found.raw(found.samples(texts), HoldOut(0.2), ["before"]).warnings[1:]


def test_sound_texts_cost_no_warning() -> None:
    assert warnings(Text("a b", 0, "1"), Text("a c", 0, "2"), Text("d", 1, "3"), vocabulary=4) == ()


@pytest.mark.parametrize(
    ("texts", "fields", "told"),
    [
        (("a b", "a", "..."), {}, "1 text(s) without a word were left out: 2."),
        (
            ("a b", "a b c d e", "c"),
            {},
            "1 of 3 texts are longer than length, 4 words, and were cut; the longest has 5: 1.",
        ),
        (
            ("a b c d e", "b c d e f g"),
            {},
            "all 2 texts are longer than length, 4 words, and were cut; the longest has 6. A larger `length` keeps "
            "more of them.",
        ),
        (
            ("a b", "c"),
            {"vocabulary": 9},
            "vocabulary is 9, and the texts have 3 different words: every word of the training split has an id.",
        ),
        (("a b", "A, b"), {}, "all 2 texts of class 'low' have the same words. Check them."),
    ],
)
def test_what_is_odd_is_counted_and_named(texts: tuple[str, ...], fields: dict[str, int], told: str) -> None:
    assert warnings(*(Text(text, 0, str(number)) for number, text in enumerate(texts)), **fields) == (f"here: {told}",)


def test_texts_without_any_word_are_told() -> None:
    with pytest.raises(DataError, match="here: no text has a word of letters or digits"):
        warnings(Text("...", 0, "1"))


def test_only_a_vocabulary_needs_the_words_of_the_corpus() -> None:
    for fields, expected in (
        ({"buckets": 7}, Tokens("hashed", 9)),
        ({"vocabulary": 7}, Tokens("words", 9, ("a", "b"))),
    ):
        found = corpus(**fields)
        assert found.raw(found.samples([Text("b a", 0, "1")]), HoldOut(0.2)).modality == expected


def test_an_array_of_ids_is_taken_as_it_is_and_one_of_strings_by_its_words() -> None:
    told = list[str]()
    ids, modality = of_array(np.array([[3, 0], [5, 1]], np.uint16), "x", told)
    assert (ids.tolist(), ids.dtype, modality) == ([[3, 0], [5, 1]], np.int64, Tokens("ids", 6))
    np.testing.assert_array_equal(modality.encoded(ids), ids)
    values, modality = of_array(np.array(["b a", "a"]), "x", told, {"length": 3, "vocabulary": 2})
    assert values.tolist() == [[words.code("b"), words.code("a"), 0], [words.code("a"), 0, 0]]
    assert modality == Tokens("words", 4, ("a", "b"))
    assert told == []


def test_an_array_is_told_what_a_folder_of_the_same_texts_is() -> None:
    texts, fields, told = ["a b c d e", "f", "a", "b"], {"length": 4, "vocabulary": 9}, list[str]()
    of_array(np.array(texts), "here", told, fields)
    named = [Text(text, number % 2, f"number {number}") for number, text in enumerate(texts)]
    assert tuple(told) == warnings(*named, **fields)
    assert len(told) == 2


def test_ids_that_are_padded_in_front_are_told() -> None:
    told = list[str]()
    of_array(np.array([[0, 3], [4, 5], [6, 0], [0, 0]]), "here", told)
    assert [text.partition(",")[0] for text in told] == ["here: 1 of 4 texts have a 0 before another id"]


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.zeros((2, 3)), r"x: float64 \[2, 3\]; allowed are ids of words, whole numbers \[N, L\], or texts"),
        (np.array([[1, -1]]), "x: ids from -1 to 1; allowed are 0"),
        (np.array([[1, 2**20]]), "x: ids from 1 to 1048576; allowed are 0"),
        (np.array(["a", "!"]), r"x: 1 text\(s\) without a word, number 1\. Remove them"),
        (np.array([b"a"]), r"x: \|S1 \[1\]; allowed are ids"),
    ],
)
def test_an_array_of_anything_else_is_told(array: np.ndarray, told: str) -> None:
    with pytest.raises(DataError, match=told):
        of_array(array, "x", [])
    with pytest.raises(DataError, match=r"x: ids of words, which are taken as they are; leave dataset\.length out"):
        of_array(np.array([[2, 3]]), "x", [], {"length": 4})
