"""Stages that run beside the one whose turn it is: trainings that keep one core busy, on the cores that are left."""
