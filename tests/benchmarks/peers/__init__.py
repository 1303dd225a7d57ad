"""Peers: what they are given, what they hand back, and what the table says of it."""
