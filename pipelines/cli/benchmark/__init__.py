"""What `compression report` shows of a benchmark, and `run --search` of a search: tables and sentences."""
