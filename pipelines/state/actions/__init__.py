"""Computations: the keys that they are known by, with what of a machine is in them, and what came out."""
