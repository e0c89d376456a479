"""What of a model's output is its answer: reasoning blocks and failed requests are not."""

import re

FAILED_REQUEST = "[LMMS_EVAL_REQUEST_FAILED"
"""lmms-eval puts this in the place of an answer when a request to a model failed for good."""

_TAGS = r"think|thinking|thought|thoughts|reasoning|reason|analysis|reflection|scratchpad"
_BLOCK = re.compile(rf"<\s*({_TAGS})\b[^>]*>.*?<\s*/\s*\1\s*>", re.IGNORECASE | re.DOTALL)
_OPEN = re.compile(rf"<\s*(?:{_TAGS})\b[^>]*>", re.IGNORECASE)
_CLOSE = re.compile(rf"<\s*/\s*(?:{_TAGS})\s*>", re.IGNORECASE)
_ANSWER = re.compile(r"<\s*/?\s*(?:answer|final|response)\s*>", re.IGNORECASE)
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
    tag stood in the prompt; text after a lone opening tag is reasoning that never came to an answer.
    """
    if final := list(_CHANNEL.finditer(output)):
        output = output[final[-1].end() :]
    elif _CHANNEL_OTHER.search(output):
        return ""
    for opening, closing in _OTHER_MARKS:
        output = output.replace(opening, "<think>").replace(closing, "</think>")
    output = _without_blocks(output)
    if closings := list(_CLOSE.finditer(output)):
        output = output[closings[-1].end() :]
    if opening_tag := _OPEN.search(output):
        output = output[: opening_tag.start()]
    return _CONTROL.sub("", _ANSWER.sub("", output)).strip()


def _without_blocks(text: str) -> str:
    """Cuts reasoning blocks out, inner ones first."""
    while (shorter := _BLOCK.sub("", text)) != text:
        text = shorter
    return text
