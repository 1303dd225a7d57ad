"""One distillation loss a module, named as recipes name it (see `compression_ops.distillation.objective`)."""
