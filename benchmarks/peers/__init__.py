"""This product's quantization beside other tools': each in an environment of its own, given the same float model."""
