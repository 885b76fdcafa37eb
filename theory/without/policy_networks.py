"""The claims on policies of networks without one assumption, claim by claim; instances have one neuron or two."""

from __future__ import annotations

from collections.abc import Iterator

from ..claim import Ablation
from .cells import (
    AT_KINK_S2,
    IMPLIED,
    L1,
    NOTHING_REPRESENTS,
    ONE_KINK_RULE,
    TWO_RULES,
    again,
    at_kink,
    errors_of,
    needed,
    not_needed,
    steps_of_any_features,
)
from .instances import Content, bandit, policies, relu, tanh, varied
from .meta_rl import POSITIVE, crossing
from .meta_sl import S2, SMOOTH
from .network import flipped_nowhere


def _neuron(model: Content, weight: str, rival: tuple[str, str], radius: str = "1", eta: str = "0") -> Content:
    """One state, two actions with x = (1, 0), r = (1, 0), gamma = 0, one neuron."""
    return policies(
        [[["1"], ["0"]]],
        [bandit(["1", "0"])],
        [[weight]],
        {"policies": [[list(rival)]]},
        eta=eta,
        radius=radius,
        adaptation="kl-step" if eta == "0" else "rational-step",
        model=model,
    )


def _of_any_activation(family: str, kind: str, sure: Ablation, errors: tuple[str, str]) -> Iterator[Ablation]:
    """What the assumptions of policies are for: of networks with kinks and without. `sure` has an action of
    probability 0; `errors` are those that are not operator norms; `kind` tells titles apart."""
    at_start = (f"init-{error}" for error in ("operator", *errors))
    for name in ("identity", "l1", *(["formal"] if not kind else []), "init", *at_start):
        yield again(sure, f"{family}-{name} | weight_norm", _NO_TERM)
    yield sure
    yield from steps_of_any_features(family, POSITIVE)
    yield from not_needed(f"""
    {POSITIVE} | {errors_of(family, "gradient " + " ".join(errors))}
        An inequality of norms on the pairs that are visited, whatever their probabilities.
    """)


_NO_TERM = "w is 0 on all that is visited, and a factor of every term of the bound."


def _contradictory(family: str, reason: str, kind: str, instance: Content, **exact: str) -> Ablation:
    """C3 for two tasks that share a state and want opposite actions."""
    return needed(
        f"{family}-c3 | full-action-rank | representation of u | radius*eps",
        f"Two tasks share a state and want opposite actions. {reason}, and L is 1/2 for every W: stationary, at any "
        "width, and each task's best policy has 1.",
        f"contradictory tasks, {kind}",
        varied(
            instance,
            tasks=[bandit(["1", "0"], "1/2"), bandit(["0", "1"], "1/2")],
            comparator={"policies": [[["1", "0"]], [["0", "1"]]]},
        ),
        exact={"gap": "1/2", **exact},
        reading=NOTHING_REPRESENTS,
    )


_TIE = needed(
    f"meta-rl-network-lifted | {SMOOTH} | {S2} | {TWO_RULES}",
    "L: one neuron with b = -1 at its kink. No direction improves L (L'(0; v) = -max(v, 0)/4 <= 0), so that "
    "eps = 0 is reasonable; with the feature of the active side, Phi = (-1/2, 1/2), u = (1, -1) = -2 Phi and R = 2 "
    "the bound is 0, and the gap is 1/2.",
    "a neuron at its kink (directional stationarity)",
    _neuron(relu(["1"], signs=["-1"]), "0", ("1", "0"), "2"),
    exact={"gap": "1/2", "weight_norm": "1/2", "eps_formal": "0"},
    identifier="RL-L",
    reading=at_kink(),
)
"""L: f = -relu(W), so pi(a0) = logistic(-relu(W)) <= 1/2 with equality for W <= 0: W = 0 is a maximum in W."""

_SURE = needed(
    f"meta-rl-network-lifted | {POSITIVE} | S1: performance difference | radius*eps + weight_norm*misfit",
    "A: a dead neuron gives a uniform prior, and the rational step with eta = -1 the better action probability 0.",
    "an action of probability 0, network",
    _neuron(relu(["1"]), "-1", ("1", "0"), eta="-1"),
    exact={"gap": "1", "weight_norm": "0"},
    identifier="RL-A",
)
_OPPOSITE: Content = {"model": relu(["1"], ["1"], signs=["1", "-1"]), "omega": [["1"], ["1"]]}
"""Two neurons of opposite output."""

META_RL_NETWORK: tuple[Ablation, ...] = (
    *_of_any_activation("meta-rl-network", "", _SURE, ("pointwise", "count")),
    again(
        _TIE,
        f"meta-rl-network-identity | {TWO_RULES}",
        "With a slope of 0 and the active side's feature it is 0.",
        reading=at_kink(IMPLIED),
    ),
    crossing("meta-rl-network-s2", ", network", varied(_OPPOSITE, comparator=[["1/2"], ["1"]])),
    again(
        _TIE,
        "meta-rl-network-s2 | radius*eps_formal | pairing",
        "<w, Phi v> of the active side is 1/2, no direction improves L.",
        reading=AT_KINK_S2,
    ),
    *steps_of_any_features("meta-rl-network", SMOOTH),
    _TIE,
    again(
        _TIE,
        f"meta-rl-network-l1 | {TWO_RULES}",
        "The active side's feature leaves no misfit.",
        reading=at_kink(L1),
    ),
    needed(
        f"meta-rl-network-formal | one-kink-rule | {S2} | {TWO_RULES}",
        "L: any value of 1{0 > 0} will do, but one and the same in the gradient and in the features. With 1{0 > 0} = 1 "
        "in both, ||G|| = 1/4, and R ||G|| = 1/2 is the gap.",
        "two rules at one kink of a policy",
        _TIE.data,
        exact={"gap": "1/2", "eps_formal": "0"},
        identifier="RL-L",
        reading=ONE_KINK_RULE,
    ),
    *not_needed("""
    differentiable-adaptation | meta-rl-network-formal | RL-L
        L: v'G = <w, Phi v> is the definition of the formal gradient; the performance difference uses no derivative.
    W-in-the-ball | meta-rl-network-init | A10
        Nothing needs W near W0: the displacement is measured, and N1 with its own pairing has no error term. Rates in
        the width need a ball, and more than a finite process gives.
    """),
    *flipped_nowhere(
        "meta-rl-network",
        _TIE,
        "No neuron counts as flipped if the kink is read as active, and the slope is read as 0.",
    ),
    again(
        _SURE,
        "meta-rl-network-c3 | eps",
        "w is 0 on all that is visited, so eps is 0; two neurons of opposite output have one difference, not 0.",
        changes=_OPPOSITE,
    ),
    _contradictory(
        "meta-rl-network",
        "Two neurons of opposite output are uniform policies",
        "network",
        {**_neuron(relu(["1"]), "1", ("1", "0")), **_OPPOSITE},
        eps="0",
    ),
    again(
        _TIE,
        "meta-rl-network-c3 | eps_formal",
        "The active side's feature has one difference, which is not 0.",
        reading=at_kink(" Their rank is full.", "eps_formal*min_norm_other_kinks", lost=("full-action-rank",)),
    ),
)

_SURE_TANH = needed(
    f"meta-rl-smooth-network-lifted | {POSITIVE} | S1: performance difference | radius*eps + weight_norm*misfit",
    "A: tanh(0) = 0 gives a uniform prior, and the rational step with eta = -1 the better action probability 0.",
    "an action of probability 0, tanh network",
    _neuron(tanh("1"), "0", ("1", "0"), eta="-1"),
    exact={"gap": "1", "weight_norm": "0"},
    identifier="RL-A",
)

META_RL_SMOOTH_NETWORK: tuple[Ablation, ...] = (
    *_of_any_activation("meta-rl-smooth-network", "smooth", _SURE_TANH, ("pointwise", "ball")),
    crossing(
        "meta-rl-smooth-network-s2",
        ", tanh network",
        {"model": tanh("1"), "omega": [["0"]], "comparator": [["-1"]]},
    ),
    *not_needed("""
    W-in-the-ball | meta-rl-smooth-network-init | A10
        Nothing needs W near W0: the displacement is measured, and N1 with its own pairing has no error term.
    regular-data | meta-rl-smooth-network-init-ball
        N1' holds at every input: sigma' is Lipschitz, so that an atom of the data costs nothing.
    """),
    again(
        _SURE_TANH,
        "meta-rl-smooth-network-c3 | eps",
        "w is 0 on all that is visited, so eps is 0; the neuron's difference is not 0.",
    ),
    _contradictory(
        "meta-rl-smooth-network",
        "tanh(0) = 0 gives uniform policies",
        "tanh network",
        _neuron(tanh("1"), "0", ("1", "0")),
    ),
)
