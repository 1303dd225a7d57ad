"""Networks that are made of other trained networks."""
