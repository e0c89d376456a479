"""Task definitions that lmms-eval and lm-eval read. Thin YAML, no logic."""
