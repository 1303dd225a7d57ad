"""PostgreSQL and an S3 server, started once for all files of this folder."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.pipelines.servers.postgres_process import Postgres

KEY, SECRET = "team", "secret"


@pytest.fixture(scope="session")
def postgres() -> Generator[Postgres]:
    """A server without databases."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def s3_address(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """Where moto's S3 server answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with (tmp_path_factory.mktemp("s3") / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port], stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/moto-api/")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def s3(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    """The settings of the S3 server for this test; it has a bucket of the test's own, whose URL this is."""
    import boto3
    import s3fs

    for name, value in settings(s3_address).items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    bucket = f"artifacts-{time.time_ns()}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    yield f"s3://{bucket}"
    s3fs.S3FileSystem.clear_instance_cache()


def settings(address: str) -> dict[str, str]:
    """What a client of the S3 server is told."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def _wait(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise AssertionError(f"{url} did not answer")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files, as a stage writes them."""
    made = tmp_path / "output"
    made.mkdir()
    (made / "x.txt").write_text("hello")
    (made / "y.txt").write_text("world")
    return made
