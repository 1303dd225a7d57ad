"""What a folder holds, by the names in it."""

from pathlib import Path

import pytest

from compression_ops.data.folders import kind


@pytest.mark.parametrize(
    ("names", "held"),
    [
        (["a/1.wav", "a/2.wav", "b/3.wav", *(f".git/objects/{n}.txt" for n in range(9))], "recordings"),
        (["a/1.txt", "b/2.txt", *(f"{n}.bin" for n in range(9))], "texts"),
        (["a/1.txt", *(f"a/.{n}.wav" for n in range(9)), *(f"@eaDir/{n}.jpg" for n in range(9))], "texts"),
        (["a/1.wav", "a/1.txt", "b/2.wav", "b/2.txt"], "recordings"),
        (["a/1.png", "a/1.txt", "b/2.png", "b/2.txt"], "images"),
        (["a/1", "b/2"], "images"),
    ],
)
def test_hidden_files_and_names_like_none_of_the_kinds_are_not_counted(
    names: list[str], held: str, tmp_path: Path
) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert kind.of(tmp_path) == held
