"""The corollaries C1 to C9 of meta-SL without one assumption."""

from __future__ import annotations

from ..claim import Ablation
from .cells import (
    L1,
    NO_FACTOR,
    NOTHING_REPRESENTS,
    OFF,
    again,
    any_divergence,
    at_joint,
    implied,
    needed,
    no_factor,
    not_needed,
)
from .instances import functions, gradient, single, supervised, task, varied
from .meta_sl import (
    AT_JOINT,
    DIRECTIONAL,
    FIRST_ORDER,
    FREE,
    HUBER,
    JOINT,
    LIFTED,
    QUARTIC,
    S1,
    S2,
    S3,
    SMOOTH,
    SPURIOUS,
)

_DISTANCE = "eps*displacement"
CONTRADICTION = supervised("squared", "0", "1", "1/2: 0 1 1 | 1/2: 0 -1 1", "0", functions("1; -1"))

_NO_PARAMETER = "Functions have no distance from omega"


def _functions(claim: str, loss: str = "squared", rest: str = "") -> Ablation:
    """The comparator's parameter does not exist; no distance could stand for it, since eps is 0."""
    return needed(
        claim,
        "parameter-comparator",
        "Functions that contradict each other at one input belong to no parameter: omega is stationary, they are "
        "better, and eps times any distance is 0.",
        f"contradictory functions ({claim.rsplit('-', 1)[-1]})",
        "u is not the displacement of a parameter",
        "eps",
        varied(CONTRADICTION, loss={"name": loss}),
        exact={"eps": "0"},
        reading=no_factor("eps", _NO_PARAMETER, rest),
    )


_TWO_STEPS = needed(
    "meta-sl-c9-curvature",
    "smooth-meta-objective",
    "Two steps of length eta on one point: L(theta) = (1 - eta)^4 theta^2/2, so that eta = 3 gives the second "
    "derivative 16; beta, of one step, is (1 - eta)^2 = 4.",
    "two long steps",
    "||J_i|| <= c",
    "smoothness",
    varied(single("squared", "3", "0", "1", "0", "1"), adaptation=gradient("3", 2)),
    left="curvature_size",
)

TWO_LAWS = needed(
    "meta-sl-c8",
    "one-law",
    "Two tasks with one query and one support input, labels in opposite pairs: omega = 0 is stationary. The "
    "adapted risks are flat along v with v'J phi(query) = 0, but for -eta D^3 R_i^s(omega)[g_i], which is negative for "
    "both: L falls to either side, however small eta.",
    "log-cosh, two tasks, supports of their own",
    "L is not convex",
    _DISTANCE,
    varied(
        supervised("log-cosh", "1/16", "1 0; 1 1", "1: 0 0 1", "0 0", "1/128 1/4"),
        format="metagap/instance/2",
        tasks=[
            task("1/2", (0, "-1", "1"), support=[(1, "3/4", "1")]),
            task("1/2", (0, "1", "1"), support=[(1, "-3/4", "1")]),
        ],
    ),
)

DECAYED = needed(
    "meta-sl-c8",
    "no-decay",
    "U(theta) = theta/8 - tanh(theta - 1)/8 has the slope 0 at the label 1, where its prediction is 1/8: omega = 1 is "
    "stationary, and L falls beyond it. Decay 7 leaves 1/8 of theta, and a label is as far from 0 as one likes.",
    "log-cosh, one task, eta = 1/8, decay 7",
    "L is not convex",
    _DISTANCE,
    varied(
        supervised("log-cosh", "1/8", "1", "1: 0 1 1", "1", "8", "7"),
        format="metagap/instance/2",
        adaptation={**gradient("1/8"), "decay": "7"},
    ),
    exact={"eps": "0", "displacement": "7"},
)

BALANCED = needed(
    "meta-sl-c8",
    "stationarity-of-L",
    "Weights 2 : 1 balance the pulls tanh(r) and -2 tanh(r) of two adapted tasks: FOMAML stops, and L, convex, "
    "falls to the left. (The second label is rounded to 40 digits.)",
    "first-order stationary point, log-cosh",
    S3,
    "eps_first_order*displacement",
    varied(
        FIRST_ORDER.data,
        loss={"name": "log-cosh"},
        adaptation=gradient("1/32"),
        tasks="2/3: 0 -1 1 | "
        "1/3: 1 2150246258536790564870093212052783321407/2000000000000000000000000000000000000000 1",
        comparator=["-1/64"],
    ),
    identifier="A3",
)

META_SL_COROLLARIES: tuple[Ablation, ...] = (
    needed(
        "meta-sl-c1",
        "squared-loss",
        "For the quartic loss a stationary point can be a spurious local minimum: eps = 0 and a positive gap.",
        "quartic, spurious minimum",
        "U_i is not affine",
        _DISTANCE,
        SPURIOUS,
        exact={"eps": "0", "displacement": "35/32"},
    ),
    _functions("meta-sl-c1"),
    needed(
        "meta-sl-c2",
        "bounded-third-derivative",
        "Without the remainder term nothing is left at a stationary point.",
        "quartic, spurious minimum",
        "Taylor remainder of the adaptation",
        _DISTANCE,
        SPURIOUS,
        exact={"eps": "0"},
    ),
    *implied(SMOOTH, ["meta-sl-c2"], "Implied: where ell'' is Lipschitz it exists everywhere."),
    _functions("meta-sl-c2", rest=f" + {NO_FACTOR}*weight_norm*remainder_constant"),
    needed(
        "meta-sl-c3",
        "full-row-rank",
        "Two tasks share an input and contradict each other: stationary for every radius, not optimal.",
        "contradictory labels",
        "representation of u",
        "radius*eps",
        CONTRADICTION,
        exact={"gap": "1/2", "eps": "0"},
        reading=NOTHING_REPRESENTS,
    ),
    again(
        JOINT,
        "meta-sl-c3",
        f"{AT_JOINT}one point and a Jacobian of -1 or 1, of full rank.",
        "eps_directional*adapted_displacement",
        reading=at_joint(
            " Their rank is full to both sides.",
            "eps_directional*min_norm_solution_one_sided",
            lost=("full-row-rank",),
        ),
    ),
    needed(
        "meta-sl-c4",
        SMOOTH,
        "With all predictions after the step on the quadratic part: the first task's U has slope 1 to the left of the "
        "joint and 1/2 to the right, and L rises to both sides, by 1/8 and 5/88 per unit. The one-sided feature "
        "1 represents u, and what is subtracted leaves less than 0.",
        "Huber at its joint, quadratic after the step",
        S2,
        f"{DIRECTIONAL} - function_displacement**2/2",
        varied(
            JOINT.data,
            adaptation=gradient("1/2"),
            tasks="8/11: 0 0 1 | 3/11: 0 -19/8 1",
            comparator=functions("-7/16; -23/16"),
            radius="1",
        ),
        direction=("-1/16",),
        exact={"gap": "3/512", "eps_directional": "0", "residual_norm": "0"},
        unfound="The kept instance takes the feature of one side. With the larger misfit of both sides, as search "
        "reads the other claims, only a fold can refute it, and where the prediction after the step is on the "
        "quadratic part a step that folds overshoots its label.",
    ),
    needed(
        "meta-sl-c4",
        "strong-convexity",
        "On Huber's tails the bound is attained without a curvature term: subtracting ||u||^2/2 breaks it.",
        "Huber tails",
        S1,
        f"{LIFTED} - function_displacement**2/2",
        supervised(HUBER, "1/2", "1; 2", "1/2: 0 -16 1 | 1/2: 1 16 1", "0", functions("-1/2 0; 0 4")),
    ),
    *any_divergence("meta-sl"),
    *(
        again(
            JOINT,
            f"meta-sl-{name}",
            f"{AT_JOINT}nothing is left of eps and of the residual, and on the tails, where both predictions are, "
            f"nothing of Breg.",
            f"{DIRECTIONAL}{OFF}",
            reading=at_joint(why, f"radius*eps_directional + weight_norm*misfit_one_sided{OFF}"),
        )
        for name, why in (("refined", ""), ("refined-l1", L1))
    ),
    again(
        FIRST_ORDER,
        "meta-sl-refined",
        "Where FOMAML stops its eps is 0, and the full meta-feature leaves no misfit: less than 0 is on the right.",
        f"radius*eps_first_order + weight_norm*misfit{OFF}",
    ),
    again(
        FREE,
        "meta-sl-refined",
        "R eps with a smaller R than the ball of the infimum: eps/4 - Breg, where gap and Breg are 1/2.",
        f"radius*eps + weight_norm*misfit_free{OFF}",
    ),
    needed(
        "meta-sl-c5",
        "no-adaptation",
        "With adaptation L need not be convex.",
        "quartic, spurious minimum",
        "u is not linear in the parameter",
        _DISTANCE,
        SPURIOUS,
        exact={"eps": "0"},
    ),
    _functions("meta-sl-c5"),
    *not_needed("stationarity-of-L", ["meta-sl-c5"], "Without adaptation FOMAML's gradient is that of L."),
    *not_needed(
        SMOOTH,
        ["meta-sl-c6"],
        "FOMAML's theorem uses no derivative of U_i. With any matrices T_i between the one-sided Jacobians in the "
        "feature, ||T_i - I|| <= beta_J, so ||<w, T phi> - G_FO|| <= beta_J B ||w||, and the identity holds for T_i.",
    ),
    again(
        JOINT,
        "meta-sl-c7",
        f"{AT_JOINT}one task, both one-sided Jacobians (1 and -1) are invertible.",
        "eps_directional*adapted_displacement",
        reading=at_joint(
            " The Jacobians of both sides are invertible.",
            "eps_directional*adapted_displacement*jacobian_inverse_one_sided",
            lost=("invertible-jacobian",),
        ),
    ),
    needed(
        "meta-sl-c7",
        "invertible-jacobian",
        "At a fold of the adaptation the Jacobian is 0: omega is stationary and no multiple of eps bounds the gap.",
        "fold of the quartic step",
        "G = J'g determines g",
        "eps*adapted_displacement",
        single(QUARTIC, "1/4", "0", "1", "0", "1"),
        exact={"gap": "9/64", "eps": "0", "adapted_displacement": "1/2"},
        reading=no_factor("eps*adapted_displacement", "The Jacobian has no inverse"),
    ),
    needed(
        "meta-sl-c7",
        "parameter-comparator",
        "One task, one feature for two inputs with opposite labels: omega = 0 is stationary, functions fit both.",
        "two inputs with one feature",
        "u is not the displacement of a parameter",
        "eps",
        varied(CONTRADICTION, features=[["1"], ["1"]], tasks="1: 0 1 1/2, 1 -1 1/2", comparator=functions("1 -1")),
        exact={"gap": "1/2", "eps": "0"},
        reading=no_factor("eps", _NO_PARAMETER),
    ),
    needed(
        "meta-sl-c7",
        "single-task",
        "Two tasks pull in opposite directions: omega is stationary, their adaptations invertible, and not optimal.",
        "quartic, spurious minimum (two tasks)",
        "G = J'g determines g",
        "eps",
        SPURIOUS,
        exact={"eps": "0"},
    ),
    needed(
        "meta-sl-c7",
        "stationarity-of-L",
        "A step of four times the curvature triples the distance: J = -3, and FOMAML's gradient is a third of L's.",
        "first-order gradient, J = -3",
        "G = J'g determines g",
        "eps_first_order*adapted_displacement/jacobian_min",
        varied(FREE.data, adaptation=gradient("4")),
        exact={"gap": "9/2", "eps_first_order": "3", "adapted_displacement": "3"},
        identifier="A3",
    ),
    needed(
        "meta-sl-c8",
        "small-step",
        "Beyond the threshold L has spurious minima: by symmetry 0 is stationary, and 3 is better.",
        "log-cosh, two tasks, eta = 3",
        "L is not convex",
        _DISTANCE,
        supervised("log-cosh", "3", "1", "1/2: 0 -1/4 1 | 1/2: 0 1/4 1", "0", "3", "3"),
        exact={"displacement": "3"},
    ),
    TWO_LAWS,
    needed(
        "meta-sl-c8-dominated",
        "dominated-support",
        "The support is no part of the query, and C is infinite: a saddle however small eta.",
        "log-cosh, supports that are no part of the queries",
        "L is not convex",
        _DISTANCE,
        TWO_LAWS.data,
    ),
    _functions("meta-sl-c8", "log-cosh"),
    _functions("meta-sl-c8-dominated", "log-cosh"),
    BALANCED,
    again(BALANCED, "meta-sl-c8-dominated", "C8 is the case of one law.", "eps_first_order*displacement"),
    DECAYED,
    again(DECAYED, "meta-sl-c8-dominated", "C8 is the case of one law.", _DISTANCE),
    _TWO_STEPS,
    again(
        _TWO_STEPS,
        "meta-sl-c9",
        "At omega = 1 eps is 16, and the step of 1/beta leads to -3, where L is 72: more than 8, not less.",
        "2*smoothness*descent",
        "eps**2",
        exact={"eps": "16"},
    ),
    *implied(
        "outer-convexity",
        ["meta-sl-c8", "meta-sl-c8-dominated"],
        "Implied: |ell'''| <= kappa ell'' says ell'' >= 0.",
    ),
    *implied(
        SMOOTH,
        ["meta-sl-c8", "meta-sl-c8-dominated", "meta-sl-c9", "meta-sl-c9-curvature"],
        "Implied: the constants of the other assumption bound ell''' everywhere.",
    ),
)
