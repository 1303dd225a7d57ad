"""What a post-training quantization does beside finding ranges, a method a module."""
