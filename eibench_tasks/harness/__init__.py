"""The glue to lmms-eval and lm-eval: what the task YAMLs name."""
