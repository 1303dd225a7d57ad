"""What a home may lose once it is old."""
