"""Meta-SL's claims without one assumption, claim by claim: counterexamples, arguments, readings."""

from __future__ import annotations

from ..claim import Ablation, Reading
from .cells import (
    AT_JOINT_S2,
    IMPLIED,
    L1,
    NO_FACTOR,
    NOTHING_REPRESENTS,
    again,
    at_joint,
    implied,
    needed,
    no_factor,
    not_needed,
    steps_of_any_features,
)
from .instances import gradient, single, supervised, task

_S1 = "S1: functional geometry"
_S2 = "S2: chain rule"
_S3 = "S3: stationarity"
_LIFTED = "radius*eps + weight_norm*misfit"
_MIXED = "radius*eps + mixed_weight_norm*mixed_misfit"
_DIRECTIONAL = "radius*eps_directional + weight_norm*residual_norm"
_DISTANCE = "eps*displacement"
_SMOOTH = "differentiable-adaptation"
_QUARTIC = {"name": "quartic", "c": "1/4"}
_HUBER = {"name": "huber", "delta": "1"}

_SPURIOUS = supervised(
    _QUARTIC, "1/4", [["1"]], [("1/2", [(0, "-1/2", "1")]), ("1/2", [(0, "1/2", "1")])], ["0"], ["35/32"], "2"
)
_CONTRADICTION = supervised(
    "squared",
    "0",
    [["1"]],
    [("1/2", [(0, "1", "1")]), ("1/2", [(0, "-1", "1")])],
    ["0"],
    {"functions": [["1"], ["-1"]]},
)

_WELL = needed(
    "meta-sl-lifted",
    "outer-convexity",
    "The loss has a flat maximum at the prediction: nothing is left of w although the comparator is better. "
    "Only the outer loss must be convex; the inner one need not be.",
    "double well",
    _S1,
    _LIFTED,
    supervised("double-well", "0", [["1"]], [("1", [(0, "0", "1")])], ["0"], {"functions": [["1"]]}),
    exact={"gap": "1", "weight_norm": "0", "bregman": "-1"},
)
_JOINT = needed(
    "meta-sl-lifted",
    _SMOOTH,
    "At a joint of Huber's loss omega is a local minimum: L rises by 1/2 per unit to both sides, since U has slope "
    "1 to the left and -1 to the right. It is not global, and either one-sided meta-feature represents u. Once "
    "continuously differentiable losses are not enough.",
    "Huber at its joint",
    _S2,
    _DIRECTIONAL,
    supervised(_HUBER, "8", [["1"]], [("1", [(0, "0", "1/4"), (0, "10", "3/4")])], ["-1"], ["5"], "2"),
    direction=("-2",),
    exact={"gap": "1", "eps_directional": "0", "residual_norm": "0", "bregman": "0", "weight_norm": "1/2"},
    reading=at_joint(),
)
_FIRST_ORDER = needed(
    "meta-sl-lifted",
    "stationarity-of-L",
    "A point where FOMAML stops is not stationary for L: with its eps and the full meta-feature the bound is 0.",
    "first-order stationary point",
    _S3,
    "radius*eps_first_order + weight_norm*misfit",
    supervised(
        "squared", "1/8", [["1"], ["2"]], [("1/2", [(0, "-1", "1")]), ("1/2", [(1, "7/8", "1")])], ["0"], ["-1/4"]
    ),
    exact={"gap": "55/4096", "eps": "21/128", "eps_first_order": "0"},
    identifier="A3",
)
_FREE = needed(
    "meta-sl-lifted",
    "one-radius",
    "R eps with a smaller R than the ball of the infimum.",
    "unconstrained infimum",
    _S3,
    "radius*eps + weight_norm*misfit_free",
    single("squared", "0", "0", "1", "0", "1/4"),
    exact={"gap": "1/2", "eps": "1"},
    identifier="A6",
)

_AT_JOINT = "At a joint of Huber's loss L rises to both sides of omega, and a lower minimum is elsewhere: "
_ONE_POINT = "One task and one point: this form is the lifted form. "
_MIXED_AT_JOINT = "radius*eps_directional + mixed_weight_norm*mixed_misfit_one_sided"
_HEADLINE_UNFOUND = (
    "A headline is judged on certified landscapes, and none is generated without this. The lifted form, of which it is "
    "a corollary, is refuted by search."
)
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
        {**_CONTRADICTION, "loss": {"name": loss}},
        exact={"eps": "0"},
        reading=no_factor("eps", _NO_PARAMETER, rest),
    )


META_SL: tuple[Ablation, ...] = (
    again(
        _JOINT,
        "meta-sl-identity",
        f"{_AT_JOINT}no direction has a negative derivative, and the residual is 0, so nothing is on the right.",
        "inner_product + radius*eps_directional",
        "gap + bregman",
        reading=at_joint(IMPLIED, left="gap + bregman"),
    ),
    needed(
        "meta-sl-s1",
        "outer-convexity",
        "A saturating loss: far away its slope says little about the loss to be gained.",
        "Geman-McClure",
        _S1,
        "pairing",
        single("geman-mcclure", "0", "0", "3", "0", "3"),
        exact={"gap": "9/10", "pairing": "9/50"},
    ),
    again(
        _JOINT,
        "meta-sl-s2",
        f"{_AT_JOINT}<w, phi'v> is positive, and no one-sided derivative of -L is.",
        "radius*eps_directional",
        "pairing - inner_product",
        reading=AT_JOINT_S2,
    ),
    *steps_of_any_features("meta-sl", _SMOOTH),
    # The lifted form.
    _WELL,
    _JOINT,
    _FIRST_ORDER,
    *not_needed(
        "minimiser-exists",
        ["meta-sl-lifted"],
        "The claim compares with any theta' or any functions; for logistic loss with one label no minimiser exists.",
        "A5",
    ),
    _FREE,
    needed(
        "meta-sl-lifted",
        "population-risk",
        "w and eps from a sample, the gap of the population: two objectives are mixed.",
        "a sample of one label",
        f"{_S1}; {_S2}",
        _LIFTED,
        single("squared", "0", "1", "1", "0", "1"),
        population=supervised("squared", "0", [["1"]], [("1", [(0, "-1", "1/2"), (0, "1", "1/2")])], ["1"], ["0"]),
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
        _JOINT,
        "meta-sl-l1",
        f"{_AT_JOINT}the bound along v = -2 is 0.",
        _DIRECTIONAL,
        reading=at_joint(L1),
    ),
    # The mixed forms.
    again(
        _JOINT,
        "meta-sl-mixed",
        f"{_AT_JOINT}{_ONE_POINT}Its bound is 0.",
        _DIRECTIONAL,
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
        supervised(
            _QUARTIC,
            "1/8",
            [["1"]],
            [("1/2", [(0, "0", "7/8"), (0, "4", "1/8")]), ("1/2", [(0, "0", "7/8"), (0, "-4", "1/8")])],
            ["0"],
            ["1"],
        ),
        exact={"gap": "42273/262144", "eps": "0", "pairing": "19125/65536"},
    ),
    needed(
        "meta-sl-mixed",
        "numerator-vanishes",
        "The same without adaptation, squared loss, against functions.",
        "overlapping labels, functions as comparator",
        "mixed form: division by the mixed weight",
        _MIXED,
        supervised(
            "squared",
            "0",
            [["1"]],
            [("1/2", [(0, "0", "1/2"), (0, "1", "1/2")]), ("1/2", [(0, "-1", "1/2"), (0, "0", "1/2")])],
            ["0"],
            {"functions": [["1/4"], ["-1/4"]]},
        ),
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
        {**_SPURIOUS, "adaptation": gradient("1/4", 2)},
        meaningless=True,
    ),
    again(
        _JOINT,
        "meta-sl-mixed-l1",
        f"{_AT_JOINT}{_ONE_POINT}Its bound is 0.",
        _DIRECTIONAL,
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
        _SMOOTH,
        ["meta-sl-first-order"],
        "The identity holds for any matrices T_i in place of the Jacobians; T_i = I uses no derivative of U_i.",
    ),
    *not_needed(
        "stationarity-of-L",
        ["meta-sl-first-order"],
        "With the plain feature FOMAML has its own exact theorem: see meta-sl-first-order.",
        "A3",
    ),
    # C1 to C9.
    needed(
        "meta-sl-c1",
        "squared-loss",
        "For the quartic loss a stationary point can be a spurious local minimum: eps = 0 and a positive gap.",
        "quartic, spurious minimum",
        "U_i is not affine",
        _DISTANCE,
        _SPURIOUS,
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
        _SPURIOUS,
        exact={"eps": "0"},
    ),
    *implied(_SMOOTH, ["meta-sl-c2"], "Implied: where ell'' is Lipschitz it exists everywhere."),
    _functions("meta-sl-c2", rest=f" + {NO_FACTOR}*weight_norm*remainder_constant"),
    needed(
        "meta-sl-c3",
        "full-row-rank",
        "Two tasks share an input and contradict each other: stationary for every radius, not optimal.",
        "contradictory labels",
        "representation of u",
        "radius*eps",
        _CONTRADICTION,
        exact={"gap": "1/2", "eps": "0"},
        reading=NOTHING_REPRESENTS,
    ),
    again(
        _JOINT,
        "meta-sl-c3",
        f"{_AT_JOINT}one point and a Jacobian of -1 or 1, of full rank.",
        "eps_directional*adapted_displacement",
        reading=at_joint(
            " Their rank is full to both sides.",
            "eps_directional*min_norm_solution_one_sided",
            lost=("full-row-rank",),
        ),
    ),
    needed(
        "meta-sl-c4",
        _SMOOTH,
        "With all predictions after the step on the quadratic part: the first task's U has slope 1 to the left of the "
        "joint and 1/2 to the right, and L rises to both sides, by 1/8 and 5/88 per unit. The one-sided feature "
        "1 represents u, and what is subtracted leaves less than 0.",
        "Huber at its joint, quadratic after the step",
        _S2,
        f"{_DIRECTIONAL} - function_displacement**2/2",
        {
            **_JOINT.data,
            "adaptation": gradient("1/2"),
            "tasks": [task("8/11", (0, "0", "1")), task("3/11", (0, "-19/8", "1"))],
            "comparator": {"functions": [["-7/16"], ["-23/16"]]},
            "radius": "1",
        },
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
        _S1,
        f"{_LIFTED} - function_displacement**2/2",
        supervised(
            _HUBER,
            "1/2",
            [["1"], ["2"]],
            [("1/2", [(0, "-16", "1")]), ("1/2", [(1, "16", "1")])],
            ["0"],
            {"functions": [["-1/2", "0"], ["0", "4"]]},
        ),
    ),
    needed(
        "meta-sl-c5",
        "no-adaptation",
        "With adaptation L need not be convex.",
        "quartic, spurious minimum",
        "u is not linear in the parameter",
        _DISTANCE,
        _SPURIOUS,
        exact={"eps": "0"},
    ),
    _functions("meta-sl-c5"),
    *not_needed("stationarity-of-L", ["meta-sl-c5"], "Without adaptation FOMAML's gradient is that of L."),
    *not_needed(
        _SMOOTH,
        ["meta-sl-c6"],
        "FOMAML's theorem uses no derivative of U_i. With any matrices T_i between the one-sided Jacobians in the "
        "feature, ||T_i - I|| <= beta_J, so ||<w, T phi> - G_FO|| <= beta_J B ||w||, and the identity holds for T_i.",
    ),
    again(
        _JOINT,
        "meta-sl-c7",
        f"{_AT_JOINT}one task, both one-sided Jacobians (1 and -1) are invertible.",
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
        single(_QUARTIC, "1/4", "0", "1", "0", "1"),
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
        {
            **_CONTRADICTION,
            "features": [["1"], ["1"]],
            "tasks": [task("1", (0, "1", "1/2"), (1, "-1", "1/2"))],
            "comparator": {"functions": [["1", "-1"]]},
        },
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
        _SPURIOUS,
        exact={"eps": "0"},
    ),
    needed(
        "meta-sl-c7",
        "stationarity-of-L",
        "A step of four times the curvature triples the distance: J = -3, and FOMAML's gradient is a third of L's.",
        "first-order gradient, J = -3",
        "G = J'g determines g",
        "eps_first_order*adapted_displacement/jacobian_min",
        {**_FREE.data, "adaptation": gradient("4")},
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
        supervised(
            "log-cosh", "3", [["1"]], [("1/2", [(0, "-1/4", "1")]), ("1/2", [(0, "1/4", "1")])], ["0"], ["3"], "3"
        ),
        exact={"displacement": "3"},
    ),
    _functions("meta-sl-c8", "log-cosh"),
    needed(
        "meta-sl-c8",
        "stationarity-of-L",
        "Weights 2 : 1 balance the pulls tanh(r) and -2 tanh(r) of two adapted tasks: FOMAML stops, and L, convex, "
        "falls to the left. (The second label is rounded to 40 digits.)",
        "first-order stationary point, log-cosh",
        _S3,
        "eps_first_order*displacement",
        {
            **_FIRST_ORDER.data,
            "loss": {"name": "log-cosh"},
            "adaptation": gradient("1/32"),
            "tasks": [
                task("2/3", (0, "-1", "1")),
                task(
                    "1/3",
                    (1, "2150246258536790564870093212052783321407/2000000000000000000000000000000000000000", "1"),
                ),
            ],
            "comparator": ["-1/64"],
        },
        identifier="A3",
    ),
    *implied("outer-convexity", ["meta-sl-c8"], "Implied: |ell'''| <= kappa ell'' says ell'' >= 0."),
    *implied(
        _SMOOTH,
        ["meta-sl-c8", "meta-sl-c9", "meta-sl-c9-curvature"],
        "Implied: the constants of the other assumption bound ell''' everywhere.",
    ),
    # The distance from the global optimum.
    again(
        _WELL,
        "meta-sl-headline",
        "L >= 0 is attained at 1, so the bracket of the infimum is 0: the headline is the lifted form against 1.",
        _LIFTED,
        changes={"comparator": ["1"]},
        unfound=_HEADLINE_UNFOUND,
    ),
    again(
        _JOINT,
        "meta-sl-headline",
        f"{_AT_JOINT}no prediction has a smaller risk than 29/3, which 17/3 adapts to, so the bracket of the infimum "
        "is 0 and the headline is the lifted form against 17/3.",
        _DIRECTIONAL,
        changes={"comparator": ["17/3"], "radius": "3"},
        direction=("-8/3",),
        exact={"gap": "7/6"},
        unfound=_HEADLINE_UNFOUND,
    ),
)
