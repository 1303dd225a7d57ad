"""What `compression report` shows of a benchmark: its tables and its sentences."""
