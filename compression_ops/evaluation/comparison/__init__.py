"""Two models on the same test samples: what changed from the first to the second."""
