"""Commands that run models: on images, against each other, under a profiler, in a browser."""
