"""Brings the published protocol strings, out of ``protocol.json`` or out of the reference scripts.

The scripts are parsed, never run. Whatever the way, the strings must hash to `SHA256`.
"""

import ast
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from eibench_tasks.data.schema import JudgeProtocol, ModelProtocol, Protocol
from eibench_tasks.errors import AnnotationError

SHA256 = "35a9292e0594ea11cd2558b555f95f219baa7cc3a0360af86d090f94159780e0"
"""sha256 of the canonical JSON of the published strings and settings (`digest`)."""

SCRIPTS = {
    "user": "EIBench/baselines/qwen/qwen_user.py",
    "cot": "EIBench/baselines/LLaVA/llava/serve/ec_basic_llava.py",
    "chatgpt_basic": "EIBench/EI_Basic/gpt-eval.py",
    "chatgpt_complex": "EIBench/EI_Complex/gpt-eval-complex.py",
    "llama3_basic": "EIBench/EI_Basic/llama3-eval.py",
    "llama3_complex": "EIBench/EI_Complex/llama3-eval-complex.py",
}
"""The reference scripts that hold protocol strings, by what they hold; paths in the repository."""

_LLAMA3 = "meta-llama/Meta-Llama-3-8B-Instruct"  # named in the paper; the script takes it as an argument
_PLACEHOLDERS = {
    "question": "{question}",
    "data_input": "{answer}",
    "gt": "{triggers}",
    "label": "{triggers}",
}


def digest(protocol: Protocol) -> str:
    """sha256 over the canonical JSON of the protocol."""
    text = json.dumps(protocol.model_dump(exclude_none=True), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def protocol_from_json(content: bytes) -> Protocol:
    """Reads ``protocol.json``.

    Raises:
        AnnotationError: it does not parse, or its strings are not the published ones.
    """
    try:
        data = json.loads(content.decode("utf-8"))
        protocol = Protocol(model=data["model"], judges=data["judges"])
    except (ValueError, KeyError, TypeError, ValidationError, RecursionError):
        raise AnnotationError("protocol.json does not hold the protocol strings", _MEND) from None
    return _checked(protocol, "protocol.json")


def protocol_from_scripts(scripts: dict[str, bytes]) -> Protocol:
    """Takes the strings out of the reference scripts by parsing them.

    Args:
        scripts: source by the keys of `SCRIPTS`.

    Raises:
        AnnotationError: a script does not parse, or its strings are not the published ones.
    """
    try:
        trees = {name: ast.parse(source) for name, source in scripts.items()}
        user = _template_with(trees["user"], "question")
        cot = _template_with(trees["cot"], "question")
        protocol = Protocol(
            model=ModelProtocol(user=user, cot_suffix=cot.rpartition("{question}")[2].removeprefix(".")),
            judges={
                "chatgpt": _chatgpt(trees["chatgpt_basic"], trees["chatgpt_complex"]),
                "llama3": _llama3(trees["llama3_basic"], trees["llama3_complex"]),
            },
        )
    except (SyntaxError, ValueError, KeyError, StopIteration, RecursionError, MemoryError):  # the last: too deep
        raise AnnotationError("the reference scripts do not hold the protocol strings", _MEND) from None
    return _checked(protocol, "the reference scripts")


_MEND = "Fetch a fresh copy: `eibench prepare --images DIR` downloads it, `--eibench DIR` takes a checkout"


def _checked(protocol: Protocol, source: str) -> Protocol:
    if (actual := digest(protocol)) != SHA256:
        raise AnnotationError(
            f"{source}: the protocol strings are not the published ones"
            f" (sha256 {actual[:12]}…, published {SHA256[:12]}…)",
            _MEND,
        )
    return protocol


def _chatgpt(basic: ast.Module, complex_: ast.Module) -> JudgeProtocol:
    defaults = _defaults(basic, "ask_chatgpt")
    return JudgeProtocol(
        model=_keyword(basic, "ask_chatgpt", "model"),
        temperature=defaults["temperature"],
        max_tokens=defaults["max_tokens"],
        system=_system_message(basic),
        basic=_judge_prompt(basic),
        complex=_judge_prompt(complex_),
    )


def _llama3(basic: ast.Module, complex_: ast.Module) -> JudgeProtocol:
    return JudgeProtocol(
        model=_LLAMA3,
        temperature=_keyword(basic, "generate", "temperature"),
        top_p=_keyword(basic, "generate", "top_p"),
        max_tokens=_keyword(basic, "generate", "max_new_tokens"),
        system=_system_message(basic),
        basic=_judge_prompt(basic),
        complex=_judge_prompt(complex_),
    )


def _judge_prompt(tree: ast.Module) -> str:
    """``content = "…"`` followed by ``content = content + f"…"``."""
    values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and _assigns(node, "content")]
    head = next(str(value.value) for value in values if isinstance(value, ast.Constant))
    tail = next(value.right for value in values if isinstance(value, ast.BinOp))
    return f"{head}{_template(tail)}"


def _assigns(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _template_with(tree: ast.Module, name: str) -> str:
    """The first f-string that holds the variable ``name``, as a template."""
    strings = (_template(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr))
    return next(text for text in strings if _PLACEHOLDERS[name] in text)


def _template(node: ast.expr) -> str:
    """An f-string as text, its variables as placeholders; anything unknown as an empty string."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_template(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        value = node.value.value if isinstance(node.value, ast.Subscript) else node.value
        return _PLACEHOLDERS.get(value.id, "") if isinstance(value, ast.Name) else ""
    raise ValueError(ast.dump(node))


def _system_message(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            entries = dict(zip(_constants(node.keys), node.values, strict=True))
            role, content = entries.get("role"), entries.get("content")
            if isinstance(role, ast.Constant) and role.value == "system" and isinstance(content, ast.Constant):
                return str(content.value)
    raise ValueError("no system message")


def _constants(nodes: list[ast.expr | None]) -> Iterator[Any]:
    return (node.value if isinstance(node, ast.Constant) else None for node in nodes)


def _keyword(tree: ast.Module, function: str, name: str) -> Any:
    """The constant that the script passes as keyword ``name`` to ``function``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) == function:
            for keyword in node.keywords:
                if keyword.arg == name and isinstance(keyword.value, ast.Constant):
                    return keyword.value.value
    raise ValueError(f"{function}({name}=…) not found")


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _defaults(tree: ast.Module, function: str) -> dict[str, Any]:
    """The default values of the arguments of ``function``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            names = [argument.arg for argument in node.args.args[-len(node.args.defaults) :]]
            return dict(zip(names, _constants(list(node.args.defaults)), strict=True))
    raise ValueError(f"{function} not found")
