"""What a run was made from, as its tags: one a parent, which leads from the run to the parent and back again.

  mlflow.compression.input.<run>  {"assets": [...], "position": 0, "digest": ..., "model_id": ..., "experiment_id": ...}

<run> is the id of the run that computed the parent, whatever the recipe calls it: one search finds all that was made
from a run. A parent without a run (raw data, or one that this tracking store does not know) stands under its digest.
One run may be several parents: assets with equal parameters share a computation.

Earlier versions wrote `upstream.<asset>.digest`, `.run_id`, `.model_id` and `input.<run>`: read, never written.
"""

import json
from collections.abc import Mapping
from typing import Any

from pipelines.lineage import names
from pipelines.state.materialization import Source


def to_tags(sources: Mapping[str, Source]) -> dict[str, str]:
    """The tags of a run that was made from `sources`, {asset: what was loaded}."""
    parents: dict[str, dict[str, Any]] = {}
    for position, (asset, source) in enumerate(sources.items()):
        tag = names.INPUT + (source.run_id or source.digest)
        parent = {"position": position, "digest": source.digest}
        parent |= {"model_id": source.model_id} if source.model_id else {}
        parent |= {"experiment_id": source.experiment_id} if source.run_id else {}
        parents.setdefault(tag, {"assets": [], **parent})["assets"].append(asset)
    return {tag: _within_limit(parent) for tag, parent in parents.items()}


def from_tags(tags: Mapping[str, str]) -> dict[str, Source]:
    """{asset: what was loaded} of a run with these tags, in the order in which the asset names its inputs."""
    parents = [(tag, parent) for tag, value in tags.items() if (parent := _parent(tag, value))]
    found = {} if parents else _from_earlier_tags(tags)
    for tag, parent in sorted(parents, key=lambda item: item[1]["position"]):
        identity = tag.removeprefix(names.INPUT)
        run_id = identity if "experiment_id" in parent else None
        source = Source(
            parent["digest"],
            run_id=run_id,
            model_id=parent.get("model_id"),
            experiment_id=parent.get("experiment_id"),
        )
        found |= dict.fromkeys(parent["assets"], source)
    return found


def _parent(tag: str, value: str) -> dict[str, Any] | None:
    """What a tag says of a parent; None if it is about something else, or was edited into nothing that can be read."""
    if not tag.startswith(names.INPUT):
        return None
    try:
        parent: Any = json.loads(value)
        is_sound = isinstance(parent["digest"], str) and isinstance(parent["position"], int | float)
        return parent if is_sound and all(isinstance(asset, str) for asset in parent["assets"]) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def consumers(identity: str) -> tuple[str, ...]:
    """The filters that find the runs that were made from a run, or from raw data with a digest."""
    return (
        f"tags.`{names.INPUT}{identity}` LIKE '%'",
        f"tags.`input.{identity}` LIKE '%'",
        f"tags.`upstream.raw_data.digest` = '{identity}'",
    )


def _from_earlier_tags(tags: Mapping[str, str]) -> dict[str, Source]:
    found: dict[str, dict[str, str]] = {}
    for tag, value in tags.items():
        if tag.startswith("upstream."):
            asset, _, field = tag.removeprefix("upstream.").rpartition(".")
            found.setdefault(asset, {})[field] = value
    return {
        asset: Source(source.get("digest", ""), run_id=source.get("run_id"), model_id=source.get("model_id"))
        for asset, source in found.items()
    }


def _within_limit(parent: dict[str, Any]) -> str:
    """As JSON; the last of very many assets that share one computation are left out, since a cut tag is unreadable."""
    text = json.dumps(parent)
    while len(text) > names.TAG_LIMIT:
        parent["assets"].pop()
        text = json.dumps(parent)
    return text
