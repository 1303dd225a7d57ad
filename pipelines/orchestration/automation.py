"""Dagster's daemon computes what is out of date, by a condition on each asset that looks at the state, not at events.

*Level-triggered*: an asset is requested while it is out of sync, whatever made it so and whenever that happened. No
edit can be missed by a daemon that was down, lost its cursor or started late.
"""

import warnings
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster import AutomationCondition as Condition

from pipelines.orchestration.conditions import (
    Canceled,
    EditedSinceTried,
    Failed,
    GatesPassed,
    InProgress,
    InputsSettled,
    InputsSinceTried,
    OutOfSync,
    Undone,
)
from pipelines.recipe.sections import Recipe

# Runs that somebody asked for go first; Dagster's default is 0.
RUN_TAGS = {"dagster/priority": "-1"}


def of_asset(recipe: Recipe, decides: bool = False) -> Condition[Any] | None:
    """When a computed asset is requested; None where the recipe's automation is off.

    One that decides is requested too when somebody undid its decision.

    What failed is tried again after an edit of it, after new inputs, or at the retry cron: never in a loop. What was
    canceled waits for an edit or new inputs: a night does not undo somebody's stop.
    """
    if recipe.automation.mode == "off":
        return None
    settings = recipe.automation
    night: Any = Condition.cron_tick_passed(settings.retry, settings.timezone).since_last_handled()
    has_cause_to_try = EditedSinceTried() | InputsSinceTried() | (Failed() & night) | ~(Failed() | Canceled())
    has_to: Condition[Any] = OutOfSync() | Undone() if decides else OutOfSync()
    return has_to & InputsSettled() & ~InProgress() & GatesPassed() & has_cause_to_try


def of_files(recipe: Recipe) -> Condition[Any] | None:
    """When files are observed; None where the recipe's automation is off."""
    settings = recipe.automation
    return Condition.on_cron(settings.observe, settings.timezone) if settings.mode == "on" else None


def freshness(recipe: Recipe) -> dg.FreshnessPolicy:
    """How old what ages may grow before Dagster says so."""
    ages = recipe.freshness
    return dg.FreshnessPolicy.time_window(
        fail_window=timedelta(days=ages.fail_days), warn_window=timedelta(days=ages.warn_days)
    )


def sensor(name: str, recipe: Recipe, keys: list[dg.AssetKey]) -> dg.AutomationConditionSensorDefinition | None:
    """What evaluates the conditions of a recipe's assets; running by default. None where its automation is off."""
    if recipe.automation.mode == "off":
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # said at every start, to users who cannot act on it
        return dg.AutomationConditionSensorDefinition(
            name=f"{name}_automation",
            description=f"Computes what is out of date in recipe {name}. `automation: {{mode: off}}` removes it.",
            target=dg.AssetSelection.assets(*keys),
            default_status=dg.DefaultSensorStatus.RUNNING,
            minimum_interval_seconds=recipe.automation.interval_seconds,
            run_tags={**RUN_TAGS, "compression/recipe": name},
            use_user_code_server=True,  # the daemon's own process does not know OutOfSync
        )
