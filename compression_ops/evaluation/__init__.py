"""What a model is worth and what it costs: quality with its uncertainty, latency, memory, promotion."""
