"""The product as it is shipped."""
