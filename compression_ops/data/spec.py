"""The parameters that every data set has, whatever its source."""

from pydantic import Field

from compression_ops.choices import Contract
from compression_ops.spec import Spec


class DatasetSpec(Spec):
    """What part of the raw data becomes which split. The test split depends on none of these."""

    validation_fraction: float = Field(
        default=0.1, gt=0, lt=1, description="Share of the samples outside the test split that is kept for validation."
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="Of the choice of validation (and limited) samples.")
    limit: int | None = Field(
        default=None,
        ge=1,
        description="Training and validation samples kept, class by class in proportion; all where null or where "
        "there are fewer. The test split is never limited.",
    )

    @property
    def sample_type(self) -> str | None:
        """Of which modality the samples are (see compression_ops.data.modalities), so that its code enters derivations.

        None where they may be of any: then the code of all does.
        """
        return None

    @property
    def readers(self) -> tuple[str, ...]:
        """Modules of the product that `read` imports by a name which the parameters say: they enter derivations too."""
        return ()


# What a source defines: where its raw data lie, which files they are, and what they hold; perhaps `download` too.
SOURCE = Contract(DatasetSpec, lambda _: {"locate": 2, "files": 2, "read": 2})
