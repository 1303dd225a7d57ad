"""How a recipe is written to its file: in place, and by one process at a time."""
