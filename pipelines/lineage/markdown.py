"""Words and values within Markdown, so that none of their characters is taken for a mark, as Showdown reads it."""

import re

_EDGE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")  # within a word an underscore is no mark


def name(words: str) -> str:
    """The name of a recipe or an asset, which holds no mark but underscores."""
    return _EDGE.sub(r"\\_", words)


def code(value: str) -> str:
    """Any text in one line, as code, between more backticks than it holds in a row."""
    line = " ".join(value.split()) or '""'
    fence = "`" * (max((len(found) for found in re.findall("`+", line)), default=0) + 1)
    room = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{room}{line}{room}{fence}"
