"""Arrays that are larger than memory: written row by row, read from mapped files."""
