"""What is told of the processor, from the system's own description of it."""

from pathlib import Path

import pytest

from compression_ops.evaluation import processor


@pytest.mark.parametrize(
    ("text", "name", "extensions"),
    [
        (
            "processor\t: 0\nmodel name\t: Some Xeon\nflags\t\t: fpu sse avx avx2 avx512f avx512_vnni\n",
            "Some Xeon",
            ("AVX2", "AVX-512", "AVX-512 VNNI"),
        ),
        (
            "model name : Some Core\nflags : avx2 avx_vnni\nmodel name : Other\nflags : x\n",
            "Some Core",
            ("AVX2", "AVX-VNNI"),
        ),
        ("Features\t: fp asimd asimddp i8mm\n", None, ("NEON", "NEON dot product", "NEON int8 matrix")),
    ],
)
def test_the_instructions_that_matter_to_int8_are_named(
    tmp_path: Path, text: str, name: str | None, extensions: tuple[str, ...]
) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    found = processor.detect(tmp_path / "cpuinfo")
    assert found.extensions == extensions
    assert name is None or found.name == name


def test_nothing_is_claimed_where_the_system_does_not_tell(tmp_path: Path) -> None:
    found = processor.detect(tmp_path / "absent")
    assert found.extensions == ()
    assert found.name
    assert found.logical_cores >= 1
