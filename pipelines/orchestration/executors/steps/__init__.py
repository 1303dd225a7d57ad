"""Runs whose assets other processes compute: what these open and tell, and what becomes of one that is lost."""
