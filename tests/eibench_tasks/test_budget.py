"""What may be spent and what was: the limit counts the most that requests in flight can cost. Sums by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eibench_tasks.engines.budget import Budget, Prices
from eibench_tasks.engines.engine import Ask, EngineError, Reply, Sampling, Trouble


def ask(letters: int = 300, max_tokens: int = 100) -> Ask:
    return Ask(({"role": "user", "content": "x" * letters},), Sampling(max_tokens))


def test_the_price_of_tokens_by_hand() -> None:
    prices = Prices(prompt=2.5, completion=10)
    # 1,000 * 2.5 / 1e6 + 200 * 10 / 1e6 = 0.0025 + 0.002
    assert prices.cost(1000, 200) == pytest.approx(0.0045)


def test_the_most_a_question_can_cost_by_hand() -> None:
    # 300 letters are taken for 100 tokens: (100 * 3 + 100 * 6) / 1e6
    assert Prices(prompt=3, completion=6).most(ask()) == pytest.approx(900e-6)


def test_text_beyond_ascii_is_taken_for_more_tokens_and_images_for_none() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 999}}
    parts = [{"type": "text", "text": "泪" * 5}, image, {"type": "text", "text": "\ud83d?"}]
    asked = Ask(({"role": "system", "content": "abc"}, {"role": "user", "content": parts}), Sampling(1))
    assert asked.characters == 3 + 15 + 2  # bytes of UTF-8


def test_a_request_is_counted_when_it_is_sent_and_settled_when_its_reply_comes() -> None:
    budget = Budget(prices=Prices(prompt=1e6, completion=1e6))  # 1 a token
    aside = budget.send(ask(letters=30, max_tokens=5))
    assert (aside, budget.spent, budget.requests) == (15, 15, 1)
    budget.settle(aside, Reply(text="", prompt_tokens=8, completion_tokens=2))
    assert (budget.spent, budget.prompt_tokens, budget.completion_tokens) == (10, 8, 2)


def test_a_refusal_costs_nothing_and_a_reply_without_counts_costs_the_most() -> None:
    budget = Budget(prices=Prices(prompt=1e6, completion=1e6))
    budget.settle(budget.send(ask(30, 5)), None)
    assert (budget.spent, budget.requests) == (0, 1)
    for reply in (Reply(text=""), Reply(text="", prompt_tokens=1), Reply(text="", completion_tokens=1)):
        budget.settle(budget.send(ask(30, 5)), reply)
    assert budget.spent == 45
    assert (budget.prompt_tokens, budget.completion_tokens) == (0, 0)


def test_a_request_that_never_left_is_not_counted() -> None:
    budget = Budget(max_requests=1, prices=Prices(completion=1e6))
    budget.unsent(budget.send(ask()))
    assert (budget.requests, budget.spent) == (0, 0)
    budget.send(ask())


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_no_request_is_sent_beyond_the_budget_of_requests(limit: int) -> None:
    budget = Budget(max_requests=limit)
    for _ in range(limit):
        budget.send(ask())
    with pytest.raises(EngineError, match=f"the budget of {limit} requests is spent") as caught:
        budget.send(ask())
    assert caught.value.trouble is Trouble.ENGINE
    assert budget.requests == limit


def test_no_request_is_sent_that_could_break_the_budget_of_cost() -> None:
    budget = Budget(max_cost=25, prices=Prices(completion=1e6))
    first = budget.send(ask(max_tokens=10))
    budget.send(ask(max_tokens=10))
    with pytest.raises(EngineError, match="the budget of 25 is spent") as caught:
        budget.send(ask(max_tokens=10))  # 30 at most
    assert caught.value.trouble is Trouble.ENGINE
    assert (budget.requests, budget.spent) == (2, 20)
    budget.settle(first, Reply(text="", prompt_tokens=0, completion_tokens=2))
    budget.send(ask(max_tokens=10))  # 22 at most
    assert budget.spent == 22


def test_a_budget_of_nothing_sends_what_costs_nothing() -> None:
    Budget(max_cost=0).send(ask())
    with pytest.raises(EngineError):
        Budget(max_cost=0, prices=Prices(completion=1)).send(ask())


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 50), st.floats(0, 1), st.sampled_from("arnu")), max_size=40),
    st.floats(0, 500),
)
def test_no_order_of_sending_and_settling_breaks_the_budget(
    steps: list[tuple[int, int, float, str]], limit: float
) -> None:
    """Replies that take no more than was set aside: answered, refused, without counts, never sent."""
    budget = Budget(max_cost=limit, prices=Prices(prompt=1e6, completion=1e6))
    open_: list[tuple[float, Reply | None, str]] = []
    cost = 0.0
    for letters, most, share, how in steps:
        try:
            aside = budget.send(ask(letters, most))
        except EngineError:
            continue
        prompt, completion = int(letters / 3 * share), int(most * share)
        reply = {"a": Reply(text="", prompt_tokens=prompt, completion_tokens=completion), "n": Reply(text="")}.get(how)
        open_.append((aside, reply, how))
        cost += {"a": prompt + completion, "n": aside}.get(how, 0)
        if len(open_) > 3:
            done, reply, how = open_.pop(0)
            budget.unsent(done) if how == "u" else budget.settle(done, reply)
        assert budget.spent <= limit + 1e-6
    assert cost <= limit + 1e-6
