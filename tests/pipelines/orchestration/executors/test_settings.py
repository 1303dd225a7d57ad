"""The settings of executors: what is wrong with one is told with what is allowed, before anything is computed."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from compression_ops.errors import CompressionError
from pipelines.commands import run as runner
from pipelines.orchestration.executors import configuration, executor, needs
from tests.pipelines import product

_NAMES = ["in_process", "k8s", "multiprocess", "ray"]


def test_each_file_that_is_an_executor_is_one() -> None:
    assert list(executor.executors()) == _NAMES
    here = Path(executor.__file__).parent
    assert {path.stem for path in here.glob("*.py") if "\nEXECUTOR = " in path.read_text()} == set(_NAMES)


@pytest.mark.parametrize(
    "name",
    [
        "multiprocess",
        pytest.param("ray", marks=pytest.mark.ray),
        pytest.param("k8s", marks=pytest.mark.kubernetes),
    ],
)
def test_each_is_an_executor_of_dagsters_which_takes_settings_of_its_own(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(executor.SETTING, name)
    assert isinstance(executor.check().configured(), dg.ExecutorDefinition)
    file = tmp_path / "settings.yaml"
    monkeypatch.setenv(configuration.FILE, str(file))
    file.write_text("retries: {disabled: {}}\n")
    executor.check().configured()
    file.write_text("retreis: {}\n")
    with pytest.raises(CompressionError, match=r"retreis[\s\S]*mend .*settings\.yaml"):
        executor.check().configured()


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        (
            executor.SETTING,
            "rey",
            ["no such executor", "'rey'", "allowed: in_process, k8s", "mean `ray`"],
        ),
        (executor.SETTING, "executor", ["no such executor"]),
        (executor.SETTING, "../ray", ["no such executor"]),
        (configuration.WORKERS, "0", ["'0'", "a whole number from 1"]),
        (configuration.WORKERS, "two", ["'two'"]),
        (configuration.WORKERS, "²", ["'²'"]),
        (configuration.FILE, "/nowhere.yaml", ["/nowhere.yaml cannot be read"]),
        (needs.SETTING, "memory=2 GiB", ["'memory=2 GiB'", "`memory=2GiB, teacher.memory=8GiB"]),
        (needs.SETTING, "pupil.memory=2GiB", ["'pupil.memory=2GiB'", "kinds:", "student"]),
        (needs.SETTING, "raw_data.memory=2GiB", ["'raw_data.memory=2GiB'"]),
        (needs.SETTING, "threads=4GiB", ["'threads=4GiB'"]),
        (needs.SETTING, "threads=0", ["'threads=0'"]),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed_before_anything_is_computed(
    setting: str, value: str, words: list[str], recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product.edit(recipe, "temperature: 4.0", "temperature: 2.0")
    monkeypatch.setenv(setting, value)
    with pytest.raises(CompressionError) as caught:
        runner.run(product.pipeline())
    assert all(part in str(caught.value) for part in (f"{setting}: ", *words)), caught.value
    monkeypatch.delenv(setting)
    assert product.states()["student/small"] == "stale"


def test_settings_of_an_executor_are_refused_where_there_is_none_and_passed_over_where_an_asset_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("retries: {disabled: {}}\n")
    monkeypatch.setenv(configuration.FILE, str(file))
    with pytest.raises(CompressionError, match=r"\.yaml holds settings, and in_process has none\n.*k8s, multi"):
        executor.check()
    monkeypatch.setenv("DAGSTER_RUN_STEP_KEY", "tiny__teacher")
    monkeypatch.setenv(configuration.FILE, "/nowhere.yaml")
    monkeypatch.setenv(configuration.WORKERS, "many")
    assert executor.check().is_alone


@pytest.mark.parametrize("name", ["ray", "k8s"])
def test_an_executor_without_its_package_is_told_with_what_installs_it(name: str) -> None:
    """In a Python that does not find it."""
    script = (
        "import sys, importlib.util as util\n"
        "found = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name.startswith('dagster_') else found(name, *rest)\n"
        "from pipelines.orchestration.executors import executor\n"
        "try:\n    executor.check()\nexcept Exception as error:\n    print(error)\n"
        "assert 'dagster' not in sys.modules, 'a setting is looked at quickly'\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script],
        env={executor.SETTING: name},
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"COMPRESSION_EXECUTOR: {name} needs dagster-{name}" in told
    assert f"pip install 'compression-pipeline[{name}]'" in told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("ray", "cuda:1", marks=pytest.mark.ray),
        pytest.param("k8s", "mps", marks=pytest.mark.kubernetes),
    ],
)
def test_a_cluster_chooses_the_gpu_itself(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(executor.SETTING, name)
    monkeypatch.setenv("COMPRESSION_DEVICE", value)
    with pytest.raises(CompressionError, match=rf"found:   '{value}'\n  allowed: auto, cpu, cuda$"):
        executor.check()
    monkeypatch.setenv("COMPRESSION_DEVICE", "cuda")
    executor.check()


@pytest.mark.ray
def test_a_cluster_that_does_not_answer_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(executor.SETTING, "ray")
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:9")
    with pytest.raises(CompressionError, match=r"answers at http://127\.0\.0\.1:9[\s\S]*ray start --head"):
        executor.check().reach(dg.DagsterInstance.ephemeral())
