"""One network a module, named as recipes name it; each defines `build(input_shape, classes)`."""
