"""The journal: what was answered once is never asked again, whoever asks and whatever ended the last run."""

import asyncio
import gc
from pathlib import Path
from typing import Any

import pytest
from support.scripted_server import in_loop

from cfsa_tool.journal import Journal
from eibench_tasks.engines.engine import Ask, EngineError, Picture, Reply, Sampling, Trouble
from eibench_tasks.engines.store import ReplyStore


class Held:
    """An engine that replies when it is let go; see `engine.Engine`."""

    def __init__(self, trouble: EngineError | None = None) -> None:
        self.name = "held"
        self.asked = 0
        self.closed = False
        self.let_go = asyncio.Event()
        self._trouble = trouble

    async def reply(self, ask: Ask) -> Reply:
        self.asked += 1
        number = self.asked
        await self.let_go.wait()
        if self._trouble:
            raise self._trouble
        return Reply(text=f"reply {number}")

    async def close(self) -> None:
        self.closed = True


class Ready(Held):
    """One that replies at once."""

    def __init__(self, trouble: EngineError | None = None) -> None:
        super().__init__(trouble)
        self.let_go.set()


def ask(text: str = "why?", **more: Any) -> Ask:
    return Ask(({"role": "user", "content": text},), Sampling(10), **more)


def about(picture: Picture) -> Ask:
    content = [{"type": "image_url", "image_url": {"url": picture}}, {"type": "text", "text": "why?"}]
    return Ask(({"role": "user", "content": content},), Sampling(10), place=picture.digest)


@pytest.fixture
def store(tmp_path: Path) -> ReplyStore:
    return ReplyStore(tmp_path / "journal.sqlite")


async def until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.001)


@in_loop
async def test_what_was_answered_is_not_asked_again(store: ReplyStore) -> None:
    engine = Ready()
    journal = Journal("model", engine, store)
    first = await journal.reply(ask())
    assert await journal.reply(ask()) == first
    assert (engine.asked, journal.asked, journal.known) == (1, 1, 1)


@in_loop
async def test_a_reply_is_on_disk_before_it_is_handed_on(store: ReplyStore, tmp_path: Path) -> None:
    reply = await Journal("model", Ready(), store).reply(ask())
    assert ReplyStore(tmp_path / "journal.sqlite").get(ask().key("model")) == reply


@in_loop
async def test_replies_of_another_model_are_others(store: ReplyStore) -> None:
    await Journal("model", Ready(), store).reply(ask())
    other = Journal("other", Ready(), store)
    await other.reply(ask())
    assert (other.asked, other.known) == (1, 0)


@in_loop
async def test_the_image_counts_not_how_it_was_encoded(store: ReplyStore) -> None:
    await Journal("model", Ready(), store).reply(about(Picture(b"one", "image/png", "d1")))
    again = Journal("model", Ready(), store)
    await again.reply(about(Picture(b"same pixels", "image/jpeg", "d1")))
    await again.reply(about(Picture(b"one", "image/png", "d2")))
    assert (again.known, again.asked) == (1, 1)


@in_loop
async def test_a_failure_is_not_kept(store: ReplyStore) -> None:
    journal = Journal("model", Ready(EngineError("busy", Trouble.PASSING)), store)
    for _ in range(2):
        with pytest.raises(EngineError, match="busy"):
            await journal.reply(ask())
    assert journal.asked == 2


# Questions that many images share


@in_loop
async def test_what_many_wait_for_is_asked_once(store: ReplyStore) -> None:
    engine = Held()
    journal = Journal("model", engine, store)
    waiting = [asyncio.ensure_future(journal.reply(ask())) for _ in range(50)]
    await until(lambda: engine.asked)
    engine.let_go.set()
    assert {reply.text for reply in await asyncio.gather(*waiting)} == {"reply 1"}
    assert engine.asked == 1


@in_loop
async def test_a_failure_is_everybodys_and_the_next_asks_again(store: ReplyStore) -> None:
    engine = Held(EngineError("busy", Trouble.PASSING))
    journal = Journal("model", engine, store)
    waiting = [asyncio.ensure_future(journal.reply(ask())) for _ in range(5)]
    await until(lambda: engine.asked)
    engine.let_go.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(error) for error in found] == ["busy"] * 5
    with pytest.raises(EngineError):
        await journal.reply(ask())
    assert engine.asked == 2


@in_loop
async def test_one_who_no_longer_waits_does_not_take_the_reply_from_the_others(store: ReplyStore) -> None:
    engine = Held()
    journal = Journal("model", engine, store)
    first, second = (asyncio.ensure_future(journal.reply(ask())) for _ in range(2))
    await until(lambda: engine.asked)
    first.cancel()
    await asyncio.sleep(0)
    engine.let_go.set()
    assert (await second).text == "reply 1"
    assert first.cancelled() and engine.asked == 1


@in_loop
async def test_a_question_for_which_nobody_waits_any_more_is_taken_back(store: ReplyStore) -> None:
    engine = Held()
    journal = Journal("model", engine, store)
    both = [asyncio.ensure_future(journal.reply(ask())) for _ in range(2)]
    await until(lambda: engine.asked)
    for one in both:
        one.cancel()
    await asyncio.gather(*both, return_exceptions=True)
    engine.let_go.set()
    await asyncio.sleep(0.05)
    assert store.get(ask().key("model")) is None
    assert (await asyncio.wait_for(journal.reply(ask()), 10)).text
    assert engine.asked == 2


@in_loop
async def test_a_failure_for_which_nobody_waits_is_no_noise(store: ReplyStore) -> None:
    noise: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: noise.append(context))
    engine = Held(EngineError("busy", Trouble.PASSING))
    journal = Journal("model", engine, store)
    only = asyncio.ensure_future(journal.reply(ask()))
    await until(lambda: engine.asked)
    only.cancel()
    engine.let_go.set()
    await asyncio.sleep(0.01)
    gc.collect()
    assert noise == []


@in_loop
async def test_closing_closes_the_engine(store: ReplyStore) -> None:
    engine = Held()
    await Journal("model", engine, store).close()
    assert engine.closed


# Other runs


@in_loop
async def test_replies_of_earlier_runs_are_copied_so_that_those_runs_may_go(store: ReplyStore, tmp_path: Path) -> None:
    old = [ReplyStore(tmp_path / name / "journal.sqlite") for name in ("one", "two")]
    old[1].put(ask().key("model"), Reply(text="of old"))
    engine = Ready()
    journal = Journal("model", engine, store, old)
    assert (await journal.reply(ask())).text == "of old"
    assert (engine.asked, journal.asked, journal.known) == (0, 0, 1)
    assert store.get(ask().key("model")) == Reply(text="of old")
    assert old[0].get(ask().key("model")) is None
    assert (await Journal("model", Ready(), store).reply(ask())).text == "of old"


@in_loop
async def test_the_runs_own_reply_stands_before_an_earlier_one(store: ReplyStore, tmp_path: Path) -> None:
    old = ReplyStore(tmp_path / "old.sqlite")
    old.put(ask().key("model"), Reply(text="of old"))
    store.put(ask().key("model"), Reply(text="own"))
    assert (await Journal("model", None, store, [old]).reply(ask())).text == "own"


# Told again


@pytest.mark.parametrize("place", ["", "d1"])
@in_loop
async def test_a_journal_without_an_engine_tells_what_it_knows_and_asks_nothing(store: ReplyStore, place: str) -> None:
    store.put(ask(place=place).key("model"), Reply(text="known"))
    journal = Journal("model", None, store)
    assert (await journal.reply(ask(place=place))).text == "known"
    with pytest.raises(EngineError, match="not asked yet") as error:
        await journal.reply(ask("who?", place=place))
    assert error.value.trouble is Trouble.ENGINE
    await journal.close()
