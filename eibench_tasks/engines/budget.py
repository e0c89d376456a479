"""Counts what was asked and what it cost, and stops before more is spent than the user allows."""

from dataclasses import dataclass, field

from eibench_tasks.engines.engine import Ask, EngineError, Reply, Trouble

CHARACTERS_A_TOKEN = 3.0
"""A cautious guess for English (usual tokenizers need one token for 4 to 5 characters)."""


@dataclass(frozen=True)
class Prices:
    """What the user pays for a million tokens of the prompt and of the reply; any currency."""

    prompt: float = 0.0
    completion: float = 0.0

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Price of so many tokens."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6

    def most(self, ask: Ask) -> float:
        """What a question can cost at most."""
        return self.cost(ask.characters / CHARACTERS_A_TOKEN, ask.sampling.max_tokens)


@dataclass
class Budget:
    """What may be spent, and what was.

    A request is counted when it is sent, with the most it can cost, so that requests in flight cannot break the
    limit together; its true cost takes the place of that when the reply says how many tokens it took.

    Attributes:
        max_requests, max_cost: the limits; None for none. A request that is tried again counts again.
        prices: of tokens.
        requests, retries, failures: sent in all, sent again, and given up.
        prompt_tokens, completion_tokens: as the engine counts them.
        spent: cost so far, the most of the requests in flight included.
    """

    max_requests: int | None = None
    max_cost: float | None = None
    prices: Prices = field(default_factory=Prices)
    requests: int = 0
    retries: int = 0
    failures: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    spent: float = 0.0

    def send(self, ask: Ask) -> float:
        """Counts one request.

        Returns:
            What was set aside for it.

        Raises:
            EngineError: it would break a limit.
        """
        most = self.prices.most(ask)
        if self.max_requests is not None and self.requests >= self.max_requests:
            raise EngineError(f"the budget of {self.max_requests} requests is spent", Trouble.ENGINE)
        if self.max_cost is not None and self.spent + most > self.max_cost:
            raise EngineError(f"the budget of {self.max_cost:g} is spent", Trouble.ENGINE)
        self.requests += 1
        self.spent += most
        return most

    def unsent(self, aside: float) -> None:
        """Takes back a request that was counted and never left."""
        self.requests -= 1
        self.spent -= aside

    def settle(self, aside: float, reply: Reply | None) -> None:
        """Replaces what was set aside by what was taken: nothing where the server refused (``reply`` None).

        A request whose end is unknown is not settled: what was set aside stays spent.
        """
        if reply is None:
            self.spent -= aside
        elif reply.prompt_tokens is not None and reply.completion_tokens is not None:
            self.prompt_tokens += reply.prompt_tokens
            self.completion_tokens += reply.completion_tokens
            self.spent += self.prices.cost(reply.prompt_tokens, reply.completion_tokens) - aside
