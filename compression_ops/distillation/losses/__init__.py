"""One distillation loss a module, named as recipes name it; each defines `Spec` and `loss`."""
