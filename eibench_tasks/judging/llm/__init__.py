"""Judges that ask a language model: what it is asked, how its reply is read, and the rules that no reply can bend."""
