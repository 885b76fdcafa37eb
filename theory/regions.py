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

STATEMENTS = (
    Assumption("convex", "L is strictly convex at omega: its Hessian is positive definite.", "curvature_least"),
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


_SMOOTH = "margin_differentiability"
_PARAMETER = "margin_parameter_comparator"
_CAUCHY = "the root is increasing"
_MINIMUM = f"{_CAUCHY}; the minimum over the ball is attained"
_INFIMUM = f"{_CAUCHY}; the infimum over v"

LEMMAS = (
    Lemma("breg", "gap + bregman - pairing", ("pairing",), equal=True),
    Lemma("split", "direction + inner_product - pairing", ("chain",), (), (_SMOOTH,), equal=True),
    Lemma("chain", "chain_rule_defect", ("chain",), (), (_SMOOTH,), equal=True),
    Lemma("convex-loss", "bregman", (), ("bend",), words="Breg is a sum of (h - z)^2 ell[z, z, h]"),
    Lemma(
        "curved-loss",
        "bregman - strong_convexity*function_displacement**2/2",
        words="Taylor's theorem on each segment",
    ),
    Lemma("direction", "radius*eps - direction", ("lagrange",), words=_CAUCHY),
    Lemma("residual", "weight_norm*residual_norm - inner_product", ("lagrange",), words=_CAUCHY),
    Lemma("ball", "radius*eps + weight_norm*misfit - pairing", ("chain", "lagrange"), (), (_SMOOTH,), words=_MINIMUM),
    Lemma("l1", "misfit_l1 - pairing", ("chain", "lagrange"), (), (_SMOOTH,), words=_INFIMUM),
    Lemma(
        "mixed",
        "radius*eps + mixed_weight_norm*mixed_misfit - pairing",
        ("chain", "mixed", "lagrange"),
        (),
        (_SMOOTH, "margin_one_gradient_step", "margin_numerator_vanishes"),
        f"{_MINIMUM}; under (D) the numerator is the weight times the target",
    ),
    Lemma(
        "mixed-l1",
        "mixed_misfit_l1 - pairing",
        ("chain", "mixed", "lagrange"),
        (),
        (_SMOOTH, "margin_one_gradient_step"),
        _INFIMUM,
    ),
    Lemma(
        "first-order",
        "radius*eps_first_order + weight_norm*misfit_plain - pairing",
        ("plain", "lagrange"),
        words=_MINIMUM,
    ),
    Lemma(
        "affine",
        "eps*displacement - pairing",
        ("chain", "affine", "lagrange"),
        (),
        ("margin_squared_loss", _PARAMETER),
        _CAUCHY,
    ),
    Lemma(
        "still",
        "eps*displacement - pairing",
        ("chain", "still", "lagrange"),
        (),
        ("margin_no_adaptation", _PARAMETER),
        _CAUCHY,
    ),
    Lemma(
        "convex",
        "eps*displacement - gap",
        ("lagrange",),
        ("hessian",),
        (_SMOOTH, _PARAMETER),
        "a convex function lies above its tangents",
    ),
    Lemma(
        "rank",
        "eps*min_norm_solution - pairing",
        ("chain", "lagrange"),
        (),
        (_SMOOTH, "margin_full_row_rank"),
        f"{_CAUCHY}; v = Phi^+ u leaves no residual",
    ),
    Lemma(
        "one-task",
        "eps*adapted_displacement/jacobian_min - pairing",
        ("chain", "single", "lagrange"),
        (),
        (_SMOOTH, _PARAMETER, "margin_single_task", "margin_invertible_jacobian"),
        f"{_CAUCHY}; ||J g|| >= s_min ||g||",
    ),
    Lemma(
        "remainder",
        "eps*displacement + weight_norm*remainder_constant*displacement**2 - pairing",
        ("chain", "remainder", "lagrange"),
        (),
        (_SMOOTH, _PARAMETER, "margin_third_derivative", "margin_one_gradient_step"),
        f"{_CAUCHY}; Taylor's theorem for ell'; m3 as the table of losses has it; masses sum to 1",
    ),
    Lemma(
        "bias",
        "radius*eps_first_order + radius*jacobian_deviation*feature_bound*weight_norm - radius*eps",
        ("chain", "lagrange"),
        (),
        (_SMOOTH, "margin_bounded_curvature", "margin_one_gradient_step", "margin_no_decay"),
        f"{_CAUCHY}; ||H_i|| <= m2 max ||phi||^2, m2 as the table of losses has it; masses sum to 1",
    ),
    Lemma(
        "descent",
        "2*smoothness*descent - eps**2",
        (),
        ("step",),
        (_SMOOTH, "margin_smooth"),
        "Taylor's theorem on the step",
    ),
)
