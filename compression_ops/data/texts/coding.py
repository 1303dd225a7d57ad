"""How the texts of a data set become ids: the parameters that every source of texts has."""

from pydantic import Field

from compression_ops.data.modalities.tokens import Tokens
from compression_ops.data.spec import DatasetSpec
from compression_ops.data.texts.words import FIRST

_MOST = 10**6  # float32 holds every id up to 2**24 exactly; a table of more rows is no small model


class Coding(DatasetSpec):
    """The length that texts are cut or padded to, and which words have an id."""

    length: int = Field(default=64, ge=1, le=4096, description="Words of a text; longer ones are cut, with a warning.")
    buckets: int = Field(
        default=8192, ge=2, le=_MOST, description="Ids that words are hashed into, where no `vocabulary` is stated."
    )
    vocabulary: int | None = Field(
        default=None,
        ge=1,
        le=_MOST,
        description="So many words, the most frequent of the training split, have an id of their own, and all others "
        "one together; by default words are hashed.",
    )

    @property
    def sample_type(self) -> str:
        return "tokens"

    def modality(self, corpus: tuple[str, ...]) -> Tokens:
        """That of these words, before it is fitted."""
        if self.vocabulary is None:
            return Tokens("hashed", self.buckets + FIRST)
        return Tokens("words", self.vocabulary + FIRST, corpus)
