"""The raw files: observed, not computed."""

from pipelines.kinds.kind import Kind
from pipelines.observed import raw_data

KIND = Kind("The raw files; the data version is the digest of their content.", ("file",), files=raw_data.FILES)
