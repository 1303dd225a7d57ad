"""What Dagster can launch of a recipe beside its assets."""
