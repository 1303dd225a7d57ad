"""Traced graphs that outlive a process."""
