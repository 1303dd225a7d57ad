"""How bytes of a file become pixels."""
