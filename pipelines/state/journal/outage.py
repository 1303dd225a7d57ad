"""A database of the shared state that does not answer."""

from compression_ops.errors import CompressionError


class StateUnavailable(CompressionError):
    """The database of `COMPRESSION_STATE` does not answer; it may do so later."""
