"""What is measured of targets, beside the models that they are made of."""
