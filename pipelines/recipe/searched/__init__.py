"""The section `search` of a recipe: what it may say, and its mistakes in words."""
