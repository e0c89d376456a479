"""The journal of a run: every reply, under the hash of everything that determined it, kept the moment it comes."""

import asyncio
from collections.abc import Sequence

from eibench_tasks.engines.engine import Ask, Engine, EngineError, Reply, Trouble
from eibench_tasks.engines.store import ReplyStore


class Journal:
    """An engine that asks the one behind it only what was never answered; see `engine.Engine`.

    Questions that several images share are asked once, however many wait for the reply.

    Attributes:
        asked, known: questions that went to the engine, and those whose reply was at hand.

    Args:
        name: of the engine; part of the key of every reply.
        engine: None to ask nothing: what is not in the journal is then an `EngineError`.
        store: where replies are kept.
        earlier: journals of other runs, whose replies are taken over where they are still valid.
    """

    def __init__(self, name: str, engine: Engine | None, store: ReplyStore, earlier: Sequence[ReplyStore] = ()) -> None:
        self.name = name
        self.asked = self.known = 0
        self._engine = engine
        self._store = store
        self._earlier = earlier
        self._shared: dict[str, asyncio.Task[Reply]] = {}

    async def reply(self, ask: Ask) -> Reply:
        """The reply in the journal, else the engine's, which is kept before it is handed on.

        Raises:
            EngineError: no reply came.
            StoreError: it cannot be kept.
        """
        key = ask.key(self.name)
        if (kept := self._kept(key)) is not None:
            self.known += 1
            return kept
        if ask.place:  # of one image: nobody else asks it
            return await self._ask(key, ask)
        if key not in self._shared:
            task = self._shared[key] = asyncio.create_task(self._ask(key, ask))
            task.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(self._shared[key])

    async def close(self) -> None:
        """Cancels what several wait for and closes the engine; the stores stay open."""
        for task in list(self._shared.values()):
            task.cancel()
        if self._engine:
            await self._engine.close()

    def _kept(self, key: str) -> Reply | None:
        if (kept := self._store.get(key)) is not None:
            return kept
        for store in self._earlier:
            if (kept := store.get(key)) is not None:
                return self._store.put(key, kept)
        return None

    async def _ask(self, key: str, ask: Ask) -> Reply:
        if self._engine is None:
            raise EngineError("this was not asked yet", Trouble.ENGINE)
        self.asked += 1
        return self._store.put(key, await self._engine.reply(ask))

    def _end(self, key: str, done: "asyncio.Task[Reply]") -> None:
        del self._shared[key]
        if not done.cancelled():
            done.exception()  # whoever waits has it; nobody may wait any more
