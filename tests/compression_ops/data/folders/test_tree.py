"""What a person would count as theirs below a folder, and what else was met on the way."""

import os
from pathlib import Path
from typing import Any

import pytest

from compression_ops.data.folders.pictures import PICTURES
from compression_ops.data.folders.tree import Tree
from compression_ops.errors import DataError


def _grow(root: Path, *files: str) -> Tree:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return Tree(root, PICTURES)


def _below(tree: Tree, folder: str) -> list[str]:
    return [path.relative_to(tree.root).as_posix() for path in tree.below(tree.root / folder)]


@pytest.mark.parametrize(
    "folder",
    [
        "@eaDir", "@EADIR", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found", "__MACOSX",
        ".AppleDouble", ".ipynb_checkpoints", ".thumbnails", ".Trash-1000", "@Recycle", "FOUND.000", "Thumbs",
    ],
)  # fmt: skip
def test_folders_that_systems_keep_are_left_out_and_their_pictures_counted(tmp_path: Path, folder: str) -> None:
    tree = _grow(tmp_path, "a/1.jpg", f"a/{folder}/1.jpg/thumb.jpg", f"a/{folder}/2.jpg", f"{folder}/3.txt")
    assert _below(tree, "a") == ["a/1.jpg"]
    assert [path.name for path in tree.folders(tmp_path)] == ["a"]
    [warning] = tree.warnings()
    assert (
        f"2 picture(s) in 1 folder(s) that are hidden or that a system keeps for itself were left out: a/{folder} (2)"
        in warning
    )


def test_what_systems_and_editors_write_beside_pictures_is_no_sample(tmp_path: Path) -> None:
    notes = ["Thumbs.db", "desktop.ini", ".DS_Store", "._1.jpg", "Icon\r"]
    copies = ["1.jpg.bak", "1.jpg~", ".1.jpg", "2.png.part", "1.NEF"]
    tree = _grow(tmp_path, *(f"a/{name}" for name in ["1.jpg", "notes.txt", *notes, *copies]))
    assert _below(tree, "a") == ["a/1.jpg", "a/notes.txt"]
    [warning] = tree.warnings()
    assert "5 file(s) that are copies of others" in warning


def test_a_link_upwards_or_to_itself_brings_in_no_other_class(tmp_path: Path) -> None:
    tree = _grow(tmp_path, "a/1.png", "b/1.png", "store/x/2.png")
    for name, target in {
        "up": tmp_path,
        "higher": tmp_path.parent,
        "self": tmp_path / "a",
        "x": tmp_path / "store",
    }.items():
        (tmp_path / "a" / name).symlink_to(target)
    (tmp_path / "a" / "x2").symlink_to(tmp_path / "store")
    assert _below(tree, "a") == ["a/1.png", "a/x/x/2.png"]


def test_all_links_to_nothing_and_pipes_are_named(tmp_path: Path) -> None:
    tree = _grow(tmp_path, "a/1.png")
    (tmp_path / "a" / "2.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "a" / "3.png").symlink_to(tmp_path / "a" / "3.png")
    os.mkfifo(tmp_path / "a" / "4.png")
    assert _below(tree, "a") == ["a/1.png"]
    with pytest.raises(DataError, match=r"3 name.*\n  a/2\.png\n  a/3\.png\n  a/4\.png"):
        tree.require_readable()


def test_all_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = _grow(tmp_path, "a/1.png", "a/2.png", "a/x/3.png")
    listed, allowed = os.scandir, os.access

    def scandir(path: Path) -> Any:
        if path.name == "x":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    # The superuser, who runs tests in a container, may read everything.
    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "2.png" and allowed(path, mode))
    assert _below(tree, "a") == ["a/1.png"]
    with pytest.raises(DataError, match=r"2 folder.*\n  a/2\.png: Permission denied\n  a/x: Permission denied"):
        tree.require_readable()
