"""From raw files to sound, split data sets."""
