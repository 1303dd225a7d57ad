"""Random generators of their own for each purpose, so that one draw never shifts another."""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def generator(*key: int | str) -> "torch.Generator":
    """A CPU generator whose stream depends on the whole key and nothing else, e.g. `generator(seed, "order", epoch)`.

    The seed is the first 63 bits of the SHA-256 of the key: neighbouring keys give unrelated streams.
    """
    import torch

    digest = hashlib.sha256(repr(key).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
