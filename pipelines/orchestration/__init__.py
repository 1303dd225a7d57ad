"""Dagster: the only room that imports it."""
