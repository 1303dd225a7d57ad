"""What the artifact of a quantized student tells of its layers."""
