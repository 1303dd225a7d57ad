"""Executors: settings, needs, and real runs in other processes."""
