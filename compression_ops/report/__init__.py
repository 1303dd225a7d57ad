"""The benchmark report: its contents, and one module for each form that it is written in."""
