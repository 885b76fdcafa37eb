"""Each meta-RL assumption dropped: the smallest instance where the conclusion fails, or why it never fails.

As in `ablations`: exact instances, small enough to check by hand. Reasons begin with the letter A..P of the row in the
derivation's table of counterexamples; L, which is about kinks, is in `meta_rl_network_ablations`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .claim import Ablation, Expression, Standing

_S1 = "S1: performance difference"
_S2 = "S2: chain rule"
_S3 = "S3: stationarity"

Rows = Sequence[Sequence[Any]]


def _task(gamma: str, transitions: Sequence[Rows], rewards: Rows, start: Sequence[str], weight: str = "1") -> Any:
    return {"weight": weight, "gamma": gamma, "P": transitions, "r": rewards, "start": start}


def bandit_task(rewards: Sequence[str]) -> Any:
    """One state, one step (gamma = 0)."""
    return _task("0", [[["1"]] * len(rewards)], [list(rewards)], ["1"])


def _instance(
    features: Sequence[Rows],
    tasks: Sequence[Any],
    omega: Sequence[str],
    comparator: Sequence[str] | Mapping[str, Any],
    *,
    eta: str = "0",
    radius: str = "1",
    adaptation: str = "kl-step",
) -> dict[str, Any]:
    """An instance file's content; tau = 1."""
    return {
        "format": "metagap/instance/1",
        "problem": "meta-rl",
        "model": {"name": "linear"},
        "features": features,
        "tasks": list(tasks),
        "tau": "1",
        "eta": eta,
        "adaptation": {"name": adaptation},
        "omega": list(omega),
        "comparator": dict(comparator) if isinstance(comparator, Mapping) else list(comparator),
        "radius": radius,
    }


def _bandit(
    feature: str,
    rewards: Sequence[str],
    rival: Sequence[str],
    *,
    eta: str = "0",
    radius: str = "1",
    adaptation: str = "kl-step",
) -> dict[str, Any]:
    """One state, two actions, gamma = 0, phi = (feature, 0), omega = 0."""
    task = bandit_task(rewards)
    policies = {"policies": [[list(rival)]]}
    return _instance([[[feature], ["0"]]], [task], ["0"], policies, eta=eta, radius=radius, adaptation=adaptation)


_HALF = ["1/2", "1/2"]
_ARRIVALS = [["0", "1", "0"], ["0", "0", "1"]]
_STAY = [[["0", "1", "0"]] * 2, [["0", "0", "1"]] * 2]
_QUARTERS = [["3/4", "1/4"], ["3/4", "1/4"], _HALF]
_MIRRORED = _instance(
    [[["1"], ["0"]], [["1"], ["0"]], [["0"], ["0"]]],
    [
        _task("1/2", [_ARRIVALS, *_STAY], [["0", "0"], ["1", "0"], _HALF], ["1", "0", "0"], "1/2"),
        _task("1/2", [_ARRIVALS[::-1], *_STAY], [["0", "0"], ["0", "1"], _HALF], ["1", "0", "0"], "1/2"),
    ],
    ["0"],
    {"policies": [_QUARTERS, _QUARTERS]},
)
"""E: two tasks whose actions at the start and at s1 are swapped; omega = 0 is a spurious stationary point."""

_MIRRORED_TABULAR = {
    **_MIRRORED,
    "features": [[["1" if k == 2 * s + a else "0" for k in range(6)] for a in range(2)] for s in range(3)],
    "omega": ["0"] * 6,
}
"""The same with unit features."""

_FOLD = _instance(
    [[["1"], ["0"]], [["0"], ["0"]]],
    [_task("1/2", [[["1", "0"], ["0", "1"]], [["0", "1"], ["0", "1"]]], [["0", "1"], ["0", "0"]], ["1", "0"])],
    ["0"],
    {"policies": [[["1/1000", "999/1000"], _HALF]]},
    eta="18",
)
"""F: s0 stays (r = 0) or leaves (r = 1) to the absorbing s1; eta = 18 folds the adaptation at theta = 0."""

_FOLD_TABULAR = _instance(
    [
        [["1", "0", "0", "0"], ["0", "1", "0", "0"]],
        [["0", "0", "1", "0"], ["0", "0", "0", "1"]],
    ],
    _FOLD["tasks"],
    ["0", "0", "0", "0"],
    _FOLD["comparator"],
    eta="18",
)


def _folded(logit: str, eta: str) -> dict[str, Any]:
    """The fold at another prior of s0: theta = (logit, 0, 0, 0), of which stationary points are irrational.

    To 40 digits L is stationary to 10^-40, far below the gap.
    """
    return {**_FOLD_TABULAR, "omega": [logit, "0", "0", "0"], "eta": eta}


LOG_2 = "6931471805599453094172321214581765680755/10000000000000000000000000000000000000000"
LOG_4 = "13862943611198906188344642429163531361510/10000000000000000000000000000000000000000"

_FOLD_MAXIMUM = _folded(LOG_4, "18")
_FOLD_INFLECTION = _folded(LOG_2, "16")

_INJECTIVE = "I + eta K is injective"
_LIFTED = Expression("radius*eps + weight_norm*misfit")

ABLATIONS: tuple[Ablation, ...] = (
    Ablation(
        "positive-policy",
        "meta-rl-lifted",
        Standing.NEEDED,
        "A: the rational step with eta = -1 gives the better action probability 0: nothing of its advantage is left "
        "under omega's visitation. Softmax policies are positive, and then sigma' << sigma always: a positive policy "
        "reaches whatever any policy reaches; the start may have zeros.",
        "an action of probability 0",
        _S1,
        bound=_LIFTED,
        instance=_bandit("0", ["0", "1"], ["0", "1"], eta="-1", adaptation="rational-step"),
        exact={"gap": "1", "weight_norm": "0", "eps": "0"},
        identifier="RL-A",
    ),
    Ablation(
        "numerator-vanishes",
        "meta-rl-mixed",
        Standing.NEEDED,
        "E: advantages of two mirrored tasks cancel in the mixed weight and not in its numerator; with 0/0 read as 0 "
        "the bound is 0. Only generators that mirror tasks meet this. Also a spurious stationary point: two "
        "tasks, eta = 0.",
        "mirrored tasks",
        "mixed form: division by the mixed weight",
        bound=Expression("radius*eps + mixed_weight_norm*mixed_misfit"),
        instance=_MIRRORED,
        exact={"gap": "1/32", "eps": "0", "adapted_return": "1/4", "pairing": "1/32", "weight_norm": "1/4"},
    ),
    Ablation(
        "numerator-vanishes",
        "meta-rl-mixed-l1",
        Standing.NOT_NEEDED,
        "E: nothing is divided; E_rho[Un] = <w, u> and E_rho[Pn] = grad L always.",
    ),
    Ablation(
        "contraction",
        "meta-rl-t3e",
        Standing.NEEDED,
        "P: at the fold kappa = 9. kappa < 1 is sufficient, not necessary: this process folds only from eta = 16 "
        "(kappa = 8) on.",
        "fold of the adaptation",
        _INJECTIVE,
        bound=Expression("eps*tabular_norm"),
        instance=_FOLD_TABULAR,
        exact={"contraction_margin": "-8"},
        identifier="RL-P",
    ),
    *(
        Ablation(
            "regular-adaptation",
            "meta-rl-t3e",
            Standing.NEEDED,
            "F: where the adaptation's Jacobian is singular, stationary does not mean optimal, even with one task and "
            f"unit features. The adapted logit T(x) = x - (eta/4)/(1 - p/2), p = logistic(x), has T' = 0 at {where}.",
            title,
            _INJECTIVE,
            bound=Expression("eps*tabular_norm"),
            instance=instance,
            exact=exact,
            identifier="RL-F",
        )
        for where, title, instance, exact in (
            (
                "p = 1/2 for eta = 18: a local minimum of L",
                "fold at p = 1/2 with eta = 18",
                _FOLD_TABULAR,
                {"contraction_margin": "-8"},
            ),
            ("p = 4/5 for eta = 18: a strict local maximum of L", "fold at p = 4/5 with eta = 18", _FOLD_MAXIMUM, {}),
            ("p = 2/3 for eta = 16: an inflection of L", "fold at p = 2/3 with eta = 16", _FOLD_INFLECTION, {}),
        )
    ),
    Ablation(
        "lookahead-in-the-feature",
        "meta-rl-lifted",
        Standing.NEEDED,
        "G: at the fold, with phi/tau for the meta-feature, the misfit vanishes for a large radius and eps is 0.",
        "fold, with the plain feature",
        _S2,
        bound=Expression("radius*eps + weight_norm*misfit_plain"),
        instance=_FOLD,
        identifier="RL-G",
    ),
    Ablation(
        "one-radius",
        "meta-rl-lifted",
        Standing.NEEDED,
        "H: R eps with a smaller R than the ball of the infimum.",
        "unconstrained infimum",
        _S3,
        bound=Expression("radius*eps + weight_norm*misfit_free"),
        instance=_bandit("1/2", ["1", "0"], ["3/4", "1/4"]),
        exact={"gap": "1/4", "eps": "1/8"},
        identifier="A6",
    ),
    Ablation(
        "stationarity-of-L",
        "meta-rl-lifted",
        Standing.NEEDED,
        "I: the misfit alone is 0 where u is a meta-feature in the ball; without eps nothing is left.",
        "eps read as 0",
        _S3,
        bound=Expression("weight_norm*misfit"),
        instance=_bandit("1", ["1", "0"], ["3/4", "1/4"]),
        exact={"gap": "1/4", "eps": "1/4"},
        identifier="A3",
    ),
    Ablation(
        "shift-by-state",
        "meta-rl-lifted",
        Standing.NEEDED,
        "J: only functions of the state may be subtracted from the visitation ratio. Subtracting the ratio itself, a "
        "function of the action too, makes u = 0, and with R -> 0 (here R = 1/4) nothing bounds the gap.",
        "shift that depends on the action",
        _S1,
        bound=Expression("radius*eps"),
        instance=_bandit("1", ["1", "0"], ["3/4", "1/4"], radius="1/4"),
        exact={"gap": "1/4", "eps": "1/4"},
        identifier="RL-J",
    ),
    Ablation(
        "one-process-per-task",
        "meta-rl-lifted",
        Standing.NEEDED,
        "K: omega and the comparator must live in the same process. Started elsewhere (two absorbing states "
        "with rewards 0 and 1) the comparator gains 1, and no advantage says so: the gap is the return of the other "
        "process.",
        "another start",
        _S1,
        left=Expression("adapted_return"),
        bound=Expression("radius*eps + weight_norm*misfit"),
        instance=_instance(
            [[["0"], ["0"]], [["0"], ["0"]]],
            [_task("1/2", [[["1", "0"]] * 2, [["0", "1"]] * 2], [["0", "0"], ["1", "1"]], ["1", "0"])],
            ["0"],
            ["0"],
        ),
        population=_instance(
            [[["0"], ["0"]], [["0"], ["0"]]],
            [_task("1/2", [[["1", "0"]] * 2, [["0", "1"]] * 2], [["0", "0"], ["1", "1"]], ["0", "1"])],
            ["0"],
            ["0"],
        ),
        exact={"weight_norm": "0", "eps": "0", "adapted_return": "0"},
        identifier="A7",
    ),
    Ablation(
        "minimiser-exists",
        "meta-rl-lifted",
        Standing.NOT_NEEDED,
        "D: the claim compares with any policies. A maximiser need not exist: one state, r = phi = (1, 0) give "
        "L = logistic(theta + eta) < 1.",
        identifier="A5",
    ),
    Ablation(
        "bounded-rewards",
        "meta-rl-constant",
        Standing.VACUOUS,
        "B: automatic on finite processes; rewards enter the constant only, which two equally likely extremes attain.",
        step="S4: Cauchy-Schwarz",
        identifier="A8",
    ),
    Ablation(
        "no-backward-step",
        "meta-rl-lifted",
        Standing.NOT_NEEDED,
        "M: the identity and all bounds hold for either sign of eta; only the inner improvement (T3a) changes sign.",
        identifier="RL-M",
    ),
    Ablation(
        "equal-discounts",
        "meta-rl-mixed",
        Standing.NOT_NEEDED,
        "N: gamma_i stays inside w_i and psi_i; only states, actions and features must be shared.",
        identifier="RL-N",
    ),
    Ablation(
        "equal-discounts",
        "meta-rl-lifted",
        Standing.NOT_NEEDED,
        "N: the inner product is over (task, state, action); tasks may even differ in states and actions.",
        identifier="RL-N",
    ),
    Ablation(
        "bounded-features",
        "meta-rl-lifted",
        Standing.NOT_NEEDED,
        "C: features enter through the span of their values at finitely many pairs; large ones make eps large and the "
        "misfit small. Only constants of smoothness (T3d) name their size.",
        identifier="RL-C",
    ),
    Ablation(
        "discount-below-1",
        "meta-rl-lifted",
        Standing.NEEDED,
        "O: at gamma = 1 nothing is defined: I - P_pi is singular, w = A/(1 - gamma) divides by 0 and normalised "
        "values are 0 whatever the policy. No instance to judge: the reader refuses the file.",
        "undiscounted process",
        _S1,
        undefined=_instance(
            [[["1"], ["0"]]], [_task("1", [[["1"], ["1"]]], [["1", "0"]], ["1"])], ["0"], {"policies": [[_HALF]]}
        ),
        identifier="RL-O",
    ),
    Ablation(
        "forward-step",
        "meta-rl-t3a-improvement",
        Standing.NEEDED,
        "M: a step against the advantages makes the policy worse.",
        "eta = -1",
        "Jeffreys divergence over eta",
        left=Expression("prior_return"),
        bound=Expression("adapted_return"),
        instance=_bandit("1", ["1", "0"], ["1/2", "1/2"], eta="-1"),
        exact={"prior_return": "1/2"},
    ),
    Ablation(
        "no-lookahead",
        "meta-rl-t3c",
        Standing.NEEDED,
        "With adaptation and a discount the plain feature is not the derivative of the adapted policy.",
        "fold, with the plain feature (T3c)",
        _S2,
        bound=Expression("radius*eps + weight_norm*misfit_plain"),
        instance=_FOLD,
    ),
    Ablation(
        "single-task",
        "meta-rl-t3e",
        Standing.NEEDED,
        "Two mirrored tasks and eta = 0: omega = 0 is stationary and not optimal.",
        "mirrored tasks (T3e)",
        "u is a meta-feature",
        bound=Expression("eps*tabular_norm"),
        instance=_MIRRORED_TABULAR,
        exact={"gap": "1/32", "eps": "0"},
    ),
    Ablation(
        "tabular",
        "meta-rl-t3e",
        Standing.NEEDED,
        "Features that do not tell two pairs apart cannot represent the displacement.",
        "one feature for all pairs",
        "u is a meta-feature",
        bound=Expression("eps*tabular_norm/(2*contraction_margin)"),
        instance=_bandit("0", ["1", "0"], ["3/4", "1/4"]),
        exact={"gap": "1/4", "eps": "0"},
    ),
)
