"""All that a result was made from, down to the raw data, as a Markdown list with a link to each run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.lineage import markdown, names
from pipelines.lineage.query import Node

_INDENT = "    "  # what MLflow's Markdown asks of a list within a list
_LISTED = 25  # names in a line; a longer one is no longer read


@dataclass(frozen=True)
class _Detail:
    """How much is told: of siblings of one kind the first `siblings` with what they were made from, the rest by name.

    siblings  None for all
    digest    characters of a digest
    """

    siblings: int | None
    digest: int


_DETAILS = (_Detail(None, 12), _Detail(10, 12), _Detail(3, 12), _Detail(1, 8))


def whole(parents: Sequence[Node]) -> str:
    """Every ancestor once, those of a parent indented below it; what is made from another parent stands before that.

    So the first lines, which MLflow's page shows at once, lead to the nearest ancestors. Other mentions say `above` or
    `below`: in brackets behind what was made from it, or in a line of their own.
    """
    return _text(parents, _DETAILS[0])


def within(parents: Sequence[Node], limit: int) -> str:
    """As `whole` in at most `limit` characters: where it would be longer, siblings of one kind share a line."""
    texts = (_text(parents, detail) for detail in _DETAILS)
    return next((text for text in texts if len(text) <= limit), _cut(_text(parents, _DETAILS[-1]), limit))


def _text(parents: Sequence[Node], detail: _Detail) -> str:
    return "\n".join(_List(detail).lines(parents, 0))


class _List:
    """A list while it is written: what it tells of already."""

    def __init__(self, detail: _Detail) -> None:
        self._detail = detail
        self._shown: set[str] = set()
        self._above: dict[str, frozenset[str]] = {}

    def lines(self, nodes: Sequence[Node], depth: int) -> Iterator[str]:
        """The lines of siblings and of all that they were made from."""
        outer, inner = self._sorted(nodes)
        known = [node for node in outer if _identity(node) in self._shown]
        grouped: dict[str, list[Node]] = {}
        told: dict[str, int] = {}
        for node in outer:
            if _identity(node) in self._shown:
                continue
            kind = _kind(node)
            told[kind] = told.get(kind, 0) + 1
            if self._detail.siblings is not None and told[kind] > self._detail.siblings:
                grouped.setdefault(kind, []).append(node)
                continue
            yield from self._tree(node, depth)
        for members in grouped.values():
            yield from self._group(members, depth)
        if depth == 0 and (known or inner):
            yield f"- {_names([*known, *inner])}: above"

    def _tree(self, node: Node, depth: int) -> Iterator[str]:
        self._shown.add(_identity(node))
        outer, inner = self._sorted(node.relatives)
        above = [relative for relative in node.relatives if _identity(relative) in self._shown]
        below = [relative for relative in inner if _identity(relative) not in self._shown]
        places = [f"{_names(found)}: {where}" for found, where in ((above, "above"), (below, "below")) if found]
        mentions = f" ({'; '.join(places)})" if places else ""
        yield _INDENT * depth + f"- {_label(node, self._detail)}{mentions}"
        yield from self.lines([relative for relative in outer if relative not in above], depth + 1)

    def _group(self, members: Sequence[Node], depth: int) -> Iterator[str]:
        """One line for siblings of a kind, and below it whatever else they were made from."""
        self._shown.update(_identity(member) for member in members)
        yield _INDENT * depth + f"- {len(members)} more: {_names(members)}"
        new = {_identity(relative): relative for member in members for relative in member.relatives}
        yield from self.lines([node for key, node in new.items() if key not in self._shown], depth + 1)

    def _sorted(self, nodes: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        """Those that no other of the nodes was made from, and the others."""
        behind = frozenset[str]().union(*(self._ancestors(node) for node in nodes))
        outer = [node for node in nodes if _identity(node) not in behind]
        return outer, [node for node in nodes if _identity(node) in behind]

    def _ancestors(self, node: Node) -> frozenset[str]:
        identity = _identity(node)
        if identity not in self._above:
            own = frozenset(_identity(relative) for relative in node.relatives)
            self._above[identity] = own.union(*(self._ancestors(relative) for relative in node.relatives))
        return self._above[identity]


def _label(node: Node, detail: _Detail) -> str:
    digest = f"`{node.digest[: detail.digest]}`"
    match node.status:
        case "DATA":
            return f"{markdown.name(node.asset)} {digest}"
        case "NOT IN MLFLOW":
            return f"{markdown.name(node.asset)} {digest}, whose run is not in this MLflow"
        case _:
            return f"{names.run_link(node.asset, node.experiment_id, node.run_id)} {digest}"


def _names(nodes: Sequence[Node]) -> str:
    listed = ", ".join(markdown.name(node.asset) for node in nodes[:_LISTED])
    return f"{listed} and {len(nodes) - _LISTED} more" if len(nodes) > _LISTED else listed


def _identity(node: Node) -> str:
    """Its name too: assets with equal parameters share a run."""
    return f"{node.asset} {node.run_id or node.digest}"


def _kind(node: Node) -> str:
    """What siblings share: `student` of `student/small`."""
    return node.asset.partition("/")[0]


def _cut(text: str, limit: int) -> str:
    """The lines that fit, and a last one that says so."""
    ending = "\n- ... (cut)"
    kept = text[: max(limit - len(ending), 0)]
    return kept.rpartition("\n")[0] + ending
