"""No command tells anybody, nor keeps, the password that an address of MLflow's or of a store holds."""

from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from pipelines.lineage.database import faults
from pipelines.state.home import Home, public
from tests.faults.conftest import Tell
from tests.forks import Forks
from tests.pipelines import recipes

_SECRET = "s3cret"
_ADDRESS = f"http://ada:{_SECRET}@127.0.0.1:9"
_COMMANDS = (
    *(("run", "tiny", "--select", "dataset"), ("run", "tiny", "--select", "dataset", "--json"), ("check", "--json")),
    *(("status",), ("status", "tiny", "--json"), ("lineage", "tiny", "dataset"), ("sync-lineage",)),
    *(("gc", "--mlflow", "--dry-run"), ("gc", "--mlflow", "--json"), ("predict", "tiny", "nothing.npz")),
)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (f"https://ada:{_SECRET}@mlflow.example:5000/x", "https://mlflow.example:5000/x"),
        (f"https://{_SECRET}@mlflow.example", "https://mlflow.example"),
        (f"postgresql://ada:a@{_SECRET}@db/mlflow", "postgresql://db/mlflow"),
        (
            f"postgresql://db/mlflow?user=ada&password={_SECRET}&sslmode=x",
            "postgresql://db/mlflow?user=ada&password=…&sslmode=x",
        ),
        (f"s3://key:{_SECRET}@bucket/x", "s3://bucket/x"),
        (f"no answer from http://ada:{_SECRET}@a and ftp://b:{_SECRET}@c", "no answer from http://a and ftp://c"),
        (f"postgresql://u:pa/{_SECRET}@host/db", "postgresql://host/db"),
        ("http://127.0.0.1:5000/of/ada@home", "http://127.0.0.1:5000/of/ada@home"),
        *(
            (f"s3://bucket/x?a=1&{name}={_SECRET}", f"s3://bucket/x?a=1&{name}=…")
            for name in ("sslpassword", "access_token", "api_key", "X-Amz-Signature", "X-Amz-Security-Token")
        ),
        ("http://127.0.0.1:5000/#/experiments/1", "http://127.0.0.1:5000/#/experiments/1"),
        ("missing from file:///home/ada@corp/x", "missing from file:///home/ada@corp/x"),
        ("http://localhost:5000 failed; ask ada@corp", "http://localhost:5000 failed; ask ada@corp"),
    ],
)
def test_an_address_is_shown_without_what_it_says_of_a_user(address: str, shown: str) -> None:
    assert public(address) == shown


_UNESCAPED = (
    *(f"{begin}{_SECRET}" for begin in ("12/", "/", "#", "1#", "?", "a?b=", ":", "a:", "12 ", "%", "a@", "x//")),
    *(f"{_SECRET}{end}" for end in ("/12", "#", "?", ":", ":1", " 12", "%", "%zz", "@a", "//x", "/a b#c?d:e%f@g")),
)


@pytest.mark.parametrize("password", _UNESCAPED)
@pytest.mark.parametrize("user", ["ada:", ""])
def test_of_a_password_that_nobody_escaped_nothing_is_shown(user: str, password: str) -> None:
    address = f"https://{user}{password}@mlflow.example:5000/x"
    assert public(address) == "https://mlflow.example:5000/x"
    assert public(f"no answer from {address}, nor from {address}") == (
        "no answer from https://mlflow.example:5000/x, nor from https://mlflow.example:5000/x"
    )
    pieces = f"no host {password}; url: {password.rpartition('/')[2]}@mlflow.example"
    for error in (ConnectionError(pieces), MlflowException(pieces)):
        words = faults.of_recording(error, address)
        assert words is not None
        assert (_SECRET in words) == set(password).isdisjoint("/#?@ "), "what is read whole is not quoted in pieces"


@pytest.mark.slow(seconds=30)
def test_no_command_tells_or_keeps_a_password_of_an_address(
    bare_home: Path, tmp_path: Path, forks: Forks, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes.write(tmp_path / "defs")
    settings = {
        "COMPRESSION_HOME": str(bare_home),
        "COMPRESSION_DEFS": str(tmp_path / "defs"),
        "COMPRESSION_STORE": f"file://{tmp_path / 'store'}?password={_SECRET}",
        "MLFLOW_TRACKING_URI": _ADDRESS,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }
    told = {command: forks.run(*command, environment=settings).words for command in _COMMANDS}
    unescaped = settings | {"MLFLOW_TRACKING_URI": f"http://ada:12/{_SECRET}@127.0.0.1:9"}
    told["sync-lineage", "tiny"] = forks.run("sync-lineage", "tiny", environment=unescaped).words
    assert "cannot be read whole" in " ".join(told["sync-lineage", "tiny"].split())
    assert "127.0.0.1:9 may serve other homes" in " ".join(told["gc", "--mlflow", "--dry-run"].split())
    assert "MLflow at http://127.0.0.1:9 " in " ".join(told["run", "tiny", "--select", "dataset"].split())
    assert {command: words for command, words in told.items() if _SECRET in words} == {}
    kept = [path for path in bare_home.rglob("*") if path.is_file() and _SECRET.encode() in path.read_bytes()]
    assert kept == []
    monkeypatch.setenv("COMPRESSION_MLFLOW_ADDRESS", _ADDRESS)
    assert Home(bare_home).mlflow_address == "http://127.0.0.1:9", "in links, too"
    tell(f"{len(told)} commands with passwords in addresses: none told one, and none was kept")
