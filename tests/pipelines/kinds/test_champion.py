"""The champion: what is promoted, what is not and why, how to go back, and where its page in MLflow leads."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import Result
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from typer.testing import CliRunner

from compression_ops.evaluation import promotion
from pipelines.cli.app import app
from pipelines.execution import status
from pipelines.lineage import connection
from pipelines.state import home as homes
from tests.pipelines import product, recipes
from tests.pipelines.affected import AFTER_TRAINING

_QUANTIZED = "quantized_student/int8"
_POOR = "      epochs: 2\n      batch_size: 64\n      learning_rate: 0.003"
_GOOD = "      epochs: 20\n      batch_size: 16\n      learning_rate: 0.01"


@pytest.fixture
def client(home: Path) -> MlflowClient:
    """A client of the home's tracking store."""
    return connection.client(homes.current())


def test_the_first_quantized_student_that_passes_is_version_1_and_a_run_with_nothing_new_promotes_nothing(
    recipe: Path, client: MlflowClient
) -> None:
    assert _aliases(client) == {"champion": "1"}
    assert (
        client.get_model_version_by_alias("tiny", "champion").tags["compression.digest"]
        == product.entry(_QUANTIZED).digest
    )
    assert product.entry("champion").metrics["promoted"] == 1
    assert "there is no champion yet" in product.decision()
    assert product.computed() == set()
    product.edit(recipe, "iterations: 20", "iterations: 21")
    assert product.computed() == {"measurements", "benchmark_report", "champion"}
    assert product.entry("champion").metrics["promoted"] == 0
    assert "already is the champion" in product.decision()
    assert _aliases(client) == {"champion": "1"}
    assert len(client.search_model_versions("name = 'tiny'")) == 1


def test_a_better_one_is_promoted_a_worse_one_is_not_and_a_rollback_swaps_them(
    recipe: Path, client: MlflowClient
) -> None:
    product.edit(recipe, _POOR, _GOOD)
    assert product.computed() == AFTER_TRAINING
    assert _aliases(client) == {"champion": "2", "previous": "1"}
    assert "it is more accurate, and not by chance" in product.decision()

    product.edit(recipe, _GOOD, _POOR)
    assert product.computed() == {"champion"}, "all else is known"
    assert _aliases(client) == {"champion": "2", "previous": "1"}
    assert "does not replace version 2: it is less accurate, and not by chance" in product.decision()

    result = _compression("rollback", "tiny", "--json")
    assert json.loads(result.stdout) == {"recipe": "tiny", "champion": "1", "retired": "2"}
    assert _aliases(client) == {"champion": "1", "previous": "2"}

    product.edit(recipe, _POOR, _GOOD)
    assert product.computed() == {"champion"}
    assert _aliases(client) == {"champion": "1", "previous": "2"}, "what was rolled back stays so"
    assert "It is version 2, which was rolled back on " in product.decision()
    assert "delete the version's tag compression.rolled_back to allow it again" in product.decision()

    result = _compression("rollback", "tiny")
    assert "version 2" in result.stdout
    assert "is the champion again, version 1 is retired." in result.stdout
    assert _aliases(client) == {"champion": "2", "previous": "1"}
    tags = {version.version: version.tags for version in client.search_model_versions("name = 'tiny'")}
    assert ["compression.rolled_back" in tags[number] for number in sorted(tags, key=int)] == [True, False]


def test_one_that_is_as_accurate_but_smaller_is_promoted(
    recipe: Path, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = product.entry(_QUANTIZED).metrics["file_bytes"]
    monkeypatch.setattr(promotion, "LEAST_SMALLER", 0.02)  # of so small a file, scales a channel are few bytes
    product.edit(recipe, "per_channel: true", "per_channel: false")
    assert product.computed() == {_QUANTIZED, "measurements", "benchmark_report", "champion"}
    assert product.entry(_QUANTIZED).metrics["file_bytes"] < 0.98 * before
    assert product.entry("champion").metrics["p_value"] > 0.05
    assert _aliases(client) == {"champion": "2", "previous": "1"}
    assert "cannot tell their accuracies apart, and its file is" in product.decision()


def test_one_that_fails_a_gate_of_the_report_is_not_promoted_until_the_gate_is_opened(
    recipe: Path, client: MlflowClient
) -> None:
    client.delete_registered_model("tiny")
    product.edit(recipe, "min_compression: 1.0", "min_compression: 1000.0")
    result = _compression("run", "tiny")
    assert result.exit_code == 0, result.stderr
    words = f"{_QUANTIZED}: The file of {_QUANTIZED} is"
    assert "champion: Nothing is promoted: no candidate passes its gates." in result.stdout
    assert words in result.stdout
    assert "at least 1000 (benchmark.min_compression) is asked, so this fails." in product.decision()
    assert "warning: measurements: The file of" in result.stderr
    assert _aliases(client) == {}
    failed = _compression("predict", "tiny", "picture.png")
    assert failed.exit_code == 1
    assert f"no champion of recipe 'tiny'. What was decided last: {product.decision()}" in str(failed.exception)

    product.edit(recipe, "min_compression: 1000.0", "min_compression: 1.0")
    assert product.computed() == {"champion"}
    assert _aliases(client) == {"champion": "1"}


def test_a_latency_budget_is_asked_of_the_measurement_that_there_is_and_decides_anew(
    recipe: Path, client: MlflowClient
) -> None:
    client.delete_registered_model("tiny")
    recipe.write_text(recipes.TINY + "  gates: {max_latency_us: 0.001}\n")
    assert product.computed() == {"champion"}
    assert "takes" in product.decision()
    assert "at most 0.001 (gates.max_latency_us) is asked, so this fails." in product.decision()
    assert _aliases(client) == {}
    recipe.write_text(recipes.TINY + "  gates: {max_latency_us: 1000000}\n")
    assert product.computed() == {"champion"}, "a wider budget lets it pass, without measuring again"
    assert _aliases(client) == {"champion": "1"}


def test_a_rollback_without_a_previous_champion_is_told_in_words(recipe: Path, client: MlflowClient) -> None:
    result = _compression("rollback", "tiny")
    assert result.exit_code == 1
    assert "version 1 in use and none before it: there is nothing to go back to" in str(result.exception)
    client.delete_registered_model("tiny")
    assert "no champion: there is nothing to go back to" in str(_compression("rollback", "tiny").exception)


def test_a_champion_that_is_deleted_from_the_registry_is_promoted_by_the_next_decision(
    recipe: Path, client: MlflowClient
) -> None:
    client.delete_registered_model_alias("tiny", "champion")
    assert "materializing tiny/champion in Dagster" in str(_compression("predict", "tiny", "picture.png").exception)
    product.edit(recipe, "iterations: 20", "iterations: 21")
    product.run()
    assert _aliases(client) == {"champion": "1"}, "the version that it has"
    assert len(client.search_model_versions("name = 'tiny'")) == 1


def test_a_decision_whose_artifact_is_lost_is_made_anew(recipe: Path, client: MlflowClient) -> None:
    product.pipeline().store.drop(product.entry("champion").artifact)
    assert product.causes() == {"champion": ["its artifact is missing from the store"]}
    assert product.computed() == {"champion"}
    assert "already is the champion" in product.decision()
    assert _aliases(client) == {"champion": "1"}


@pytest.mark.slow
def test_a_champion_whose_files_are_lost_is_told_with_the_cure(home: Path, defs: Path, client: MlflowClient) -> None:
    product.run()
    for folder in (home / "mlflow" / "artifacts" / "tiny" / "models").iterdir():
        shutil.rmtree(folder / "artifacts")
    lost = "version 1 of model 'tiny' cannot be read from MLflow"
    cure = "restore MLflow's artifacts, or delete the model's alias `champion` there"
    error = str(_compression("predict", "tiny", "picture.png").exception)
    assert lost in error
    assert cure in error
    product.edit(defs / "tiny" / "defs.yaml", "iterations: 20", "iterations: 21")
    report = product.runner.run(product.pipeline())
    assert report.named("failed") == ["champion"]
    cause = next(item.cause for item in report.outcomes if item.cause)
    assert lost in cause
    assert cure in cause

    client.delete_registered_model_alias("tiny", "champion")
    assert product.computed() == {"champion"}
    assert _aliases(client) == {}, "a model without files is not promoted"
    assert "The MLflow in use does not have its model" in product.decision()
    product.edit(defs / "tiny" / "defs.yaml", "samples: 64", "samples: 32")
    product.run()
    assert _aliases(client) == {"champion": "2"}, "another one, whose files are there"


def test_an_mlflow_that_does_not_know_the_model_gets_no_champion(
    recipe: Path, client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product.edit(recipe, "iterations: 20", "iterations: 21")
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'other.db'}")
        assert product.computed() == {"measurements", "benchmark_report", "champion"}
        assert product.entry("champion").metrics == {"promoted": 0}
        assert "The MLflow in use does not have its model; set MLFLOW_TRACKING_URI" in product.decision()
        error = str(_compression("predict", "tiny", "picture.png").exception)
        assert "set MLFLOW_TRACKING_URI to the MLflow that has it" in error
    assert _aliases(client) == {"champion": "1"}


def test_a_recipe_that_reuses_anothers_model_ships_it_under_its_own_name(
    recipe: Path, defs: Path, client: MlflowClient
) -> None:
    recipes.write(defs, "twin", recipe.read_text())
    assert product.computed("twin") == {"champion"}
    version = client.get_model_version_by_alias("twin", "champion")
    assert version.run_id == product.entry(_QUANTIZED).run_id
    decided = product.pipeline("twin").history.latest("twin", "champion")
    assert decided is not None
    assert decided.experiment_id != product.entry(_QUANTIZED).experiment_id
    assert version.description is not None
    assert f"(#/experiments/{decided.experiment_id}/runs/{decided.run_id}?" in version.description


def test_a_recipe_without_quantized_students_has_no_champion(defs: Path) -> None:
    start, end = recipes.TINY.index("  quantized_students:"), recipes.TINY.index("  benchmark:")
    recipes.write(defs, "plain", recipes.TINY[:start] + recipes.TINY[end:])
    assert "champion" not in status.of_recipe("plain")[1]


def _aliases(client: MlflowClient) -> dict[str, str]:
    """{alias: version}; empty without a registered model."""
    try:
        found = client.get_registered_model("tiny").aliases
    except MlflowException:
        return {}
    return {
        alias: str(number.version if isinstance(number, ModelVersion) else number) for alias, number in found.items()
    }


def _compression(*arguments: str) -> Result:
    return CliRunner().invoke(app(), arguments)
