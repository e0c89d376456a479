"""EIBench: why does an emotion arise in an image? A plug-in of lmms-eval and lm-eval."""

__version__ = "0.1.0"
