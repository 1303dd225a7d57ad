"""How a network that can say so came to its answer, sample by sample: what is asked of it, and what is kept to draw."""
