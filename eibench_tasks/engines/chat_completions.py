"""Chat completions as OpenAI's API has them: what is sent, and how a reply is read. Nothing in a reply is trusted."""

import re
import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from eibench_tasks.engines.choices import TOP, Token, likely
from eibench_tasks.engines.engine import Ask, EngineError, Reply, Trouble

_PASSING = {408, 409, 425, 429}  # and everything from 500 on
_MOST_NAMES = 3  # of models that a message names


class Failed(Exception):
    """One try failed; another may succeed."""

    def __init__(self, reason: str, garbled: bool = False) -> None:
        self.reason = reason
        self.garbled = garbled
        super().__init__(reason)


def body(model: str, ask: Ask, unknown: set[str]) -> dict[str, Any]:
    """The request for a reply, without the parameters that the server does not know."""
    limit = "max_completion_tokens" if "max_tokens" in unknown else "max_tokens"
    wanted: dict[str, Any] = {"temperature": ask.sampling.temperature, "top_p": ask.sampling.top_p}
    if ask.schema:
        schema = {"name": "reply", "strict": True, "schema": ask.schema}
        wanted["response_format"] = {"type": "json_schema", "json_schema": schema}
    if ask.choices and "logprobs" not in unknown:
        wanted |= {"logprobs": True, "top_logprobs": TOP}
    return {
        "model": model,
        "messages": list(ask.messages),
        limit: ask.sampling.max_tokens,
        **{name: value for name, value in wanted.items() if value is not None and name not in unknown},
    }


def leave_out(unknown: set[str], status: int, parameter: str, ask: Ask) -> bool:
    """Whether a refused request can be sent without the parameter that the server does not know.

    Some servers name it; those without log-probabilities or structured output often do not.
    """
    if status not in (400, 422, 501):
        return False
    optional = {"logprobs": ask.choices, "response_format": ask.schema}
    sent = {"max_tokens", "temperature", "top_p", *(name for name, value in optional.items() if value)} - unknown
    parameter = parameter.partition(".")[0] or next((name for name in optional if name in sent), "")
    parameter = "logprobs" if parameter == "top_logprobs" else parameter
    if parameter not in sent:
        return False
    unknown.add(parameter)
    return True


def read(data: Any, choices: Sequence[str] = ()) -> Reply:
    """The completion in a reply's body.

    Args:
        data: the body.
        choices: of the ask; see `Reply.likely`.

    Raises:
        Failed: there is none.
    """
    try:
        choice = data["choices"][0]
        text, usage = choice["message"].get("content"), data.get("usage") or {}
        if not isinstance(text, str | None):
            raise TypeError
        return Reply(
            text=(text or "").encode("utf-8", "replace").decode(),  # half a surrogate pair cannot be kept
            finish=ascii(choice.get("finish_reason") or "stop").strip("'")[:40],
            prompt_tokens=_count(usage.get("prompt_tokens")),
            completion_tokens=_count(usage.get("completion_tokens")),
            cached_tokens=_count(_field(usage.get("prompt_tokens_details"), "cached_tokens")),
            likely=likely(_tokens(choice.get("logprobs")), choices) if choices else None,
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise _garbled() from None


def _garbled() -> Failed:
    return Failed("the server sent no completion", garbled=True)


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 1 << 40 else None


def _tokens(logprobs: Any) -> list[Token]:
    """The tokens of a reply; none where one of them is no token."""
    listed = _field(logprobs, "content")
    tokens = []
    for entry in listed if isinstance(listed, list) else []:
        alternatives = _field(entry, "top_logprobs")
        others = [_token(other) for other in (alternatives if isinstance(alternatives, list) else [])[:TOP]]
        if (own := _token(entry)) is None:
            return []
        tokens.append(Token(*own, [other for other in others if other]))
    return tokens


def _token(entry: Any) -> tuple[str, float] | None:
    text, logprob = _field(entry, "token"), _field(entry, "logprob")
    if not isinstance(text, str) or not isinstance(logprob, int | float) or not -1e9 < logprob < 1e9:
        return None
    return text, float(logprob)


def served_as(data: Any) -> dict[str, str]:
    """What a completion says of the model: ``model`` and ``system_fingerprint``, where there are such."""
    return _named(data, ("model", "system_fingerprint"))


def listed_models(data: Any) -> dict[str, dict[str, str]]:
    """The models that a server lists, by name; what it says of each: ``root`` and ``owned_by``."""
    entries = _field(data, "data")
    found = {shown(_field(entry, "id")): entry for entry in (entries if isinstance(entries, list) else [])}
    return {name: _named(entry, ("root", "owned_by")) for name, entry in found.items() if name}


def _named(entry: Any, names: Sequence[str]) -> dict[str, str]:
    return {name: text for name in names if (text := shown(_field(entry, name)))}


def shown(name: Any) -> str:
    """A name that a server gives, so that it can be shown: printable and at most 120 characters."""
    return "".join(letter for letter in name[:120] if letter.isprintable()) if isinstance(name, str) else ""


def some(names: Sequence[str]) -> str:
    """The first of several names, for a message."""
    rest = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def refusal(data: Any) -> tuple[str, str]:
    """The server's own code and parameter where they are plain words; never its message."""
    body = data if isinstance(data, dict) else {}
    if isinstance(inner := body.get("error"), dict):
        body = inner
    words = [str(body.get(name) or "") for name in ("code", "param")]
    code, parameter = (word if re.fullmatch(r"[A-Za-z0-9_.]{1,40}", word) else "" for word in words)
    return code, parameter


def refused(status: int, code: str) -> Exception:
    """What is to be said of a refusal: `Failed` where another try may help, else `EngineError`."""
    reason = f"HTTP {status}" + (f" ({code})" if code and code != str(status) else "")
    if code == "insufficient_quota":
        return EngineError(f"the account's quota is spent ({reason})", Trouble.ENGINE)
    if status in _PASSING or status >= 500:
        return Failed(reason)
    if status in (401, 403):
        return EngineError(f"the server refuses the key ({reason})", Trouble.ENGINE)
    if status == 404 or 300 <= status < 400:
        return EngineError(f"the server does not know the model or the address ({reason})", Trouble.ENGINE)
    return EngineError(f"the server rejects the request ({reason})", Trouble.REQUEST)


def retry_after(headers: Any) -> float | None:
    """Seconds that the server asks to wait, as a number or as a date; at most an hour."""
    value = headers.get("retry-after", "")
    seconds: Callable[[], float]
    for seconds in (lambda: float(value), lambda: parsedate_to_datetime(value).timestamp() - time.time()):
        try:
            found = seconds()
        except (ValueError, TypeError, OverflowError):
            continue
        if 0 <= found < float("inf"):
            return min(found, 3600.0)
    return None
