"""Measures a judge before it is trusted: floors, ceiling, sensitivity, and attempts to talk it into a score."""
