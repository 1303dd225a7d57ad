"""Small networks, each with one construct that real networks have: factories (input_shape, classes) -> nn.Module."""
