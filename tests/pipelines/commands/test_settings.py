"""A setting that is wrong is told by `check` and `run` before they do anything, with what is allowed."""

import pytest

from compression_ops.errors import CompressionError
from pipelines.cli import check, run
from pipelines.commands import settings
from pipelines.orchestration import last_good


@pytest.mark.parametrize(
    ("setting", "stated", "words"),
    [
        ("COMPRESSION_MEMORY", "lots", "allowed: bytes"),
        ("COMPRESSION_NOTIFY", "foo", "allowed: an http"),
        ("COMPRESSION_KEEP_LAST_GOOD", "perhaps", "allowed: 1 or 0"),
        ("COMPRESSION_EXECUTOR", "nobody", "no such executor"),
        ("COMPRESSION_WORKERS", "many", "COMPRESSION_WORKERS"),
        ("COMPRESSION_NEEDS", "much", "COMPRESSION_NEEDS"),
        ("COMPRESSION_DEVICE", "abacus", "COMPRESSION_DEVICE: not a device"),
    ],
)
def test_it_is_told_first(setting: str, stated: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.require()
    monkeypatch.setenv(setting, stated)
    for command in (check.command, run.command):
        with pytest.raises(CompressionError, match=words):
            command("no-such-recipe")


def test_a_function_that_is_told_of_failures_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPRESSION_NOTIFY", "no_such_package.module:tell")
    settings.require()


@pytest.mark.parametrize(
    ("stated", "is_kept"), [("", True), ("on", True), ("no", False), ("False", False), ("0", False)]
)
def test_yes_and_no_have_the_same_words_for_each_setting(
    stated: str, is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPRESSION_KEEP_LAST_GOOD", stated)
    assert last_good.is_kept() is is_kept
