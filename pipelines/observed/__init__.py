"""What is observed and not computed: raw files, and the generation of the seeds."""
