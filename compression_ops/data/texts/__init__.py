"""Texts: their words, how they are read from files, and a split of them as arrays."""
