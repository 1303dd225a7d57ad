"""What a C function takes of a sample, and the integers that it makes of it first: one module a kind of sample."""
