"""What of a model's output is its answer: reasoning blocks and failed requests are not."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator

FAILED_REQUEST = "[LMMS_EVAL_REQUEST_FAILED"
"""lmms-eval puts this in the place of an answer when a request to a model failed for good."""

NO_CONTENT = 'Error: can only concatenate str (not "NoneType") to str'
"""lmms-eval's async_openai class puts this in the place of a reply without content; other classes put nothing."""

_TAGS = r"think|thinking|thought|thoughts|reasoning|reason|analysis|reflection|scratchpad"
_TAG = re.compile(rf"<\s*(?P<closing>/\s*)?(?P<name>{_TAGS})\b[^>]*>", re.IGNORECASE)
_WRAPPED = re.compile(r"<(?P<name>reason|analysis|reflection)>(?P<answer>[^<]+)</(?P=name)>", re.IGNORECASE)
_ANSWER = re.compile(r"<\s*(?:/\s*)?(?:answer|final|response)\s*>", re.IGNORECASE)
_OTHER_MARKS = [  # Mistral, Kimi
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
]
_CHANNEL = re.compile(r"<\|channel\|>\s*final\s*<\|message\|>", re.IGNORECASE)  # gpt-oss
_CHANNEL_OTHER = re.compile(r"<\|channel\|>\s*(?:analysis|commentary)\b", re.IGNORECASE)
_CONTROL = re.compile(r"<\|[^|<>]{1,40}\|>")


def failed_request(output: str) -> str | None:
    """Why the request failed, if the output stands for a failed request; else None."""
    text = output.lstrip()
    if not text.startswith(FAILED_REQUEST):
        return None
    return "the request to the model failed: " + " ".join(text.strip("[] \n").split())[:200]


def final_answer(output: str) -> str:
    """The output without its reasoning.

    Blocks such as ``<think>…</think>`` are cut out; text before a lone closing tag is reasoning whose opening
    tag stood in the prompt; text after a lone opening tag is reasoning that never came to an answer. Where all
    there is stands in one ``<reason>``, ``<analysis>`` or ``<reflection>``, that is the answer.
    """
    if output.strip() == NO_CONTENT:
        return ""
    if final := list(_CHANNEL.finditer(output)):
        output = output[final[-1].end() :]
    elif _CHANNEL_OTHER.search(output):
        return ""
    for opening, closing in _OTHER_MARKS:
        output = output.replace(opening, "<think>").replace(closing, "</think>")
    output = output.encode("utf-8", "replace").decode()  # half a surrogate pair, as of a cut emoji, breaks encoders
    rest = _CONTROL.sub("", _ANSWER.sub("", _without_reasoning(output))).strip()
    if not rest and (wrapped := _WRAPPED.fullmatch(output.strip())):
        return wrapped["answer"].strip()
    return rest


def _without_reasoning(text: str) -> str:
    tags = list(_TAG.finditer(text, 0, text.rfind(">") + 1))  # behind it is none, and looking there takes long
    ends = _ends_of_blocks(tags)
    kept, position, index = "", 0, 0
    while index < len(tags):
        kept += text[position : tags[index].start()]
        if tags[index]["closing"]:
            kept = ""
        elif (end := ends(index)) is None:
            return kept
        else:
            index = end
        position = tags[index].end()
        index += 1
    return kept + text[position:]


def _ends_of_blocks(tags: list[re.Match[str]]) -> Callable[[int], int | None]:
    """Tells which tag closes the block that a tag opens; linear in all, if asked of blocks one after another.

    Blocks may be nested. Where the tags do not balance, it is the first closing tag of that name (models repeat
    their opening tag), else the first one that closes nothing else (models confuse ``think`` and ``thinking``).
    """
    opened: defaultdict[str, list[int]] = defaultdict(list)  # and not closed, by name
    unclosed: defaultdict[str, list[int]] = defaultdict(list)  # without a closing tag of the name behind them
    partner: dict[int, int] = {}
    closing_behind: dict[int, int] = {}
    for index, tag in enumerate(tags):
        name = tag["name"].lower()
        if not tag["closing"]:
            opened[name].append(index)
            unclosed[name].append(index)
            continue
        closing_behind.update(dict.fromkeys(unclosed.pop(name, ()), index))
        if opened[name]:
            partner[index] = opened[name].pop()
            partner[partner[index]] = index

    def closes_nothing_else(start: int) -> Iterator[int]:
        return (end for end in range(start + 1, len(tags)) if tags[end]["closing"] and partner.get(end, -1) < start)

    def end_of(start: int) -> int | None:
        own = partner.get(start, closing_behind.get(start))
        return next(closes_nothing_else(start), None) if own is None else own

    return end_of
