"""One figure a module; the look and the placement of names that they share."""
