"""The raw files: observed, not computed."""

from pipelines.kinds.kind import Kind

KIND = Kind("The raw files; the data version is the digest of their content.", ("file",))
