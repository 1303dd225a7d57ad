"""Layer by layer, what quantization added to the values of a network: signal to noise, told of finished models."""
