"""The compose file, its settings and the Dockerfile name only what is there: services, variables, files, commands."""

import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from compression_ops.data.storage import memory
from pipelines.orchestration import instance
from pipelines.orchestration.executors import configuration, executor, needs
from pipelines.recipe import project
from pipelines.retention import settings as retention
from tests.conftest import REPOSITORY

_DEPLOY = REPOSITORY / "deploy"
_VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)((?::-|:?\?)[^}]*)?\}")
_TEXT, _MAP = {"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}
_TIME = {"pattern": "^[0-9]+(ms|s|m)$"}
_LIST = {"type": "array", "items": _TEXT}
_CONDITION = {
    "type": "object",
    "properties": {
        "condition": {"enum": ["service_started", "service_healthy", "service_completed_successfully"]},
        "required": {"type": "boolean"},
    },
    "additionalProperties": False,
}
# The part of the compose specification (compose-spec.json) that the file uses, as strict as it is there.
_SERVICE = {
    "type": "object",
    "properties": {
        "image": _TEXT,
        "hostname": _TEXT,
        "build": {
            "type": "object",
            "properties": {"context": _TEXT, "dockerfile": _TEXT},
            "additionalProperties": False,
        },
        "restart": {"type": "string", "pattern": "^(no|always|unless-stopped|on-failure(:[0-9]+)?)$"},
        "environment": _MAP,
        "command": _LIST,
        "volumes": _LIST,
        "ports": {"type": "array", "items": {"type": "string", "pattern": r"^(\S+:)?[0-9]+:[0-9]+$"}},
        "depends_on": {"anyOf": [_LIST, {"type": "object", "additionalProperties": _CONDITION}]},
        "healthcheck": {
            "type": "object",
            "properties": {"test": _LIST, "interval": _TIME, "timeout": _TIME, "retries": {"type": "integer"}},
            "additionalProperties": False,
        },
    },
    "anyOf": [{"required": ["image"]}, {"required": ["build"]}],
    "additionalProperties": False,
}
_SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "services": {"type": "object", "additionalProperties": _SERVICE},
        "volumes": {"type": "object", "additionalProperties": {"type": "null"}},
    },
    "patternProperties": {"^x-": {}},
    "additionalProperties": False,
}
# Of the images that are not this product's: what their documentation says that they read.
_OF_IMAGES = {
    "postgres": {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"},
    "chrislusf/seaweedfs": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
}
_OF_COMPOSE = {
    "BIND",
    "MLFLOW_DATABASE",
    "MLFLOW_ARTIFACTS",
    "MLFLOW_ALLOWED_HOSTS",
    "POSTGRES_USER",
    "POSTGRES_PASSWORD",
    "RECIPES",
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file as compose reads it."""
    return YAML(typ="safe").load(_DEPLOY / "compose.yaml")


def _example() -> dict[str, str]:
    lines = (_DEPLOY / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and line[0] != "#")


def test_a_deployment_begins_with_the_recipes_of_its_team_and_with_none_that_is_shipped() -> None:
    folder = (_DEPLOY / _example()["RECIPES"]).resolve()
    assert not project.shipped_defs().is_relative_to(folder)
    assert not folder.is_relative_to(project.shipped_defs())


def test_it_is_as_the_compose_specification_says_and_its_services_and_volumes_are_there(
    compose: dict[str, Any],
) -> None:
    jsonschema.validate(compose, _SCHEMA)
    services = compose["services"]
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        for volume in service.get("volumes", ()):
            source = _VARIABLE.sub(lambda found: _example()[found[1]], volume).partition(":")[0]
            assert (_DEPLOY / source).exists() if source.startswith(".") else source in compose["volumes"], volume


def test_the_s3_server_may_be_left_out_and_what_needs_one_starts_all_the_same(compose: dict[str, Any]) -> None:
    needed = [
        service["depends_on"]["s3"] for service in compose["services"].values() if "s3" in service.get("depends_on", ())
    ]
    assert [condition["required"] for condition in needed] == [False]


def test_every_port_is_open_to_this_machine_alone_unless_told_otherwise(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("${BIND:-127.0.0.1}:") for port in ports)


def test_a_setting_that_is_missing_is_told_instead_of_being_empty() -> None:
    found = dict(_VARIABLE.findall((_DEPLOY / "compose.yaml").read_text()))
    assert found.pop("BIND") == ":-127.0.0.1"
    assert found.pop("AWS_ENDPOINT_URL") == "?see deploy/.env.example", "empty for Amazon's own"
    may_be_empty = {name for name, otherwise in found.items() if otherwise == ":-"}
    assert {found[name] for name in found.keys() - may_be_empty} == {":?see deploy/.env.example"}
    with pytest.MonkeyPatch.context() as patch:
        for name in may_be_empty:
            patch.setenv(name, "")
        assert retention.configured() == retention.Settings()
        assert executor.chosen().is_alone
        assert executor.chosen().configured()
        assert configuration.workers() is None
        needs.Needs.check(is_elsewhere=False)
        memory.require("data", 40 * 2**20)
    assert may_be_empty >= {memory.SETTING}


def test_one_service_builds_the_image_that_others_share(compose: dict[str, Any]) -> None:
    services = [each for each in compose["services"].values() if each["image"] == "compression-pipeline"]
    assert len(services) > 1
    assert sum("build" in service for service in services) == 1, "builds of one tag at a time fail"


def _ignored(path: str) -> bool:
    """Whether the image's build does not see a file or folder of the checkout."""
    lines = (_DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    return f"!{path}" not in lines


def _product_reads() -> set[str]:
    """The variables that the product, MLflow and botocore look for."""
    from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES as OF_BOTOCORE
    from mlflow import environment_variables

    rooms = ("pipelines", "compression_ops")
    sources = [path.read_text() for room in rooms for path in (REPOSITORY / room).rglob("*.py")]
    found = {name for text in sources for name in re.findall(r'"(COMPRESSION_[A-Z_]+)"', text)}
    stated: set[str] = set()
    for row in OF_BOTOCORE.values():
        stated |= {str(name) for name in (row[1] if isinstance(row[1], list) else [row[1]])}
    credentials = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"}
    return found | {name for name in dir(environment_variables) if name.startswith("MLFLOW_")} | stated | credentials


def test_every_variable_is_one_that_its_service_reads_and_has_an_example(compose: dict[str, Any]) -> None:
    example = _example()
    named = {name for name, _ in _VARIABLE.findall((_DEPLOY / "compose.yaml").read_text())}
    assert set(example) == named, "each is used, and each that is used has an example"
    reads = _product_reads()
    assert set(example) <= reads | _OF_COMPOSE
    for service in compose["services"].values():
        allowed = _OF_IMAGES.get(service["image"].partition(":")[0], reads)
        assert set(service["environment"]) <= allowed


def test_the_images_dagster_settings_are_those_of_a_home_that_is_made_under_the_shared_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COMPRESSION_STATE", "postgresql+psycopg2://u@h/d")
    assert (_DEPLOY / "dagster.yaml").read_text() == instance.settings()
    monkeypatch.delenv("COMPRESSION_STATE")
    assert "storage" not in instance.settings()


def test_the_image_copies_files_that_are_there_and_runs_programs_that_it_installs(compose: dict[str, Any]) -> None:
    lines = (_DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    instructions = [line.partition(" ") for line in lines if line and line[0] != "#"]
    copied = [path for word, _, rest in instructions if word == "COPY" for path in rest.split()[:-1]]
    assert [path for path in copied if not (REPOSITORY / path).exists() or _ignored(path)] == []
    programs = {point.name for point in entry_points(group="console_scripts")} | {"python"}
    commands = [
        service["command"] for service in compose["services"].values() if service["image"] == "compression-pipeline"
    ]
    assert {command[0] for command in commands} <= programs
    started = [part for word, _, rest in instructions if word == "RUN" for part in rest.split("&&")]
    assert {part.split()[0] for part in started} <= {"useradd", "mkdir", "chown", "pip"}
    used = {Path(part).name for command in commands for part in command if part.startswith("/opt/deploy/")}
    assert used <= {Path(path).name for path in copied}
