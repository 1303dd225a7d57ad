"""The graph of a recipe's assets, sorted by their inputs, and the derivation of each.

A *derivation* is the digest of how an asset is made: its stage's own parameters, the code that the stage runs and the
derivations of its inputs (Dolstra 2006, "The Purely Functional Software Deployment Model", on a recipe's graph).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from pipelines.graph import digests
from pipelines.graph.asset import Asset
from pipelines.graph.code_closure import Code


@dataclass(frozen=True)
class Graph:
    """All assets of one recipe in an order in which they can be computed."""

    recipe: str
    assets: Mapping[str, Asset]

    @cached_property
    def derivations(self) -> dict[str, str]:
        """{asset: derivation}; what is observed has none, since its content is not derived."""
        derivations: dict[str, str] = {}
        for name, asset in self.assets.items():
            derivations[name] = digests.of_value(
                {
                    "stage": asset.kind,
                    "parameters": asset.values,
                    "code": asset.code_digests,
                    "inputs": {upstream: derivations.get(upstream, upstream) for upstream in asset.inputs},
                }
            )
        return derivations

    @cached_property
    def versions(self) -> dict[str, str]:
        """{asset: code version}: its derivation and its gates. Another threshold marks what it judges."""
        return {
            name: digests.of_value([self.derivations[name], dict(asset.gates)]) for name, asset in self.assets.items()
        }

    @cached_property
    def heights(self) -> dict[str, int]:
        """{asset: length of the longest chain of assets that are made from it}; those at the end have 0."""
        heights = dict.fromkeys(self.assets, 0)
        for name in reversed(list(self.assets)):
            for upstream in self.assets[name].inputs:
                if upstream in heights:
                    heights[upstream] = max(heights[upstream], heights[name] + 1)
        return heights

    def upstream(self, name: str) -> list[str]:
        """The asset and all that it is made from, in order of computation."""
        wanted = {name}
        for candidate in reversed(list(self.assets)):
            if candidate in wanted:
                wanted.update(self.assets[candidate].inputs)
        return [candidate for candidate in self.assets if candidate in wanted]


def of_assets(recipe: str, assets: Iterable[Asset], code: Code) -> Graph:
    """The graph of assets given in any order: each follows its inputs, which come in the order that it names them."""
    given = {asset.name: replace(asset, source=code) for asset in assets}
    ordered: dict[str, Asset] = {}

    def visit(name: str) -> None:
        if name in given and name not in ordered:
            for upstream in given[name].inputs:
                visit(upstream)
            ordered[name] = given[name]

    for name in given:
        visit(name)
    return Graph(recipe, ordered)
