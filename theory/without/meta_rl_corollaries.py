"""Meta-RL's a priori constant and T3a to T3f without one assumption."""

from __future__ import annotations

from ..claim import Ablation, Reading
from .cells import NO_FACTOR, implied, needed, no_factor, not_needed
from .instances import Content, policies, process, varied
from .meta_rl import FOLD, MIRRORED, PLAIN, POSITIVE, S2, arms, two_arms

_INJECTIVE = "I + eta K is injective"


def _tabular(instance: Content, states: int) -> Content:
    """The same with unit features."""
    size = 2 * states
    features = [[["1" if k == 2 * s + a else "0" for k in range(size)] for a in range(2)] for s in range(states)]
    return varied(instance, features=features, omega=["0"] * size)


_FOLD_TABULAR = _tabular(FOLD, 2)


def _folded(logit: str, eta: str) -> Content:
    """The fold at another prior of s0: theta = (logit, 0, 0, 0), of which stationary points are irrational.

    To 40 digits L is stationary to 10^-40, far below the gap.
    """
    return varied(_FOLD_TABULAR, omega=[logit, "0", "0", "0"], eta=eta)


_TO_S2 = ["0", "0", "1"]
_LOG_2 = "6931471805599453094172321214581765680755/10000000000000000000000000000000000000000"
_LOG_3 = "439444915467243876558098094769010281859/400000000000000000000000000000000000000"
_LOG_4 = "13862943611198906188344642429163531361510/10000000000000000000000000000000000000000"

META_RL_COROLLARIES: tuple[Ablation, ...] = (
    *not_needed(POSITIVE, ["meta-rl-constant"], "Popoviciu's inequality holds for every distribution."),
    *implied(
        "bounded-rewards",
        ["meta-rl-constant"],
        "B: automatic on finite processes; rewards enter the constant only, which two equally likely extremes attain.",
        step="S4: Cauchy-Schwarz",
        identifier="A8",
    ),
    *not_needed(
        POSITIVE,
        ["meta-rl-t3a-rational"],
        "The performance difference from the positive prior to the adapted policy; zeros of the latter add nothing.",
    ),
    needed(
        "meta-rl-t3a-improvement",
        "forward-step",
        "M: a step against the advantages makes the policy worse.",
        "eta = -1",
        "Jeffreys divergence over eta",
        "adapted_return",
        two_arms("1", ["1", "0"], ["1/2", "1/2"], eta="-1"),
        left="prior_return",
        exact={"prior_return": "1/2"},
    ),
    needed(
        "meta-rl-t3a-improvement",
        "kl-step",
        "A long gradient step on the parameter overshoots. (The rational step with eta > 0 improves, too: see "
        "meta-rl-t3a-rational.)",
        "a long gradient step",
        "Jeffreys divergence over eta",
        "adapted_return",
        arms(
            [["0", "1", "0"]],
            [["1"], ["0"], ["-1"]],
            eta="100",
            adaptation={"name": "gradient"},
            omega=["1"],
            comparator=["0"],
        ),
        left="prior_return",
    ),
    *not_needed(POSITIVE, ["meta-rl-t3b"], "No policy of any kind is better than the optimal one."),
    needed(
        "meta-rl-t3c",
        "no-lookahead",
        "With adaptation and a discount the plain feature is not the derivative of the adapted policy.",
        "fold, with the plain feature (T3c)",
        S2,
        PLAIN,
        FOLD,
    ),
    *not_needed(
        "stationarity-of-L", ["meta-rl-t3d"], "The claim bounds eps from above: reading it as 0 only weakens it."
    ),
    needed(
        "meta-rl-t3d-smooth",
        "kl-step",
        "The logarithm of 1 + eta Q has the slope eta/(1 + eta Q), which no constant of the KL step bounds: at s0 1 + "
        "Q is 1/1024 for both actions, and what the choice at s1 adds to one of them turns pi_i(s0) 1024 times as "
        "fast.",
        "a rational step near the end of policies",
        "f'' = eta Q''",
        "smoothness",
        policies(
            [[["0"], ["0"]], [["1"], ["0"]], [["0"], ["0"]]],
            [
                process(
                    "1/2",
                    [[["0", "1", "0"], _TO_S2], [_TO_S2] * 2, [_TO_S2] * 2],
                    [["-1279/1024", "-1023/1024"], ["1/1024", "-1023/1024"], ["-1023/1024"] * 2],
                    ["1", "0", "0"],
                )
            ],
            ["0"],
            ["0"],
            eta="1",
            adaptation="rational-step",
        ),
        left="curvature_size",
    ),
    needed(
        "meta-rl-t3e",
        "contraction",
        "P: at the fold kappa = 9. kappa < 1 is sufficient, not necessary: this process folds only from eta = 16 "
        "(kappa = 8) on.",
        "fold of the adaptation",
        _INJECTIVE,
        "eps*tabular_norm",
        _FOLD_TABULAR,
        exact={"contraction_margin": "-8"},
        identifier="RL-P",
        reading=no_factor("eps*tabular_norm", "1 - kappa is no lower bound of anything, and not positive"),
    ),
    *(
        needed(
            "meta-rl-t3e",
            "regular-adaptation",
            "F: where the adaptation's Jacobian is singular, stationary does not mean optimal, even with one task and "
            f"unit features. The adapted logit T(x) = x - (eta/4)/(1 - p/2), p = logistic(x), has T' = 0 at {where} "
            f"for eta = {eta}: {kind} of L.",
            f"fold at {where} with eta = {eta}",
            _INJECTIVE,
            "eps*tabular_norm",
            instance,
            exact=exact,
            identifier="RL-F",
            reading=Reading(
                "gap",
                f"{NO_FACTOR}*eps*tabular_norm",
                "The factor before eps bounds its inverse: without one it is read as one beyond 10^6.",
                lost=("contraction",),
            ),
        )
        for where, eta, kind, instance, exact in (
            ("p = 1/2", "18", "a local minimum", _FOLD_TABULAR, {"contraction_margin": "-8"}),
            ("p = 4/5", "18", "a strict local maximum", _folded(_LOG_4, "18"), {}),
            ("p = 2/3", "16", "an inflection", _folded(_LOG_2, "16"), {}),
        )
    ),
    needed(
        "meta-rl-t3e",
        "single-task",
        "Two mirrored tasks and eta = 0: omega = 0 is stationary and not optimal.",
        "mirrored tasks (T3e)",
        "u is a meta-feature",
        "eps*tabular_norm",
        _tabular(MIRRORED, 3),
        exact={"gap": "1/32", "eps": "0"},
    ),
    needed(
        "meta-rl-t3e",
        "tabular",
        "Features that do not tell two pairs apart cannot represent the displacement.",
        "one feature for all pairs",
        "u is a meta-feature",
        "eps*tabular_norm/(2*contraction_margin)",
        two_arms("0", ["1", "0"], ["3/4", "1/4"]),
        exact={"gap": "1/4", "eps": "0"},
    ),
    needed(
        "meta-rl-t3e",
        "kl-step",
        "A bandit's adapted logit moves by 2 eta p(1-p): with eta = 16/3 its derivative 1 + 2 eta p(1-p)(1-2p) is 0 at "
        "p = 3/4. omega (log 3, to 40 digits) is stationary, and the better action surely is better.",
        "fold of the gradient step",
        _INJECTIVE,
        "eps*tabular_norm",
        arms(
            [["1", "0"]],
            [["1", "0"], ["0", "1"]],
            eta="16/3",
            adaptation={"name": "gradient"},
            omega=[_LOG_3, "0"],
            comparator={"policies": [[["999/1000", "1/1000"]]]},
        ),
    ),
    *(
        needed("meta-rl-t3f", assumption, reason, title, step, "slope_to_comparator", instance, left="zero")
        for assumption, reason, title, step, instance in (
            (
                "kl-step",
                "A long gradient step moves the logit by eta p(1-p), which falls beyond p = 1/2: between there and the "
                "far right L falls, although the right end is better.",
                "a long gradient step (T3f)",
                "adapted logits increase",
                arms(
                    [["1", "0"]],
                    [["1"], ["0"]],
                    eta="64",
                    adaptation={"name": "gradient"},
                    omega=["1"],
                    comparator=["20"],
                ),
            ),
            (
                "no-backward-step",
                "With eta = -8 two opposite tasks make a valley between two summits: right of the left summit L falls, "
                "although the right one is better.",
                "two opposite tasks, eta = -8",
                "increasing logistics are centred left of decreasing ones",
                arms([["1", "0"], ["0", "1"]], [["1"], ["0"]], eta="-8", omega=["-1"], comparator=["12"]),
            ),
            (
                "one-state",
                "Three actions on a line, the outer ones good: between the two summits the way to the higher one leads "
                "down.",
                "three actions",
                "a ratio of logistics is monotone",
                arms([["1", "0", "9/10"]], [["1"], ["0"], ["-1"]], eta="0", omega=["-1"], comparator=["5"]),
            ),
        )
    ),
)
