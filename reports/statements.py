"""What Coq is asked to prove: the text of each statement, made from the claim that is typeset and evaluated.

A claim becomes `Definition NAME (R : realType) : Prop := forall P : problem R, assumptions -> left <= bound`. The names
of quantities are those of `theory/notation.py`, an assumption's is `assume_` and its own: the definitions of a kind of
problems (`Definitions.v` of any problem, others of linear models and of decision processes) define both, and what none
defines cannot be said. Our words stand above the statement as a comment, so that a change of an assumption's meaning
changes the text as a change of the expression does. The proofs are in other files.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from ..impl.families import family_of
from ..theory import any_model, meta_sl, network, smooth_network, stationarity
from ..theory.claim import Ablation, Claim, Expression, Mutant, Relation
from ..theory.notation import SYMBOLS
from .records import SOURCES

FOLDER = SOURCES / "theory" / "formal"
MODULES = (
    "Definitions", "Statements", "Calculus", "Core", "Convexity", "Steps", "Rank",
    "LinearDefinitions", "LinearStatements", "Linear", "OneTask", "Mixed",
    "DecisionDefinitions", "DecisionStatements", "Bellman", "PolicyGradient", "Returns",
    "PolicyStepDefinitions", "PolicyStepStatements", "PolicySteps",
    "Proofs", "Single", "SingleLinear", "Several", "Uniform", "Mutants", "LinearMutants", "DecisionMutants",
    "Refuted", "LinearRefuted", "DecisionRefuted", "Satisfied",
)  # fmt: skip
"""The files in the order in which they are compiled."""
WITNESSES = FOLDER.parent / "counterexamples"

HEAD = """(* Made from theory/ by `python -m metagap.reports.readme`: {what}. Do not edit. *)
From mathcomp Require Import all_ssreflect all_algebra.
From mathcomp Require Import reals.
From Metagap Require Import {needs}.
Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.
"""
READ_AS = {
    network.OFF_KINKS.statement: stationarity.DIFFERENTIABLE.statement,
    smooth_network.OFF_JOINTS_OF_LOSS.statement: stationarity.DIFFERENTIABLE.statement,
    any_model.FULL_ROW_RANK.statement: meta_sl.FULL_ROW_RANK.statement,
}
"""Words of an assumption that Coq is asked in other words: off kinks and joints a network and its steps are
differentiable (N1 of `theory.network`: argued); a point's components are points (`theory.stationarity`)."""
APART = {"network-first-order": "at a kink its features are those of a convention, and derivatives of nothing"}
"""Claims whose quantities are not those of Coq everywhere that the claim speaks of."""
OPERATORS: Mapping[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", 1), ast.Sub: ("-", 1), ast.Mult: ("*", 2), ast.Div: ("/", 2),
}  # fmt: skip


class UnstatedError(ValueError):
    """What no definitions have a word for."""


@dataclass(frozen=True)
class Kind:
    """A kind of problems that statements quantify over.

    record      its record in Coq
    modules     those that define what statements say
    statements  the one that they are in
    witnesses   those that define the problems at which mutants are refuted
    mutants     the one that says so, and the one with the proofs
    """

    record: str
    modules: tuple[str, ...]
    statements: str
    witnesses: tuple[str, ...] = ()
    mutants: str = ""
    refuted: str = ""

    @cached_property
    def defined(self) -> tuple[frozenset[str], frozenset[str]]:
        """The quantities and the assumptions that its definitions have."""
        text = "".join((FOLDER / f"{module}.v").read_text(encoding="utf-8") for module in self.modules)
        of = r"(?:\(R : realType\) \(P : \w+ R\) )?"
        quantities = set(re.findall(rf"^Definition (\w+) {of}: R :=", text, re.MULTILINE))
        assumptions = re.findall(r"^Definition assume_(\w+) : Prop", text, re.MULTILINE)
        return frozenset(quantities | {"radius"}), frozenset(assumptions)


PROBLEM = Kind("problem", ("Definitions",), "Statements", ("Single",), "Mutants", "Refuted")
LINEAR = Kind(
    "linear_problem",
    ("Definitions", "LinearDefinitions"),
    "LinearStatements",
    ("Single", "SingleLinear", "Several"),
    "LinearMutants",
    "LinearRefuted",
)
DECISION = Kind(
    "decision_problem",
    ("DecisionDefinitions",),
    "DecisionStatements",
    ("Uniform",),
    "DecisionMutants",
    "DecisionRefuted",
)
STEPPING = Kind("stepping_problem", ("DecisionDefinitions", "PolicyStepDefinitions"), "PolicyStepStatements")
KINDS = (PROBLEM, LINEAR, DECISION, STEPPING)
MADE = tuple(f"{module}.v" for kind in KINDS for module in (kind.statements, kind.mutants) if module)
"""The files that are made from the theory."""


def kinds(claim: Claim) -> tuple[Kind, ...]:
    """The kinds of problems that a claim can be stated of, the widest first."""
    family = family_of(claim)
    return (
        (DECISION, STEPPING) if family.returns else (PROBLEM, LINEAR) if family.claims is meta_sl.CLAIMS else (PROBLEM,)
    )


def coq(expression: Expression, kind: Kind) -> str:
    """The expression in mathcomp's words, in the order of writing. Errors: UnstatedError."""

    def spelled(node: ast.expr, least: int) -> str:
        match node:
            case ast.Name(id=name):
                if name not in kind.defined[0]:
                    raise UnstatedError(f"no definition of {name} in Coq")
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


def _parts(of: Claim | Mutant, claim: Claim, kind: Kind) -> tuple[str, list[str], str]:
    """Our words as a comment, the assumptions that are kept, the conclusion. Errors: UnstatedError."""
    kept = [a for a in claim.assumptions if not (isinstance(of, Mutant) and a.name in of.drops)]
    if missing := [a.name for a in kept if identifier(a.name) not in kind.defined[1]]:
        raise UnstatedError(f"no definition of the assumption {missing[0]} in Coq")
    relation = "<=" if of.relation is Relation.AT_MOST else "="
    words = [
        f"{of.name}: {of.title}. {of.reading if isinstance(of, Claim) else of.why}",
        "; ".join(f"{a.name}: {a.statement}" for a in kept),
        "; ".join(f"{name}: {SYMBOLS[name].meaning}" for name in dict.fromkeys((*of.left.names, *of.bound.names))),
    ]
    comment = "\n   ".join(filter(None, words)).replace('"', "'").replace("(*", "( *").replace("*)", "* )")
    premises = [f"assume_{identifier(a.name)} P" for a in kept]
    return f"(* {comment} *)\n", premises, f"{coq(of.left, kind)} {relation} {coq(of.bound, kind)}"


def placed(claim: Claim) -> tuple[Kind, str]:
    """The kind of problems that a claim is stated of, and the definition of its statement, with our words above it.

    Errors: UnstatedError, with what no definitions have.
    """
    if claim.name in APART:
        raise UnstatedError(APART[claim.name])
    for kind in kinds(claim):
        with suppress(UnstatedError):
            comment, premises, conclusion = _parts(claim, claim, kind)
            head = f"Definition {identifier(claim.name)} (R : realType) : Prop := forall P : {kind.record} R,"
            body = " ->\n  ".join([*premises, conclusion])
            return kind, f"{comment}{head}\n  {body}.\n"
    _parts(claim, claim, kinds(claim)[-1])
    raise AssertionError(claim.name)


def statement(claim: Claim) -> str:
    """The definition of a claim's statement, with our words above it. Errors: UnstatedError."""
    return placed(claim)[1]


def refutation(mutant: Mutant, claim: Claim, witness: object) -> tuple[Kind, str]:
    """That an instance (a document) satisfies what the mutant assumes, and not what it concludes; of which kind it is.

    Errors: UnstatedError, with what no definitions have, or if the instance is none of those of Coq.
    """
    error = UnstatedError("")
    for kind in (kind for kind in kinds(claim) if kind.mutants):
        try:
            comment, premises, conclusion = _parts(mutant, claim, kind)
            binders, problem = (_processes if kind is DECISION else _squares)(kind, witness)
        except UnstatedError as found:
            error = found
            continue
        body = " /\\\n    ".join([*premises, f"~ ({conclusion})"])
        head = f"Definition {identifier(mutant.name)} (R : realType) : Prop :="
        return kind, f"{comment}{head}\n  exists {binders},\n    let P := {problem} in\n    {body}.\n"
    raise error


def _squares(kind: Kind, instance: object) -> tuple[str, str]:
    """What an instance of squares without adaptation needs in Coq, and the problem there. Errors: UnstatedError."""
    match instance:
        case {
            "loss": {"name": "squared"},
            "adaptation": {"name": "gradient", "eta": eta, "steps": 1},
            "model": {"name": "linear"},
            "features": [[feature]],
            "tasks": tasks,
            "omega": [start],
            "comparator": {"functions": rivals} | [*rivals] as against,
            "radius": reach,
        } if Fraction(eta) == 0:
            pass
        case _:
            raise UnstatedError("the witness is not of one input and parameter, with squares, without adaptation")
    functions = isinstance(against, dict)
    match tasks:
        case [{"atoms": [{"y": label}]}]:
            given = " ".join(map(_number, (feature, label, start)))
            point = f"(Functions _ {_number(rivals[0][0])})" if functions else f"(Adapted _ {_number(rivals[0])})"
            return _ball(reach), f"{'single' if kind is PROBLEM else 'linear'} {given} {point} r0 vr"
    if kind is PROBLEM or not functions:
        raise UnstatedError("the witness is of several tasks or labels")
    labels = list(dict.fromkeys(Fraction(atom["y"]) for task in tasks for atom in task["atoms"]))
    laws = [{Fraction(atom["y"]): atom["p"] for atom in task["atoms"]} for task in tasks]
    n, m = len(tasks), len(labels)
    weights = f"(@listed R {n} {_listed(task['weight'] for task in tasks)})"
    table = f"(@tabled R {n} {m} [:: {'; '.join(_listed(law.get(y, 0) for y in labels) for law in laws)}])"
    needs = (
        f"(q0 : forall i, 0 <= {weights} i)\n    (l0 : forall i k, 0 <= {table} i k)\n"
        f"    (l1 : forall i, \\sum_k {table} i k = 1)\n    {_ball(reach)}"
    )
    given = f"(@listed R {m} {_listed(labels)}) {_number(feature)} {_number(start)}"
    return needs, f"several {given} (@listed R {n} {_listed(h for (h,) in rivals)}) q0 l0 l1 r0 vr"


def _processes(kind: Kind, instance: object) -> tuple[str, str]:
    """What a decision process with uniform policies needs in Coq, and the problem there. Errors: UnstatedError."""
    match instance:
        case {
            "features": [[[0.0], [0.0]]],
            "tasks": [{"weight": 1.0, "gamma": 0.0, "r": [[first, second]], "start": [1.0]}],
            "eta": 0.0,
            "omega": [0.0],
            "comparator": {"policies": [[[left, right]]]},
            "radius": reach,
        }:
            a, b = _number(left), _number(right)
            needs = f"(p0 : 0 <= {a} :> R) (p1 : 0 <= {b} :> R) (p : {a} + {b} = 1 :> R) {_ball(reach)}"
            return needs, f"uniform {_number(first)} {_number(second)} p0 p1 p r0 vr"
    raise UnstatedError("the witness is not of one state, two actions and uniform policies")


def _ball(reach: float | str) -> str:
    radius = _number(reach)
    return f"v (r0 : 0 < {radius} :> R) (vr : `|v| <= {radius})"


def _listed(numbers: Iterable[float | str | Fraction]) -> str:
    return f"[:: {'; '.join(map(_number, numbers))}]"


def _number(value: float | str | Fraction) -> str:
    """An exact rational in mathcomp's words."""
    number = Fraction(value)
    size = f"{abs(number.numerator)}%:R" + (f" / {number.denominator}%:R" if number.denominator > 1 else "")
    return f"(- ({size}))" if number < 0 else f"({size})"


def stated(claims: Iterable[Claim]) -> dict[str, tuple[Kind, str]]:
    """Claim name -> what it is stated of, and its statement, of all that can be stated."""
    found = {}
    for claim in claims:
        with suppress(UnstatedError):
            found[claim.name] = placed(claim)
    return found


def words(claim: Claim) -> tuple[str, ...]:
    """What its assumptions say, in the words that Coq is asked."""
    return tuple(READ_AS.get(a.statement, a.statement) for a in claim.assumptions)


def refutations(claims: Iterable[Claim], mutants: Iterable[Mutant]) -> dict[str, tuple[Kind, str]]:
    """Name -> of which kind, and that an exact instance refutes it, of all that can be stated: mutants at their kept
    witnesses, and claims without an assumption that they need."""
    named, found = {claim.name: claim for claim in claims}, {}
    for mutant in mutants:
        kept = WITNESSES / f"mutant-{mutant.name}-simplest.json"
        if kept.is_file() and mutant.claim in named:
            with suppress(UnstatedError):
                witness = json.loads(kept.read_text(encoding="utf-8"))["instance"]
                found[mutant.name] = refutation(mutant, named[mutant.claim], witness)
    for claim in named.values():
        for cell in family_of(claim).ablations:
            if (
                (cell.claim, cell.population) == (claim.name, None)
                and cell.instance is not None
                and cell.bound is not None
            ):
                with suppress(UnstatedError):
                    found[cell.name] = refutation(_without(cell, cell.bound), claim, cell.instance)
    return found


def _without(cell: Ablation, bound: Expression) -> Mutant:
    """A claim without an assumption, as a mutant."""
    return Mutant(cell.name, cell.claim, cell.title, bound, cell.reason, drops=(cell.assumption,), left=cell.left)


def generated(claims: Iterable[Claim], mutants: Iterable[Mutant]) -> dict[str, str]:
    """File name -> text, of the files that are made from the theory."""
    claims = tuple(claims)
    said, refuted = stated(claims).values(), refutations(claims, mutants).values()
    none: tuple[str, ...] = ()
    files = [(kind, kind.statements, none, said, "what the claims say") for kind in KINDS]
    files += [
        (kind, kind.mutants, kind.witnesses, refuted, "what exact instances say of mutants")
        for kind in KINDS
        if kind.mutants
    ]
    return {
        f"{module}.v": "\n".join(
            [
                HEAD.format(what=what, needs=" ".join((*kind.modules, *witnesses))),
                *(text for of, text in texts if of is kind),
            ]
        )
        for kind, module, witnesses, texts, what in files
    }


def theorems(module: str) -> dict[str, str]:
    """What is proved in a module: name -> what it says, as it stands there."""
    text = (FOLDER / f"{module}.v").read_text(encoding="utf-8")
    return dict(re.findall(r"^Theorem (\w+) (.*?)\.(?=\s+Proof\b)", text, re.MULTILINE | re.DOTALL))
