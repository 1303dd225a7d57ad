"""One source of raw images a module, named as recipes name it; each defines `Spec`, `locate`, `files` and `read`."""
