"""Calibration by entropy: clip where the quantized values keep most of the information in the original ones."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from compression_ops.spec import Spec

if TYPE_CHECKING:
    import numpy as np

    from compression_ops.quantization.activations import Ranges, Replay


# Without a limit the divergence is smallest where a spike of equal values, such as an image's background, becomes the
# last bin: whatever is clipped vanishes in it. On an MNIST network that cost 75 points of accuracy.
_LARGEST_CLIPPED_SHARE = 0.001


class Entropy(Spec):
    """Minimal Kullback-Leibler divergence (Migacz 2017, "8-bit Inference with TensorRT")."""

    method: Literal["entropy"]
    samples: int = Field(default=512, ge=1, le=1_000_000, description="Training samples to calibrate on.")
    bins: int = Field(
        default=2048, ge=512, le=8192, description="Of the histogram of magnitudes: the candidate thresholds."
    )


def calibrate(spec: Entropy, replay: "Replay") -> "Ranges":
    """For each tensor [-t, t], cut to the values that it takes, with the threshold t of least divergence.

    Zeros are not counted: they are exact whatever the threshold, and after a ReLU they are most of the values.
    """
    import numpy as np

    from compression_ops.quantization import activations, histogram

    bounds = activations.bounds(replay)
    spans = {name: (0.0, max(abs(low), abs(high)) or 1.0) for name, (low, high) in bounds.items()}
    counted = histogram.collect(replay, spans, spec.bins, lambda values: np.abs(values[values != 0]))
    ranges: dict[str, tuple[float, float]] = {}
    for name, (low, high) in bounds.items():
        levels = 128 if low < 0 < high else 256
        limit = float(counted[name].edges[threshold(counted[name].counts, levels)])
        ranges[name] = (max(low, -limit), min(high, limit))
    return ranges


def threshold(counts: "np.ndarray", levels: int) -> int:
    """How many of the bins of a histogram of magnitudes, int64 [B], to keep: in [levels, B].

    Keeping i bins, P is these with all that is clipped added to the last of them; Q is the counts of these bins merged
    into `levels` levels and spread evenly again over those bins of each level that are not empty. The i with the
    smallest divergence of Q from P wins, the largest of equals, among those that clip no more than one value in 1,000.
    """
    import numpy as np

    kept_share = np.cumsum(counts) / max(int(counts.sum()), 1)
    first = int(np.searchsorted(kept_share, 1 - _LARGEST_CLIPPED_SHARE)) + 1
    candidates = range(min(max(first, levels), len(counts)), len(counts) + 1)
    divergences = [_divergence(counts, kept, levels) for kept in candidates]
    best = len(divergences) - 1 - int(np.argmin(divergences[::-1]))
    return candidates[best]


def _divergence(counts: "np.ndarray", kept: int, levels: int) -> float:
    import numpy as np

    inside = counts[:kept].astype(np.float64)
    reference = inside.copy()
    reference[-1] += counts[kept:].sum()
    level = np.arange(kept) * levels // kept
    merged = np.bincount(level, weights=inside, minlength=levels)
    occupied = np.bincount(level, weights=inside > 0, minlength=levels)
    spread = np.where(inside > 0, (merged / np.maximum(occupied, 1))[level], 0.0)
    if spread.sum() == 0:
        return 0.0 if reference.sum() == 0 else float("inf")
    p, q = reference / reference.sum(), spread / spread.sum()
    # Clipped values that end in a bin that was empty have no counterpart in Q: an epsilon keeps the penalty finite.
    present = p > 0
    return float(np.sum(p[present] * np.log(p[present] / np.maximum(q[present], 1e-12))))
