"""From a run to a split that others can use: data set, task, card, and where every trigger comes from."""
