"""What the system says of the processor's instructions."""

from pathlib import Path

import pytest

from compression_ops import instruction_sets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor : 0\nflags\t\t: fpu avx2 avx512f avx512_bf16\n", True),
        ("flags : avx512f amx_bf16 amx_tile\n", True),
        ("flags : fpu avx2 avx512f avx512_vnni\n", False),
        ("Features : fp asimd bf16\n", False),
    ],
)
def test_bfloat16_needs_instructions_of_its_own(tmp_path: Path, text: str, expected: bool) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert instruction_sets.has_bfloat16(tmp_path / "cpuinfo") is expected


def test_nothing_is_claimed_where_the_system_does_not_tell(tmp_path: Path) -> None:
    assert instruction_sets.flags(tmp_path / "absent") == frozenset()
    assert instruction_sets.has_bfloat16(tmp_path / "absent") is False
    assert instruction_sets.model_name(tmp_path / "absent")
