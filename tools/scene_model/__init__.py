"""Makes the checkpoint that is embedded in the package: a tiny vision model that sees the drawn scenes."""
