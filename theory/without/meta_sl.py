"""Meta-SL's claims without one assumption, claim by claim: counterexamples, arguments, readings."""

from __future__ import annotations

from ..claim import Ablation, Reading
from .cells import (
    AT_JOINT_S2,
    IMPLIED,
    L1,
    again,
    at_joint,
    implied,
    needed,
    not_needed,
    steps_of_any_features,
)
from .instances import functions, gradient, single, supervised, varied

S1 = "S1: functional geometry"
S2 = "S2: chain rule"
S3 = "S3: stationarity"
LIFTED = "radius*eps + weight_norm*misfit"
_MIXED = "radius*eps + mixed_weight_norm*mixed_misfit"
DIRECTIONAL = "radius*eps_directional + weight_norm*residual_norm"
SMOOTH = "differentiable-adaptation"
QUARTIC = {"name": "quartic", "c": "1/4"}
HUBER = {"name": "huber", "delta": "1"}

SPURIOUS = supervised(QUARTIC, "1/4", "1", "1/2: 0 -1/2 1 | 1/2: 0 1/2 1", "0", "35/32", "2")
WELL = needed(
    "meta-sl-lifted",
    "outer-convexity",
    "The loss has a flat maximum at the prediction: nothing is left of w although the comparator is better. "
    "Only the outer loss must be convex; the inner one need not be.",
    "double well",
    S1,
    LIFTED,
    supervised("double-well", "0", "1", "1: 0 0 1", "0", functions("1")),
    exact={"gap": "1", "weight_norm": "0", "bregman": "-1"},
)
JOINT = needed(
    "meta-sl-lifted",
    SMOOTH,
    "At a joint of Huber's loss omega is a local minimum: L rises by 1/2 per unit to both sides, since U has slope "
    "1 to the left and -1 to the right. It is not global, and either one-sided meta-feature represents u. Once "
    "continuously differentiable losses are not enough.",
    "Huber at its joint",
    S2,
    DIRECTIONAL,
    supervised(HUBER, "8", "1", "1: 0 0 1/4, 0 10 3/4", "-1", "5", "2"),
    direction=("-2",),
    exact={"gap": "1", "eps_directional": "0", "residual_norm": "0", "bregman": "0", "weight_norm": "1/2"},
    reading=at_joint(),
)
FIRST_ORDER = needed(
    "meta-sl-lifted",
    "stationarity-of-L",
    "A point where FOMAML stops is not stationary for L: with its eps and the full meta-feature the bound is 0.",
    "first-order stationary point",
    S3,
    "radius*eps_first_order + weight_norm*misfit",
    supervised("squared", "1/8", "1; 2", "1/2: 0 -1 1 | 1/2: 1 7/8 1", "0", "-1/4"),
    exact={"gap": "55/4096", "eps": "21/128", "eps_first_order": "0"},
    identifier="A3",
)
FREE = needed(
    "meta-sl-lifted",
    "one-radius",
    "R eps with a smaller R than the ball of the infimum.",
    "unconstrained infimum",
    S3,
    "radius*eps + weight_norm*misfit_free",
    single("squared", "0", "0", "1", "0", "1/4"),
    exact={"gap": "1/2", "eps": "1"},
    identifier="A6",
)

AT_JOINT = "At a joint of Huber's loss L rises to both sides of omega, and a lower minimum is elsewhere: "
_ONE_POINT = "One task and one point: this form is the lifted form. "
_MIXED_AT_JOINT = "radius*eps_directional + mixed_weight_norm*mixed_misfit_one_sided"
_HEADLINE_UNFOUND = (
    "A headline is judged on certified landscapes, and none is generated without this. The lifted form, of which it is "
    "a corollary, is refuted by search."
)
META_SL: tuple[Ablation, ...] = (
    again(
        JOINT,
        "meta-sl-identity",
        f"{AT_JOINT}no direction has a negative derivative, and the residual is 0, so nothing is on the right.",
        "inner_product + radius*eps_directional",
        "gap + bregman",
        reading=at_joint(IMPLIED, left="gap + bregman"),
    ),
    needed(
        "meta-sl-s1",
        "outer-convexity",
        "A saturating loss: far away its slope says little about the loss to be gained.",
        "Geman-McClure",
        S1,
        "pairing",
        single("geman-mcclure", "0", "0", "3", "0", "3"),
        exact={"gap": "9/10", "pairing": "9/50"},
    ),
    again(
        JOINT,
        "meta-sl-s2",
        f"{AT_JOINT}<w, phi'v> is positive, and no one-sided derivative of -L is.",
        "radius*eps_directional",
        "pairing - inner_product",
        reading=AT_JOINT_S2,
    ),
    *steps_of_any_features("meta-sl", SMOOTH),
    # The lifted form.
    WELL,
    JOINT,
    FIRST_ORDER,
    *not_needed(
        "minimiser-exists",
        ["meta-sl-lifted"],
        "The claim compares with any theta' or any functions; for logistic loss with one label no minimiser exists.",
        "A5",
    ),
    FREE,
    needed(
        "meta-sl-lifted",
        "population-risk",
        "w and eps from a sample, the gap of the population: two objectives are mixed.",
        "a sample of one label",
        f"{S1}; {S2}",
        LIFTED,
        single("squared", "0", "1", "1", "0", "1"),
        population=supervised("squared", "0", "1", "1: 0 -1 1/2, 0 1 1/2", "1", "0"),
        exact={"eps": "0", "weight_norm": "0"},
        identifier="A7",
        reading=Reading(
            "gap",
            "radius*eps_sampled + weight_norm_sampled*misfit_sampled",
            "Any sample would do: one label of every task, the likeliest.",
        ),
    ),
    *not_needed(
        "population-adaptation",
        ["meta-sl-lifted"],
        "Sampled adaptation is harmless: take the pair of task and support sample as the task; identity and CORE "
        "hold verbatim for L = sum q_i E_S R_i(U_i(.; S)).",
        "A7",
    ),
    *implied(
        "finite-second-moments",
        ["meta-sl-lifted"],
        "Automatic on finite support. Only S4 uses it; the identity and the L1 form need finite <w, u> and <w, phi>.",
        step="S4: Cauchy-Schwarz",
        identifier="A8",
    ),
    again(
        JOINT,
        "meta-sl-l1",
        f"{AT_JOINT}the bound along v = -2 is 0.",
        DIRECTIONAL,
        reading=at_joint(L1),
    ),
    # The mixed forms.
    again(
        JOINT,
        "meta-sl-mixed",
        f"{AT_JOINT}{_ONE_POINT}Its bound is 0.",
        DIRECTIONAL,
        reading=at_joint(bound=_MIXED_AT_JOINT),
    ),
    needed(
        "meta-sl-mixed",
        "numerator-vanishes",
        "Two mirrored tasks share the label 0. There the mixed weight cancels and the numerator does not: the target "
        "is undefined, and reading 0/0 as 0 makes the bound false. Only generators that mirror tasks meet this.",
        "mirrored tasks, one parameter as comparator",
        "mixed form: division by the mixed weight",
        _MIXED,
        supervised(QUARTIC, "1/8", "1", "1/2: 0 0 7/8, 0 4 1/8 | 1/2: 0 0 7/8, 0 -4 1/8", "0", "1"),
        exact={"gap": "42273/262144", "eps": "0", "pairing": "19125/65536"},
    ),
    needed(
        "meta-sl-mixed",
        "numerator-vanishes",
        "The same without adaptation, squared loss, against functions.",
        "overlapping labels, functions as comparator",
        "mixed form: division by the mixed weight",
        _MIXED,
        supervised("squared", "0", "1", "1/2: 0 0 1/2, 0 1 1/2 | 1/2: 0 -1 1/2, 0 0 1/2", "0", functions("1/4; -1/4")),
        exact={"gap": "3/32", "eps": "0"},
    ),
    needed(
        "meta-sl-mixed",
        "one-gradient-step",
        "After two steps the task's law enters the feature twice: it is no function of (x, y, x') "
        "that all tasks share.",
        "two gradient steps",
        "mixed form: one feature for all tasks",
        "mixed_misfit",
        varied(SPURIOUS, adaptation=gradient("1/4", 2)),
        meaningless=True,
    ),
    again(
        JOINT,
        "meta-sl-mixed-l1",
        f"{AT_JOINT}{_ONE_POINT}Its bound is 0.",
        DIRECTIONAL,
        reading=at_joint(
            " The divided bound stands for the undivided one, which is never larger.", bound=_MIXED_AT_JOINT
        ),
    ),
    *not_needed(
        "numerator-vanishes",
        ["meta-sl-mixed-l1"],
        "Nothing is divided: E_M[Un] = <w, u> and E_M[Wn psi] = grad L always.",
    ),
    *not_needed(
        SMOOTH,
        ["meta-sl-first-order"],
        "The identity holds for any matrices T_i in place of the Jacobians; T_i = I uses no derivative of U_i.",
    ),
    *not_needed(
        "stationarity-of-L",
        ["meta-sl-first-order"],
        "With the plain feature FOMAML has its own exact theorem: see meta-sl-first-order.",
        "A3",
    ),
    # The distance from the global optimum.
    again(
        WELL,
        "meta-sl-headline",
        "L >= 0 is attained at 1, so the bracket of the infimum is 0: the headline is the lifted form against 1.",
        LIFTED,
        changes={"comparator": ["1"]},
        unfound=_HEADLINE_UNFOUND,
    ),
    again(
        JOINT,
        "meta-sl-headline",
        f"{AT_JOINT}no prediction has a smaller risk than 29/3, which 17/3 adapts to, so the bracket of the infimum "
        "is 0 and the headline is the lifted form against 17/3.",
        DIRECTIONAL,
        changes={"comparator": ["17/3"], "radius": "3"},
        direction=("-8/3",),
        exact={"gap": "7/6"},
        unfound=_HEADLINE_UNFOUND,
    ),
)
