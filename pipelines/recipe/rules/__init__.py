"""What one field of a recipe says against the others, and against the code that it names; a module a subject."""
