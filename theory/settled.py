"""Cells of the assumption matrix that an argument settles, or the counterexample of another claim.

`ablations` and its siblings hold the counterexamples themselves, each where it is smallest. Here the same instances are
read against the other claims that make the assumption, and assumptions are named that a claim lists for definiteness
only: no step of its proof uses them (not needed), or its other assumptions imply them (vacuous).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import ablations, meta_rl_ablations, meta_rl_network_ablations, network_ablations
from .claim import Ablation, Expression, Standing

_KEPT = (
    *ablations.ABLATIONS,
    *meta_rl_ablations.ABLATIONS,
    *network_ablations.ABLATIONS,
    *meta_rl_network_ablations.ABLATIONS,
)


def _known(claim: str, title: str) -> Ablation:
    """The counterexample of that claim and title."""
    return next(a for a in _KEPT if (a.claim, a.title) == (claim, title))


def _again(
    source: Ablation,
    claim: str,
    reason: str,
    bound: str,
    left: str = "gap",
    *,
    changes: Mapping[str, Any] | None = None,
) -> Ablation:
    """The instance of `source`, read against another claim; `changes` are fields of the instance."""
    assert source.instance is not None
    return Ablation(
        source.assumption,
        claim,
        Standing.NEEDED,
        reason,
        f"{source.title} ({claim.split('-', 2)[-1]})",
        source.step,
        left=Expression(left),
        bound=Expression(bound),
        instance={**source.instance, **(changes or {})},
        direction=source.direction,
        identifier=source.identifier,
    )


def _not_needed(assumption: str, claims: Sequence[str], reason: str) -> tuple[Ablation, ...]:
    return tuple(Ablation(assumption, claim, Standing.NOT_NEEDED, reason) for claim in claims)


def _implied(assumption: str, claims: Sequence[str], reason: str) -> tuple[Ablation, ...]:
    return tuple(Ablation(assumption, claim, Standing.VACUOUS, reason) for claim in claims)


_ANY_VECTOR = "S3 is Cauchy-Schwarz for whatever vector stands for the gradient; that it is the gradient is S2."
_ANY_FEATURE = "S4 is Cauchy-Schwarz for whatever features; that they are the derivative is S2."

# --- meta-SL ------------------------------------------------------------------------------------------

_HUBER = _known("meta-sl-lifted", "Huber at its joint")
_S3 = "S3: stationarity"
_SPURIOUS = _known("meta-sl-c1", "quartic, spurious minimum")
_CONTRADICTION = _known("meta-sl-c3", "contradictory labels")
_DIRECTIONAL = "radius*eps_directional + weight_norm*residual_norm"
_ONE_POINT = "One task and one point: this form is the lifted form. "
_JOINT = "At a joint of Huber's loss L falls to either side: "


def _joint(claim: str, reason: str, bound: str, left: str = "gap") -> Ablation:
    return _again(_HUBER, claim, _JOINT + reason, bound, left)


def _functions(claim: str) -> Ablation:
    """The comparator's parameter does not exist; no distance could stand for it, since eps is 0."""
    source = _CONTRADICTION
    assert source.instance is not None
    return Ablation(
        "parameter-comparator",
        claim,
        Standing.NEEDED,
        "Functions that contradict each other at one input belong to no parameter: omega is stationary, they are "
        "better, and eps times any distance is 0.",
        f"contradictory functions ({claim.rsplit('-', 1)[-1]})",
        "u is not the displacement of a parameter",
        bound=Expression("eps"),
        instance=source.instance,
        exact={"gap": "1/2", "eps": "0"},
    )


_BALANCED = {
    **(_known("meta-sl-lifted", "first-order stationary point").instance or {}),
    "loss": {"name": "log-cosh"},
    "adaptation": {"name": "gradient", "eta": "1/32", "steps": 1},
    "features": [["1"], ["2"]],
    "tasks": [
        {"weight": "2/3", "atoms": [{"x": 0, "y": "-1", "p": "1"}]},
        {
            "weight": "1/3",
            "atoms": [
                {
                    "x": 1,
                    "y": "2150246258536790564870093212052783321407/2000000000000000000000000000000000000000",
                    "p": "1",
                }
            ],
        },
    ],
    "omega": ["0"],
    "comparator": ["-1/64"],
}
_TWO_STEPS = {"name": "gradient", "eta": "1/4", "steps": 2}

META_SL: tuple[Ablation, ...] = (
    _joint(
        "meta-sl-identity",
        "with the one-sided derivatives of L in place of v'G the right side is 0.",
        "inner_product + radius*eps_directional",
        "gap + bregman",
    ),
    _joint(
        "meta-sl-s2",
        "<w, phi'v> is positive, and no one-sided derivative of L is.",
        "radius*eps_directional",
        "pairing - inner_product",
    ),
    *_not_needed("differentiable-adaptation", ["meta-sl-s3"], _ANY_VECTOR),
    *_not_needed("differentiable-adaptation", ["meta-sl-s4"], _ANY_FEATURE),
    _joint("meta-sl-mixed", _ONE_POINT + "Its bound is 0.", _DIRECTIONAL),
    _joint("meta-sl-mixed-l1", _ONE_POINT + "Its bound is 0.", _DIRECTIONAL),
    Ablation(
        "one-gradient-step",
        "meta-sl-mixed",
        Standing.NEEDED,
        "After two steps the task's law enters the feature twice: it is no function of (x, y, x') "
        "that all tasks share.",
        "two gradient steps",
        "mixed form: one feature for all tasks",
        bound=Expression("mixed_misfit"),
        instance={**(_known("meta-sl-c1", "quartic, spurious minimum").instance or {}), "adaptation": _TWO_STEPS},
        meaningless=True,
    ),
    *_implied(
        "differentiable-adaptation",
        ["meta-sl-c2"],
        "Implied: where ell'' is Lipschitz it exists everywhere.",
    ),
    _joint("meta-sl-c3", "one point and a Jacobian of -1 or 1, of full rank.", "eps_directional*adapted_displacement"),
    _joint("meta-sl-c4", "the segment lies where the loss is quadratic; the lifted bound is already too small.",
           f"{_DIRECTIONAL} - function_displacement**2/2"),
    *_not_needed(
        "differentiable-adaptation",
        ["meta-sl-c6"],
        "FOMAML's theorem uses no derivative of U_i. With any matrices T_i between the one-sided Jacobians in the "
        "feature, ||T_i - I|| <= beta_J, so ||<w, T phi> - G_FO|| <= beta_J B ||w||, and the identity holds for T_i.",
    ),
    _joint("meta-sl-c7", "one task, both one-sided Jacobians (1 and -1) are invertible.",
           "eps_directional*adapted_displacement"),
    *_implied(
        "differentiable-adaptation",
        ["meta-sl-c8", "meta-sl-c9", "meta-sl-c9-curvature"],
        "Implied: the constants of the other assumption bound ell''' everywhere.",
    ),
    *_implied(
        "outer-convexity",
        ["meta-sl-c8"],
        "Implied: |ell'''| <= kappa ell'' says ell'' >= 0.",
    ),
    *(_functions(f"meta-sl-{c}") for c in ("c1", "c2", "c5", "c8")),
    Ablation(
        "parameter-comparator",
        "meta-sl-c7",
        Standing.NEEDED,
        "One task, one feature for two inputs with opposite labels: omega = 0 is stationary, functions fit both.",
        "two inputs with one feature",
        "u is not the displacement of a parameter",
        bound=Expression("eps"),
        instance={
            **(_CONTRADICTION.instance or {}),
            "features": [["1"], ["1"]],
            "tasks": [{"weight": "1", "atoms": [{"x": 0, "y": "1", "p": "1/2"}, {"x": 1, "y": "-1", "p": "1/2"}]}],
            "comparator": {"functions": [["1", "-1"]]},
        },
        exact={"gap": "1/2", "eps": "0"},
    ),
    Ablation(
        "single-task",
        "meta-sl-c7",
        Standing.NEEDED,
        "Two tasks pull in opposite directions: omega is stationary, their adaptations invertible, and not optimal.",
        "quartic, spurious minimum (two tasks)",
        "G = J'g determines g",
        bound=Expression("eps"),
        instance=_SPURIOUS.instance,
        exact={"eps": "0"},
    ),
    *_not_needed(
        "stationarity-of-L", ["meta-sl-c5"], "Without adaptation FOMAML's gradient is that of L."
    ),
    Ablation(
        "stationarity-of-L",
        "meta-sl-c7",
        Standing.NEEDED,
        "A step of four times the curvature triples the distance: J = -3, and FOMAML's gradient is a third of L's.",
        "first-order gradient, J = -3",
        "G = J'g determines g",
        bound=Expression("eps_first_order*adapted_displacement/jacobian_min"),
        instance={**(_known("meta-sl-lifted", "unconstrained infimum").instance or {}),
                  "adaptation": {"name": "gradient", "eta": "4", "steps": 1}},
        exact={"gap": "9/2", "eps_first_order": "3", "adapted_displacement": "3"},
        identifier="A3",
    ),
    Ablation(
        "stationarity-of-L",
        "meta-sl-c8",
        Standing.NEEDED,
        "Weights 2 : 1 balance the pulls tanh(r) and -2 tanh(r) of two adapted tasks: FOMAML stops, and L, convex, "
        "falls to the left. (The second label is rounded to 40 digits.)",
        "first-order stationary point, log-cosh",
        _S3,
        bound=Expression("eps_first_order*displacement"),
        instance=_BALANCED,
        identifier="A3",
    ),
    _again(
        _known("meta-sl-lifted", "double well"),
        "meta-sl-headline",
        "L >= 0 is attained at 1, so the bracket of the infimum is 0: the headline is the lifted form against 1.",
        "radius*eps + weight_norm*misfit",
        changes={"comparator": ["1"]},
    ),
    _joint(
        "meta-sl-headline",
        "L >= 0 is attained at 0, so the bracket of the infimum is 0: the headline is the lifted form against 0.",
        _DIRECTIONAL,
    ),
)  # fmt: skip

# --- meta-RL ------------------------------------------------------------------------------------------

_SURE = _known("meta-rl-lifted", "an action of probability 0")
_MYOPIC = _known("meta-rl-lifted", "eps read as 0")
_FOLD = _known("meta-rl-t3e", "fold of the adaptation")
_NO_WEIGHT = "Nothing of the better action's advantage is left under omega's visitation: "


def _bandit(rewards: Sequence[Sequence[str]], features: Sequence[Sequence[str]], **changes: Any) -> dict[str, Any]:
    """One state, gamma = 0, as many tasks as rows of rewards."""
    count = len(rewards)
    tasks = [
        {"weight": f"1/{count}", "gamma": "0", "P": [[["1"]] * len(row)], "r": [list(row)], "start": ["1"]}
        for row in rewards
    ]
    return {**(_MYOPIC.instance or {}), "features": [list(features)], "tasks": tasks, **changes}


META_RL_S2 = (
    "A smooth policy is least where it is 0, so its derivative vanishes there: such actions enter neither grad L nor "
    "<w, Phi>. Smoothness itself is used."
)

META_RL: tuple[Ablation, ...] = (
    _again(_SURE, "meta-rl-identity", _NO_WEIGHT + "the right side, <w, u> along any v, is 0.", "pairing"),
    *_not_needed(
        "positive-policy",
        ["meta-rl-s2"],
        META_RL_S2,
    ),
    *_not_needed(
        "stationarity-of-L", ["meta-rl-t3d"], "The claim bounds eps from above: reading it as 0 only weakens it."
    ),
    *_not_needed("positive-policy", ["meta-rl-s3"], _ANY_VECTOR),
    *_not_needed("positive-policy", ["meta-rl-s4"], _ANY_FEATURE),
    _again(_SURE, "meta-rl-l1", _NO_WEIGHT + "<|w|, |u|> is 0.", "pairing"),
    *_not_needed("positive-policy", ["meta-rl-constant"], "Popoviciu's inequality holds for every distribution."),
    *_not_needed("positive-policy", ["meta-rl-t3b"], "No policy of any kind is better than the optimal one."),
    *_not_needed(
        "positive-policy",
        ["meta-rl-t3a-rational"],
        "The performance difference from the positive prior to the adapted policy; zeros of the latter add nothing.",
    ),
    *_implied(
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
        "In the process of F the logits' difference moves by 2 eta J', with J'' = -1/27 at 0: a gradient step with "
        "eta = 27/2 folds there. omega is stationary and leaving surely is better.",
        "fold of the gradient step",
        "I + eta K is injective",
        bound=Expression("eps*tabular_norm"),
        instance={**(_FOLD.instance or {}), "eta": "27/2", "adaptation": {"name": "gradient"}},
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

# --- networks -----------------------------------------------------------------------------------------

_TIE = _known("network-lifted", "a neuron at its kink")
_FLIP: Mapping[str, Any] = _known("network-error-pointwise", "Geman-McClure, flip by adaptation").instance or {}
_KINK = "A neuron at its kink, from which L rises to one side and is constant to the other: "
_TWO_RULES = "radius*eps_formal + weight_norm*misfit_other_kinks"
_ONE_VALUE = (
    "At a joint of the loss ell'' has two one-sided values; with either of them throughout, every step holds: H_i may "
    "be any symmetric matrix between. Assumed so that H_i has a value."
)

NETWORK: tuple[Ablation, ...] = (
    _again(_TIE, "network-identity", _KINK + "a slope of 0 and the active side's feature leave nothing on the right.",
           _TWO_RULES, "gap + bregman"),
    _again(_TIE, "network-s2", _KINK + "<w, phi'v> of the active side is 1, the slope to the other side is 0.",
           "radius*eps_formal", "pairing"),
    *_not_needed("differentiable-adaptation", ["network-s3"], _ANY_VECTOR),
    *_not_needed("differentiable-adaptation", ["network-s4"], _ANY_FEATURE),
    _again(_TIE, "network-l1", _KINK + "with the feature of the active side nothing is left of the misfit.",
           _TWO_RULES),
    *(
        _again(
            _TIE,
            f"network-init-{name}",
            _KINK + "no neuron counts as flipped if the kink is read as active, and the slope is read as 0.",
            "radius*eps_formal + weight_norm*misfit_init",
        )
        for name in ("operator", "pointwise", "count")
    ),
    _again(_TIE, "network-projected", _KINK + "in the ball of radius 2 the feature of the active side represents u.",
           "eps_formal + weight_norm*misfit_other_kinks", changes={"radius": "2"}),
    _again(_TIE, "network-c3", _KINK + "one point, and the feature of the active side is 1, of full rank.",
           "eps_formal"),
    *_implied(
        "outer-convexity",
        ["network-init-pointwise", "network-init-count"],
        "Implied: the other assumption says ell'' >= 0 everywhere.",
    ),
    *(
        Ablation(
            "convex-loss",
            f"network-init-{name}",
            Standing.NEEDED,
            "The step expands, where the loss is concave, by more than kap allows, and kills the neuron, where it is "
            "convex again: eps is 0, and the feature at initialisation is as long as the expansion.",
            f"Geman-McClure, flip by adaptation ({name})",
            "||I - eta H_0|| <= kap",
            bound=Expression(f"radius*eps + radius*weight_norm*error_{error} + weight_norm*misfit_init"),
            instance={
                **_FLIP,
                "tasks": [{"weight": "1", "atoms": [{"x": 0, "y": "-1/2", "p": "1"}]}],
                "comparator": {"functions": [["-1/100"]]},
                "radius": "3/1000",
            },
        )
        for name, error in (("pointwise", "flips"), ("count", "count"))
    ),
    *_not_needed(
        "off-joints",
        [f"network-{name}" for name in ("formal", "init", "error-gradient", "error-operator", "error-pointwise",
                                        "error-count")],
        _ONE_VALUE,
    ),
)  # fmt: skip

# --- network policies ---------------------------------------------------------------------------------

_POLICY_TIE = _known("meta-rl-network-lifted", "a neuron at its kink (directional stationarity)")
_SURE_NEURON = _known("meta-rl-network-lifted", "an action of probability 0, network")
_NO_TERM = "w is 0 on all that is visited, and a factor of every term of the bound."
_ANY_SUPPORT = "An inequality of norms on the pairs that are visited, whatever their probabilities."

META_RL_NETWORK: tuple[Ablation, ...] = (
    *(
        _again(_SURE_NEURON, f"meta-rl-network-{name}", _NO_TERM, "weight_norm")
        for name in ("identity", "l1", "formal", "init", "init-operator", "init-pointwise", "init-count")
    ),
    *_not_needed("positive-policy", ["meta-rl-network-s2"], META_RL_S2),
    *_not_needed("positive-policy", ["meta-rl-network-s3"], _ANY_VECTOR),
    *_not_needed("positive-policy", ["meta-rl-network-s4"], _ANY_FEATURE),
    *_not_needed(
        "positive-policy",
        [f"meta-rl-network-error-{name}" for name in ("gradient", "pointwise", "count")],
        _ANY_SUPPORT,
    ),
    _again(_POLICY_TIE, "meta-rl-network-identity", "With a slope of 0 and the active side's feature it is 0.",
           _TWO_RULES),
    _again(_POLICY_TIE, "meta-rl-network-s2", "<w, Phi v> of the active side is 1/2, no direction improves L.",
           "radius*eps_formal", "pairing"),
    *_not_needed("differentiable-adaptation", ["meta-rl-network-s3"], _ANY_VECTOR),
    *_not_needed("differentiable-adaptation", ["meta-rl-network-s4"], _ANY_FEATURE),
    _again(_POLICY_TIE, "meta-rl-network-l1", "The active side's feature leaves no misfit.", _TWO_RULES),
    *(
        _again(
            _POLICY_TIE,
            f"meta-rl-network-init-{name}",
            "No neuron counts as flipped if the kink is read as active, and the slope is read as 0.",
            "radius*eps_formal + weight_norm*misfit_init",
        )
        for name in ("operator", "pointwise", "count")
    ),
)  # fmt: skip

SETTLED: dict[str, tuple[Ablation, ...]] = {
    "meta-sl": META_SL,
    "meta-rl": META_RL,
    "network": NETWORK,
    "meta-rl-network": META_RL_NETWORK,
}
"""By family."""
