"""The integer model in torch, so that it can be trained: what is simulated is the graph that is shipped."""
