"""Fixtures of all tests: a home and recipes of their own, so that no test sees another's state."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
os.environ.setdefault("COMPRESSION_DATA", str(REPOSITORY.parent / "shared" / "data"))
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
