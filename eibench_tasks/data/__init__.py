"""The annotations, the protocol strings and the images, joined into one prepared data set."""
