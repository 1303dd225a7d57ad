-- MLflow's database; Dagster and MLflow both have a table alembic_version, so they cannot share one. What MLflow keeps is
-- not all ASCII, whatever the server's own locale is.
CREATE DATABASE mlflow ENCODING 'UTF8' TEMPLATE template0;
