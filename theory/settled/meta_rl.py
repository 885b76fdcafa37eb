"""Cells of meta-RL that an argument or the counterexample of another claim settles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..claim import Ablation, Expression, Standing
from .readings import ANY_FEATURE, ANY_VECTOR, again, implied, known, not_needed

_SURE = known("meta-rl-lifted", "an action of probability 0")
_MYOPIC = known("meta-rl-lifted", "eps read as 0")
_LOG_3 = "439444915467243876558098094769010281859/400000000000000000000000000000000000000"
_NO_WEIGHT = "Nothing of the better action's advantage is left under omega's visitation: "


def _bandit(rewards: Sequence[Sequence[str]], features: Sequence[Sequence[str]], **changes: Any) -> dict[str, Any]:
    """One state, gamma = 0, as many tasks as rows of rewards."""
    count = len(rewards)
    tasks = [
        {"weight": f"1/{count}", "gamma": "0", "P": [[["1"]] * len(row)], "r": [list(row)], "start": ["1"]}
        for row in rewards
    ]
    return {**(_MYOPIC.instance or {}), "features": [list(features)], "tasks": tasks, **changes}


_ROW = {"start": ["1", "0", "0"], "gamma": "1/2", "weight": "1"}
CROSSING: Mapping[str, Any] = {
    **(_MYOPIC.instance or {}),
    "adaptation": {"name": "rational-step"},
    "eta": "-1",
    "features": [[["0"], ["0"]], [["1"], ["0"]], [["0"], ["0"]]],
    "tasks": [
        {
            **_ROW,
            "P": [
                [["0", "1", "0"], ["0", "0", "1"]],
                [["0", "0", "1"], ["0", "0", "1"]],
                [["0", "0", "1"], ["0", "0", "1"]],
            ],
            "r": [["7/4", "0"], ["1", "0"], ["0", "0"]],
        }
    ],
    "omega": ["0"],
    "comparator": ["-1"],
}
"""At s0 action a leads to s1, whose value depends on theta: 1 + eta Q(s0, a) is 0 at omega and crosses 0 there."""
CROSSING_REASON = (
    "Where 1 + eta Q crosses 0 the adapted policy's derivative does not vanish with the policy: the action enters grad "
    "L, and not <w, Phi>, whose weight is 0 on all that is visited. (To one side of omega the step gives no policy.)"
)

META_RL: tuple[Ablation, ...] = (
    again(_SURE, "meta-rl-identity", _NO_WEIGHT + "the right side, <w, u> along any v, is 0.", "pairing"),
    Ablation(
        "positive-policy",
        "meta-rl-s2",
        Standing.NEEDED,
        CROSSING_REASON,
        "a probability that crosses 0",
        "S2: chain rule",
        left=Expression("eps"),
        bound=Expression("weight_norm"),
        instance=CROSSING,
        exact={"eps": "23/384", "weight_norm": "0"},
    ),
    *not_needed(
        "stationarity-of-L", ["meta-rl-t3d"], "The claim bounds eps from above: reading it as 0 only weakens it."
    ),
    *not_needed("positive-policy", ["meta-rl-s3"], ANY_VECTOR),
    *not_needed("positive-policy", ["meta-rl-s4"], ANY_FEATURE),
    again(_SURE, "meta-rl-l1", _NO_WEIGHT + "<|w|, |u|> is 0.", "pairing"),
    *not_needed("positive-policy", ["meta-rl-constant"], "Popoviciu's inequality holds for every distribution."),
    *not_needed("positive-policy", ["meta-rl-t3b"], "No policy of any kind is better than the optimal one."),
    *not_needed(
        "positive-policy",
        ["meta-rl-t3a-rational"],
        "The performance difference from the positive prior to the adapted policy; zeros of the latter add nothing.",
    ),
    *implied(
        "positive-policy",
        ["meta-rl-headline"],
        "The supremum is certified for the KL step, whose policies are positive always.",
    ),
    Ablation(
        "policy-step",
        "meta-rl-mixed",
        Standing.NEEDED,
        "A step on the parameter moves the feature by a Hessian of the task: it is no average over next visits.",
        "gradient step on the parameter",
        "mixed form: one feature for all tasks",
        bound=Expression("mixed_misfit"),
        instance=_bandit([["1", "0"], ["0", "1"]], [["1"], ["0"]], eta="1", adaptation={"name": "gradient"},
                         comparator=["1"]),
        meaningless=True,
    ),
    Ablation(
        "kl-step",
        "meta-rl-t3a-improvement",
        Standing.NEEDED,
        "A long gradient step on the parameter overshoots. (The rational step with eta > 0 improves, too: see "
        "meta-rl-t3a-rational.)",
        "a long gradient step",
        "Jeffreys divergence over eta",
        left=Expression("prior_return"),
        bound=Expression("adapted_return"),
        instance=_bandit([["0", "1", "0"]], [["1"], ["0"], ["-1"]], eta="100", adaptation={"name": "gradient"},
                         omega=["1"], comparator=["0"]),
    ),
    Ablation(
        "kl-step",
        "meta-rl-t3e",
        Standing.NEEDED,
        "A bandit's adapted logit moves by 2 eta p(1-p): with eta = 16/3 its derivative 1 + 2 eta p(1-p)(1-2p) is 0 at "
        "p = 3/4. omega (log 3, to 40 digits) is stationary, and the better action surely is better.",
        "fold of the gradient step",
        "I + eta K is injective",
        bound=Expression("eps*tabular_norm"),
        instance={
            **_bandit([["1", "0"]], [["1", "0"], ["0", "1"]], eta="16/3", adaptation={"name": "gradient"},
                      omega=[_LOG_3, "0"]),
            "comparator": {"policies": [[["999/1000", "1/1000"]]]},
        },
    ),
    Ablation(
        "kl-step",
        "meta-rl-t3f",
        Standing.NEEDED,
        "A long gradient step moves the logit by eta p(1-p), which falls beyond p = 1/2: between there and the far "
        "right L falls, although the right end is better.",
        "a long gradient step (T3f)",
        "adapted logits increase",
        left=Expression("zero"),
        bound=Expression("slope_to_comparator"),
        instance=_bandit([["1", "0"]], [["1"], ["0"]], eta="64", adaptation={"name": "gradient"}, omega=["1"],
                         comparator=["20"]),
    ),
    Ablation(
        "no-backward-step",
        "meta-rl-t3f",
        Standing.NEEDED,
        "With eta = -8 two opposite tasks make a valley between two summits: right of the left summit L falls, "
        "although the right one is better.",
        "two opposite tasks, eta = -8",
        "increasing logistics are centred left of decreasing ones",
        left=Expression("zero"),
        bound=Expression("slope_to_comparator"),
        instance=_bandit([["1", "0"], ["0", "1"]], [["1"], ["0"]], eta="-8", omega=["-1"], comparator=["12"]),
    ),
)  # fmt: skip

_THREE = _bandit([["1", "0", "9/10"]], [["1"], ["0"], ["-1"]], eta="0", omega=["-1"], comparator=["5"])
"""With three actions on a line the outer ones are two summits."""
META_RL += (
    Ablation(
        "one-state",
        "meta-rl-t3f",
        Standing.NEEDED,
        "Three actions on a line, the outer ones good: between the two summits the way to the higher one leads down.",
        "three actions",
        "a ratio of logistics is monotone",
        left=Expression("zero"),
        bound=Expression("slope_to_comparator"),
        instance=_THREE,
    ),
)
