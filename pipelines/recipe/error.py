"""A recipe's mistake in words: where it stands, what was found, what is allowed, what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from compression_ops.errors import CompressionError

UNKNOWN_KEY = "unknown key"


@dataclass(frozen=True)
class Mistake:
    """One mistake: its line (1-based), the field's path, and what a user needs to mend it.

    `found` and `allowed` are empty where `problem` says them.
    """

    line: int
    path: str
    problem: str
    found: str
    allowed: str
    nearest: str | None = None

    def text(self, file: str) -> str:
        """`file:line: path: problem`, then what was found and what is allowed, a line each."""
        where = f"{file}:{self.line}: " + (f"{self.path}: " if self.path else "")
        lines = [where + self.problem]
        if self.found:
            lines.append(f"  found:   {self.found}")
        if self.allowed:
            lines.append(f"  allowed: {self.allowed}")
        if self.nearest:
            lines.append(f"  did you mean `{self.nearest}`?")
        return "\n".join(lines)


class RecipeError(CompressionError):
    """One recipe's mistakes, in the order of the file: all of them, or those that are told of very many."""

    def __init__(self, file: str, mistakes: Sequence[Mistake], untold: int = 0) -> None:
        """`untold` is how many more there are."""
        self.file = file
        self.mistakes = tuple(sorted(mistakes, key=lambda mistake: mistake.line))
        more = [f"{file}: and {untold:,} more mistakes"] if untold else []
        super().__init__("\n".join([*(mistake.text(file) for mistake in self.mistakes), *more]))


def nearest(word: object, choices: Sequence[str]) -> str | None:
    """The choice that a typist most likely meant, if any is close; nobody mistypes a word as a number or a list."""
    close = get_close_matches(word, choices, n=1, cutoff=0.6) if isinstance(word, str) else []
    return close[0] if close else None


def shown(value: Any) -> str:
    """A value as a user would write it in YAML, with its kind, cut at 80 characters."""
    if value is None:
        return "nothing (an empty value)"
    if isinstance(value, bool):
        return f"{str(value).lower()} (true/false)"
    if isinstance(value, int) and abs(value) > 10**30:
        return "a whole number of more than 30 digits"
    if isinstance(value, int | float):
        return f"{value} (a number)"
    if isinstance(value, str):
        return f"{_cut(repr(str(value)))} (text)"
    if isinstance(value, dict):
        return f"a map with the keys {_cut(', '.join(str(key) for key in value) or 'none')}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}: {_cut(str([*value]))}"
    return f"{_cut(str(value))} ({type(value).__name__})"


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
