"""What of a user's claims is wrong as it is written: before anything is judged, and each in words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fractions import Fraction

from ..theory.claim import Assumption, Claim, Expression, Mutant, Quantity, Relation
from .files import BadInputError

TYPES: dict[str, type] = {"left": Expression, "bound": Expression, "relation": Relation}
LISTS = {
    "assumptions": (Assumption, "a tuple of Assumptions: (P,) of one"),
    "quantities": (Quantity, "a tuple of quantities: (q,) of one, each a function below @quantity(...)"),
    "extras": (str, 'a tuple of names: ("eps",) of one'),
    "drops": (str, 'a tuple of names: ("convex",) of one'),
}
TEXTS = ("name", "title", "reading", "proof", "citation", "difference", "why")
"""The fields of claims and mutants, by what they are."""


def mistyped(stated: Claim | Mutant) -> tuple[str, str] | None:
    """The first field of another type than it must have, and what is required of it."""
    for field, kind in TYPES.items():
        if not isinstance(getattr(stated, field), kind):
            return field, "a Relation" if kind is Relation else 'a text, as "eps*displacement"'
    for field, (entry, required) in LISTS.items():
        entries = getattr(stated, field, ())
        if not isinstance(entries, tuple) or not all(isinstance(one, entry) for one in entries):
            return field, required
    wrong = (field for field in TEXTS if not isinstance(getattr(stated, field, ""), str))
    return next(((field, "a text") for field in wrong), None)


def untypeset(latex: object) -> str | None:
    """What is required of LaTeX that the page cannot show; None of good LaTeX."""
    from latex2mathml.converter import convert

    if unsaid(latex):
        return r"LaTeX, as r'\beta'"
    depth = 0
    for brace in re.findall(r"\\.|[{}]", str(latex)):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            break
    try:
        convert(str(latex))
    except Exception as error:
        return f"LaTeX that can be typeset ({type(error).__name__})"
    return "LaTeX whose braces are balanced" if depth else None


def unsaid(text: object) -> str | None:
    """What is required of a text that is empty, or none."""
    return None if isinstance(text, str) and text.strip() else "a text, and not an empty one"


BARE = {"max": "at.largest", "min": "at.least", "sorted": "at.largest or at.least", "float": "the number itself"}
"""What decides between enclosures as if they were points, and what to write for it."""


def slips(place: str, text: str) -> Iterator[BadInputError]:
    """What in the text of a quantity would make it wrong without a word: decimals, and functions of points."""
    for function in ast.walk(ast.parse(text)):
        if not isinstance(function, ast.FunctionDef) or not any(map(_makes_quantity, function.decorator_list)):
            continue
        for node in ast.walk(function):
            where = f"line {getattr(node, 'lineno', function.lineno)}, {function.name}"
            match node:
                case ast.Constant(value=float(value)):
                    exact = Fraction(repr(value))
                    yield BadInputError(place, where, value, f"an exact constant: at.number('{exact}')")
                case ast.Call(func=ast.Name(id=name)) if name in BARE:
                    yield BadInputError(place, where, f"{name}()", f"{BARE[name]}: an enclosure is no point")


def _makes_quantity(decorator: ast.expr) -> bool:
    made = decorator.func if isinstance(decorator, ast.Call) else decorator
    return "quantity" in (getattr(made, "id", ""), getattr(made, "attr", ""))


def unread(text: str) -> str | None:
    """What is required of a side that no number system could evaluate exactly; None of a good one."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        return "a sum of products of named quantities, with * between factors and every bracket closed"
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=int()) | ast.Name() | ast.operator() | ast.unaryop() | ast.expr_context():
                pass
            case ast.Constant():
                return "whole numbers and fractions of them: eps/2 and not 0.5*eps"
            case ast.BinOp(op=ast.Pow(), right=ast.Constant(value=int())):
                pass
            case ast.BinOp(op=ast.Div(), left=left) if not any(isinstance(n, ast.Name) for n in ast.walk(left)):
                if not any(isinstance(n, ast.Name) for n in ast.walk(node)):
                    return "fractions that a quantity is divided in: 2*eps/3 and not (2/3)*eps"
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div()) | ast.UnaryOp(op=ast.USub()):
                pass
            case ast.BinOp(op=ast.BitXor()):
                return "powers as **: eps**2 and not eps^2"
            case ast.Call():
                return "no functions: eps*sqrt(radius) needs a quantity of your own (metagap.quantity, at.sqrt)"
            case _:
                return "+, -, *, /, whole powers, brackets, whole numbers and names of quantities"
    return None
