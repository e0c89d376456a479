"""What is asked about an image, and what is made of the replies; stages shared with the setting `cfsa`: `self_ask`."""
