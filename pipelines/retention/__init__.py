"""What a home may lose once it is older than the retention: found, counted in bytes, removed."""
