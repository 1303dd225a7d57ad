"""Tables that fit: what gives way, what folds, and what stands below."""

import io

import pytest

from pipelines.cli.terminal import layout
from pipelines.cli.terminal.console import Terminal
from pipelines.cli.terminal.layout import Column

_LONG = "quantized_student/a_rather_long_name_of_a_model"


def _terminal(width: int) -> Terminal:
    return Terminal(file=io.StringIO(), width=width)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_sentences_stand_below_a_name_that_leaves_no_room(width: int) -> None:
    why = "upstream student/a_rather_long_name_of_a_model; upstream teacher"
    names = Column("asset", ["teacher", _LONG], right=False)
    columns = [
        Column("state", [("fresh", "green"), ("stale", "yellow")], right=False),
        Column("why", ["", why], right=False, prose=True),
        Column("digest", ["0123456789ab", "ba9876543210"], right=False),
    ]
    lines, left_out = layout.lay(_terminal(width), names, columns)
    plain = [line.plain for line in lines]
    assert left_out == (["digest"] if width == 60 else [])
    assert all(len(line) <= width for line in plain)
    assert "".join("".join(plain).split()).count(_LONG) == 1
    assert all(any(word in line for line in plain) for word in why.split())
    if width == 200:
        assert plain[-1] == f"{_LONG}  stale  {why}  ba9876543210"


def test_wide_characters_keep_columns_in_line() -> None:
    names = Column("image", ["日本.png", "a.png"], right=False)
    lines, _ = layout.lay(_terminal(80), names, [Column("probability", ["50.2%", "1.0%"])])
    assert len({line.cell_len for line in lines}) == 1


def test_a_table_without_rows_shows_its_heads() -> None:
    lines, left_out = layout.lay(_terminal(40), Column("asset", [], right=False), [Column("state", [])])
    assert [line.plain for line in lines] == ["asset  state"]
    assert left_out == []
