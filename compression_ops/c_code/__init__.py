"""A quantized student in C: a program of integers, printed as C99 source, and run by NumPy as the reference."""
