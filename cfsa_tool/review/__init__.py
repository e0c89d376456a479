"""The paper's fifth stage: people look at every sample of a run, in a browser."""
