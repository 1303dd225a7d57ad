"""What executes the assets of a run: this process, others of this machine, or those of a cluster."""
