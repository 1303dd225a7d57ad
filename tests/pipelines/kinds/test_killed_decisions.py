"""A kill around each step by which a champion is promoted: the next run ends as if nobody had been killed."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipelines.execution.materialize import materialize
from pipelines.lineage import connection, names
from pipelines.lineage.registry import Registry
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
