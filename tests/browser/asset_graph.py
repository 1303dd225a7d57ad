"""Dagster's page of a recipe: the graph of its asset group, read and clicked as a user does."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

_PATIENCE = 120.0  # seconds until a page must show what is expected
_FOLDERS = ("student", "control", "quantized_student")  # of assets that have a name of their own in the recipe
# A node that is about to be drawn has no name yet.
_READ = """nodes => nodes.filter(node => node.querySelector('[data-tooltip]')).map(node => ({
  title: node.querySelector('[data-tooltip]').dataset.tooltip,
  kinds: [...node.querySelectorAll('[class*=opTagsContainer]')].map(kind => kind.textContent),
  text: node.textContent,
}))"""
_RUNS = """{ runsOrError { ... on Runs { results {
  runId status assetSelection { path } assetMaterializations { assetKey { path } }
} } } }"""
_ENDED = ("SUCCESS", "FAILURE", "CANCELED")


@dataclass(frozen=True)
class Node:
    """What a node of the graph shows: its kinds and all of its text."""

    kinds: frozenset[str]
    text: str


@dataclass(frozen=True)
class Run:
    """A Dagster run: whether it succeeded, and the assets of the recipe that it materialized."""

    status: str
    assets: frozenset[str]


class AssetGraph:
    """The graph of one recipe's assets in an open page."""

    def __init__(self, page: Page, dagster: str, recipe: str) -> None:
        self.page = page
        self._dagster = dagster
        self._recipe = recipe

    def open(self) -> None:
        """Show the graph, all of it."""
        self.page.goto(f"{self._dagster}/locations/compression/asset-groups/{self._recipe}/lineage")
        self.page.locator("foreignObject").first.wait_for()

    def nodes(self) -> dict[str, Node]:
        """{asset: node}, as the page shows them now."""
        found: list[dict[str, Any]] = self.page.locator("foreignObject").evaluate_all(_READ)
        return {_name(node["title"]): Node(frozenset(node["kinds"]), node["text"]) for node in found}

    def unsynced(self) -> set[str]:
        """The assets whose nodes say *Unsynced*."""
        return {name for name, node in self.nodes().items() if "Unsynced" in node.text}

    def materialize_unsynced(self) -> Run:
        """Click *Materialize unsynced* and accept what it proposes; returns the one run that starts, at its end."""
        before = {run["runId"] for run in self._runs()}
        self.page.locator("button:has([aria-label=arrow_drop_down])").last.click()
        self.page.get_by_role("menuitem", name="Materialize unsynced").click()
        self.page.get_by_role("button", name=re.compile(r"Materialize \d+ asset")).click()
        started = self.eventually(
            lambda: [run for run in self._runs() if run["runId"] not in before],
            lambda runs: bool(runs) and all(run["status"] in _ENDED for run in runs),
            "a run that ended",
        )
        assert len(started) == 1, "one click starts one run"
        made = {_name(event["assetKey"]["path"][-1]) for event in started[0]["assetMaterializations"]}
        return Run(started[0]["status"], frozenset(made))

    def eventually(self, read: Callable[[], Any], holds: Callable[[Any], bool], what: str) -> Any:
        """What is read, as soon as it satisfies the condition; fails if it does not within minutes."""
        found = read()
        for _ in range(int(_PATIENCE / 0.25)):
            if holds(found):
                return found
            self.page.wait_for_timeout(250)
            found = read()
        raise AssertionError(f"waited in vain for {what}; the page shows {found}")

    def _runs(self) -> list[dict[str, Any]]:
        """The runs of the recipe's assets, newest first."""
        answer = self.page.request.post(f"{self._dagster}/graphql", data={"query": _RUNS}).json()
        runs = answer["data"]["runsOrError"]["results"]
        return [run for run in runs if any(key["path"][0] == self._recipe for key in run["assetSelection"] or ())]


def _name(shown: str) -> str:
    """The asset's name, `student/small`, of what the graph shows of its key: `student_small`."""
    folder = next((folder for folder in _FOLDERS if shown.startswith(f"{folder}_")), None)
    return f"{folder}/{shown.removeprefix(f'{folder}_')}" if folder else shown
