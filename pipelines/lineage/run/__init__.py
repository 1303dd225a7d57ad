"""One run of MLflow's: what it tells of a computation."""
