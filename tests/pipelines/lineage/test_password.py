"""A tracking server behind a password that answers to its own names alone, as docs/lineage.md shows it."""

import base64
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException, RestException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, UNAUTHENTICATED

from pipelines.execution.recording import outage
from pipelines.lineage import connection, runs
from pipelines.lineage.database import faults, glance
from pipelines.state import home as homes
from pipelines.state.home import public
from tests.pipelines import product
from tests.pipelines.mlflow_process import Server

_ADMIN, _USER = ("admin", "the admin's word"), ("trainer", "the trainer's word")
_CONFIGURATION = "[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{}\nadmin_username = {}\n"
_CONFIGURATION += "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
_CONFIGURATION += "auth_cache_ttl_seconds = 60\n"


@pytest.mark.parametrize(
    ("error", "cure"),
    [
        (
            MlflowException("error code 401 != 200", UNAUTHENTICATED),
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
        ),
        (
            RestException({"error_code": "PERMISSION_DENIED", "message": "Permission denied"}),
            "permit that to this user",
        ),
        (
            RestException({"error_code": "PERMISSION_DENIED", "message": "Invalid Host header"}),
            "among its `--allowed-hosts`",
        ),
        (MlflowException("connection refused"), "start the server that MLFLOW_TRACKING_URI names"),
        (
            MlflowException("API request to https://ada:secret@mlflow.example/api failed"),
            "start the server that MLFLOW_TRACKING_URI names",
        ),
    ],
    ids=["nobody", "a reader", "another name", "down", "with the address"],
)
def test_what_a_server_refuses_is_told_with_its_cure_and_without_a_password(error: Exception, cure: str) -> None:
    words = faults.in_words(error, "https://ada:secret@mlflow.example/")
    assert words is not None
    assert cure in words.splitlines()[1]
    assert "https://mlflow.example/ does not answer" in words
    assert "secret" not in words


@pytest.mark.parametrize("password", ["secret", "sec@ret"])
def test_an_address_is_told_without_its_password(password: str) -> None:
    words = faults.of_recording(ConnectionError("refused"), f"http://ada:{password}@mlflow.example")
    assert words is not None
    assert "http://mlflow.example:" in words
    assert "ret@" not in words
    assert "sec" not in words


def test_a_look_at_the_registry_has_the_password_of_the_address_or_that_of_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = "http://ada:sec%40ret@mlflow.example"
    sent = glance._credentials(address)["Authorization"]  # pyright: ignore[reportPrivateUsage]
    assert base64.b64decode(sent.removeprefix("Basic ")) == b"ada:sec@ret"
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "eve")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "word")
    sent = glance._credentials(address)["Authorization"]  # pyright: ignore[reportPrivateUsage]
    assert base64.b64decode(sent.removeprefix("Basic ")) == b"eve:word"
    assert public(address) == "http://mlflow.example", "where it is asked"


def test_what_mlflow_does_not_take_is_no_outage_and_a_file_of_ours_is_none_either() -> None:
    outage.forget()
    uri = "http://127.0.0.1:9"
    with pytest.raises(outage.Refused, match="not allowed"), outage.noticed(uri):
        raise MlflowException("Changing param values is not allowed", INVALID_PARAMETER_VALUE)
    with pytest.raises(FileNotFoundError), outage.noticed(uri):
        Path("/nonexistent/decision.json").read_text()
    with outage.noticed(uri):  # asked at once: neither says anything of the next minute
        pass
    with pytest.raises(outage.Outage), outage.noticed(uri):
        raise MlflowException("connection refused")
    with pytest.raises(outage.Outage), outage.noticed(uri):
        raise AssertionError("it is not asked again")
    outage.forget()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """`mlflow server` with a password, and one user beside its administrator."""
    settings = tmp_path / "basic_auth.ini"
    settings.write_text(_CONFIGURATION.format(tmp_path / "users.db", _ADMIN[0]))
    command = ["server", "--app-name", "basic-auth", "--allowed-hosts", "127.0.0.1:*,mlflow.example", "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"]
    command += ["--serve-artifacts", "--artifacts-destination", str(tmp_path / "served")]
    variables = {"MLFLOW_AUTH_CONFIG_PATH": str(settings), "MLFLOW_AUTH_ADMIN_PASSWORD": _ADMIN[1]}
    found = Server(command, "/health", tmp_path, {**os.environ, **variables, "MLFLOW_FLASK_SERVER_SECRET_KEY": "word"})
    found.start()
    try:
        _ask(found, "users/create", _ADMIN, {"username": _USER[0], "password": _USER[1]})
        yield found
    finally:
        found.end()


def _ask(server: Server, path: str, user: tuple[str, str], body: object, host: str | None = None) -> int:
    """The status of the answer."""
    headers = {"Authorization": f"Basic {base64.b64encode(':'.join(user).encode()).decode()}"}
    headers |= {"Content-Type": "application/json"} | ({"Host": host} if host else {})
    url = f"{server.address}/api/2.0/mlflow/{path}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.slow
@pytest.mark.auth
def test_a_run_is_recorded_by_a_user_with_a_password_and_goes_on_without_one(
    server: Server, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {
        host: _ask(server, "experiments/search", _USER, {"max_results": 1}, host)
        for host in ("mlflow.example", "evil.example")
    }
    assert found == {"mlflow.example": 200, "evil.example": 403}

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    product.edit(recipe, "iterations: 20", "iterations: 21")
    report = product.run()
    assert report.unrecorded == ("measurements", "benchmark_report", "champion")
    assert "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in report.outage

    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", _USER[0])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", _USER[1])
    outage.forget()
    runs.of_recipe.cache_clear()
    report = product.run()
    assert report.unrecorded == (), report.outage
    client = connection.client(homes.current())
    for name in ("measurements", "benchmark_report", "champion"):
        assert client.get_run(product.entry(name).run_id).info.status == "FINISHED"
    assert client.get_model_version_by_alias("tiny", "champion")
    assert product.states() == dict.fromkeys(product.states(), "fresh"), "a look at the registry has the password too"
