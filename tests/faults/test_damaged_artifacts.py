"""Every file of every kind of artifact, damaged in every way: found, told, never served, computed again."""

import shutil
import sys
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.commands import verify
from pipelines.kinds import kind
from pipelines.state.artifacts import ArtifactStore, ArtifactUnavailable
from tests.faults.conftest import Tell
from tests.pipelines import product

# What is observed has no artifact; the last two's are of the same formats, and `tiny` has none.
_ELSEWHERE = {"raw_data", "generation", "teacher_weights", "ensemble", "target"}
_DAMAGES = ("truncated", "one bit flipped", "emptied", "removed", "swapped with another")


@pytest.fixture(scope="module")
def folders(_finished: Path) -> dict[str, Path]:
    """{kind: the folder of its artifact} of a home in which `tiny` has been run; to be read only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPRESSION_HOME", str(_finished / "home"))
        patch.setenv("COMPRESSION_DEFS", str(_finished / "defs"))
        pipeline = product.pipeline()
        newest = {name: pipeline.latest(name) for name in pipeline.graph.assets}
        ids = {pipeline.graph.assets[name].kind: entry.artifact for name, entry in newest.items() if entry}
    return {name: _finished / "home" / "store" / "artifacts" / id[:2] / id for name, id in ids.items()}


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """An empty store on the disk."""
    return ArtifactStore(str(tmp_path / "store"), tmp_path / "cache")


def _damage(file: Path, how: str, another: Path) -> None:
    content = file.read_bytes()
    file.unlink()  # it may be another file's second name
    match how:
        case "truncated":
            file.write_bytes(content[: len(content) // 2])
        case "one bit flipped":
            middle = len(content) // 2
            file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        case "emptied":
            file.write_bytes(b"")
        case "removed":
            pass
        case _:
            shutil.copy(another, file)


@pytest.mark.parametrize("how", _DAMAGES)
def test_a_file_of_any_kind_of_artifact_that_is_damaged_is_found_told_and_never_served(
    how: str, folders: dict[str, Path], store: ArtifactStore, tmp_path: Path, tell: Tell
) -> None:
    assert set(folders) == set(kind.kinds()) - _ELSEWHERE
    files = [file for folder in folders.values() for file in sorted(folder.iterdir())]
    for number, file in enumerate(files):
        artifact = file.parent.name
        copy = tmp_path / "store" / "artifacts" / artifact[:2] / artifact
        shutil.copytree(file.parent, copy, copy_function=shutil.copy)
        assert store.fetch(artifact) == copy
        _damage(copy / file.name, how, files[number - 1])
        if how in ("truncated", "emptied", "removed"):
            assert not store.looks_whole(artifact), f"{file}: seen without reading it"
        with pytest.raises(ArtifactUnavailable) as told:
            store.fetch(artifact)
        is_absent = file.name == "manifest.json" and how == "removed"
        assert ("is missing from" if is_absent else f"was damaged ({file.name}") in str(told.value)
        assert not store.contains(artifact), "it has been dropped"
        shutil.rmtree(copy, ignore_errors=True)
    assert len(files) >= 30
    tell(f"{how}: {len(files)} files of {len(folders)} kinds of artifacts, each one found, told and never served")


def test_an_artifact_whose_folder_is_anothers_is_found(
    folders: dict[str, Path], store: ArtifactStore, tmp_path: Path, tell: Tell
) -> None:
    places = list(folders.values())
    for place, other in zip(places, [*places[1:], places[0]], strict=True):
        shutil.copytree(other, tmp_path / "store" / "artifacts" / place.name[:2] / place.name)
        with pytest.raises(ArtifactUnavailable, match=r"damaged \(manifest.json was changed\)"):
            store.fetch(place.name)
    tell(f"swapped as a whole: {len(places)} kinds of artifacts, each one found, told and never served")


@pytest.mark.slow
def test_one_bit_of_each_artifact_is_told_by_verify_and_computed_again_by_run(
    recipe: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline = product.pipeline()
    before = {name: product.entry(name) for name in pipeline.graph.assets}
    for name, entry in before.items():
        if name != "champion":  # which `status` reads
            folder = pipeline.store.fetch(entry.artifact)
            _damage(max(folder.iterdir(), key=lambda file: file.stat().st_size), "one bit flipped", folder)
    names = verify.reproducible(pipeline, list(before))
    told = {found.asset: found.lost for found in verify.verify(pipeline, names, lambda name, step: None, print)}
    assert set(told) == set(before) - {"champion"}
    assert all("was damaged" in words for words in told.values())
    assert {name for name, state in product.states().items() if state == "missing"} == set(told)
    monkeypatch.setattr(sys, "argv", ["compression", "verify", "tiny"])
    with pytest.raises(SystemExit):
        main._run()  # pyright: ignore[reportPrivateUsage]
    printed = capsys.readouterr()
    assert printed.out.count(": LOST: artifact ") == len(told)
    assert f"{len(told)} of {len(told)} results could not be compared\n  run `compression run tiny`" in printed.err
    assert product.computed() == set(told)
    assert {name: product.entry(name).digest for name in before} == {name: old.digest for name, old in before.items()}
    again = list(verify.verify(product.pipeline(), names, lambda name, step: None, print))
    assert all(found.reproduced for found in again)
    tell(f"one bit of each of {len(told)} artifacts: verify told of each, run computed each again with equal digest")
