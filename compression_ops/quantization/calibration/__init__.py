"""One calibration method a module, named as recipes name it; each defines `Spec` and `calibrate`."""
