"""What all tests share: where the repository lies, and what to do where a machine lacks something that a test needs."""

import os
import shutil
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
os.environ.setdefault("COMPRESSION_DATA", str(REPOSITORY.parent / "shared" / "data"))
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")

_MNIST = Path(os.environ["COMPRESSION_DATA"]) / "MNIST" / "raw"
# marker: (whether it can be had here, what is missing, the command that brings it)
_NEEDS = {
    "mnist": (
        any((_MNIST / f"train-images-idx3-ubyte{end}").is_file() for end in ("", ".gz")),
        f"MNIST is not under {_MNIST}",
        "`compression run mnist --select dataset` downloads it to .compression/data, for which set COMPRESSION_DATA",
    ),
    "browser": (
        any(shutil.which(name) for name in ("chromium", "chromium-browser")),
        "there is no Chromium",
        "`sudo apt-get install chromium`",
    ),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test for want of something, in one line that says how to get it; with CI=true that is an error."""
    for marker, (is_there, missing, cure) in _NEEDS.items():
        if item.get_closest_marker(marker) and not is_there:
            reason = f"{missing}: {cure}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)
