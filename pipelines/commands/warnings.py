"""What a user should know of results that did not fail: what a stage warned of, and gates that stop nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipelines.commands.run import Outcome
from pipelines.state.history import History
from pipelines.state.materialization import Materialization


@dataclass(frozen=True)
class AssetWarning:
    """One sentence on an asset; `check` names the gate that it is about, None if its stage warned."""

    asset: str
    words: str
    check: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As the commands' `--json` prints it; `check` only where there is one."""
        described = {"asset": self.asset, "warning": self.words}
        return described if self.check is None else {**described, "check": self.check}


def of_run(recipe: str, outcomes: Iterable[Outcome], history: History) -> tuple[AssetWarning, ...]:
    """The warnings of all assets that have a result, computed or reused, in the order of `outcomes`.

    What failed has one only if a gate held it up: then the sentences of its stage may say why.
    """
    collected: list[AssetWarning] = []
    for item in outcomes:
        entry = None if item.outcome == "skipped" else history.latest(recipe, item.asset)
        if entry is not None and (item.outcome != "failed" or _held_up(item, entry)):
            collected += of_entry(entry)
    return tuple(collected)


def of_entry(entry: Materialization) -> tuple[AssetWarning, ...]:
    """What a stage warned of, then the checks that failed without stopping anything."""
    stage = [AssetWarning(entry.asset, words) for words in entry.warnings]
    checks = [check for check in entry.checks if not check.passed and not check.blocking]
    return (*stage, *(AssetWarning(entry.asset, check.words, check.name) for check in checks))


def _held_up(item: Outcome, entry: Materialization) -> bool:
    """Whether the entry is the one that failed; a stage that raised left none, and the newest is an older one."""
    return any(check.words in item.cause for check in entry.blocked)
