"""Learning from a teacher: its stored soft labels, and one loss a module."""
