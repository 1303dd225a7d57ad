"""The artifact store on S3: what one process writes another sees at once, whole or not at all; faults are told."""

import time
from pathlib import Path

import pytest

from pipelines.retention import artifacts
from pipelines.retention.referring import Referring
from pipelines.state.actions.action_cache import ActionCache
from pipelines.state.artifacts import ArtifactStore, ArtifactUnavailable
from pipelines.state.filesystem import StoreRefused, StoreUnavailable
from tests.conftest import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.servers]
_HALF = "ab" + "1" * 62


def _store(url: str, tmp_path: Path, reader: str = "a") -> ArtifactStore:
    return ArtifactStore(f"{url}/store", tmp_path / reader)


def _put_object(url: str, key: str, body: bytes) -> None:
    import boto3

    boto3.client("s3").put_object(Bucket=url.removeprefix("s3://"), Key=f"store/{key}", Body=body)


def test_another_process_sees_what_was_written_after_it_had_looked(s3: str, tmp_path: Path, folder: Path) -> None:
    writer, reader = _store(s3, tmp_path), _store(s3, tmp_path, "b")
    assert list(reader.ids()) == []
    assert reader.list_json("actions") == []
    artifact = writer.put(folder)
    writer.write_json("actions/ab/abc.json", {"digest": "g"})
    assert list(reader.ids()) == [artifact.id]
    assert reader.looks_whole(artifact.id)
    assert (reader.fetch(artifact.id) / "x.txt").read_text() == "hello"
    assert reader.list_json("actions") == ["actions/ab/abc.json"]
    assert reader.read_json("actions/ab/abc.json") == {"digest": "g"}
    reader.drop(artifact.id)
    reader.remove_json("actions/ab/abc.json")
    assert not writer.contains(artifact.id)
    assert writer.read_json("actions/ab/abc.json") is None


def test_a_damaged_object_is_never_served_and_is_dropped(s3: str, tmp_path: Path, folder: Path) -> None:
    store = _store(s3, tmp_path)
    artifact = store.put(folder)
    _put_object(s3, f"artifacts/{artifact.id[:2]}/{artifact.id}/x.txt", b"hellp")
    with pytest.raises(ArtifactUnavailable, match=r"x\.txt was changed.*dropped"):
        store.fetch(artifact.id)
    assert not store.contains(artifact.id)


def test_what_a_killed_writer_left_is_no_artifact_is_written_anew_and_goes_with_time(
    s3: str, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = _store(s3, tmp_path)
    whole = store.identify(folder)
    for written in (whole.id, _HALF):
        _put_object(s3, f"artifacts/{written[:2]}/{written}/x.txt", b"hel")
        assert not store.contains(written)
    assert store.put(folder) == whole
    assert (store.fetch(whole.id) / "x.txt").read_text() == "hello"
    stores, now = artifacts.Stores(store, ActionCache(store), tuple[Referring, ...]), time.time()
    assert artifacts.find(stores, now).artifacts == (), "its writer may be at work"
    monkeypatch.setattr(artifacts, "_GRACE", -60.0)
    garbage = artifacts.find(stores, now)
    assert set(garbage.artifacts) == {whole.id, _HALF}
    artifacts.remove(stores, now, garbage)
    assert list(store.ids()) == []


def test_what_a_killed_reader_left_in_its_cache_is_swept(s3: str, tmp_path: Path, folder: Path) -> None:
    store = _store(s3, tmp_path)
    left = tmp_path / "a" / ".half"
    left.mkdir(parents=True)
    store.sweep(3600)
    assert left.exists()
    store.sweep(-1)
    assert not left.exists()


def test_a_bucket_that_is_not_there_is_told_before_anything_is_computed_and_not_made(
    s3: str, tmp_path: Path, folder: Path
) -> None:
    import boto3

    store = _store("s3://misspelt", tmp_path)
    for step in (store.require, lambda: store.put(folder)):
        with pytest.raises(StoreRefused, match=r"s3://misspelt/store cannot be used: .*bucket does not exist\n  let"):
            step()
    assert "misspelt" not in [found["Name"] for found in boto3.client("s3").list_buckets()["Buckets"]]


def test_a_server_that_is_down_and_missing_credentials_are_told_in_words(
    s3: str, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(StoreUnavailable, match=rf"{s3}/store cannot be used: Could not connect"):
        _store(s3, tmp_path).contains("0" * 64)
    s3fs.S3FileSystem.clear_instance_cache()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(StoreRefused, match="Unable to locate credentials"):
        _store(s3, tmp_path).put(folder)


def test_deploys_missing_buckets_are_made_once(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    monkeypatch.syspath_prepend(str(REPOSITORY / "deploy"))
    import buckets  # pyright: ignore[reportMissingImports]

    urls = ["s3://one-of-two/store", "s3://two-of-two", "/a/folder", s3]
    assert buckets.make(urls) == ["one-of-two", "two-of-two"]
    assert buckets.make(urls) == []
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert buckets.make(["s3://elsewhere"]) == ["elsewhere"]
    assert boto3.client("s3").get_bucket_location(Bucket="elsewhere")["LocationConstraint"] == "eu-central-1"
    assert {"one-of-two", "two-of-two"} <= {found["Name"] for found in boto3.client("s3").list_buckets()["Buckets"]}
