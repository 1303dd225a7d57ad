"""Which version wrote a home, and what a later one does to it."""
