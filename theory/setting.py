"""What a family of problems brings to the theorems: names, its paper's words, the assumptions of the core result."""

from __future__ import annotations

from dataclasses import dataclass

from .claim import Assumption, Claim, Relation, Source

PAPER = "Wang, Cai, Yang, Wang, On the Global Optimality of Model-Agnostic Meta-Learning, ICML 2020: "


@dataclass(frozen=True)
class Setting:
    """One family: claims are written with it, so that a theorem of several families is written once.

    family     its name, which its claims' names begin with
    citation   the part of the paper that it belongs to
    geometry   the assumption of S1: convexity of the loss, or positive policies
    calculus   those of the chain rule S2
    equality   whether S1 is one: the performance difference, where a convex loss has an inequality
    kind       how its claims' titles end where another family has the same one
    """

    family: str
    citation: str
    geometry: Assumption
    calculus: tuple[Assumption, ...]
    equality: bool = False
    kind: str = ""

    @property
    def inside(self) -> tuple[Assumption, ...]:
        """The assumptions of the core result."""
        return tuple(dict.fromkeys((self.geometry, *self.calculus)))

    @property
    def s1(self) -> str:
        """Step S1, as proofs begin with it."""
        return f"gap {'=' if self.equality else '<='} <w, u>"

    def claim(
        self,
        stem: str,
        title: str,
        reading: str,
        proof: str,
        bound: str,
        assumptions: tuple[Assumption, ...],
        difference: str,
        *,
        left: str = "gap",
        relation: Relation = Relation.AT_MOST,
        source: Source = Source.OURS,
        part: str = "",
        extras: tuple[str, ...] = (),
    ) -> Claim:
        """The family's claim of that name; `part` is the paper's result that it belongs to."""
        return Claim(
            f"{self.family}-{stem}",
            title,
            left,
            bound,
            assumptions,
            relation,
            reading,
            proof,
            source,
            f"{self.citation}, {part}" if part else self.citation,
            difference,
            extras,
        )
