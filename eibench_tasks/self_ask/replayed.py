"""Self-ask inside an evaluation harness, which asks one prompt at a time and keeps no state between them.

The stages run from the start for every prompt, over the replies so far: what is known is read, and the first thing
that is not known is the next prompt. Nobody can ask again here, so that a reply of another form than the one asked
for is read loosely.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from eibench_tasks.engines.engine import Reply
from eibench_tasks.engines.structured import Unusable, json_object
from eibench_tasks.self_ask.stages import Form, Found, SelfAsk, Talk, prompt

T = TypeVar("T")
_SUMMARY_FORM = prompt.texts["summary_v1"].rpartition("\n")[2]


class _Open(Exception):
    """This has not been answered yet."""

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt
        super().__init__(prompt)


class _Replayed:
    """A conversation of which the replies are given; see `stages.Talk`. Each prompt tells what was said before."""

    def __init__(self, replies: Sequence[str]) -> None:
        self.turns = 0
        self._replies = list(replies)
        self._before = ""

    async def ask(self, stage: str, text: str, form: Form[T]) -> T:
        reply = self._next(self._before + text)
        self._before += prompt("transcript_v1", prompt=text, reply=reply) + "\n\n"
        self.turns += 1
        return read(reply, form)

    async def ask_text(self, stage: str, text: str, form: Form[T]) -> T:
        return read(self._next(text), form)

    async def conclude(self, stage: str, text: str, form: Form[T]) -> T:
        return await self.ask(stage, text, form)

    def _next(self, text: str) -> str:
        if not self._replies:
            raise _Open(text)
        return self._replies.pop(0)


def read(reply: str, form: Form[T]) -> T:
    """What a reply says: in its form, or loosely."""
    try:
        return form.read(json_object(Reply(text=reply)))
    except Unusable:
        return form.loose(reply)


def self_ask(question: str, replies: Sequence[str]) -> str | None:
    """The next prompt after these replies; None when all is said."""
    try:
        _run(lambda talk: SelfAsk()(talk, question), replies)
    except _Open as question_open:
        return question_open.prompt
    return None


def answer(prompt_: str, reply: str) -> str:
    """The answer in the last reply of a conversation: of a summary its triggers, one a line; else the reply itself."""
    if not prompt_.endswith(_SUMMARY_FORM):
        return reply
    try:
        listed = json_object(Reply(text=reply)).get("triggers")
    except Unusable:
        return reply
    entries = listed if isinstance(listed, list) else []
    texts = [entry["text"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("text"), str)]
    return "\n".join(" ".join(text.split()) for text in texts) or reply


def _run(stages: Callable[[Talk], Coroutine[Any, Any, Found]], replies: Sequence[str]) -> Found:
    """Runs stages to their end; no loop is needed, since nothing waits."""
    running = stages(_Replayed(replies))
    try:
        running.send(None)
    except StopIteration as done:
        found: Found = done.value
        return found
    finally:
        running.close()
    raise RuntimeError("the stages waited for something")
