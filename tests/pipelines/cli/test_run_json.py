"""What `compression run --json` prints, and what docs/commands.md says of it."""

from dataclasses import replace

from pipelines.commands.run import Outcome, Report
from tests.conftest import REPOSITORY


def test_what_was_not_recorded_why_and_what_was_told_again_stand_there_and_in_the_docs() -> None:
    report = Report("tiny", (Outcome("dataset", "computed", 1.0), Outcome("teacher", "reused")), 1.23456)
    usual = report.to_json()
    assert usual == {
        "recipe": "tiny", "computed": ["dataset"], "reused": ["teacher"], "failed": [], "skipped": [], "seconds": 1.235,
    }  # fmt: skip
    more = replace(report, unrecorded=("dataset",), outage="MLflow does not answer", retold=("teacher",)).to_json()
    told = {"unrecorded": ["dataset"], "outage": "MLflow does not answer", "retold": ["teacher"]}
    assert more == usual | told
    words = (REPOSITORY / "docs" / "commands.md").read_text()
    assert all(f"`{name}`" in words for name in more)
