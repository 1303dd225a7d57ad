"""What is told of one model that was measured."""
