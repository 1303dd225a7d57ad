"""The trained weights that a teacher begins with: observed, not computed."""

from pipelines.kinds.kind import Kind
from pipelines.observed import teacher_weights

KIND = Kind(
    "Weights that were trained elsewhere; the data version is the digest of their file.",
    ("file",),
    files=teacher_weights.FILES,
)
