"""An event loop in a thread of its own, for callers that are not asynchronous."""

import asyncio
import gc
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs coroutines for any number of threads. The thread starts with the first and ends with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine to its end and returns what it returns.

        A caller that is interrupted cancels it.
        """
        loop, tasks = self._loop or self._started(), list[asyncio.Task[T]]()
        done = threading.Lock()  # a bare lock: futures and events take several times as long
        done.acquire()

        def start() -> None:
            tasks.append(loop.create_task(work))
            tasks[0].add_done_callback(lambda _: done.release())

        loop.call_soon_threadsafe(start)
        try:
            done.acquire()
        except BaseException:
            loop.call_soon_threadsafe(lambda: tasks[0].cancel())
            raise
        return tasks[0].result()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                gc.collect()  # what is loaded by now stays; to look at it again and again takes a tenth of the time
                gc.freeze()
                loop = asyncio.new_event_loop()
                threading.Thread(target=loop.run_forever, name="eibench-judge", daemon=True).start()
                self._loop = loop
            return self._loop
