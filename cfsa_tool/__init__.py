"""CFSA: from a folder of images to a new split for Emotion Interpretation, by Coarse-to-Fine Self-Ask."""

from eibench_tasks import __version__ as __version__
