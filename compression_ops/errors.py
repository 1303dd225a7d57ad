"""The exceptions that a user can cause and cure; each message names what was found, what is allowed and what to do."""


class CompressionError(Exception):
    """A fault in the user's data, model or parameters, told in words that need no traceback."""


class DataError(CompressionError):
    """Raw data that cannot be found, read or trusted."""


class ModelError(CompressionError):
    """A model that cannot be built, loaded, exported or quantized as asked."""
