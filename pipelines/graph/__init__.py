"""Derivations: assets, their graph, the code that they run, digests."""
