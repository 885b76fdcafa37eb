"""Wrong versions of what every family claims: the steps of the proof, the exact identity, the L1 forms.

One mistake for each, the one that is easiest to make. The mutants of the results themselves are the families' own.
"""

from __future__ import annotations

from .claim import Expression, Mutant, Relation


def core_mutants(family: str, prefix: str) -> tuple[Mutant, ...]:
    """Mutants of a family's identity, of its steps S3 and S4 and of its L1 form; names begin with the prefix."""
    return (
        Mutant(
            f"{prefix}identity-along-v",
            f"{family}-identity",
            "the derivative of L along v left out of the identity",
            Expression("inner_product"),
            "v'G is 0 at stationary points only.",
            left=Expression("gap" if family.startswith("meta-rl") else "gap + bregman"),
            relation=Relation.EQUAL,
        ),
        Mutant(
            f"{prefix}s3-no-radius",
            f"{family}-s3",
            "the length of the direction left out of S3",
            Expression("eps"),
            "The derivative along v grows with v.",
            left=Expression("direction"),
        ),
        Mutant(
            f"{prefix}s4-half",
            f"{family}-s4",
            "half of Cauchy-Schwarz",
            Expression("weight_norm*residual_norm/2"),
            "Equality where w and the residual are proportional.",
            left=Expression("inner_product"),
        ),
        half_l1(f"{prefix}l1-half", f"{family}-l1", "misfit_l1"),
    )


def half_l1(name: str, claim: str, bound: str) -> Mutant:
    """Half of a bound without a radius."""
    return Mutant(
        name, claim, "half the L1 form", Expression(f"{bound}/2"), "Attained where the bound of the lifted form is."
    )


def convex_core_mutants(family: str, prefix: str) -> tuple[Mutant, ...]:
    """The same for a family with a convex loss, whose S1 is an inequality and whose first-order MAML has a theorem."""
    return (
        *core_mutants(family, prefix),
        Mutant(
            f"{prefix}s1-equal",
            f"{family}-s1",
            "the gap is the pairing",
            Expression("pairing"),
            "The Bregman divergence is left out: it is 0 for linear losses only.",
            relation=Relation.EQUAL,
        ),
        Mutant(
            f"{prefix}s2-first-order",
            f"{family}-s2",
            "the gradient of L is as long as FOMAML's",
            Expression("eps_first_order"),
            "The adaptation's Jacobian stands between them.",
            left=Expression("eps"),
            relation=Relation.EQUAL,
        ),
        Mutant(
            f"{prefix}first-order-no-eps",
            f"{family}-first-order",
            "R times FOMAML's gradient left out",
            Expression("weight_norm*misfit_plain"),
            "Only where first-order MAML is stationary is the term 0.",
        ),
    )
