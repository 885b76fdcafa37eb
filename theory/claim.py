"""What a theorem is here: assumptions with margins, a left side, a bound that is a sum of named products.

Frozen data, no behaviour beyond evaluation: the same expression is typeset in the report, evaluated
in balls, in exact rationals and on float64 arrays. So a claim cannot say one thing and test another.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sympy


class UndefinedQuantityError(ArithmeticError):
    """A quantity has no value on an instance (an assumption of the claim fails structurally)."""


class Verdict(Enum):
    """The outcome of judging a claim on an instance; the value is the sentence that a report prints."""

    PROVED = "Proved here: enclosures or exact arithmetic decide it, and every assumption is certified."
    EQUAL = "Equal as far as enclosures tell: the two sides agree far beyond float64, which proves no equality."
    VIOLATED = "Violated: the conclusion is certified false although every assumption is certified."
    OUTSIDE = "Outside the claim: an assumption certifiably fails."
    UNDECIDED = (
        "Undecided: the enclosures of the conclusion, or of an assumption, decide nothing at the highest precision."
    )


class Source(Enum):
    """Whose statement it is. Of the paper only the abstract was read, so PAPER means: our reading of it."""

    PAPER = "our reading of the paper (unchecked: only its abstract was read)"
    OURS = "ours: goes beyond the paper"
    OWN = "of a claims file"


class Relation(Enum):
    """How the left side relates to the bound."""

    AT_MOST = "<="
    EQUAL = "="


@dataclass(frozen=True)
class Assumption:
    """A hypothesis: what it says and the quantity that measures it (positive where it holds)."""

    name: str
    statement: str
    margin: str
    identifier: str = ""
    """A1..A10 of the audit, where it is one of those."""


@dataclass(frozen=True)
class Quantity:
    """A quantity that a claim brings with it: its name, its letter in LaTeX, what it is, and a function of what it is
    made of (`impl.stated.At`), which is right over balls, rationals and arrays."""

    name: str
    latex: str
    meaning: str
    value: Callable[[Any], Any]


def quantity(latex: str, meaning: str) -> Callable[[Callable[[Any], Any]], Quantity]:
    """Makes a `Quantity` of the function below, which is named like it.

    @quantity(r"\\|\\omega\\|^2", "squared length of omega")
    def omega_squared(at): return sum(v * v for v in at.omega)
    """

    def made(value: Callable[[Any], Any]) -> Quantity:
        return Quantity(value.__name__, latex, meaning, value)

    return made


@dataclass(frozen=True)
class Expression:
    """A sum of named products, written once.

    `text` is parsed by sympy for typesetting and compiled by Python for evaluation on any numbers.
    """

    text: str

    @cached_property
    def symbolic(self) -> sympy.Expr:
        """The expression in sympy symbols of the quantities' names, in the order of writing."""
        import sympy  # a second to load, and only who typesets needs it

        return sympy.sympify(self.text, locals={name: sympy.Symbol(name) for name in self.names}, evaluate=False)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The quantities that occur, in the order of writing."""
        return tuple(dict.fromkeys(self._code.co_names))

    @cached_property
    def signed(self) -> tuple[tuple[int, Expression], ...]:
        """(sign, term) of the additive terms, in the order and the words of writing."""

        def split(node: ast.expr, sign: int) -> list[tuple[int, Expression]]:
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
                last = -sign if isinstance(node.op, ast.Sub) else sign
                return [*split(node.left, sign), *split(node.right, last)]
            return [(sign, Expression(ast.get_source_segment(self.text, node) or ""))]

        return tuple(split(ast.parse(self.text, mode="eval").body, 1))

    @cached_property
    def summands(self) -> tuple[Expression, ...]:
        """The additive terms, in the order of writing; a subtracted one carries its minus sign."""
        spelled = [(sign, ast.unparse(ast.parse(term.text, mode="eval"))) for sign, term in self.signed]
        return tuple(Expression(text if sign > 0 else f"-({text})") for sign, text in spelled)

    @classmethod
    def total(cls, signed: Sequence[tuple[int, Expression]]) -> Expression:
        """The sum of signed terms, written out."""
        first, *rest = signed
        text = first[1].text if first[0] > 0 else f"-{first[1].text}"
        return cls(text + "".join(f" {'+' if sign > 0 else '-'} {term.text}" for sign, term in rest))

    def substitute(self, names: Mapping[str, str]) -> Expression:
        """The expression with quantities replaced by what `names` has for them."""
        return Expression(re.sub(r"\w+", lambda found: names.get(found[0], found[0]), self.text))

    @cached_property
    def _code(self) -> Any:
        return compile(self.text, "<claim>", "eval")

    def __call__(self, quantity: Callable[[str], Any]) -> Any:
        """The value, with each name looked up by `quantity` (balls, rationals or arrays)."""
        return eval(self._code, {"__builtins__": {}}, {name: quantity(name) for name in self.names})

    def latex(self, letters: Mapping[str, str]) -> str:
        """The expression typeset in the order of writing; `letters` maps names to LaTeX."""
        import sympy

        spelled = {sympy.Symbol(name): letters[name] for name in self.names}
        return sympy.latex(self.symbolic, symbol_names=spelled, order="none", mul_symbol=r"\,")


class Side:
    """A side of a statement: an `Expression`, which may be given as its text."""

    def __init__(self, default: str | None = None) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, of: object | None, owner: type | None = None) -> Expression:
        if of is not None:
            return of.__dict__[self._name]
        if self._default is None:
            raise AttributeError(self._name)  # a field without a default
        return Expression(self._default)

    def __set__(self, of: object, given: Expression | str) -> None:
        of.__dict__[self._name] = Expression(given) if isinstance(given, str) else given


@dataclass(frozen=True)
class Claim:
    """One statement: under the assumptions, left <= bound (or left = bound).

    name          stable, as in judgement files; begins with its family's name
    title         what a reader of the paper would call it
    left, bound   sums of named products: "gap", "eps*displacement + misfit/2"
    reading       the statement in words
    proof         its steps
    source        the paper's (as we read it), ours, or of a claims file
    quantities    those that it names and its family does not have
    """

    name: str
    title: str
    left: Side = Side()
    bound: Side = Side()
    assumptions: tuple[Assumption, ...] = ()
    relation: Relation = Relation.AT_MOST
    reading: str = ""
    proof: str = ""
    source: Source = Source.OWN
    citation: str = ""
    difference: str = ""
    """How it differs from the paper's result as we read it."""
    extras: tuple[str, ...] = ()
    """Further quantities to report as terms, that occur in neither side."""
    quantities: tuple[Quantity, ...] = ()

    @property
    def bounds_gap(self) -> bool:
        """Whether it is a bound of the gap, and no step towards one."""
        return self.left.text == "gap" and self.relation is Relation.AT_MOST and self.bound.text != "pairing"

    @property
    def terms(self) -> tuple[str, ...]:
        """The named quantities of the claim, in the order of its formula."""
        names = (*self.bound.names, *self.left.names, *self.extras)
        return tuple(name for name in dict.fromkeys(names) if name != "gap")


@dataclass(frozen=True)
class Mutant:
    """A plausible wrong theorem, left <= bound (or left = bound): a claim with something changed."""

    name: str
    claim: str
    title: str
    bound: Side = Side()
    why: str = ""
    """What the mistake would be, and why it is wrong (or why it is true after all)."""
    drops: tuple[str, ...] = ()
    """Assumptions of the claim that the mutant forgets."""
    equivalent: bool = False
    """Proved true in spite of its looks: nothing can refute it."""
    left: Side = Side("gap")
    relation: Relation = Relation.AT_MOST
    generated: bool = False
    """A half or a dropped summand, made for every claim; the others were thought of."""
    open: bool = False
    """Neither refuted nor proved: `why` says what is known."""


class Standing(Enum):
    """What the audit says of an assumption in a claim."""

    NEEDED = "needed"
    NOT_NEEDED = "not needed"
    VACUOUS = "vacuous"
    OPEN = "open"


@dataclass(frozen=True)
class Reading:
    """What a claim says where an assumption fails, if its own words have no meaning there, and why that.

    It is what a reader would take who forgot the assumption, or what makes the claim weaker still.

    lost   other assumptions that have no meaning there; the reading says what is left of them
    """

    left: str
    bound: str
    why: str
    relation: Relation = Relation.AT_MOST
    lost: tuple[str, ...] = ()

    def of(self, claim: Claim) -> Claim:
        """The claim as it is judged where the assumption fails."""
        kept = tuple(a for a in claim.assumptions if a.name not in self.lost)
        left, bound = Expression(self.left), Expression(self.bound)
        return replace(claim, left=left, bound=bound, relation=self.relation, assumptions=kept)


@dataclass(frozen=True)
class Ablation:
    """An assumption dropped: the smallest instance where the conclusion fails, or why it never does.

    `left` and `bound` are what the theorem would say without the assumption. `instance` is the exact
    instance, `population` a second one where two problems are mixed (left is evaluated there).
    `exact` holds the exact values of terms, as in the derivation, which the engine must reproduce.
    """

    assumption: str
    claim: str
    standing: Standing
    reason: str
    title: str = ""
    step: str = ""
    left: Expression = Expression("gap")
    bound: Expression | None = None
    instance: Mapping[str, Any] | None = None
    population: Mapping[str, Any] | None = None
    direction: tuple[str, ...] | None = None
    """The v of `residual_norm`, where the bound is evaluated along one direction."""
    exact: Mapping[str, str] = field(default_factory=dict)
    undefined: Mapping[str, Any] | None = None
    """A file without the assumption on which nothing is defined: readers refuse it, and there is nothing to judge."""
    identifier: str = ""
    """A1..A10 of the audit, for hypotheses that are built into the statement and are no named assumption; RL-A..RL-P
    for rows of the meta-RL derivation's table that are none of those."""
    meaningless: bool = False
    """The conclusion is not false but has no value: a quantity of `bound` is undefined on the instance."""
    reading: Reading | None = None
    """What search tries to refute, if not the claim as it stands."""
    unfound: str = ""
    """Why search has no counterexample of its own, where it has none."""

    @property
    def data(self) -> Mapping[str, Any]:
        """The instance, of a cell that has one."""
        assert self.instance is not None
        return self.instance

    @property
    def name(self) -> str:
        """Claim, assumption and title: unique, and good for a file name."""
        text = f"{self.claim} {self.assumption} {self.title}".lower()
        return "-".join("".join(c for c in text if c.isalnum() or c in " -").split())
