"""Where a browser finds MLflow, for the links of what is computed."""

from pathlib import Path

import pytest

from pipelines.state.home import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("MLFLOW_TRACKING_URI", "COMPRESSION_MLFLOW_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    return Home(tmp_path)


def test_what_is_computed_links_to_the_port_at_which_mlflow_was_served_last(home: Home) -> None:
    assert home.mlflow_address == "http://127.0.0.1:5000"
    home.serve_mlflow_at(5001)
    assert Home(home.root).mlflow_address == "http://127.0.0.1:5001"
    home.serve_mlflow_at(5000)
    assert home.mlflow_address == "http://127.0.0.1:5000"


@pytest.mark.parametrize("damage", [b"", b"70000", b"\xff\xfe", b"http"])
def test_a_damaged_port_is_the_usual_one(home: Home, damage: bytes) -> None:
    (home.root / "mlflow_port").write_bytes(damage)
    assert home.mlflow_address == "http://127.0.0.1:5000"


def test_an_address_that_was_configured_goes_before_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.serve_mlflow_at(5001)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example/")
    assert home.mlflow_address == "http://mlflow.example"
    monkeypatch.setenv("COMPRESSION_MLFLOW_ADDRESS", "http://elsewhere.example/")
    assert home.mlflow_address == "http://elsewhere.example"
