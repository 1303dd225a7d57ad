"""What is told of a target against the ONNX session of its quantized student."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Agreement:
    """One target against the ONNX session of its quantized student.

    name, model        the assets of the two
    type               the target's word
    oldest_runtime     in words; None where nobody knows
    file_bytes         of what its user needs
    differing_samples  test samples that it gives another class
    differing_share    of all test samples, in [0, 1]
    """

    name: str
    model: str
    type: str
    oldest_runtime: str | None
    file_bytes: int
    differing_samples: int
    differing_share: float

    def numbers(self) -> dict[str, float]:
        """Its numbers by their columns."""
        names = ("differing_samples", "differing_share", "file_bytes")
        return {name: float(value) for name, value in asdict(self).items() if name in names}
