"""What Coq is asked to prove: the text of each statement, made from the claim that is typeset and evaluated.

A claim becomes `Definition NAME (R : realType) : Prop := forall P : problem R, assumptions -> left <= bound`. The names
of quantities are those of `theory/notation.py`, an assumption's is `assume_` and its own: `Definitions.v` defines both,
and what it does not define cannot be said. Our words stand above the statement as a comment, so that a change of an
assumption's meaning changes the text as a change of the expression does. The proofs are in other files.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from ..claim import Claim, Expression, Mutant, Relation
from ..notation import SYMBOLS

FOLDER = Path(__file__).resolve().parent
DEFINITIONS, STATEMENTS, PROOFS, MUTANTS, REFUTED = (
    "Definitions.v", "Statements.v", "Proofs.v", "Mutants.v", "Refuted.v",
)  # fmt: skip
MODULES = ("Definitions", "Statements", "Mutants", "Calculus", "Core", "Convexity", "Rank", "Proofs", "Single", "Refuted")
"""The files in the order in which they are compiled."""
GENERATED = (STATEMENTS, MUTANTS)

SETTINGS = ("meta-sl", "network", "smooth-network", "any-model")
"""Families whose instances are problems as `Definitions.v` has them: any differentiable model, any adaptation."""

HEAD = """(* Made from theory/ by `python -m metagap.reports.readme`: {what}. Do not edit. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import reals.
From Metagap Require Import Definitions.
Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.
"""
OPERATORS: Mapping[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", 1), ast.Sub: ("-", 1), ast.Mult: ("*", 2), ast.Div: ("/", 2),
}  # fmt: skip


class UnstatedError(ValueError):
    """What `Definitions.v` has no word for."""


@cache
def defined() -> tuple[frozenset[str], frozenset[str]]:
    """The quantities and the assumptions that `Definitions.v` defines."""
    text = (FOLDER / DEFINITIONS).read_text(encoding="utf-8")
    quantities = set(re.findall(r"^Definition (\w+) (?:\(R : realType\) \(P : problem R\) )?: R :=", text, re.MULTILINE))
    return frozenset(quantities | {"radius"}), frozenset(re.findall(r"^Definition assume_(\w+) : Prop", text, re.MULTILINE))


def coq(expression: Expression) -> str:
    """The expression in mathcomp's words, in the order of writing. Errors: UnstatedError."""

    def spelled(node: ast.expr, least: int) -> str:
        match node:
            case ast.Name(id=name):
                if name not in defined()[0]:
                    raise UnstatedError(f"no definition of {name}")
                return f"{name} P"
            case ast.Constant(value=int(number)):
                return f"{number}%:R"
            case ast.UnaryOp(op=ast.USub(), operand=of):
                return f"(- {spelled(of, 3)})"
            case ast.BinOp(op=ast.Pow(), left=base, right=ast.Constant(value=int(power))):
                return f"{spelled(base, 3)} ^+ {power}"
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in OPERATORS:
                sign, level = OPERATORS[type(operator)]
                text = f"{spelled(left, level)} {sign} {spelled(right, level + 1)}"
                return f"({text})" if level < least else text
        raise UnstatedError(f"no word for {ast.unparse(node)}")

    return spelled(ast.parse(expression.text, mode="eval").body, 0)


def identifier(name: str) -> str:
    """A claim's or a mutant's name in Coq."""
    return name.replace("-", "_")


def statement(of: Claim | Mutant, claim: Claim) -> str:
    """The definition of the statement, with our words above it; of a mutant, with the assumptions that it keeps.

    Errors: UnstatedError, with what `Definitions.v` does not define.
    """
    if not any(claim.name.startswith(f"{family}-") for family in SETTINGS):
        raise UnstatedError("decision processes are not defined")
    kept = [a for a in claim.assumptions if not (isinstance(of, Mutant) and a.name in of.drops)]
    premises = []
    for assumption in kept:
        if (name := identifier(assumption.name)) not in defined()[1]:
            raise UnstatedError(f"no definition of the assumption {assumption.name}")
        premises.append(f"assume_{name} P ->\n  ")
    relation = "<=" if of.relation is Relation.AT_MOST else "="
    conclusion = f"{coq(of.left)} {relation} {coq(of.bound)}"
    reading = of.reading if isinstance(of, Claim) else of.why
    words = [
        f"{of.name}: {of.title}. {reading}",
        *(f"{a.name}: {a.statement}" for a in kept),
        *(f"{name}: {SYMBOLS[name].meaning}" for name in dict.fromkeys((*of.left.names, *of.bound.names))),
    ]
    comment = "\n   ".join(words).replace('"', "'").replace("(*", "( *").replace("*)", "* )")
    body = f"forall P : problem R,\n  {''.join(premises)}{conclusion}."
    return f"(* {comment} *)\nDefinition {identifier(of.name)} (R : realType) : Prop := {body}\n"


def stated(claims: Iterable[Claim]) -> dict[str, str]:
    """Claim name -> its statement, of all that can be stated."""
    found = {}
    for claim in claims:
        try:
            found[claim.name] = statement(claim, claim)
        except UnstatedError:
            continue
    return found


def theorems(file: str) -> frozenset[str]:
    """What is proved in a file, by name."""
    return frozenset(re.findall(r"^Theorem (\w+)", (FOLDER / file).read_text(encoding="utf-8"), re.MULTILINE))


def file_of_statements(texts: Mapping[str, str], what: str) -> str:
    """The .v file with these statements."""
    return "\n".join([HEAD.format(what=what), *texts.values()])
