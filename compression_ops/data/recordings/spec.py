"""What a recipe says of recordings, whatever they are read from."""

from pydantic import Field

from compression_ops.data.modalities.signal import Signal
from compression_ops.data.spec import DatasetSpec
from compression_ops.errors import DataError

_LOW = 60.0  # Hz, below which there is mains hum, and no voice


class RecordingSpec(DatasetSpec):
    """One rate and one length for all, and the log-mel energies that a network sees of them."""

    rate: int = Field(default=16_000, ge=2_000, le=96_000, description="Samples a second; others are resampled.")
    seconds: float = Field(
        default=1.0,
        gt=0,
        le=60,
        description="Of a recording: of longer ones the loudest stretch, shorter ones between zeros.",
    )
    mels: int = Field(default=40, ge=4, le=256, description="Mel bands that a network sees, from 60 Hz on.")
    frame_ms: float = Field(default=32.0, ge=1, le=1000, description="Milliseconds of a frame of the spectrum.")
    hop_ms: float = Field(default=16.0, ge=1, le=1000, description="Milliseconds from a frame to the next.")

    @property
    def sample_type(self) -> str:
        return "signal"

    @property
    def samples(self) -> int:
        """Of a recording."""
        return round(self.seconds * self.rate)

    def modality(self) -> Signal:
        """As `modality_of`. Raises DataError, too, where a recording is shorter than a frame."""
        modality = modality_of(self.rate, self.mels, self.frame_ms, self.hop_ms)
        if self.samples < modality.frame:
            raise DataError(
                f"dataset.seconds: {self.seconds:g}, {self.samples} sample(s) at {self.rate} Hz, is shorter than a "
                f"frame of {self.frame_ms:g} ms, {modality.frame} samples. Allowed are more seconds, or a shorter "
                f"frame_ms."
            )
        return modality


def modality_of(rate: int, mels: int, frame_ms: float, hop_ms: float) -> Signal:
    """Bands from 60 Hz to half the rate. Raises DataError where one would be narrower than a frame tells apart."""
    frame, hop = (max(1, round(each * rate / 1000)) for each in (frame_ms, hop_ms))
    return Signal(rate, mels, frame, hop, _LOW, rate / 2)
