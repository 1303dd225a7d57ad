"""Bytes against Python's own codecs; what is no text is told by its file and place."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from compression_ops.data.texts import text_file
from compression_ops.errors import DataError


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
def test_a_text_comes_back_in_its_encoding_without_a_mark(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("Straße".encode(encoding))
    assert text_file.read(tmp_path / "a.txt", encoding) == "Straße"


@pytest.mark.parametrize(
    ("raw", "encoding", "told"),
    [
        (
            "Straße".encode("cp1252"),
            "utf-8",
            r"a\.txt: the byte 0xDF at position 4 is no utf-8 \(in Windows-1252 it is ß\)",
        ),
        (b"abc\0def", "utf-8", r"a\.txt: the byte 0x00 at position 3 is in no text: a binary file"),
        ("ab".encode("utf-16"), "utf-8", r"begins as UTF-16 does, and is read as utf-8\. State encoding: utf-16"),
        (b"abc\xe9", "ascii", "0xE9 at position 3 is no ascii"),
        (b"xn--a", "idna", r"a\.txt: cannot be read as idna: .*State its encoding"),
    ],
)
def test_what_is_no_text_of_the_encoding_is_told_by_its_place(
    raw: bytes, encoding: str, told: str, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_bytes(raw)
    with pytest.raises(DataError, match=told):
        text_file.read(tmp_path / "a.txt", encoding)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.txt: cannot be read"):
        text_file.read(tmp_path / "gone.txt")


@pytest.mark.parametrize("encoding", ["utf-9", "", "hex", "rot13", "zip", "undefined"])
def test_what_is_no_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(ValidationError, match="encoding"):
        TypeAdapter(text_file.Encoding).validate_python(encoding)
