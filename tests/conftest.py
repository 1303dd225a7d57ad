"""What all tests share: where the repository lies, and what to do where a machine lacks something that a test needs."""

import gc
import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

REPOSITORY = Path(__file__).resolve().parent.parent
os.environ.setdefault("COMPRESSION_DATA", str(REPOSITORY.parent / "shared" / "data"))
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")  # half a dozen processes a server, as in `serve`

# What is imported lives as long as this process: a million objects that the collector need not look at again and again.
gc.set_threshold(20_000, 20, 20)

# Databases of homes flush every transaction to the disk, which no test needs.
_MEMORY, _ENOUGH = Path("/dev/shm"), 4 << 30  # bytes
if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ENOUGH:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

_MNIST = Path(os.environ["COMPRESSION_DATA"]) / "MNIST" / "raw"


# Folders whose conftest.py starts what all their files use.
_ONE_FOR_ALL_FILES = ("tests/browser", "tests/pipelines/servers")


class FilesTogether(LoadScopeScheduling):
    """Gives the tests of a file to one process, so that what the file starts for all of them is started once.

    `xdist_group` would say it test by test, and is without effect since pytest 9.2 (pytest-xdist 3.8 renames tests in a
    way that pytest no longer reads).
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((folder for folder in _ONE_FOR_ALL_FILES if file.startswith(f"{folder}/")), file)


class Need(NamedTuple):
    """What some tests need: whether it is here, what is missing otherwise, how to get it, and whether CI has it."""

    is_there: Callable[[], bool]
    missing: str
    cure: str
    ci_has: bool = True


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _has_wasm() -> bool:
    from compression_ops.wasm import module

    return module.missing() is None


def _has_servers() -> bool:
    from tests.pipelines.servers import postgres_process

    packages = ("dagster_postgres", "psycopg2", "s3fs", "moto")
    return postgres_process.programs() is not None and all(map(importlib.util.find_spec, packages))


def _all_found(*modules: str) -> bool:
    return all(importlib.util.find_spec(module) is not None for module in modules)


_NEEDS = {
    "servers": Need(
        _has_servers,
        "there is no PostgreSQL, or no package for it or for S3",
        "`sudo apt-get install postgresql`, `make setup`",
    ),
    "gpu": Need(
        _has_gpu,
        "torch finds no CUDA GPU here",
        "on a machine with one, `python -m pytest -m gpu`; CI's machines have none either",
        ci_has=False,
    ),
    "mnist": Need(
        lambda: any((_MNIST / f"train-images-idx3-ubyte{end}").is_file() for end in ("", ".gz")),
        f"MNIST is not under {_MNIST}",
        "`.venv/bin/compression run mnist --select dataset` downloads it; then COMPRESSION_DATA=$PWD/.compression/data",
    ),
    "compiler": Need(
        lambda: shutil.which("cc") is not None,
        "there is no C compiler `cc`",
        "`sudo apt-get install gcc libc6-dev`",
    ),
    "wasm": Need(
        _has_wasm,
        "there is no clang, or no wasm-ld",
        "`sudo apt-get install clang lld`",
    ),
    "clang": Need(
        lambda: shutil.which("clang") is not None,
        "there is no clang",
        "`sudo apt-get install clang libclang-rt-dev`",
    ),
    "board": Need(
        lambda: shutil.which("arm-none-eabi-gcc") is not None and shutil.which("qemu-system-arm") is not None,
        "there is no compiler for Arm, or no emulator of its boards",
        "`sudo apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm`",
    ),
    "browser": Need(
        lambda: any(shutil.which(name) for name in ("chromium", "chromium-browser")),
        "there is no Chromium",
        "`sudo apt-get install chromium`",
    ),
    "auth": Need(
        lambda: importlib.util.find_spec("flask_wtf") is not None, "Flask-WTF is not installed", "`make setup`"
    ),
    "ray": Need(lambda: _all_found("ray", "dagster_ray"), "Ray or dagster-ray is not installed", "`make setup`"),
    "kubernetes": Need(
        lambda: _all_found("dagster_k8s", "kubernetes_validate"), "dagster-k8s is not installed", "`make setup`"
    ),
    "openvino": Need(
        lambda: importlib.util.find_spec("openvino") is not None, "openvino is not installed", "`make setup`"
    ),
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FilesTogether:
    """With several processes (`-n 2`)."""
    return FilesTogether(config, log)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m slow`, files that have nothing slow are not imported either, by any of the processes."""
    if config.option.markexpr != "slow" or not collection_path.match("test_*.py"):
        return None
    return None if "mark.slow" in collection_path.read_text(encoding="utf-8") else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first, so that no process waits for another at the end."""
    items.sort(key=lambda item: -_seconds(item))


def pytest_collection_finish() -> None:
    """All that the tests import at their head is loaded now, and stays."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests counted."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    lines = [value for report in reports for name, value in report.user_properties if name == "told"]
    if lines:
        terminalreporter.section("counted")
        for line in lines:
            terminalreporter.write_line(str(line))


def _seconds(item: pytest.Item) -> float:
    marker = item.get_closest_marker("slow")
    return marker.kwargs.get("seconds", 0.0) if marker else 0.0


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test for want of something, in one line that says how to get it; with CI=true that is an error, unless it
    is what CI does not have.
    """
    for marker, need in _NEEDS.items():
        if item.get_closest_marker(marker) and not need.is_there():
            reason = f"{need.missing}: {need.cure}"
            if need.ci_has and os.environ.get("CI") == "true":
                pytest.fail(reason, pytrace=False)
            pytest.skip(reason)
