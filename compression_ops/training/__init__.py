"""The one training loop, its hyperparameters, its objective, its optimizer."""
