"""To which split each sample belongs."""
