"""`compression ui` with its real servers: what it says, and that it follows the files from which the graph is made."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.lineage.database import relocation
from tests.conftest import REPOSITORY
from tests.pipelines import product, recipes
from tests.pipelines.affected import AFTER_STUDENT
from tests.pipelines.served_ui import ServedUi, free_ports

pytestmark = pytest.mark.slow

_SETTINGS = ("MLFLOW_TRACKING_URI", "COMPRESSION_STORE", "COMPRESSION_STATE", "DAGSTER_HOME")
_SETTINGS += ("COMPRESSION_MLFLOW_ADDRESS",)
_OFF = "automation: {mode: off}"
_NODES = "{ assetNodes { assetKey { path } isMaterializable staleStatus description } }"
_SENSOR = """{ sensorOrError(sensorSelector: {
  repositoryLocationName: "compression", repositoryName: "__repository__", sensorName: "busy_automation"
}) { ... on Sensor { sensorState { ticks(limit: 1) { status } } } } }"""
_SCHEDULE = 'repositoryLocationName: "compression", repositoryName: "__repository__", scheduleName: "tiny_schedule"'
_STATE = (
    f"{{ scheduleOrError(scheduleSelector: {{{_SCHEDULE}}}) {{ ... on Schedule {{ scheduleState {{ status }} }} }} }}"
)
_START = f"mutation {{ startSchedule(scheduleSelector: {{{_SCHEDULE}}}) {{ __typename }} }}"


class Folders:
    """A home in which `tiny` has been run, recipes, and a checkout whose modules may be edited."""

    def __init__(self, root: Path) -> None:
        self.home, self.defs, self.checkout, self.log = root / "home", root / "defs", root / "checkout", root / "ui.log"
        self.recipe = self.defs / "tiny" / "defs.yaml"
        self.environment = {name: value for name, value in os.environ.items() if name not in _SETTINGS} | {
            "COMPRESSION_HOME": str(self.home),
            "COMPRESSION_DEFS": str(self.defs),
            "PYTHONPATH": str(self.checkout),
            "OMP_NUM_THREADS": "1",
        }


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, _finished: Path) -> Folders:
    """Of all tests here."""
    made = Folders(tmp_path_factory.mktemp("ui"))
    shutil.copytree(_finished / "home", made.home)
    relocation.follow(made.home / "mlflow" / "mlflow.db")  # which would be told as the first words otherwise
    for package in ("compression_ops", "pipelines"):
        shutil.copytree(REPOSITORY / package, made.checkout / package)  # with what is compiled
    shutil.copy(REPOSITORY / "workspace.yaml", made.checkout)
    recipes.write(made.defs, text=recipes.edited((_OFF, f"{_OFF}\n  schedule: {{cron: 0 4 * * 1, enabled: false}}")))
    # It looks every half minute whether anything is to be done, of which Dagster writes a line into its log.
    once_a_year = "{mode: on, observe: 0 0 1 1 *, retry: 0 0 1 1 *}"
    recipes.write(made.defs, "busy", recipes.edited((_OFF, f"automation: {once_a_year}")))
    return made


@pytest.fixture(scope="module")
def ui(folders: Folders) -> Iterator[ServedUi]:
    """Both servers, started once for all tests here."""
    served = ServedUi(folders.environment, folders.log, folders.checkout)
    yield served
    assert served.stop() == 0
    assert served.words.endswith("ending both servers\n")


@pytest.fixture(autouse=True)
def _files_as_before(folders: Folders) -> Iterator[None]:
    """A test that fails leaves the next one the recipe and the modules that it expects."""
    texts = {file: file.read_text() for file in (folders.recipe, *folders.checkout.rglob("*.py"))}
    yield
    for file, text in texts.items():
        if file.read_text() != text:
            file.write_text(text)


def test_the_two_addresses_stand_last_and_neither_requests_nor_looks_are_logged(ui: ServedUi) -> None:
    lines = ui.results.splitlines()
    assert [line.split()[0] for line in lines[-2:]] == ["Dagster", "MLflow"]
    assert ui.dagster in lines[-2]
    assert ui.mlflow in lines[-1]
    for url in (f"{ui.dagster}/server_info", f"{ui.mlflow}/health", f"{ui.mlflow}/"):
        with urllib.request.urlopen(url, timeout=60) as answer:
            assert answer.status == 200
    ui.eventually(lambda: bool(ui.query(_SENSOR)["sensorOrError"]["sensorState"]["ticks"]), "a look of the sensor")
    ui.eventually(
        lambda: ui.query(_SENSOR)["sensorOrError"]["sensorState"]["ticks"][0]["status"] != "STARTED", "its end"
    )
    assert ui.words == ""
    assert ui.results.splitlines() == lines


def test_an_edited_recipe_is_loaded_without_being_asked(ui: ServedUi, folders: Folders) -> None:
    assert _unsynced(ui) == set()
    product.edit(folders.recipe, "temperature: 4.0", "temperature: 2.0")
    ui.eventually(lambda: _unsynced(ui) == _shown(AFTER_STUDENT), f"{AFTER_STUDENT} to be marked")
    product.edit(folders.recipe, "temperature: 2.0", "temperature: 4.0")
    ui.eventually(lambda: _unsynced(ui) == set(), "nothing to be marked")
    assert f"reloaded: {folders.recipe}" in ui.words


def test_an_edited_module_is_loaded_without_being_asked(ui: ServedUi, folders: Folders) -> None:
    module = folders.checkout / "compression_ops" / "distillation" / "losses" / "kd.py"
    text = module.read_text()
    module.write_text(text + "\n_EDITED = True\n")
    ui.eventually(lambda: _unsynced(ui) == _shown(AFTER_STUDENT), f"{AFTER_STUDENT} to be marked")
    module.write_text(text)
    ui.eventually(lambda: _unsynced(ui) == set(), "nothing to be marked")


@pytest.mark.parametrize("mistake", ["def (\n", "raise OSError('no such luck')\n"])
def test_a_module_that_cannot_be_imported_is_told_and_what_was_loaded_stays(
    mistake: str, ui: ServedUi, folders: Folders
) -> None:
    module = folders.checkout / "pipelines" / "orchestration" / "keys.py"
    text, before, said = module.read_text(), _graph(ui), len(ui.words)
    module.write_text(text + mistake)
    consequence = "not reloaded: what was loaded last stays in use"
    ui.eventually(lambda: consequence in ui.words[said:], "the consequence")
    assert f"error: {module}:{len(text.splitlines()) + 1}: " in ui.words[said:]
    assert _graph(ui) == before
    module.write_text(text)
    ui.eventually(lambda: "reloaded: pipelines/orchestration/keys.py" in ui.words[said:], "the module to be loaded")
    assert _graph(ui) == before


def test_a_wrong_recipe_is_served_as_it_last_was_and_its_pages_say_what_is_wrong(
    ui: ServedUi, folders: Folders
) -> None:
    before, said = _graph(ui), len(ui.words)
    line = next(n for n, words in enumerate(folders.recipe.read_text().splitlines(), 1) if "temperature" in words)
    product.edit(folders.recipe, "temperature: 4.0", "temperature: -4.0")
    ui.eventually(lambda: ("tiny", "recipe_error") in _graph(ui), "the mistake in the page")
    wrong = _graph(ui)
    assert set(wrong) == {*before, ("tiny", "recipe_error")}
    for words in (
        f"{folders.recipe}:{line}: students.small.loss.temperature: out of range",
        "found:   -4.0 (a number)",
        "allowed: a number, more than 0 and at most 100",
        "its last good version is in use. Edit the file",
    ):
        assert words in wrong["tiny", "recipe_error"]
    for computed in AFTER_STUDENT:
        assert f"{folders.recipe}:{line}" in wrong["tiny", computed.replace("/", "_")]
    assert all(words == before[key] for key, words in wrong.items() if key[0] == "busy"), "another recipe is as it was"
    assert _unsynced(ui) == set(), "in use is what was computed"
    assert f"error: {folders.recipe}:{line}: students.small.loss.temperature" in ui.words[said:]

    product.edit(folders.recipe, "temperature: -4.0", "temperature: 4.0")
    ui.eventually(lambda: _graph(ui) == before, "the mistake to be gone")
    ui.eventually(lambda: "; right again: tiny" in ui.words[said:], "a word of it")


def test_a_recipe_that_comes_or_goes_is_noticed(ui: ServedUi, folders: Folders) -> None:
    shutil.copytree(folders.defs / "tiny", folders.defs / "second")
    ui.eventually(lambda: ("second", "champion") in _graph(ui), "the recipe to come")
    shutil.rmtree(folders.defs / "second")
    ui.eventually(lambda: ("second", "champion") not in _graph(ui), "the recipe to go")


def test_a_burst_of_saves_is_loaded_once(ui: ServedUi, folders: Folders) -> None:
    before, text = ui.words.count("reloaded: "), folders.recipe.read_text()
    for number in range(20):  # as an editor saves: another file takes the place of the first
        draft = folders.recipe.with_suffix(".draft")
        draft.write_text(f"{text}# {number}\n")
        draft.replace(folders.recipe)
        time.sleep(0.05)
    ui.eventually(lambda: ui.words.count("reloaded: ") > before, "the last save to be loaded")
    time.sleep(3)
    assert ui.words.count("reloaded: ") == before + 1
    folders.recipe.write_text(text)
    ui.eventually(lambda: ui.words.count("reloaded: ") == before + 2, "the original to be loaded")


def test_a_schedule_that_somebody_switched_on_stays_on(ui: ServedUi, folders: Folders) -> None:
    assert _schedule(ui) == "STOPPED"
    assert ui.query(_START)["startSchedule"]["__typename"] == "ScheduleStateResult"
    before, text = ui.words.count("reloaded: "), folders.recipe.read_text()
    folders.recipe.write_text(f"{text}# edited\n")
    ui.eventually(lambda: ui.words.count("reloaded: ") > before, "the edit to be loaded")
    assert _schedule(ui) == "RUNNING"
    folders.recipe.write_text(text)
    ui.eventually(lambda: ui.words.count("reloaded: ") == before + 2, "the original to be loaded")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_stop_ends_every_process_without_a_traceback(number: signal.Signals, home: Path, defs: Path) -> None:
    relocation.follow(home / "mlflow" / "mlflow.db")  # a copy, which would be told as the first words otherwise
    log = home.parent / "ui.log"
    served = ServedUi(os.environ | {"PYTHONPATH": str(REPOSITORY)}, log)
    assert len(_processes(home)) > 4
    os.kill(served.process.pid, number)
    time.sleep(0.5)
    assert served.stop(number) == 0, "a second stop, of somebody who cannot wait, changes nothing"
    assert _processes(home) == set()
    assert served.words == "ending both servers\n"


def test_what_a_server_says_that_cannot_start_is_shown(home: Path, defs: Path) -> None:
    (home / "dagster" / "dagster.yaml").write_text("storage: {postgres: {postgres_db: somewhere}}\n")
    found = _ended(*free_ports(2))
    assert "postgres_db" in found.stderr
    assert found.stderr.endswith("error: a server ended before it was ready; its last words stand above\n")
    assert _processes(home) == set()


def test_a_port_that_is_taken_is_told_with_the_option_that_chooses_another(home: Path, defs: Path) -> None:
    shutil.rmtree(home / "dagster")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        found = _ended(port, port)
    assert found.stderr.startswith(f"error: port {port} is taken\n")
    assert "--port PORT" in found.stderr
    assert not home.joinpath("dagster", "history").exists()


def _ended(port: int, mlflow_port: int) -> subprocess.CompletedProcess[str]:
    """The command that ends by itself, because it fails."""
    command = [sys.executable, "-m", "pipelines.cli.main", "ui", "--port", str(port), "--mlflow-port", str(mlflow_port)]
    found = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=240)
    assert found.returncode == 1
    return found


def _graph(ui: ServedUi) -> dict[tuple[str, ...], str]:
    """{key: what its page says} of every node."""
    return {tuple(node["assetKey"]["path"]): node["description"] for node in ui.query(_NODES)["assetNodes"]}


def _unsynced(ui: ServedUi) -> set[str]:
    nodes = [node for node in ui.query(_NODES)["assetNodes"] if node["assetKey"]["path"][0] == "tiny"]
    stale = [node for node in nodes if node["isMaterializable"] and node["staleStatus"] != "FRESH"]
    return {node["assetKey"]["path"][-1] for node in stale}


def _shown(names: set[str]) -> set[str]:
    return {name.replace("/", "_") for name in names}


def _schedule(ui: ServedUi) -> str:
    return ui.query(_STATE)["scheduleOrError"]["scheduleState"]["status"]


def _processes(home: Path) -> set[int]:
    """All processes of this machine that work on a home, but for this one, and those that have ended."""
    setting = f"COMPRESSION_HOME={home}".encode()
    found: set[int] = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if setting in (folder / "environ").read_bytes().split(b"\0") and int(folder.name) != os.getpid():
                found.add(int(folder.name))
        except OSError:
            continue
    return found
