"""What compression changed: classes that lost, calibration, the noise of layers; and what C code takes."""
