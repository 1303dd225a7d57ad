"""When the samples of a table are its texts, and when its rows or pictures are."""

from pathlib import Path

import pandas as pd
import pytest

from compression_ops.data.survey import look
from compression_ops.data.tables import guess
from compression_ops.errors import DataError

_ROWS = 24
_TEXTS = [f"the part with number {n} came back in spring" for n in range(_ROWS)]
_LABELS = ["kept", "sold"] * (_ROWS // 2)
_AGES = [20 + 3 * n for n in range(_ROWS)]
_DATES = [f"Mon Jan {1 + n} 2024 10:11:{10 + n}" for n in range(_ROWS)]


def _write(folder: Path, **columns: object) -> Path:
    pd.DataFrame(columns).to_csv(folder / "t.csv", index=False)
    return folder / "t.csv"


@pytest.mark.parametrize(
    "further",
    [
        {},
        {"id": [7 * n for n in range(_ROWS)]},
        {"rowId": [f"r{n}" for n in range(_ROWS)], "part": range(100, 100 + _ROWS)},
        {"split": ["train"] * 20 + ["test"] * 4, "patient": [n // 2 for n in range(_ROWS)]},
        {"label_number": [0, 1] * (_ROWS // 2)},
    ],
)
def test_columns_that_say_nothing_of_a_text_are_left_aside_and_told(further: dict[str, object], tmp_path: Path) -> None:
    table = _write(tmp_path, report=_TEXTS, label=_LABELS, **further)
    assert guess.texts_of(table) == guess.Texts("report", "label", tuple(further))
    survey = look(table)
    assert survey.source == "text_table"
    assert all(name in survey.oddities[0] for name in further)


@pytest.mark.parametrize(
    "columns",
    [
        {"age": _AGES, "income": [n * n for n in _AGES], "address": _TEXTS},
        {"when": _DATES, "paid": [1.5 * n for n in range(_ROWS)]},
        {"note": _TEXTS, "colour": ["red", "green", "blue"] * (_ROWS // 3)},
    ],
)
def test_any_other_column_makes_the_rows_the_samples(columns: dict[str, object], tmp_path: Path) -> None:
    table = _write(tmp_path, **columns, label=_LABELS)
    assert guess.texts_of(table) is None
    survey = look(table)
    assert (survey.source, dict(survey.stated)) == ("csv", {"target": "label"})


def test_dates_are_no_texts(tmp_path: Path) -> None:
    assert guess.texts_of(_write(tmp_path, when=_DATES, label=_LABELS)) is None


def test_pictures_that_are_named_without_an_ending_are_found_before_their_reports(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "images").mkdir()
    for number in range(_ROWS):
        Image.new("L", (16, 16), 10 * number).save(tmp_path / "images" / f"x{number}.png")
    table = _write(tmp_path, image=[f"x{n}" for n in range(_ROWS)], report=_TEXTS, label=_LABELS)
    survey = look(table)
    assert (survey.source, survey.stated["file"]) == ("image_table", "image")


def test_where_the_target_is_not_clear_the_way_to_take_the_texts_is_told_too(tmp_path: Path) -> None:
    table = _write(tmp_path, report=_TEXTS, mood=_LABELS, age=_AGES)
    with pytest.raises(DataError, match=r"dataset: \{source: text_table, path: .*, text: report, label: …\}"):
        look(table)
