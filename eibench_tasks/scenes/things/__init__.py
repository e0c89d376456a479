"""How each thing in a scene is drawn: a function of a pen, named as the thing is in the catalogue."""
