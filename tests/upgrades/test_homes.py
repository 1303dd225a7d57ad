"""Homes that former versions wrote: read, migrated once with a copy kept, gone on with.

Each is an archive in `homes`, named by the commit whose code wrote it; `make.py` makes them.
"""

import json
import tarfile
from pathlib import Path

import pytest

from compression_ops.errors import CompressionError
from pipelines.lineage import connection
from pipelines.lineage.query import LineageQuery
from pipelines.orchestration import instance
from pipelines.state.history import History
from pipelines.state.home import Home
from pipelines.state.versions import dagster_settings, version
from tests.pipelines import product
from tests.pipelines.cli.command import compression
from tests.upgrades.make import HOMES

_ARCHIVES = {path.name.removesuffix(".tar.xz"): path for path in sorted(HOMES.glob("*.tar.xz"))}
_RELEASED = [name for name in _ARCHIVES if "." in name]
_BEFORE_RELEASES = [name for name in _ARCHIVES if "." not in name]  # they do not say who wrote them
_ASSETS = {"dataset", "teacher", "soft_labels", "student/small", "control/small", "quantized_student/int8"}
_SETTINGS = ("MLFLOW_TRACKING_URI", "COMPRESSION_STORE", "DAGSTER_HOME")


def _unpacked(archive: Path, folder: Path, patch: pytest.MonkeyPatch) -> Home:
    with tarfile.open(archive) as found:
        found.extractall(folder, filter="data")
    for name in _SETTINGS:
        patch.delenv(name, raising=False)
    patch.setenv("COMPRESSION_HOME", str(folder / "home"))
    patch.setenv("COMPRESSION_DEFS", str(folder / "defs"))
    return Home(folder / "home")


@pytest.fixture(params=_ARCHIVES)
def former(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home of a former version, and its recipes."""
    return _unpacked(_ARCHIVES[request.param], tmp_path, monkeypatch)


@pytest.fixture
def oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The home of the first version that worked."""
    return _unpacked(_ARCHIVES["734e524"], tmp_path, monkeypatch)


def _lines(home: Home) -> dict[str, list[str]]:
    folder = home.root / "history"
    return {str(path): path.read_text().splitlines() for path in sorted(folder.rglob("*.jsonl"))}


@pytest.mark.parametrize("former", _BEFORE_RELEASES, indirect=True)
def test_a_home_of_a_former_version_is_read_and_migrated_once_with_a_copy_kept(former: Home) -> None:
    settings, lines = former.dagster / "dagster.yaml", _lines(former)
    before = settings.read_text()
    said = compression("status", "tiny", "--json")
    assert "written by a former version" in said.stderr
    found = {item["asset"]: item for item in json.loads(said.stdout)["assets"]}
    assert found.keys() >= _ASSETS
    assert {found[name]["state"] for name in _ASSETS} == {"stale"}, "all known, and of other code"
    assert (former.root / "former-1" / "dagster" / "dagster.yaml").read_text() == before
    assert settings.read_text() == dagster_settings.PRESENT != before
    assert _lines(former) == lines, "histories are as they were"
    assert json.loads((former.root / "version.json").read_text())["format"] == version.FORMAT
    said = compression("status", "tiny")
    assert "former version" not in said.stderr


@pytest.mark.parametrize("former", _RELEASED, indirect=True)
def test_a_home_of_a_release_is_read_as_it_is(former: Home) -> None:
    settings, lines = former.dagster / "dagster.yaml", _lines(former)
    before = settings.read_text()
    said = compression("status", "tiny", "--json")
    assert not said.stderr
    assert {item["asset"] for item in json.loads(said.stdout)["assets"] if item["state"] != "missing"} >= _ASSETS
    assert settings.read_text() == before
    assert _lines(former) == lines
    assert not list(former.root.glob("former-*"))


def test_what_a_former_version_computed_is_still_there_with_its_lineage(former: Home) -> None:
    pipeline, query = product.pipeline(), LineageQuery(former)
    for name in _ASSETS:
        entry = product.entry(name)
        assert pipeline.store.looks_whole(entry.artifact), name
        assert pipeline.actions.get(entry.action) is not None, name
        tree = query.backward(entry.run_id)
        assert tree.digest == entry.digest
        assert {node.asset for node in tree.relatives} == set(entry.inputs) - {"generation"}
    with instance.opened(former) as opened:
        assert opened.get_latest_materialization_event(_key("student_small", "student/small", opened)) is not None


def _key(node: str, name: str, on) -> object:
    """Assets had keys of several parts at first."""
    known = {key.to_user_string(): key for key in on.all_asset_keys()}
    return known.get(f"tiny/{node}") or known[f"tiny/{name}"]


@pytest.mark.slow
def test_the_next_run_goes_on_where_a_former_version_stopped(oldest: Home) -> None:
    lines, runs = _lines(oldest), {name: product.entry(name).run_id for name in _ASSETS}
    computed = product.computed()
    assert computed >= _ASSETS
    assert set(product.states().values()) == {"fresh"}
    for path, former_lines in lines.items():
        assert Path(path).read_text().splitlines()[: len(former_lines)] == former_lines
    query = LineageQuery(oldest)
    assert all(query.knows(run_id) for run_id in runs.values()), "MLflow has the former runs, and the new ones"
    assert all(query.knows(product.entry(name).run_id) for name in _ASSETS)
    assert product.computed() == set()


def test_a_home_of_a_later_version_is_refused_with_words(oldest: Home) -> None:
    (oldest.root / "version.json").write_text(json.dumps({"format": version.FORMAT + 1, "written_by": "9.0.0"}))
    before = {path: path.stat().st_mtime for path in oldest.root.rglob("*")}
    for command in (("status", "tiny"), ("run", "tiny"), ("gc",), ("rollback", "tiny")):
        said = compression(*command)
        assert said.returncode == 1
        assert f"{oldest.root} was written by a later version: its format is {version.FORMAT + 1}" in said.stderr
        assert "set COMPRESSION_HOME to another folder" in said.stderr
    with pytest.raises(CompressionError, match="later version"):
        instance.folder(oldest)
    assert {path: path.stat().st_mtime for path in oldest.root.rglob("*")} == before


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"format": "two"}', '{"format": null}'])
def test_a_damaged_version_is_told_with_a_cure_and_nothing_is_written(oldest: Home, damage: str) -> None:
    version.require(oldest)
    (oldest.root / "version.json").write_text(damage)
    before = {path: path.stat().st_mtime for path in oldest.root.rglob("*")}
    for use in (version.require, connection.prepare):
        with pytest.raises(CompressionError, match=r"version\.json cannot be read: .*\n.*restore it from a backup"):
            use(oldest)
    assert {path: path.stat().st_mtime for path in oldest.root.rglob("*")} == before
    (oldest.root / "version.json").write_text('{"format": 2}')
    version.require(oldest)


def test_settings_that_somebody_edited_stay_and_what_they_lack_is_told(
    oldest: Home, caplog: pytest.LogCaptureFixture
) -> None:
    settings = oldest.dagster / "dagster.yaml"
    settings.write_text(dagster_settings.FORMER[0].replace("enabled: false", "enabled: true"))
    edited = settings.read_text()
    version.require(oldest)
    assert settings.read_text() == edited
    assert "has no section `concurrency`, without which two trainings may run at a time" in caplog.text
    assert "has no section `retention`" in caplog.text
    caplog.clear()
    version.require(oldest)
    assert not caplog.text


def test_a_new_home_says_which_version_wrote_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    version.require(home)
    assert not home.root.exists(), "nothing is made before it is needed"
    instance.folder(home)
    assert json.loads((home.root / "version.json").read_text())["format"] == version.FORMAT
    assert not list(home.root.glob("former-*"))
    assert History(home.history).latest("r", "a") is None
