"""One calibration method a module, named as recipes name it; each defines one Spec and `calibrate`."""
