"""`compression init` on a table beside images, and the recipe that it writes, run."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from compression_ops.data.dataset import SPLITS, load_split
from pipelines.commands.init import plan
from pipelines.commands.init.init import init
from pipelines.recipe import edit, file
from pipelines.recipe.error import RecipeError
from tests.pipelines import product, recipes
from tests.pipelines.images import image


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`data/labels.csv` of 60 grey images of three classes in `data/train`, named without their ending."""
    monkeypatch.setattr(plan, "_seconds", lambda *_: 0.01)
    (tmp_path / "data" / "train").mkdir(parents=True)
    for number in range(60):
        image(tmp_path / "data" / "train" / f"{number:03d}.png", (40, 120, 200)[number % 3], number)
    columns = {"id": [f"{n:03d}" for n in range(60)], "breed": ["pug", "beagle", "boxer"] * 20}
    columns["patient"] = [f"p{n // 2}" for n in range(60)]
    pd.DataFrame(columns).to_csv(tmp_path / "data" / "labels.csv", index=False)
    return tmp_path / "data" / "labels.csv"


def test_the_recipe_states_the_columns_and_is_valid(table: Path, defs: Path) -> None:
    started = init("dogs", table, "simple_cnn")
    checked = file.check(defs / "dogs" / "defs.yaml").recipe.dataset
    assert checked == started.file.recipe.dataset
    stated = checked.model_dump()
    assert {name: stated[name] for name in ("source", "images", "file", "label", "split", "groups", "channels")} == {
        "source": "image_table",
        "images": "train",
        "file": "id",
        "label": "breed",
        "split": None,
        "groups": None,
        "channels": 1,
    }
    assert started.survey.counts == {"beagle": 20, "boxer": 20, "pug": 20}
    assert any("`groups: patient`" in oddity for oddity in started.survey.oddities)
    assert "# groups: " in started.file.path.read_text()


def test_its_data_set_follows_table_and_pictures(table: Path, defs: Path) -> None:
    init("dogs", table, "simple_cnn")
    edit.set_values(defs / "dogs" / "defs.yaml", {"dataset.image_size": 12})
    assert product.computed("dogs", ["dataset"]) == {"dataset"}
    assert product.computed("dogs", ["dataset"]) == set()
    pixels = _stored()
    expected = {np.asarray(Image.open(path)).tobytes() for path in table.parent.glob("train/*.png")}
    assert pixels == expected

    frame = pd.read_csv(table, dtype=str)
    frame.iloc[:57].to_csv(table, index=False)
    assert product.causes("dogs")["dataset"] == ["raw data changed"]
    assert product.computed("dogs", ["dataset"]) == {"dataset"}
    assert len(_stored()) == 57
    image(table.parent / "train" / "000.png", 250)
    assert product.causes("dogs")["dataset"] == ["raw data changed"]

    table.parent.joinpath("train").rename(table.parent / "elsewhere")
    with pytest.raises(RecipeError, match=r"dataset\.images: no such folder"):
        file.check(defs / "dogs" / "defs.yaml")


def _stored() -> set[bytes]:
    """The images of all splits of the newest data set."""
    folder = product.pipeline("dogs").store.fetch(product.entry("dataset", "dogs").artifact)
    return {image.numpy().tobytes() for split in SPLITS for image in load_split(folder, split).samples}


@pytest.mark.slow
def test_a_recipe_of_a_table_in_another_folder_runs_from_end_to_end(table: Path, defs: Path, tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    moved = table.rename(tmp_path / "meta" / "labels.csv")
    source = (
        f"source: image_table, path: {moved}, images: ../data/train, file: id, label: breed, groups: patient, "
        "image_size: 12, channels: 1, validation_fraction: 0.2, seed: 0"
    )
    text = recipes.edited(
        ("source: digits, validation_fraction: 0.1, seed: 0, limit: 200", source),
        ("batch_size: 64\n    learning", "batch_size: 8\n    learning"),
        ("samples: 64", "samples: 16"),
    )
    recipes.write(defs, text=text)
    assert len(product.computed()) == 9
    assert set(product.states().values()) == {"fresh"}
