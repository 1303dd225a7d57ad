"""Benchmarks that are programs of several modules."""
