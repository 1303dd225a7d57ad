"""The science of compression: plain functions over tensors, modules and folders; knows neither Dagster nor MLflow."""
