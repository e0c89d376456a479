"""The offline judge: sentence and token similarities, lexical overlap and negation, weighed by a small model.

It needs no network and no key, gives the same verdicts every time, and is not comparable with published numbers.
"""
