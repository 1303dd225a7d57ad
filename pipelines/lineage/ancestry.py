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
    """Every ancestor once, in the order in which one meets it, those of a parent indented below it.

    Later mentions say `above`: in brackets behind what was made from it, or in a line of their own.
    """
    return _text(parents, _DETAILS[0])


def within(parents: Sequence[Node], limit: int) -> str:
    """As `whole` in at most `limit` characters: where it would be longer, siblings of one kind share a line."""
    texts = (_text(parents, detail) for detail in _DETAILS)
    return next((text for text in texts if len(text) <= limit), _cut(_text(parents, _DETAILS[-1]), limit))


def _text(parents: Sequence[Node], detail: _Detail) -> str:
    return "\n".join(_lines(parents, detail, set(), 0))


def _lines(nodes: Sequence[Node], detail: _Detail, shown: set[str], depth: int) -> Iterator[str]:
    """The lines of a list's siblings; adds to `shown` what they tell of."""
    above: list[Node] = []
    grouped: dict[str, list[Node]] = {}
    told: dict[str, int] = {}
    for node in nodes:
        if _identity(node) in shown:
            above.append(node)
            continue
        kind = _kind(node)
        told[kind] = told.get(kind, 0) + 1
        if detail.siblings is not None and told[kind] > detail.siblings:
            grouped.setdefault(kind, []).append(node)
            continue
        shown.add(_identity(node))
        known = [relative for relative in node.relatives if _identity(relative) in shown]
        yield _INDENT * depth + f"- {_label(node, detail)}{f' ({_names(known)}: above)' if known else ''}"
        new = [relative for relative in node.relatives if _identity(relative) not in shown]
        yield from _lines(new, detail, shown, depth + 1)
    for kind, members in grouped.items():
        yield from _group(kind, members, detail, shown, depth)
    if above:
        yield _INDENT * depth + f"- {_names(above)}: above"


def _group(kind: str, members: Sequence[Node], detail: _Detail, shown: set[str], depth: int) -> Iterator[str]:
    """One line for siblings of a kind, and below it whatever else they were made from."""
    shown.update(_identity(member) for member in members)
    new = {_identity(relative): relative for member in members for relative in member.relatives}
    yield _INDENT * depth + f"- {len(members)} more: {_names(members)}"
    yield from _lines([node for key, node in new.items() if key not in shown], detail, shown, depth + 1)


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
