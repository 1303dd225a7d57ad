"""Searches in MLflow."""
