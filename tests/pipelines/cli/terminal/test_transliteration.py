"""What an encoding lacks is replaced by ASCII that reads alike; what it has stays."""

import io

import pytest

from pipelines.cli.terminal.console import Terminal
from pipelines.cli.terminal.transliteration import HANDLER, readable

_ENCODINGS = ["ascii", "latin-1", "cp1252", "cp437", "utf-8"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("9.65 µs, 9.65 μs", "9.65 us, 9.65 us"),
        ("−15.3 points", "-15.3 points"),
        ("24.1×", "24.1x"),
        ("4 → 8", "4 -> 8"),
        ("a … b – c — d", "a ... b - c - d"),
        ("≥ 3, ≤ 4, ≈ 5, ± 6", ">= 3, <= 4, ~ 5, +/- 6"),
        ("‘one’ “two”", "'one' \"two\""),
        ("┌─┬┐│╵╭╯━┃╸", "+-++||++-|-"),
        ("naïve café, ﬁne, m²", "naive cafe, fine, m2"),
        ("日本", r"\u65e5\u672c"),
        ("\udcff.png", r"\xff.png"),
    ],
)
def test_ascii_reads_like_what_it_replaces(text: str, shown: str) -> None:
    assert readable(text, "ascii") == shown


def test_what_an_encoding_has_stays() -> None:
    assert readable("µ × – … → −", "utf-8") == "µ × – … → −"
    assert readable("µ × – … → −", "cp1252") == "µ × – … -> -"
    assert readable("µ × – … → −", "latin-1") == "µ × - ... -> -"
    assert readable("µ × é", "cp437") == "µ x é"


@pytest.mark.parametrize("encoding", _ENCODINGS)
def test_no_character_at_all_fails_or_becomes_a_question_mark(encoding: str) -> None:
    """Each of the first 65,536 characters, surrogates included, and a few beyond."""
    everything = "".join(map(chr, range(0x10000))).replace("?", "") + "🏃😀𝛼"
    with io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=HANDLER) as stream:
        stream.write(everything)
        stream.flush()
        stream.seek(0)
        written = stream.buffer.read().decode(encoding)
    # Their decompositions hold question marks of their own: ⁇, ⁈, ⁉ and the wide and small ones.
    for character in "⁇⁈⁉？﹖︖":
        everything = everything.replace(character, "")
    assert "?" not in everything.encode(encoding, HANDLER).decode(encoding)
    assert len(written) >= len(everything)


def test_control_characters_of_a_name_do_not_reach_the_terminal() -> None:
    assert readable("a\x1b[31m\rb\x9b.png", "utf-8") == r"a\x1b[31m\x0db\x9b.png"
    assert readable("two\nlines\tand a tab", "utf-8") == "two\nlines\tand a tab"


@pytest.mark.parametrize("name", ["[bold]x[/bold]", "d[/x].png", "scan[a].png", ":smile:", "[link=http://a]b[/link]"])
def test_a_name_is_shown_as_it_is(name: str) -> None:
    console = Terminal(file=io.StringIO(), force_terminal=True, width=80)
    console.print(name)
    console.print(console.text(name, (name, "bold")))
    console.say(name)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert shown.count(name) == 4
    assert "\N{SMILING FACE WITH OPEN MOUTH AND SMILING EYES}" not in shown


def test_what_is_no_terminal_has_no_width_and_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    console = Terminal(file=io.StringIO())
    sentence = "word " * 100
    console.print(console.text((sentence, "bold red")))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == sentence + "\n"
