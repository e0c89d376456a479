"""The journal of a run: every reply, under the hash of everything that determined it, kept the moment it comes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

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
        self._shared: dict[str, _Shared] = {}

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
        return await self._together(key, ask)

    async def close(self) -> None:
        """Closes the engine; the stores stay open."""
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

    async def _together(self, key: str, ask: Ask) -> Reply:
        """As `_ask`, once for all who want the same; it ends when nobody waits for it any more."""
        if key not in self._shared:
            self._shared[key] = _Shared(asyncio.create_task(self._ask(key, ask)))
        shared = self._shared[key]
        shared.waiting += 1
        try:
            return await asyncio.shield(shared.task)
        finally:
            shared.waiting -= 1
            if not shared.waiting:
                shared.task.cancel()  # does nothing to one that is done
                self._shared.pop(key, None)


@dataclass
class _Shared:
    """A question under way, and how many wait for its reply."""

    task: "asyncio.Task[Reply]"
    waiting: int = 0
