"""What a run was made from, written as tags and read back."""

from pipelines.lineage import inputs, names
from pipelines.state.materialization import Source

_RUN = "0123456789abcdef0123456789abcdef"


def test_what_is_written_is_read_back_in_its_order() -> None:
    shared = Source("d1", _RUN, "m-1", "7")
    sources = {"student/b": shared, "dataset": Source("d2", "f" * 32, None, "8"), "student/a": shared}
    tags = inputs.to_tags(sources | {"raw_data": Source("d3")})
    assert len(tags) == 3, "a tag for each parent, and equal assets share their run"
    assert inputs.from_tags(tags | {"compression.asset": "x"}) == sources | {"raw_data": Source("d3")}
    assert list(inputs.from_tags(tags)) == ["student/b", "student/a", "dataset", "raw_data"]


def test_a_tag_that_many_assets_share_stays_within_mlflows_limit() -> None:
    sources = {f"student/{number:0200}": Source("d", _RUN, None, "7") for number in range(100)}
    (value,) = inputs.to_tags(sources).values()
    assert len(value) <= names.TAG_LIMIT
    assert 30 < len(inputs.from_tags(inputs.to_tags(sources))) < 100


def test_what_earlier_versions_wrote_is_still_read() -> None:
    tags = {
        "upstream.student/small.digest": "d1",
        "upstream.student/small.run_id": _RUN,
        "upstream.student/small.model_id": "m-1",
        f"input.{_RUN}": "student/small",
        "upstream.raw_data.digest": "d2",
    }
    assert inputs.from_tags(tags) == {"student/small": Source("d1", _RUN, "m-1"), "raw_data": Source("d2")}
