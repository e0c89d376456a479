"""Reads a judge's reply in the published format: a text that holds ``{score: correct/total}``."""

import re

from eibench_tasks.judging.judgement import PaperScore

_SCORE = re.compile(r"\{score: (\d+)/(\d+)\}")  # as published; \d is any script's digit
_MOST_DIGITS = 4


class UnusableReply(ValueError):
    """A reply that gives no score.

    Attributes:
        reason: why, to be read after "the reply".
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the reply {reason}")


def read_reply(reply: str) -> PaperScore:
    """The score that a reply gives.

    Several scores are fine where all are the same: replies like to quote the example of the prompt, and an answer
    under judgement can plant a score of its own.

    Raises:
        UnusableReply: it gives none, several, or one that cannot be.
    """
    if not isinstance(reply, str):
        raise UnusableReply("is not text")
    found = _SCORE.findall(reply)
    if not found:
        raise UnusableReply("holds no {score: correct/total}")
    digits = [text for score in found for text in score]
    if not all(text.isascii() for text in digits):
        raise UnusableReply("has digits other than 0 to 9")
    if any(len(text) > _MOST_DIGITS for text in digits):
        raise UnusableReply(f"names a number of more than {_MOST_DIGITS} digits")
    scores = {(int(correct), int(total)) for correct, total in found}
    if len(scores) > 1:
        raise UnusableReply("names several scores")
    correct, total = scores.pop()
    if total == 0:
        raise UnusableReply("scores out of 0")
    if correct > total:
        raise UnusableReply("names more triggers than there are")
    return PaperScore(correct=correct, total=total)
