"""Each assumption dropped: the smallest instance where the conclusion fails, or why it never fails.

The instances are exact (rationals), small enough to check by hand, and in the format of instance files. `bound` is
what the theorem would say without the assumption; `exact` are the values that the derivation gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .claim import Ablation, Expression, Standing

_S1 = "S1: functional geometry"
_S2 = "S2: chain rule"
_S3 = "S3: stationarity"
_DIVISION = "mixed form: division by the mixed weight"

Atoms = Sequence[tuple[int, str, str]]


def _instance(
    loss: str | Mapping[str, str],
    eta: str,
    features: Sequence[Sequence[str]],
    tasks: Sequence[tuple[str, Atoms]],
    omega: Sequence[str],
    comparator: Sequence[str] | Mapping[str, Any],
    radius: str = "1",
) -> dict[str, Any]:
    """An instance file's content; atoms are (x, y, p)."""
    return {
        "format": "metagap/instance/1",
        "problem": "meta-sl",
        "loss": {"name": loss} if isinstance(loss, str) else dict(loss),
        "adaptation": {"name": "gradient", "eta": eta, "steps": 1},
        "model": {"name": "linear"},
        "features": [list(row) for row in features],
        "tasks": [
            {"weight": weight, "atoms": [{"x": x, "y": y, "p": p} for x, y, p in atoms]} for weight, atoms in tasks
        ],
        "omega": list(omega),
        "comparator": list(comparator) if not isinstance(comparator, Mapping) else dict(comparator),
        "radius": radius,
    }


def _single(loss: str | Mapping[str, str], eta: str, y: str, omega: str, rival: str, radius: str) -> dict[str, Any]:
    """One task, one point, one dimension, phi = 1."""
    return _instance(loss, eta, [["1"]], [("1", [(0, y, "1")])], [omega], [rival], radius)


_DOUBLE_WELL = _instance("double-well", "0", [["1"]], [("1", [(0, "0", "1")])], ["0"], {"functions": [["1"]]})
_QUARTIC = {"name": "quartic", "c": "1/4"}
_SPURIOUS = _instance(
    _QUARTIC, "1/4", [["1"]], [("1/2", [(0, "-1/2", "1")]), ("1/2", [(0, "1/2", "1")])], ["0"], ["35/32"], "2"
)
_MIRRORED = _instance(
    _QUARTIC,
    "1/8",
    [["1"]],
    [
        ("1/2", [(0, "0", "7/8"), (0, "4", "1/8")]),
        ("1/2", [(0, "0", "7/8"), (0, "-4", "1/8")]),
    ],
    ["0"],
    ["1"],
)
_OVERLAP = _instance(
    "squared",
    "0",
    [["1"]],
    [
        ("1/2", [(0, "0", "1/2"), (0, "1", "1/2")]),
        ("1/2", [(0, "-1", "1/2"), (0, "0", "1/2")]),
    ],
    ["0"],
    {"functions": [["1/4"], ["-1/4"]]},
)
_FIRST_ORDER = _instance(
    "squared", "1/8", [["1"], ["2"]], [("1/2", [(0, "-1", "1")]), ("1/2", [(1, "7/8", "1")])], ["0"], ["-1/4"]
)
_CONTRADICTION = _instance(
    "squared",
    "0",
    [["1"]],
    [("1/2", [(0, "1", "1")]), ("1/2", [(0, "-1", "1")])],
    ["0"],
    {"functions": [["1"], ["-1"]]},
)

_WITH_DIRECTION = Expression("radius*eps_directional + weight_norm*residual_norm")
_LIFTED = Expression("radius*eps + weight_norm*misfit")

ABLATIONS: tuple[Ablation, ...] = (
    Ablation(
        "outer-convexity",
        "meta-sl-lifted",
        Standing.NEEDED,
        "The loss has a flat maximum at the prediction: nothing is left of w although the comparator is better. "
        "Only the outer loss must be convex; the inner one need not be.",
        "double well",
        _S1,
        bound=_LIFTED,
        instance=_DOUBLE_WELL,
        exact={"gap": "1", "weight_norm": "0", "bregman": "-1"},
    ),
    Ablation(
        "outer-convexity",
        "meta-sl-s1",
        Standing.NEEDED,
        "A saturating loss: far away its slope says little about the loss to be gained.",
        "Geman-McClure",
        _S1,
        bound=Expression("pairing"),
        instance=_single("geman-mcclure", "0", "0", "3", "0", "3"),
        exact={"gap": "9/10", "pairing": "9/50"},
    ),
    Ablation(
        "differentiable-adaptation",
        "meta-sl-lifted",
        Standing.NEEDED,
        "At a joint of Huber's loss omega is a local minimum: L rises by 1/2 per unit to both sides, since U has slope "
        "1 to the left and -1 to the right. It is not global, and either one-sided meta-feature represents u. Once "
        "continuously differentiable losses are not enough.",
        "Huber at its joint",
        _S2,
        bound=_WITH_DIRECTION,
        instance=_instance(
            {"name": "huber", "delta": "1"},
            "8",
            [["1"]],
            [("1", [(0, "0", "1/4"), (0, "10", "3/4")])],
            ["-1"],
            ["5"],
            "2",
        ),
        direction=("-2",),
        exact={"gap": "1", "eps_directional": "0", "residual_norm": "0", "bregman": "0", "weight_norm": "1/2"},
    ),
    Ablation(
        "differentiable-adaptation",
        "meta-sl-first-order",
        Standing.NOT_NEEDED,
        "The identity holds for any matrices T_i in place of the Jacobians; T_i = I uses no derivative of U_i.",
    ),
    Ablation(
        "stationarity-of-L",
        "meta-sl-lifted",
        Standing.NEEDED,
        "A point where FOMAML stops is not stationary for L: with its eps and the full meta-feature the bound is 0.",
        "first-order stationary point",
        _S3,
        bound=Expression("radius*eps_first_order + weight_norm*misfit"),
        instance=_FIRST_ORDER,
        exact={"gap": "55/4096", "eps": "21/128", "eps_first_order": "0"},
        identifier="A3",
    ),
    Ablation(
        "stationarity-of-L",
        "meta-sl-first-order",
        Standing.NOT_NEEDED,
        "With the plain feature FOMAML has its own exact theorem: see meta-sl-first-order.",
        identifier="A3",
    ),
    Ablation(
        "numerator-vanishes",
        "meta-sl-mixed",
        Standing.NEEDED,
        "Two mirrored tasks share the label 0. There the mixed weight cancels and the numerator does not: the target "
        "is undefined, and reading 0/0 as 0 makes the bound false. Only generators that mirror tasks meet this.",
        "mirrored tasks, one parameter as comparator",
        _DIVISION,
        bound=Expression("radius*eps + mixed_weight_norm*mixed_misfit"),
        instance=_MIRRORED,
        exact={"gap": "42273/262144", "eps": "0", "pairing": "19125/65536"},
    ),
    Ablation(
        "numerator-vanishes",
        "meta-sl-mixed",
        Standing.NEEDED,
        "The same without adaptation, squared loss, against functions.",
        "overlapping labels, functions as comparator",
        _DIVISION,
        bound=Expression("radius*eps + mixed_weight_norm*mixed_misfit"),
        instance=_OVERLAP,
        exact={"gap": "3/32", "eps": "0"},
    ),
    Ablation(
        "numerator-vanishes",
        "meta-sl-mixed-l1",
        Standing.NOT_NEEDED,
        "Nothing is divided: E_M[Un] = <w, u> and E_M[Wn psi] = grad L always.",
    ),
    Ablation(
        "minimiser-exists",
        "meta-sl-lifted",
        Standing.NOT_NEEDED,
        "The claim compares with any theta' or any functions; for logistic loss with one label no minimiser exists.",
        identifier="A5",
    ),
    Ablation(
        "one-radius",
        "meta-sl-lifted",
        Standing.NEEDED,
        "R eps with a smaller R than the ball of the infimum.",
        "unconstrained infimum",
        _S3,
        bound=Expression("radius*eps + weight_norm*misfit_free"),
        instance=_single("squared", "0", "0", "1", "0", "1/4"),
        exact={"gap": "1/2", "eps": "1"},
        identifier="A6",
    ),
    Ablation(
        "population-risk",
        "meta-sl-lifted",
        Standing.NEEDED,
        "w and eps from a sample, the gap of the population: two objectives are mixed.",
        "a sample of one label",
        f"{_S1}; {_S2}",
        bound=_LIFTED,
        instance=_single("squared", "0", "1", "1", "0", "1"),
        population=_instance("squared", "0", [["1"]], [("1", [(0, "-1", "1/2"), (0, "1", "1/2")])], ["1"], ["0"]),
        exact={"eps": "0", "weight_norm": "0"},
        identifier="A7",
    ),
    Ablation(
        "population-adaptation",
        "meta-sl-lifted",
        Standing.NOT_NEEDED,
        "Sampled adaptation is harmless: take the pair of task and support sample as the task; identity and CORE "
        "hold verbatim for L = sum q_i E_S R_i(U_i(.; S)).",
        identifier="A7",
    ),
    Ablation(
        "finite-second-moments",
        "meta-sl-lifted",
        Standing.VACUOUS,
        "Automatic on finite support. Only S4 uses it; the identity and the L1 form need finite <w, u> and <w, phi>.",
        step="S4: Cauchy-Schwarz",
        identifier="A8",
    ),
    Ablation(
        "squared-loss",
        "meta-sl-c1",
        Standing.NEEDED,
        "For the quartic loss a stationary point can be a spurious local minimum: eps = 0 and a positive gap.",
        "quartic, spurious minimum",
        "U_i is not affine",
        bound=Expression("eps*displacement"),
        instance=_SPURIOUS,
        exact={"eps": "0", "displacement": "35/32"},
    ),
    Ablation(
        "bounded-third-derivative",
        "meta-sl-c2",
        Standing.NEEDED,
        "Without the remainder term nothing is left at a stationary point.",
        "quartic, spurious minimum",
        "Taylor remainder of the adaptation",
        bound=Expression("eps*displacement"),
        instance=_SPURIOUS,
        exact={"eps": "0"},
    ),
    Ablation(
        "full-row-rank",
        "meta-sl-c3",
        Standing.NEEDED,
        "Two tasks share an input and contradict each other: stationary for every radius, not optimal.",
        "contradictory labels",
        "representation of u",
        bound=Expression("radius*eps"),
        instance=_CONTRADICTION,
        exact={"gap": "1/2", "eps": "0"},
    ),
    Ablation(
        "strong-convexity",
        "meta-sl-c4",
        Standing.NEEDED,
        "On Huber's tails the bound is attained without a curvature term: subtracting ||u||^2/2 breaks it.",
        "Huber tails",
        _S1,
        bound=Expression("radius*eps + weight_norm*misfit - function_displacement**2/2"),
        instance=_instance(
            {"name": "huber", "delta": "1"},
            "1/2",
            [["1"], ["2"]],
            [("1/2", [(0, "-16", "1")]), ("1/2", [(1, "16", "1")])],
            ["0"],
            {"functions": [["-1/2", "0"], ["0", "4"]]},
        ),
        exact={},
    ),
    Ablation(
        "no-adaptation",
        "meta-sl-c5",
        Standing.NEEDED,
        "With adaptation L need not be convex.",
        "quartic, spurious minimum",
        "u is not linear in the parameter",
        bound=Expression("eps*displacement"),
        instance=_SPURIOUS,
        exact={"eps": "0"},
    ),
    Ablation(
        "invertible-jacobian",
        "meta-sl-c7",
        Standing.NEEDED,
        "At a fold of the adaptation the Jacobian is 0: omega is stationary and no multiple of eps bounds the gap.",
        "fold of the quartic step",
        "G = J'g determines g",
        bound=Expression("eps*adapted_displacement"),
        instance=_single(_QUARTIC, "1/4", "0", "1", "0", "1"),
        exact={"gap": "9/64", "eps": "0", "adapted_displacement": "1/2"},
    ),
    Ablation(
        "small-step",
        "meta-sl-c8",
        Standing.NEEDED,
        "Beyond the threshold L has spurious minima: by symmetry 0 is stationary, and 3 is better.",
        "log-cosh, two tasks, eta = 3",
        "L is not convex",
        bound=Expression("eps*displacement"),
        instance=_instance(
            "log-cosh",
            "3",
            [["1"]],
            [("1/2", [(0, "-1/4", "1")]), ("1/2", [(0, "1/4", "1")])],
            ["0"],
            ["3"],
            "3",
        ),
        exact={"displacement": "3"},
    ),
)
