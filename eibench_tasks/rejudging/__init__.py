"""`eibench judge`: scores logged answers after the run, with any judge, and writes results beside those of the run."""
