-- MLflow's database; Dagster and MLflow both have a table alembic_version, so they cannot share one.
CREATE DATABASE mlflow;
