"""A folder of texts; what is no text, or of another encoding, is told by its name."""

from pathlib import Path

import numpy as np
import pytest

from compression_ops.data.samples import HoldOut, Samples
from compression_ops.data.sources import text_folder
from compression_ops.data.sources.text_folder import TextFolder
from compression_ops.data.texts import words
from compression_ops.errors import DataError


def spec(root: Path, **fields: object) -> TextFolder:
    return TextFolder.model_validate({"source": "text_folder", "path": str(root), "length": 6, **fields})


def write(root: Path, texts: dict[str, str], encoding: str = "utf-8") -> Path:
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding=encoding)
    return root


def codes(*texts: str) -> list[list[int]]:
    return [words.row(words.of(text), 6).tolist() for text in texts]


def test_a_file_is_a_text_and_a_folder_a_class(tmp_path: Path) -> None:
    write(tmp_path, {"b/2.txt": "two Words", "b/10.md": "three", "a/in/1.TXT": "one"})
    raw = text_folder.read(spec(tmp_path, test_fraction=0.3), tmp_path)
    assert (raw.classes, raw.test, raw.warnings) == (("a", "b"), HoldOut(0.3), ())
    assert raw.train.values.tolist() == codes("one", "three", "two words")
    assert raw.train.labels.tolist() == [0, 1, 1]
    assert raw.train.names is not None
    assert raw.train.names.tolist() == ["a/in/1.TXT", "b/10.md", "b/2.txt"]
    assert text_folder.files(spec(tmp_path), tmp_path) == [tmp_path / name for name in raw.train.names]


def test_splits_and_groups_are_those_of_the_folders(tmp_path: Path) -> None:
    splits = ("p0", "train"), ("p1", "test")
    write(
        tmp_path, {f"{split}/{label}/{person}_1.txt": f"{split} {label}" for person, split in splits for label in "ab"}
    )
    raw = text_folder.read(spec(tmp_path, groups="/(p[0-9])_"), tmp_path)
    assert isinstance(raw.test, Samples)
    assert raw.test.values.tolist() == codes("test a", "test b")
    assert raw.train.groups is not None
    assert raw.train.groups.tolist() == ["p0", "p0"]


def test_what_is_not_named_like_a_text_is_left_out_and_told(tmp_path: Path) -> None:
    write(tmp_path, {"a/1.txt": "x", "b/1.txt": "y", "b/1.json": "{}"})
    raw = text_folder.read(spec(tmp_path), tmp_path)
    assert len(raw.train) == 2
    (warning,) = raw.warnings
    assert warning == f"{tmp_path}: 1 file(s) are not named like texts (1 .json) and were left out: b/1.json."


def test_texts_of_another_encoding_are_told_by_all_their_names_and_read_once_it_is_stated(tmp_path: Path) -> None:
    write(tmp_path, {"a/1.txt": "Straße", "b/1.txt": "weiß", "b/2.txt": "grau"}, "cp1252")
    with pytest.raises(DataError) as caught:
        text_folder.read(spec(tmp_path), tmp_path)
    assert f"{tmp_path}: 2 text(s) cannot be read" in str(caught.value)
    for place in ("a/1.txt: the byte 0xDF at position 4 is no utf-8", "b/1.txt: the byte 0xDF at position 3"):
        assert place in str(caught.value)
    raw = text_folder.read(spec(tmp_path, encoding="cp1252"), tmp_path)
    np.testing.assert_array_equal(raw.train.values, codes("straße", "weiß", "grau"))


def test_a_binary_file_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"a/1.txt": "x", "b/1.txt": "y\0z"})
    with pytest.raises(DataError, match=r"b/1\.txt: the byte 0x00 at position 1 is in no text: a binary file"):
        text_folder.read(spec(tmp_path), tmp_path)


def test_a_folder_without_class_folders_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"1.txt": "x"})
    with pytest.raises(DataError, match="holds no folders; expected one a class with its texts inside"):
        text_folder.read(spec(tmp_path), tmp_path)


def test_a_folder_is_looked_for_beside_the_recipe_too(tmp_path: Path) -> None:
    (tmp_path / "mails").mkdir()
    assert text_folder.locate(spec(Path("mails")), [tmp_path]) == tmp_path / "mails"
    assert text_folder.locate(spec(Path("gone")), [tmp_path]) is None
    with pytest.raises(ValueError, match="encoding"):
        spec(tmp_path, encoding="utf-9")
