"""All that is named in MLflow: runs, models, data sets, tags, pages, and how long MLflow lets them be.

MLflow's pages show every tag but those that begin with `mlflow.`: what only programs read is named so, and a run's
page keeps few enough tags to be read.
"""

from urllib.parse import quote

from pipelines.lineage import markdown
from pipelines.state.home import Home
from pipelines.state.materialization import Materialization

# MLflow's limits (mlflow 3.17.2), in characters; longer values are cut silently, or refused.
PARAMETER_LIMIT = 6000
TAG_LIMIT = 8000  # of a run; its description is a tag
REGISTRY_LIMIT = 5000  # of the description of a registered model or of a version
DATASET_DIGEST_LIMIT = 36
METRICS_AT_ONCE = 1000

# Tags of runs, models and versions.
RECIPE = "compression.recipe"
ASSET = "compression.asset"
STAGE = "compression.stage"
DIGEST = "compression.digest"
MACHINE = "compression.machine"
VERSIONS = "compression.versions"
DEVICE = "compression.device"
TRIAL = "compression.trial"
ERROR = "error"

# Tags of runs that lead to Dagster.
DAGSTER_RUN = "dagster.run_id"
DAGSTER_ASSET = "dagster.asset_key"
CODE_VERSION = "dagster.code_version"
DATA_VERSION = "dagster.data_version"

# Tags of versions in the model registry.
RUN, DECIDED_BY, PROMOTED_BECAUSE = "compression.run_id", "compression.decided_by", "compression.promoted_because"
DATASET_DIGEST, DATASET_RUN = "compression.dataset_digest", "compression.dataset_run_id"
ROLLED_BACK = "compression.rolled_back"
PREDECESSOR = "compression.predecessor"  # the number of the version that was in use before

# Tags that MLflow itself reads.
DESCRIPTION = "mlflow.note.content"
USER = "mlflow.user"
SOURCE_NAME, SOURCE_TYPE, GIT_COMMIT = "mlflow.source.name", "mlflow.source.type", "mlflow.source.git.commit"
DATASET_CONTEXT = "mlflow.data.context"
PARENT = "mlflow.parentRunId"

# Tags that no page shows.
ACTION = "mlflow.compression.action"
COMPUTATION = "mlflow.compression.computation"
HOST = "mlflow.compression.host"
PROCESS = "mlflow.compression.process"
PLACE = "mlflow.compression.place"
WRITTEN_DESCRIPTION = "mlflow.compression.description"
INPUT = "mlflow.compression.input."
SEARCH = "mlflow.compression.search"
RESULT = "mlflow.compression.result."

# Aliases of the versions of a registered model.
CHAMPION, PREVIOUS = "champion", "previous"

# The file of a version that runs.
MODEL_FILE = "model.onnx"

# A run's file with its whole ancestry, where that is too long for its description.
ANCESTRY_FILE = "ancestry.md"

_MODE = "?workflowType=machine_learning"  # without it a fresh browser opens MLflow in its GenAI mode


def experiment(recipe: str) -> str:
    """The experiment of a recipe."""
    return recipe


def registered_model(recipe: str) -> str:
    """The registered model whose versions are a recipe's champions."""
    return recipe


def run(asset: str) -> str:
    """The run of a computation."""
    return asset


def model(recipe: str, asset: str) -> str:
    """The logged model of an asset; MLflow refuses / : . % in its name."""
    return f"{recipe}-{asset}".replace("/", "-")


def dataset(recipe: str, asset: str) -> str:
    """The data set that a run used."""
    return f"{recipe}-{asset}"


def epoch_metric(metric: str) -> str:
    """A metric of every epoch, apart from the stage's own of the same name."""
    return f"epoch/{metric}"


def gate(check: str) -> str:
    """The version's tag that says what a gate found."""
    return f"gate.{check}"


def asset_key(recipe: str, asset: str) -> str:
    """An asset's key in Dagster, as its pages show it: `digits/student_small`."""
    return f"{recipe}/{asset.replace('/', '_')}"


def run_link(words: str, experiment_id: str | None, run_id: str | None) -> str:
    """Markdown that leads from any page of MLflow to a run, at whatever address MLflow is; without a run the words."""
    named = markdown.name(words)
    return f"[{named}]({_run_page(experiment_id, run_id)}{_MODE})" if run_id else named


def registered_model_link(words: str, recipe: str) -> str:
    """As `run_link`, to the page of a recipe's registered model."""
    return f"[{markdown.name(words)}](#/models/{quote(registered_model(recipe), safe='')}{_MODE})"


def run_url(home: Home, entry: Materialization) -> str:
    """The page of the run that computed an artifact."""
    return f"{home.mlflow_address}/{_run_page(entry.experiment_id, entry.run_id)}{_MODE}"


def artifact_url(home: Home, entry: Materialization, path: str) -> str:
    """The page that shows a file of the run that computed an artifact, such as `report.html`, up to 50 MiB."""
    return f"{home.mlflow_address}/{_run_page(entry.experiment_id, entry.run_id)}/artifacts/{quote(path)}{_MODE}"


def model_url(home: Home, entry: Materialization) -> str:
    """The page of the model that a computation logged."""
    return f"{home.mlflow_address}/#/experiments/{entry.experiment_id}/models/{entry.model_id}{_MODE}"


def _run_page(experiment_id: str | None, run_id: str | None) -> str:
    return f"#/experiments/{experiment_id}/runs/{run_id}"
