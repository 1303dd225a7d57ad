"""The champion: what is promoted, what is not and why, how to go back, and where its page in MLflow leads."""

import json
import shutil
from pathlib import Path

import mlflow
import pytest
from click.testing import Result
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from typer.testing import CliRunner

from compression_ops.evaluation import promotion
from pipelines.cli.app import app
from pipelines.execution import status
from pipelines.lineage import connection, names
from pipelines.state import home as homes
from tests.pipelines import product, recipes
from tests.pipelines.affected import AFTER_TRAINING
from tests.pipelines.images import image

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


@pytest.mark.slow
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
    client.delete_registered_model_alias("tiny", "champion")
    error = str(_compression("rollback", "tiny").exception)
    assert "no champion: there is nothing to go back to" in error
    assert "give the version to go back to, of 1, the alias `previous` in MLflow" in error
    client.delete_registered_model("tiny")
    assert "no champion: there is nothing to go back to" in str(_compression("rollback", "tiny").exception)


def test_a_rollback_asks_for_the_files_first_and_needs_no_version_in_use(recipe: Path, client: MlflowClient) -> None:
    first = client.get_model_version("tiny", "1")
    client.create_model_version("tiny", "file:///nowhere", first.run_id, tags={names.DIGEST: "gone"})
    client.set_registered_model_alias("tiny", "previous", "2")
    error = str(_compression("rollback", "tiny").exception)
    assert "version 2 of model 'tiny' cannot be read from MLflow" in error
    assert "version 1 stays in use; restore MLflow's artifacts" in error
    assert _aliases(client) == {"champion": "1", "previous": "2"}
    assert client.get_model_version("tiny", "1").tags == first.tags

    client.create_model_version("tiny", "file:///nowhere", first.run_id, tags=first.tags)
    client.set_registered_model_alias("tiny", "previous", "3")
    assert "files of version 3: `compression run tiny` records it anew" in _compression("rollback", "tiny").stderr
    assert _aliases(client) == {"champion": "3", "previous": "1"}, "the store has them"

    client.delete_model_version("tiny", "3")
    result = _compression("rollback", "tiny", "--json")
    assert json.loads(result.stdout) == {"recipe": "tiny", "champion": "1", "retired": None}
    assert _aliases(client) == {"champion": "1"}


def test_a_champion_that_is_deleted_from_the_registry_is_decided_anew_by_the_next_run(
    recipe: Path, client: MlflowClient
) -> None:
    client.delete_registered_model_alias("tiny", "champion")
    assert "`compression run tiny` decides anew" in str(_compression("predict", "tiny", "picture.png").exception)
    assert product.causes() == {"champion": ["the MLflow in use has no champion, or has lost its files"]}
    assert product.computed() == {"champion"}
    assert _aliases(client) == {"champion": "1"}, "the version that it has"
    client.delete_registered_model("tiny")
    client.delete_logged_model(str(product.entry(_QUANTIZED).model_id))
    assert product.computed() == {"champion"}
    assert _aliases(client) == {"champion": "1"}, "of a new registered model, with the model logged anew"
    assert product.computed() == set()


def test_a_decision_whose_artifact_is_lost_is_made_anew(recipe: Path, client: MlflowClient) -> None:
    product.pipeline().store.drop(product.entry("champion").artifact)
    assert product.causes() == {"champion": ["its artifact is missing from the store"]}
    assert product.computed() == {"champion"}
    assert "already is the champion" in product.decision()
    assert _aliases(client) == {"champion": "1"}


@pytest.mark.slow
def test_a_champion_whose_files_are_lost_is_read_from_the_store_and_recorded_anew(
    recipe: Path, home: Path, client: MlflowClient, tmp_path: Path
) -> None:
    picture = tmp_path / "grey.png"
    image(picture, 120)
    before = _compression("predict", "tiny", str(picture), "--json").stdout
    shutil.rmtree(home / "mlflow" / "artifacts")
    assert _compression("predict", "tiny", str(picture), "--json").stdout == before
    assert product.computed() == {"champion"}
    assert _aliases(client) == {"champion": "2"}
    versions = {int(version.version): version for version in client.search_model_versions("name = 'tiny'")}
    kept = [names.DIGEST, names.ASSET, names.PROMOTED_BECAUSE]
    assert [versions[2].tags[tag] for tag in kept] == [versions[1].tags[tag] for tag in kept]
    assert versions[2].description == versions[1].description
    loaded = mlflow.artifacts.download_artifacts("models:/tiny/2", tracking_uri=client.tracking_uri)
    assert (Path(loaded) / "model.onnx").is_file()
    assert product.computed() == set()

    shutil.rmtree(home / "mlflow" / "artifacts")
    product.pipeline().store.drop(product.entry(_QUANTIZED).artifact)
    error = str(_compression("predict", "tiny", str(picture)).exception)
    assert "version 2 of model 'tiny' cannot be read from MLflow" in error
    assert "`compression run tiny` records it anew" in error


def test_an_mlflow_that_does_not_know_the_model_gets_it_as_its_own_champion(
    recipe: Path, client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'other' / 'other.db'}")
        error = str(_compression("predict", "tiny", "picture.png").exception)
        assert "set MLFLOW_TRACKING_URI to the MLflow that has it" in error
        assert product.computed() == {"champion"}
        assert product.computed() == set()
        other = connection.client(homes.current())
        version = other.get_model_version_by_alias("tiny", "champion")
        assert version.tags[names.DIGEST] == product.entry(_QUANTIZED).digest
    assert _aliases(client) == {"champion": "1"}
    assert product.computed() == set(), "the first MLflow has its champion still"


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
