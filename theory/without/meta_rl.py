"""Meta-RL's claims without one assumption, claim by claim: counterexamples, arguments, readings.

Reasons begin with the letter A..P of the row in the derivation's table of counterexamples; L, which is about kinks, is
in `policy_networks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..claim import Ablation, Reading, Standing
from .cells import again, implied, needed, not_needed, steps_of_any_features
from .instances import Content, bandit, policies, process, varied

_S1 = "S1: performance difference"
S2 = "S2: chain rule"
_S3 = "S3: stationarity"
_LIFTED = "radius*eps + weight_norm*misfit"
PLAIN = "radius*eps + weight_norm*misfit_plain"
POSITIVE = "positive-policy"


def two_arms(feature: str, rewards: Sequence[str], rival: Sequence[str], **more: Any) -> Content:
    """One state, two actions, gamma = 0, phi = (feature, 0), omega = 0."""
    return policies([[[feature], ["0"]]], [bandit(rewards)], ["0"], {"policies": [[list(rival)]]}, **more)


_HALF = ["1/2", "1/2"]
_ARRIVALS = [["0", "1", "0"], ["0", "0", "1"]]
_STAY = [[["0", "1", "0"]] * 2, [["0", "0", "1"]] * 2]
_QUARTERS = [["3/4", "1/4"], ["3/4", "1/4"], _HALF]
MIRRORED = policies(
    [[["1"], ["0"]], [["1"], ["0"]], [["0"], ["0"]]],
    [
        process("1/2", [_ARRIVALS, *_STAY], [["0", "0"], ["1", "0"], _HALF], ["1", "0", "0"], "1/2"),
        process("1/2", [_ARRIVALS[::-1], *_STAY], [["0", "0"], ["0", "1"], _HALF], ["1", "0", "0"], "1/2"),
    ],
    ["0"],
    {"policies": [_QUARTERS, _QUARTERS]},
)
"""E: two tasks whose actions at the start and at s1 are swapped; omega = 0 is a spurious stationary point."""

FOLD = policies(
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


_SURE = needed(
    "meta-rl-lifted",
    POSITIVE,
    "A: the rational step with eta = -1 gives the better action probability 0: nothing of its advantage is left "
    "under omega's visitation. Softmax policies are positive, and then sigma' << sigma always: a positive policy "
    "reaches whatever any policy reaches; the start may have zeros.",
    "an action of probability 0",
    _S1,
    _LIFTED,
    two_arms("0", ["0", "1"], ["0", "1"], eta="-1", adaptation="rational-step"),
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
    two_arms("1", ["1", "0"], ["3/4", "1/4"]),
    exact={"gap": "1/4", "eps": "1/4"},
    identifier="A3",
)


def arms(rewards: Sequence[Sequence[str]], features: Sequence[Sequence[str]], **changes: Any) -> Content:
    """One state, gamma = 0, as many tasks as rows of rewards."""
    tasks = [bandit(row, f"1/{len(rewards)}") for row in rewards]
    return {**_MYOPIC.data, "features": [list(features)], "tasks": tasks, **changes}


_AWAY = [["0", "0", "1"], ["0", "0", "1"]]
_CROSSING: Content = varied(
    _MYOPIC.data,
    adaptation={"name": "rational-step"},
    eta="-1",
    features=[[["0"], ["0"]], [["1"], ["0"]], [["0"], ["0"]]],
    tasks=[
        process("1/2", [_ARRIVALS, _AWAY, _AWAY], [["7/4", "0"], ["1", "0"], ["0", "0"]], ["1", "0", "0"]),
    ],
    omega=["0"],
    comparator=["-1"],
)
"""At s0 action a leads to s1, whose value depends on theta: 1 + eta Q(s0, a) is 0 at omega and crosses 0 there."""


def crossing(claim: str, model: str = "", changes: Content | None = None, **exact: str) -> Ablation:
    """S2 for policies that are not positive; `model` tells titles apart."""
    return needed(
        claim,
        POSITIVE,
        "Where 1 + eta Q crosses 0 the adapted policy's derivative does not vanish with the policy: the action enters "
        "grad L, and not <w, Phi>, whose weight is 0 on all that is visited. (To one side of omega the step gives no "
        "policy.)",
        f"a probability that crosses 0{model}",
        S2,
        "weight_norm",
        {**_CROSSING, **(changes or {})},
        left="eps",
        exact=varied(exact, weight_norm="0"),
    )


META_RL: tuple[Ablation, ...] = (
    again(_SURE, "meta-rl-identity", f"{_NO_WEIGHT}the right side, <w, u> along any v, is 0.", "pairing"),
    crossing("meta-rl-s2", eps="23/384"),
    *steps_of_any_features("meta-rl", POSITIVE),
    # The lifted form.
    _SURE,
    needed(
        "meta-rl-lifted",
        "lookahead-in-the-feature",
        "G: at the fold, with phi/tau for the meta-feature, the misfit vanishes for a large radius and eps is 0.",
        "fold, with the plain feature",
        S2,
        PLAIN,
        FOLD,
        identifier="RL-G",
    ),
    needed(
        "meta-rl-lifted",
        "one-radius",
        "H: R eps with a smaller R than the ball of the infimum.",
        "unconstrained infimum",
        _S3,
        "radius*eps + weight_norm*misfit_free",
        two_arms("1/2", ["1", "0"], ["3/4", "1/4"]),
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
        two_arms("1", ["1", "0"], ["3/4", "1/4"], radius="1/4"),
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
        MIRRORED,
        exact={"gap": "1/32", "eps": "0", "adapted_return": "1/4", "pairing": "1/32", "weight_norm": "1/4"},
    ),
    needed(
        "meta-rl-mixed",
        "policy-step",
        "A step on the parameter moves the feature by a Hessian of the task: it is no average over next visits.",
        "gradient step on the parameter",
        "mixed form: one feature for all tasks",
        "mixed_misfit",
        arms([["1", "0"], ["0", "1"]], [["1"], ["0"]], eta="1", adaptation={"name": "gradient"}, comparator=["1"]),
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
    *implied(
        POSITIVE,
        ["meta-rl-headline"],
        "The supremum is certified for the KL step, whose policies are positive always.",
    ),
)
