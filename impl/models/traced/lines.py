"""Nodes as lines of text, `aten.add.Tensor(v0, v1, alpha=2.0)  # file.py:7`: written, and read; nothing is run.

vK is the value of node K. What stands for an argument is a number, a word in quotes, True, False, None, a value, or a
list of these; `inf` and `nan` are numbers.
"""

from __future__ import annotations

import ast
import math
from typing import Any

from .graph import Node, Ref

LONGEST = 20_000
"""Characters of a line."""
APART = "  # "


def line_of(node: Node) -> str:
    """The line of a node."""
    named = [f"{key}={_written(value)}" for key, value in (node.named or {}).items()]
    text = f"{node.op}({', '.join([*map(_written, node.args), *named])})"
    return f"{text}{APART}{node.line}" if node.line else text


def node_in(line: str, before: int) -> Node:
    """The node of a line, which `before` others precede. Errors: ValueError that says what is wrong."""
    text, _, where = line.partition(APART)
    if len(line) > LONGEST or not where.isprintable():
        raise ValueError(f"a line of at most {LONGEST} printable characters")
    try:
        call = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError("OPERATOR(ARGUMENT, ..., NAME=ARGUMENT, ...)") from None
    if not isinstance(call, ast.Call):
        raise ValueError("OPERATOR(ARGUMENT, ..., NAME=ARGUMENT, ...)")
    args = tuple(_read(value, before) for value in call.args)
    named = {keyword.arg or "": _read(keyword.value, before) for keyword in call.keywords}
    if "" in named:
        raise ValueError("arguments with names, not **")
    return Node(ast.unparse(call.func), args, named, where)


def _written(value: Any) -> str:
    if isinstance(value, Ref):
        return f"v{value.index}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_written, value))}]"
    return repr(value)


def _read(value: ast.expr, before: int) -> Any:
    if isinstance(value, ast.List):
        return tuple(_read(one, before) for one in value.elts)
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
        number = _read(value.operand, before)
        if type(number) in (int, float):
            return -number
    if isinstance(value, ast.Name):
        if value.id in ("inf", "nan"):
            return float(value.id)
        index = value.id[1:]
        if value.id[0] == "v" and index.isascii() and index.isdecimal() and len(index) < 10 and int(index) < before:
            return Ref(int(index))
    # A literal beyond float64 is none that anybody wrote.
    huge = isinstance(value, ast.Constant) and isinstance(value.value, float) and math.isinf(value.value)
    if isinstance(value, ast.Constant) and type(value.value) in (int, float, bool, str, type(None)) and not huge:
        return value.value
    raise ValueError(f"numbers, words, lists and earlier values as arguments, not {ast.unparse(value)[:40]}")
