"""The rules by which replies are read, as a hash that comments, docstrings and layout do not change."""

import ast
import hashlib
import inspect
import json
from types import ModuleType
from typing import Any


def rules_hash(*modules: ModuleType) -> str:
    """Of the code of modules, but for their imports and the number ``RULES`` itself.

    It is the same for every version of Python.
    """
    shapes = [_shape(ast.parse(inspect.getsource(module))) for module in modules]
    return hashlib.sha256(json.dumps(shapes).encode()).hexdigest()[:16]


def _shape(node: Any) -> Any:
    if isinstance(node, list):
        return [_shape(one) for one in node if not _changes_nothing(one)]
    if not isinstance(node, ast.AST):
        return node if isinstance(node, str | int | bool | None) else repr(node)
    fields = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
    return [type(node).__name__, *([name, _shape(value)] for name, value in fields)]


def _changes_nothing(node: Any) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "RULES":
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
