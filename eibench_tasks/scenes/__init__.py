"""Drawn scenes of people who feel something, with causes that are known because they were put there."""
