"""`compression check` looks into data as far as no pixel is read."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.recipe import file
from pipelines.recipe.error import RecipeError
from tests.pipelines import recipes

_DIGITS = "{source: digits, validation_fraction: 0.1, seed: 0, limit: 200}"


def _table(folder: Path) -> str:
    (folder / "img").mkdir()
    rows = ["picture,breed,fold"]
    for number in range(6):
        Image.new("RGB", (9, 9), (number, 0, 0)).save(folder / "img" / f"{number}.png")
        rows.append(f"img/{number}.png,{'pug' if number % 2 else 'boxer'},{'train' if number < 4 else 'test'}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return (
        f"{{source: image_table, path: {folder}/labels.csv, file: picture, label: breed, split: fold, image_size: 8}}"
    )


def _archive(folder: Path) -> str:
    pixels = np.zeros((6, 9, 9), np.uint8)
    np.savez(folder / "a.npz", images=pixels, labels=np.arange(6) % 2, patient=np.arange(6))
    return f"{{source: npz, path: {folder}/a.npz, groups: patient}}"


def _folder(folder: Path) -> str:
    for number in range(6):
        place = folder / "photos" / str(number % 2) / f"patient{number}"
        place.mkdir(parents=True)
        Image.new("RGB", (9, 9)).save(place / "1.png")
    return f"{{source: image_folder, path: {folder}/photos, image_size: 8, groups: folder}}"


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder / "photos")
    (folder / "photos").mkdir()


_Damage = Callable[[Path], object]
_MISREAD: dict[str, tuple[Callable[[Path], str], tuple[str, str], _Damage | None, str]] = {
    "a column of labels": (_table, ("label: breed", "label: bred"), None, "dataset.label: "),
    "a column of files": (_table, ("file: picture", "file: image"), None, "dataset.file: "),
    "a column of splits": (_table, ("split: fold", "split: folds"), None, "dataset.split: "),
    "a picture": (_table, ("", ""), lambda folder: (folder / "img" / "3.png").unlink(), "dataset.path: "),
    "no table": (_table, ("", ""), lambda folder: (folder / "labels.csv").write_bytes(b"\xff\xfe\0"), "dataset.path: "),
    "an array of groups": (_archive, ("groups: patient", "groups: module"), None, "dataset.groups: "),
    "no archive": (_archive, ("", ""), lambda folder: (folder / "a.npz").write_text("no"), "dataset.path: "),
    "a group of a picture": (_folder, ("groups: folder", "groups: '(film[0-9])'"), None, "dataset.groups: "),
    "no picture": (_folder, ("", ""), _emptied, "dataset.path: "),
}


@pytest.mark.parametrize("name", _MISREAD)
def test_what_is_not_there_or_not_so_is_told_at_its_field(name: str, defs: Path, tmp_path: Path) -> None:
    make, (right, wrong), damage, where = _MISREAD[name]
    stated = make(tmp_path)
    recipe = recipes.write(defs, text=recipes.edited((_DIGITS, stated)))
    assert file.check(recipe), "as it is made"

    recipe.write_text(recipes.edited((_DIGITS, stated.replace(right, wrong) if right else stated)))
    if damage is not None:
        damage(tmp_path)
    assert file.load("tiny"), "who only reads results needs no data"
    with pytest.raises(RecipeError) as told:
        file.check(recipe)
    (mistake,) = told.value.mistakes
    assert str(told.value).startswith(f"{recipe}:4: {where}"), str(told.value)
    assert len(mistake.problem) > 40, "with its cure, in the words of the source"
    assert "allowed: \n" not in str(told.value)
