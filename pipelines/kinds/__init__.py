"""One kind of asset a module: its assets from a recipe, its gates, and what is said of it."""
