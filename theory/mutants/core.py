"""Mutants of what several families claim: the steps of the proof, the bound of the gap, features at the start.

`begin` is how a family's mutants are named, `ending` what their titles end with.
"""

from __future__ import annotations

from ..claim import Relation
from .edits import Wrong, cancel, drop, equal, halve, instead, put, twice


def half_l1(name: str, stem: str) -> Wrong:
    """Half of a bound without a radius."""
    return Wrong(name, stem, "half the L1 form", halve(), "Attained where the bound of the lifted form is.")


def steps(begin: str) -> tuple[Wrong, ...]:
    """The exact identity, S3, S4 and the L1 form: of each the mistake that is easiest to make."""
    return (
        Wrong(
            f"{begin}identity-along-v",
            "identity",
            "the derivative of L along v left out of the identity",
            drop("direction"),
            "v'G is 0 at stationary points only.",
        ),
        Wrong(
            f"{begin}s3-no-radius",
            "s3",
            "the length of the direction left out of S3",
            cancel("radius"),
            "The derivative along v grows with v.",
        ),
        Wrong(
            f"{begin}s4-half",
            "s4",
            "half of Cauchy-Schwarz",
            halve(),
            "Equality where w and the residual are proportional.",
        ),
        half_l1(f"{begin}l1-half", "l1"),
    )


def convex_steps(begin: str) -> tuple[Wrong, ...]:
    """The same for a family with a convex loss, whose S1 is an inequality and whose first-order MAML has a theorem."""
    return (
        *steps(begin),
        Wrong(
            f"{begin}s1-equal",
            "s1",
            "the gap is the pairing",
            equal,
            "The Bregman divergence is left out: it is 0 for linear losses only.",
        ),
        Wrong(
            f"{begin}s2-first-order",
            "s2",
            "the gradient of L is as long as FOMAML's",
            lambda claim: equal(instead(left="eps", bound="eps_first_order")(claim)),
            "The adaptation's Jacobian stands between them.",
        ),
        Wrong(
            f"{begin}first-order-no-eps",
            "first-order",
            "R times FOMAML's gradient left out",
            drop("eps_first_order"),
            "Only where first-order MAML is stationary is the term 0.",
        ),
    )


def refined(begin: str) -> tuple[Wrong, ...]:
    """The bounds that keep the Bregman divergence: too much of it, or another one."""
    return (
        Wrong(
            f"{begin}c4-twice",
            "c4",
            "the whole of mu for half of it",
            twice("strong_convexity"),
            "The Bregman divergence of a mu-strongly convex loss is at least mu u^2/2, with equality for squares.",
        ),
        Wrong(
            f"{begin}c4-at-omega",
            "c4",
            "mu at the adapted predictions alone",
            put(strong_convexity="strong_convexity_adapted"),
            "The loss may be flatter on the way to the comparator.",
        ),
        Wrong(
            f"{begin}refined-twice",
            "refined",
            "twice the Bregman divergence",
            twice("bregman"),
            "The identity has it once.",
        ),
        Wrong(
            f"{begin}refined-swapped",
            "refined",
            "the Bregman divergence with its arguments exchanged",
            put(bregman="bregman_swapped"),
            "The slope is taken at omega's predictions; only for squares is the divergence symmetric.",
        ),
        Wrong(
            f"{begin}refined-l1-swapped",
            "refined-l1",
            "the Bregman divergence with its arguments exchanged, in the L1 form",
            put(bregman="bregman_swapped"),
            "As in the lifted form.",
        ),
        Wrong(
            f"{begin}identity-bregman-subtracted",
            "identity",
            "the Bregman divergence subtracted from the gap in the identity",
            instead(left="gap - bregman", relation=Relation.EQUAL),
            "gap + Breg is linear in the displacement, the gap is not.",
        ),
    )


def gap(begin: str, ending: str = "") -> tuple[Wrong, ...]:
    """The bound of the gap with less of either summand."""
    return (
        Wrong(
            f"{begin}no-stationarity-term",
            "lifted",
            f"R eps dropped{ending}",
            drop("eps"),
            "Only at exactly stationary points is the term 0.",
        ),
        Wrong(
            f"{begin}half-constant",
            "lifted",
            f"half the constant in front of the misfit{ending}",
            halve("misfit"),
            "Cauchy-Schwarz is attained by tangent comparators.",
        ),
    )


def free_infimum(begin: str, ending: str = "") -> Wrong:
    """The infimum without its ball."""
    return Wrong(
        f"{begin}free-infimum",
        "lifted",
        f"infimum over all directions, R eps with the small R{ending}",
        put(misfit="misfit_free"),
        "The same R must bound the direction and multiply eps.",
    )


def weights(begin: str, of: str) -> tuple[Wrong, ...]:
    """The bound of the gap with another w; `of` says what w belongs to."""
    return (
        Wrong(
            f"{begin}w-at-omega",
            "lifted",
            "functional gradient at the unadapted prediction",
            put(weight_norm="weight_norm_unadapted"),
            f"w belongs to the adapted {of}.",
        ),
        Wrong(
            f"{begin}no-weight",
            "lifted",
            "the norm of w dropped",
            cancel("weight_norm"),
            "The misfit is weighed by the functional gradient.",
        ),
        Wrong(
            f"{begin}uniform-norms",
            "lifted",
            "task weights replaced by 1/n in the norms",
            put(weight_norm="weight_norm_uniform", misfit="misfit_uniform"),
            "The inner product that carries the gap has the weights q_i.",
        ),
    )


def no_hessian(begin: str, plain: str, adapted: str) -> Wrong:
    """The feature `plain` where the chain rule gives `adapted`."""
    return Wrong(
        f"{begin}no-hessian",
        "lifted",
        "meta-feature without the Hessian",
        put(misfit="misfit_plain"),
        f"Uses {plain} where the chain rule gives {adapted}.",
    )


def first_order_eps(begin: str, but: str = "") -> Wrong:
    """FOMAML's gradient as that of L."""
    return Wrong(
        f"{begin}first-order-eps",
        "lifted",
        "FOMAML's gradient as eps with the full meta-feature",
        put(eps="eps_first_order"),
        f"A first-order stationary point is not stationary for L{but}.",
    )


def first_order_both(begin: str, theorem: str) -> Wrong:
    """Two mistakes that make a theorem."""
    return Wrong(
        f"{begin}first-order-both",
        "lifted",
        "no Hessian, together with FOMAML's gradient",
        put(eps="eps_first_order", misfit="misfit_plain"),
        f"Looks like two mistakes and is {theorem}",
        equivalent=True,
    )


def no_direction(begin: str) -> Wrong:
    """A weaker theorem."""
    return Wrong(
        f"{begin}no-direction",
        "lifted",
        "no direction at all: the norm of u for the misfit",
        put(misfit="function_displacement"),
        "v = 0 lies in the ball, so the misfit is at most ||u||: a weaker, true bound.",
        equivalent=True,
    )


def mixed(begin: str, numerator: str) -> tuple[Wrong, ...]:
    """The bound with one feature for all tasks."""
    return (
        Wrong(
            f"{begin}mixed-zero-over-zero",
            "mixed",
            "0/0 read as 0 in the mixed form",
            put(),
            f"Where the mixed weight vanishes and {numerator} does not, the target is undefined and its mass is lost.",
            drops=("numerator-vanishes",),
        ),
        Wrong(
            f"{begin}mixed-half-constant",
            "mixed",
            "half the constant in the mixed form",
            halve("mixed_misfit"),
            "Cauchy-Schwarz again.",
        ),
    )


def half_shortest(name: str, title: str, why: str = "u along the gradient attains Cauchy-Schwarz.") -> Wrong:
    """Half of C3's representation."""
    return Wrong(name, "c3", title, halve(), why)


def half_gradient_error(begin: str, title: str, why: str) -> Wrong:
    """Half of what features at initialisation change of the gradient."""
    return Wrong(f"{begin}half-gradient-error", "error-gradient", title, halve(), why)


def no_error_term(begin: str, features: str, needed: str) -> Wrong:
    """Features at initialisation with the gradient of L."""
    return Wrong(
        f"{begin}no-error-term",
        "init-operator",
        f"{features} at initialisation without the error term",
        drop("error_operator"),
        f"G_0 is not grad L: the error term {needed} is needed.",
    )


def init_no_eps(begin: str, kind: str, title: str, why: str) -> Wrong:
    """Features at initialisation, whose error is measured, without the gradient of L."""
    return Wrong(f"{begin}init-{kind}-no-eps", f"init-{kind}", f"R eps left out of {title}", drop("eps"), why)


STATIONARY = "Only at exactly stationary points is the term 0."


def outputs(begin: str) -> tuple[Wrong, ...]:
    """Of several outputs: components that are averaged, uncoupled, or counted from 1."""
    return (
        Wrong(
            f"{begin}mean-over-outputs",
            "lifted",
            "the mean over components in place of their sum",
            instead(bound="radius*eps + weight_norm*misfit/outputs"),
            "A risk sums the loss of all components: each has the whole mass of its point.",
        ),
        Wrong(
            f"{begin}outputs-uncoupled",
            "lifted",
            "the Hessian's blocks without their mixed derivatives",
            put(misfit="misfit_uncoupled"),
            "The Hessian of softmax is diag(p) - pp': a step on one component moves the slopes of all.",
        ),
        Wrong(
            f"{begin}next-class",
            "lifted",
            "functional gradient with the classes counted from 1",
            put(weight_norm="weight_norm_shifted"),
            "w is p less the unit vector of the label's own class.",
        ),
    )


def paced(begin: str) -> tuple[Wrong, ...]:
    """Of a rate for each parameter and weight decay: on the other side, or forgotten."""
    return (
        Wrong(
            f"{begin}rates-turned",
            "lifted",
            "rates on the other side of the Hessian",
            put(misfit="misfit_rates_turned"),
            "J_i = I - eta D (H_i + lambda) is not symmetric: phi_i is J_i'phi.",
        ),
        Wrong(
            f"{begin}decay-forgotten",
            "lifted",
            "Jacobian without the weight decay of the steps",
            put(misfit="misfit_no_decay"),
            "The inner objective is the risk and its decay: both are differentiated.",
        ),
    )
