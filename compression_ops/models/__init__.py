"""Torch networks: how one is built, saved, run without gradients and freed of its batch normalization."""
