"""A study of a search in a database that machines share."""

from pathlib import Path

import optuna
import pytest

from pipelines.search import shared
from pipelines.state.journal.postgres import Postgres
from tests.pipelines.servers.postgres_process import Postgres as Server


@pytest.mark.slow
@pytest.mark.servers
def test_what_one_machine_tried_and_what_it_began_the_other_finds(postgres: Server, tmp_path: Path) -> None:
    journal = Postgres.at(postgres.make("study")).within("searches/r/0123")

    def opened(machine: str) -> optuna.Study:
        storage = optuna.storages.JournalStorage(shared.Log(journal))
        return optuna.create_study(study_name="search", storage=storage, load_if_exists=True)

    for value, machine in enumerate(("one", "other", "one")):
        study = opened(machine)
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        study.tell(trial, value)
    opened("one").ask()
    found = opened("other").get_trials()
    assert [trial.values for trial in found] == [[0.0], [1.0], [2.0], None]
    assert [trial.state.name for trial in found] == ["COMPLETE"] * 3 + ["RUNNING"]
    assert all("x" in trial.params for trial in found[:3])
