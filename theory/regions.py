r"""Lemmas for whole boxes of instances: what is added up to a claim, and what of each is asked of a box.

On one instance an inequality is decided by enclosures. Over a box, sides that are equal somewhere never separate: every
claim of the core is an equality where omega is the comparator. What works there is algebra. A claim is proved over a
box if bound - left is, as a polynomial in the quantities' names, a sum of lemmas with coefficients >= 0, and of
equations with any coefficients. Each lemma rests on

* identities, which are tried as identities of polynomials over the region's shape (`impl/regions/formal.py`);
* facts of the box, which enclosures over the box decide: ell'' >= 0 between z and h', Hess L >= 0 between omega and
  theta', |Hess L| <= beta on the step;
* margins of assumptions, certified over the box;
* words: what a reader must grant beside. Cauchy-Schwarz is Lagrange's identity and the root's monotony; a continuous
  function has a minimum on a closed ball; Taylor's theorem.

What this adds to the proofs in words: that their identities hold for the engine's own formulas, whatever the numbers,
and that the hypotheses hold all over the box. What is not algebra (strict statements) enclosures decide, box by box.
"""

from __future__ import annotations

from dataclasses import dataclass

from .claim import Assumption, Expression
from .tables import rows

STATEMENTS = (
    Assumption(
        "convex",
        "L is strictly convex at omega: its Hessian is positive definite on the span of the features.",
        "curvature_least",
    ),
    Assumption(
        "minima",
        "Where the gradient of L is 0 at omega, its Hessian is positive definite: with one parameter, L has at most "
        "one stationary point in an interval, and no spurious minimum.",
        "curvature_where_stationary",
    ),
)
"""Statements about L over a box that are not algebra, and hold only strictly."""


@dataclass(frozen=True)
class Lemma:
    """A quantity that is >= 0 (or = 0) on every instance where its margins are positive.

    identities   of polynomials, facts of the box and margins that it rests on, by name
    words        what has to be granted beside
    """

    name: str
    text: str
    identities: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    margins: tuple[str, ...] = ()
    words: str = ""
    equal: bool = False

    @property
    def expression(self) -> Expression:
        return Expression(self.text)


_TABLE = """
breg | gap + bregman - pairing = 0 | pairing
split | direction + inner_product - pairing = 0 | chain
    where differentiability
chain | chain_rule_defect = 0 | chain
    where differentiability
convex-loss | bregman >= 0 | bend
    Breg is a sum of (h - z)^2 ell[z, z, h]
curved-loss | bregman - strong_convexity*function_displacement**2/2 >= 0
    Taylor's theorem on each segment
direction | radius*eps - direction >= 0 | lagrange
    the root is increasing
residual | weight_norm*residual_norm - inner_product >= 0 | lagrange
    the root is increasing
ball | radius*eps + weight_norm*misfit - pairing >= 0 | chain lagrange
    where differentiability
    the root is increasing; the minimum over the ball is attained
l1 | misfit_l1 - pairing >= 0 | chain lagrange
    where differentiability
    the root is increasing; the infimum over v
mixed | radius*eps + mixed_weight_norm*mixed_misfit - pairing >= 0 | chain mixed lagrange
    where differentiability, one_gradient_step, numerator_vanishes
    the root is increasing; the minimum over the ball is attained; under (D) the numerator is the weight times the
    target
mixed-l1 | mixed_misfit_l1 - pairing >= 0 | chain mixed lagrange
    where differentiability, one_gradient_step
    the root is increasing; the infimum over v
first-order | radius*eps_first_order + weight_norm*misfit_plain - pairing >= 0 | plain lagrange
    the root is increasing; the minimum over the ball is attained
affine | eps*displacement - pairing >= 0 | chain affine lagrange
    where squared_loss, parameter_comparator
    the root is increasing
still | eps*displacement - pairing >= 0 | chain still lagrange
    where no_adaptation, parameter_comparator
    the root is increasing
convex | eps*displacement - gap >= 0 | lagrange hessian
    where differentiability, parameter_comparator
    a convex function lies above its tangents
rank | eps*min_norm_solution - pairing >= 0 | chain lagrange
    where differentiability, full_row_rank
    the root is increasing; v = Phi^+ u leaves no residual
one-task | eps*adapted_displacement/jacobian_min - pairing >= 0 | chain single lagrange
    where differentiability, parameter_comparator, single_task, invertible_jacobian
    the root is increasing; ||J g|| >= s_min ||g||
remainder | eps*displacement + weight_norm*remainder_constant*displacement**2 - pairing >= 0 | chain remainder lagrange
    where differentiability, parameter_comparator, third_derivative, one_gradient_step
    the root is increasing; Taylor's theorem for ell'; m3 as the table of losses has it; masses sum to 1
bias | radius*eps_first_order + radius*jacobian_deviation*feature_bound*weight_norm - radius*eps >= 0 | chain lagrange
    where differentiability, bounded_curvature, one_gradient_step, no_decay
    the root is increasing; ||H_i|| <= m2 max ||phi||^2, m2 as the table of losses has it; masses sum to 1
descent | 2*smoothness*descent - eps**2 >= 0 | step
    where differentiability, smooth
    Taylor's theorem on the step
"""
"""NAME | EXPRESSION >= 0 (or = 0) | identities and facts; below the margins of assumptions, and the words."""
FACTS = ("bend", "hessian", "step")


def _lemma(head: list[str], below: list[str]) -> Lemma:
    (name, said, *rest), margins = head, [line for line in below if line.startswith("where ")]
    text, relation, _ = said.rsplit(" ", 2)
    basis = " ".join(rest).split()
    return Lemma(
        name,
        text,
        tuple(one for one in basis if one not in FACTS),
        tuple(one for one in basis if one in FACTS),
        tuple(f"margin_{one}" for line in margins for one in line.removeprefix("where ").split(", ")),
        " ".join(line for line in below if line not in margins),
        relation == "=",
    )


LEMMAS = tuple(_lemma(*row) for row in rows(_TABLE))
