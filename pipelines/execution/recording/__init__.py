"""How computations come into MLflow: while they run, or later where it was out of reach."""
