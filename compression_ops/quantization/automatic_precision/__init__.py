"""Bits of each layer's weights that a method chooses: the models to try, the search, and the words for its result."""
