"""From a folder, as a person keeps it, to the files of each class and split."""
