"""The generation of the seeds: observed, not computed."""

from pipelines.kinds.kind import Kind

KIND = Kind("How often the schedule asked for new seeds; it is added to every training seed.", ("seed",))
