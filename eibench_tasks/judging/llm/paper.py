"""The paper protocol: the published prompt and sampling, the reply parsed strictly.

It is there for comparison with published tables. The judge chooses the denominator, as it does there. A reply that
cannot be used is asked again, and never scored.
"""

import hashlib
from typing import Literal

from eibench_tasks.data.schema import JudgeProtocol
from eibench_tasks.engines.answer import final_answer
from eibench_tasks.engines.engine import Ask, Reply, Sampling
from eibench_tasks.judging.judgement import Judgement, PaperScore, Reference
from eibench_tasks.judging.published import UnusableReply, read_reply
from eibench_tasks.judging.untrusted import neutral

RULES = 1
"""Counts changes of the rules by which replies are read; a test fails where they change and this does not."""
ROUNDS = 6
"""A reply is asked for once, and again up to five times."""

Whose = Literal["chatgpt", "llama3"]


class PaperProtocol:
    """Asks for a score and reads it; see the module.

    Args:
        whose: which of the two published judges the prompt is of.
        published: its prompt and sampling settings, from the prepared data.
    """

    rounds = ROUNDS

    def __init__(self, whose: Whose, published: JudgeProtocol) -> None:
        self.name = f"paper:{whose}"
        self.model = published.model
        content = f"{RULES} {ROUNDS} {published.model_dump_json()}"
        self.version = f"{RULES}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
        self._published = published

    def about(self, reference: Reference, answer: str) -> "Score":
        """The dialogue with a judge about one answer."""
        template = self._published.complex if reference.split == "complex" else self._published.basic
        head, _, rest = template.partition("{answer}")  # an answer that holds "{triggers}" must not be filled in
        middle, _, tail = rest.partition("{triggers}")
        return Score(self._ask(head + neutral(answer) + middle + reference.block + tail))

    def _ask(self, prompt: str) -> Ask:
        published = self._published
        messages = ({"role": "system", "content": published.system}, {"role": "user", "content": prompt})
        sampling = Sampling(published.max_tokens, published.temperature, published.top_p)
        return Ask(messages, sampling, purpose=f"{self.name} {self.version}")


class Score:
    """The score of one answer, once a reply can be used."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._score: PaperScore | None = None
        self._problem = ""

    def next(self, attempt: int) -> Ask | None:
        """The same question until a reply can be used."""
        return None if self._score else self._ask.again(attempt)

    def take(self, reply: Reply) -> None:
        """Reads a reply."""
        try:
            self._score = read_reply(final_answer(reply.text))
        except UnusableReply as error:
            self._problem = str(error)

    def result(self, trouble: str = "") -> Judgement:
        """The score, or why the sample is unscored."""
        if trouble:
            return Judgement(unscored=trouble[:400])
        if self._score:
            return Judgement(paper=self._score)
        return Judgement(unscored=f"the judge gave no usable score ({self._problem})"[:400])
