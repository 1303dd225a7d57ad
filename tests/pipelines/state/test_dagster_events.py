"""Where Dagster keeps its events, by what stands in a `dagster.yaml`; where that tells nothing, nothing is told."""

from pathlib import Path

import pytest

from pipelines.state import dagster_events
from pipelines.state.home import Home

_NOTHING = (
    "storage: postgres",
    "storage: [postgres]",
    "storage: {postgres: yes}",
    "storage: {postgres: {postgres_db: [a]}}",
    "storage: {postgres: {postgres_db: {hostname: [a], db_name: d}}}",
    "storage: {postgres: {postgres_url: [a]}}",
    "storage: {postgres: {postgres_url: {env: UNSET_BY_ALL}}}",
    "storage: {postgres: {postgres_db: {hostname: {env: UNSET_BY_ALL}, db_name: d}}}",
    "event_log_storage: x",
    "event_log_storage: {module: dagster_postgres.event_log, config: x}",
    "event_log_storage: {module: elsewhere, config: {}}",
)


@pytest.mark.parametrize("settings", _NOTHING)
def test_settings_that_name_no_database_tell_nothing_and_ask_none(
    settings: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("UNSET_BY_ALL", raising=False)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text(settings)
    assert dagster_events.forgotten(Home(tmp_path), {"teacher": ("r", "teacher")}) == set()
    assert caplog.text == "", "localhost was not tried"
