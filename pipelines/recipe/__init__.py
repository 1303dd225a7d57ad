"""Recipes: their sections, their file, and their mistakes in words."""
