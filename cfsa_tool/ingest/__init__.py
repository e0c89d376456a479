"""Takes the user's images in: finds them, looks at each, and says of every other file why it is left out."""
