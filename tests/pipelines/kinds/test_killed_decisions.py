"""A kill around each step by which a champion is promoted, renewed or rolled back: the next run or rollback ends as if
nobody had been killed.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipelines.execution.materialize import materialize
from pipelines.lineage import connection, names
from pipelines.lineage.registry import Origin, Registry, Succession, Version
from pipelines.state import home as homes
from pipelines.state.actions.action_cache import ActionCache
from pipelines.state.history import History
from tests.pipelines import product

_QUANTIZED = "quantized_student/int8"
_STEPS: dict[str, tuple[type, str]] = {
    "registered": (Registry, "promote"),
    "known": (ActionCache, "put"),
    "crowned": (Registry, "crown"),
    "in the history": (History, "append"),
}
_WRITES = (
    "set_registered_model_alias",
    "delete_registered_model_alias",
    "set_model_version_tag",
    "delete_model_version_tag",
)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", _STEPS)
@pytest.mark.usefixtures("recipe")
def test_a_decision_that_is_killed_around_each_of_its_steps_is_made_once_by_the_next_run(step: str, when: str) -> None:
    undisturbed = product.entry("champion").digest
    client = connection.client(homes.current())
    client.delete_registered_model("tiny")
    _killed(step, when)
    is_crowned = step == "in the history" or (step, when) == ("crowned", "after")
    assert _champion(client) == (product.entry(_QUANTIZED).digest if is_crowned else None)

    product.run()
    assert product.entry("champion").digest == undisturbed
    assert "there is no champion yet" in product.decision()
    assert _champion(client) == product.entry(_QUANTIZED).digest
    assert len(client.search_model_versions("name = 'tiny'")) == 1
    assert product.computed() == set()


@pytest.mark.usefixtures("recipe")
def test_a_champion_that_is_lost_is_registered_once_more_however_often_that_is_killed(home: Path) -> None:
    client, registry, made = connection.client(homes.current()), Registry(homes.current(), "tiny"), product.entry
    shutil.rmtree(home / "mlflow" / "artifacts")
    lost, folder = _version(client, "1"), product.pipeline().store.fetch(made(_QUANTIZED).artifact)
    origin = Origin(made("champion").experiment_id, made("champion").run_id, {})
    renewed = [registry.renew(lost, folder, origin).champion.number for _ in range(2)]  # and killed before it is in use
    assert renewed == ["2", "2"]
    first, second = (client.get_model_version("tiny", number) for number in ("1", "2"))
    assert (second.tags, second.description) == (first.tags, first.description)


@pytest.mark.parametrize("is_promoted", [True, False], ids=["promotion", "rollback"])
@pytest.mark.usefixtures("recipe")
def test_a_kill_between_any_two_writes_of_the_registry_loses_no_version_before(is_promoted: bool) -> None:
    client, registry = connection.client(homes.current()), Registry(homes.current(), "tiny")
    first = client.get_model_version("tiny", "1")
    for digest in ("b", "c"):
        client.create_model_version("tiny", str(first.source), first.run_id, tags=first.tags | {names.DIGEST: digest})
    _, second, third = (_version(client, number) for number in ("1", "2", "3"))
    before, after = ("2", "1"), ("3", "2") if is_promoted else ("1", "2")
    seen = list[tuple[str, str]]()

    def change() -> None:
        if is_promoted:
            registry.crown(Succession(third, second))
        else:
            registry.roll_back(lambda _: None)

    for _ in _stopped_at_each_write(lambda: _begin(client), change):
        seen.append(_aliases(registry))
        if seen[-1] == before:
            change()
            assert _aliases(registry) == after
    assert set(seen) == {before, after}
    assert seen == sorted(seen, key=after.__eq__), "it is decided by one write"
    registry.roll_back(lambda _: None)
    assert _aliases(registry) == tuple(reversed(after)), "and the next rollback takes it back"


def _begin(client: MlflowClient) -> None:
    """Version 2 is in use and replaced version 1, as release 1.0.0 left it: by its aliases alone."""
    client.set_registered_model_alias("tiny", "champion", "2")
    client.set_registered_model_alias("tiny", "previous", "1")
    for version in client.search_model_versions("name = 'tiny'"):
        for tag in {names.PREDECESSOR, names.ROLLED_BACK} & set(version.tags):
            client.delete_model_version_tag("tiny", str(version.version), tag)


def _stopped_at_each_write(begin: Callable[[], None], change: Callable[[], None]) -> Iterator[None]:
    """From the beginning to before the first write, then to before the second. Nothing handles what stops it here, and
    a write of MLflow's is a transaction: so a kill leaves no more and no less.
    """
    for writes in range(20):
        begin()
        left = [writes]
        with pytest.MonkeyPatch.context() as patch, suppress(_Stopped):
            for name in _WRITES:
                patch.setattr(MlflowClient, name, _counting(getattr(MlflowClient, name), left))
            change()
        yield
        if left[0]:
            return
    raise AssertionError("it did not end in 20 writes")


class _Stopped(BaseException):
    """Handled by nobody but the test."""


def _counting(call: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    def counting(*arguments: Any) -> Any:
        if not left[0]:
            raise _Stopped
        left[0] -= 1
        return call(*arguments)

    return counting


def _killed(step: str, when: str) -> None:
    """Decide in a child that ends before or after a step, without any handler."""
    owner, name = _STEPS[step]
    child = os.fork()
    if child == 0:
        try:
            setattr(owner, name, _ending(getattr(owner, name), when))
            materialize(product.pipeline(), "champion", lambda _: None)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 137


def _ending(call: Callable[..., Any], when: str) -> Callable[..., None]:
    def ending(*arguments: Any) -> None:
        if when == "after":
            call(*arguments)
        os._exit(137)

    return ending


def _champion(client: MlflowClient) -> str | None:
    """The content digest of the version in use."""
    try:
        return client.get_model_version_by_alias("tiny", "champion").tags[names.DIGEST]
    except MlflowException:
        return None


def _aliases(registry: Registry) -> tuple[str, str]:
    """The numbers of the version in use and of the one before."""
    champion, previous = registry.champion(), registry.previous()
    assert champion is not None
    assert previous is not None
    return champion.number, previous.number


def _version(client: MlflowClient, number: str) -> Version:
    found = client.get_model_version("tiny", number)
    return Version(number, found.run_id or "", found.tags[names.ASSET], found.tags[names.DIGEST])
