"""Meta-RL's claims without one assumption, claim by claim: counterexamples, arguments, readings.

Reasons begin with the letter A..P of the row in the derivation's table of counterexamples; L, which is about kinks, is
in `policy_networks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..claim import Ablation, Reading, Standing
from .cells import NO_FACTOR, again, implied, needed, no_factor, not_needed, steps_of_any_features
from .instances import Content, bandit, policies, process

_S1 = "S1: performance difference"
_S2 = "S2: chain rule"
_S3 = "S3: stationarity"
_LIFTED = "radius*eps + weight_norm*misfit"
_PLAIN = "radius*eps + weight_norm*misfit_plain"
_INJECTIVE = "I + eta K is injective"
_POSITIVE = "positive-policy"


def _bandit(feature: str, rewards: Sequence[str], rival: Sequence[str], **more: Any) -> Content:
    """One state, two actions, gamma = 0, phi = (feature, 0), omega = 0."""
    return policies([[[feature], ["0"]]], [bandit(rewards)], ["0"], {"policies": [[list(rival)]]}, **more)


_HALF = ["1/2", "1/2"]
_ARRIVALS = [["0", "1", "0"], ["0", "0", "1"]]
_STAY = [[["0", "1", "0"]] * 2, [["0", "0", "1"]] * 2]
_QUARTERS = [["3/4", "1/4"], ["3/4", "1/4"], _HALF]
_MIRRORED = policies(
    [[["1"], ["0"]], [["1"], ["0"]], [["0"], ["0"]]],
    [
        process("1/2", [_ARRIVALS, *_STAY], [["0", "0"], ["1", "0"], _HALF], ["1", "0", "0"], "1/2"),
        process("1/2", [_ARRIVALS[::-1], *_STAY], [["0", "0"], ["0", "1"], _HALF], ["1", "0", "0"], "1/2"),
    ],
    ["0"],
    {"policies": [_QUARTERS, _QUARTERS]},
)
"""E: two tasks whose actions at the start and at s1 are swapped; omega = 0 is a spurious stationary point."""

_FOLD = policies(
    [[["1"], ["0"]], [["0"], ["0"]]],
    [process("1/2", [[["1", "0"], ["0", "1"]], [["0", "1"], ["0", "1"]]], [["0", "1"], ["0", "0"]], ["1", "0"])],
    ["0"],
    {"policies": [[["1/1000", "999/1000"], _HALF]]},
    eta="18",
)
"""F: s0 stays (r = 0) or leaves (r = 1) to the absorbing s1; eta = 18 folds the adaptation at theta = 0."""


def _absorbing(start: Sequence[str]) -> Content:
    """Two absorbing states with rewards 0 and 1."""
    task = process("1/2", [[["1", "0"]] * 2, [["0", "1"]] * 2], [["0", "0"], ["1", "1"]], start)
    return policies([[["0"], ["0"]], [["0"], ["0"]]], [task], ["0"], ["0"])


def _tabular(instance: Content, states: int) -> Content:
    """The same with unit features."""
    size = 2 * states
    features = [[["1" if k == 2 * s + a else "0" for k in range(size)] for a in range(2)] for s in range(states)]
    return {**instance, "features": features, "omega": ["0"] * size}


_FOLD_TABULAR = _tabular(_FOLD, 2)


def _folded(logit: str, eta: str) -> Content:
    """The fold at another prior of s0: theta = (logit, 0, 0, 0), of which stationary points are irrational.

    To 40 digits L is stationary to 10^-40, far below the gap.
    """
    return {**_FOLD_TABULAR, "omega": [logit, "0", "0", "0"], "eta": eta}


_LOG_2 = "6931471805599453094172321214581765680755/10000000000000000000000000000000000000000"
_LOG_3 = "439444915467243876558098094769010281859/400000000000000000000000000000000000000"
_LOG_4 = "13862943611198906188344642429163531361510/10000000000000000000000000000000000000000"

_SURE = needed(
    "meta-rl-lifted",
    _POSITIVE,
    "A: the rational step with eta = -1 gives the better action probability 0: nothing of its advantage is left "
    "under omega's visitation. Softmax policies are positive, and then sigma' << sigma always: a positive policy "
    "reaches whatever any policy reaches; the start may have zeros.",
    "an action of probability 0",
    _S1,
    _LIFTED,
    _bandit("0", ["0", "1"], ["0", "1"], eta="-1", adaptation="rational-step"),
    exact={"gap": "1", "weight_norm": "0", "eps": "0"},
    identifier="RL-A",
)
_NO_WEIGHT = "Nothing of the better action's advantage is left under omega's visitation: "

_MYOPIC = needed(
    "meta-rl-lifted",
    "stationarity-of-L",
    "I: the misfit alone is 0 where u is a meta-feature in the ball; without eps nothing is left.",
    "eps read as 0",
    _S3,
    "weight_norm*misfit",
    _bandit("1", ["1", "0"], ["3/4", "1/4"]),
    exact={"gap": "1/4", "eps": "1/4"},
    identifier="A3",
)


def _bandits(rewards: Sequence[Sequence[str]], features: Sequence[Sequence[str]], **changes: Any) -> Content:
    """One state, gamma = 0, as many tasks as rows of rewards."""
    tasks = [bandit(row, f"1/{len(rewards)}") for row in rewards]
    return {**_MYOPIC.data, "features": [list(features)], "tasks": tasks, **changes}


_AWAY = [["0", "0", "1"], ["0", "0", "1"]]
_CROSSING: Content = {
    **_MYOPIC.data,
    "adaptation": {"name": "rational-step"},
    "eta": "-1",
    "features": [[["0"], ["0"]], [["1"], ["0"]], [["0"], ["0"]]],
    "tasks": [
        process("1/2", [_ARRIVALS, _AWAY, _AWAY], [["7/4", "0"], ["1", "0"], ["0", "0"]], ["1", "0", "0"]),
    ],
    "omega": ["0"],
    "comparator": ["-1"],
}
"""At s0 action a leads to s1, whose value depends on theta: 1 + eta Q(s0, a) is 0 at omega and crosses 0 there."""


def crossing(claim: str, model: str = "", changes: Content | None = None, **exact: str) -> Ablation:
    """S2 for policies that are not positive; `model` tells titles apart."""
    return needed(
        claim,
        _POSITIVE,
        "Where 1 + eta Q crosses 0 the adapted policy's derivative does not vanish with the policy: the action enters "
        "grad L, and not <w, Phi>, whose weight is 0 on all that is visited. (To one side of omega the step gives no "
        "policy.)",
        f"a probability that crosses 0{model}",
        _S2,
        "weight_norm",
        {**_CROSSING, **(changes or {})},
        left="eps",
        exact={**exact, "weight_norm": "0"},
    )


META_RL: tuple[Ablation, ...] = (
    again(_SURE, "meta-rl-identity", f"{_NO_WEIGHT}the right side, <w, u> along any v, is 0.", "pairing"),
    crossing("meta-rl-s2", eps="23/384"),
    *steps_of_any_features("meta-rl", _POSITIVE),
    # The lifted form.
    _SURE,
    needed(
        "meta-rl-lifted",
        "lookahead-in-the-feature",
        "G: at the fold, with phi/tau for the meta-feature, the misfit vanishes for a large radius and eps is 0.",
        "fold, with the plain feature",
        _S2,
        _PLAIN,
        _FOLD,
        identifier="RL-G",
    ),
    needed(
        "meta-rl-lifted",
        "one-radius",
        "H: R eps with a smaller R than the ball of the infimum.",
        "unconstrained infimum",
        _S3,
        "radius*eps + weight_norm*misfit_free",
        _bandit("1/2", ["1", "0"], ["3/4", "1/4"]),
        exact={"gap": "1/4", "eps": "1/8"},
        identifier="A6",
    ),
    _MYOPIC,
    needed(
        "meta-rl-lifted",
        "shift-by-state",
        "J: only functions of the state may be subtracted from the visitation ratio. Subtracting the ratio itself, a "
        "function of the action too, makes u = 0, and with R -> 0 (here R = 1/4) nothing bounds the gap.",
        "shift that depends on the action",
        _S1,
        "radius*eps",
        _bandit("1", ["1", "0"], ["3/4", "1/4"], radius="1/4"),
        exact={"gap": "1/4", "eps": "1/4"},
        identifier="RL-J",
        reading=Reading(
            "gap",
            "radius*eps",
            "Any function may then be subtracted: the ratio itself leaves u = 0 and no misfit.",
        ),
    ),
    needed(
        "meta-rl-lifted",
        "one-process-per-task",
        "K: omega and the comparator must live in the same process. Started elsewhere (two absorbing states "
        "with rewards 0 and 1) the comparator gains 1, and no advantage says so: the gap is the return of the other "
        "process.",
        "another start",
        _S1,
        _LIFTED,
        _absorbing(["1", "0"]),
        left="adapted_return",
        population=_absorbing(["0", "1"]),
        exact={"weight_norm": "0", "eps": "0", "adapted_return": "0"},
        identifier="A7",
        reading=Reading(
            "gap_elsewhere", _LIFTED, "Any other processes would do: the comparator's start in the next state."
        ),
    ),
    *not_needed(
        "minimiser-exists",
        ["meta-rl-lifted"],
        "D: the claim compares with any policies. A maximiser need not exist: one state, r = phi = (1, 0) give "
        "L = logistic(theta + eta) < 1.",
        "A5",
    ),
    *not_needed(
        "no-backward-step",
        ["meta-rl-lifted"],
        "M: the identity and all bounds hold for either sign of eta; only the inner improvement (T3a) changes sign.",
        "RL-M",
    ),
    *not_needed(
        "equal-discounts",
        ["meta-rl-lifted"],
        "N: the inner product is over (task, state, action); tasks may even differ in states and actions.",
        "RL-N",
    ),
    *not_needed(
        "bounded-features",
        ["meta-rl-lifted"],
        "C: features enter through the span of their values at finitely many pairs; large ones make eps large and the "
        "misfit small. Only constants of smoothness (T3d) name their size.",
        "RL-C",
    ),
    Ablation(
        "discount-below-1",
        "meta-rl-lifted",
        Standing.NEEDED,
        "O: at gamma = 1 nothing is defined: I - P_pi is singular, w = A/(1 - gamma) divides by 0 and normalised "
        "values are 0 whatever the policy. No instance to judge: the reader refuses the file.",
        "undiscounted process",
        _S1,
        undefined=policies(
            [[["1"], ["0"]]], [process("1", [[["1"], ["1"]]], [["1", "0"]], ["1"])], ["0"], {"policies": [[_HALF]]}
        ),
        identifier="RL-O",
        unfound="Nothing is defined at gamma = 1, so that no instance can be generated.",
    ),
    again(_SURE, "meta-rl-l1", f"{_NO_WEIGHT}<|w|, |u|> is 0.", "pairing"),
    # The mixed forms.
    needed(
        "meta-rl-mixed",
        "numerator-vanishes",
        "E: advantages of two mirrored tasks cancel in the mixed weight and not in its numerator; with 0/0 read as 0 "
        "the bound is 0. Only generators that mirror tasks meet this. Also a spurious stationary point: two "
        "tasks, eta = 0.",
        "mirrored tasks",
        "mixed form: division by the mixed weight",
        "radius*eps + mixed_weight_norm*mixed_misfit",
        _MIRRORED,
        exact={"gap": "1/32", "eps": "0", "adapted_return": "1/4", "pairing": "1/32", "weight_norm": "1/4"},
    ),
    needed(
        "meta-rl-mixed",
        "policy-step",
        "A step on the parameter moves the feature by a Hessian of the task: it is no average over next visits.",
        "gradient step on the parameter",
        "mixed form: one feature for all tasks",
        "mixed_misfit",
        _bandits([["1", "0"], ["0", "1"]], [["1"], ["0"]], eta="1", adaptation={"name": "gradient"}, comparator=["1"]),
        meaningless=True,
    ),
    *not_needed(
        "equal-discounts",
        ["meta-rl-mixed"],
        "N: gamma_i stays inside w_i and psi_i; only states, actions and features must be shared.",
        "RL-N",
    ),
    *not_needed(
        "numerator-vanishes",
        ["meta-rl-mixed-l1"],
        "E: nothing is divided; E_rho[Un] = <w, u> and E_rho[Pn] = grad L always.",
    ),
    # The constant, and T3a to T3f.
    *not_needed(_POSITIVE, ["meta-rl-constant"], "Popoviciu's inequality holds for every distribution."),
    *implied(
        "bounded-rewards",
        ["meta-rl-constant"],
        "B: automatic on finite processes; rewards enter the constant only, which two equally likely extremes attain.",
        step="S4: Cauchy-Schwarz",
        identifier="A8",
    ),
    *not_needed(
        _POSITIVE,
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
        _bandit("1", ["1", "0"], ["1/2", "1/2"], eta="-1"),
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
        _bandits(
            [["0", "1", "0"]],
            [["1"], ["0"], ["-1"]],
            eta="100",
            adaptation={"name": "gradient"},
            omega=["1"],
            comparator=["0"],
        ),
        left="prior_return",
    ),
    *not_needed(_POSITIVE, ["meta-rl-t3b"], "No policy of any kind is better than the optimal one."),
    needed(
        "meta-rl-t3c",
        "no-lookahead",
        "With adaptation and a discount the plain feature is not the derivative of the adapted policy.",
        "fold, with the plain feature (T3c)",
        _S2,
        _PLAIN,
        _FOLD,
    ),
    *not_needed(
        "stationarity-of-L", ["meta-rl-t3d"], "The claim bounds eps from above: reading it as 0 only weakens it."
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
        _tabular(_MIRRORED, 3),
        exact={"gap": "1/32", "eps": "0"},
    ),
    needed(
        "meta-rl-t3e",
        "tabular",
        "Features that do not tell two pairs apart cannot represent the displacement.",
        "one feature for all pairs",
        "u is a meta-feature",
        "eps*tabular_norm/(2*contraction_margin)",
        _bandit("0", ["1", "0"], ["3/4", "1/4"]),
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
        _bandits(
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
                _bandits(
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
                _bandits([["1", "0"], ["0", "1"]], [["1"], ["0"]], eta="-8", omega=["-1"], comparator=["12"]),
            ),
            (
                "one-state",
                "Three actions on a line, the outer ones good: between the two summits the way to the higher one leads "
                "down.",
                "three actions",
                "a ratio of logistics is monotone",
                _bandits([["1", "0", "9/10"]], [["1"], ["0"], ["-1"]], eta="0", omega=["-1"], comparator=["5"]),
            ),
        )
    ),
    *implied(
        _POSITIVE,
        ["meta-rl-headline"],
        "The supremum is certified for the KL step, whose policies are positive always.",
    ),
)
