"""Language models that are asked: one small async interface, and what keeps every reply."""
