"""Hypotheses that are built into a statement rather than listed as assumptions, and how to leave one out.

For each kind of families, which quantity replaces which when the hypothesis is dropped: the claim so rewritten is what
the search tries to refute, with every listed assumption certified. What single claims say without it stands with their
counterexamples, as readings. Where there is neither, only the counterexamples and arguments speak.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..claim import Claim
from ..tables import rows


@dataclass(frozen=True)
class Hypothesis:
    """What is assumed by the way a claim is written."""

    name: str
    identifier: str
    statement: str


HYPOTHESES = tuple(
    Hypothesis(name, identifier, " ".join((said, *more)))
    for (name, identifier, said), more in rows(
        """
        stationarity-of-L | A3 | eps is the gradient norm of L itself.
        minimiser-exists | A5 | A global minimiser of L exists.
        one-radius | A6 | The R of R eps is the radius of the ball of the infimum.
        population-risk | A7 | w, eps and the gap belong to the same distribution.
        population-adaptation | A7 | The adaptation uses the population risk.
        finite-second-moments | A8 | w, u and the meta-features have finite second moments.
        regular-data | A9 | P(|a'x| <= t) <= c t/||a|| for all a and t (so that no hyperplane through 0 has mass).
        W-in-the-ball | A10 | The network stays in a ball around its initialisation.
        one-kink-rule | A2 | The value of 1{0 > 0} is the same in the gradient, in W_i and in the features.
        lookahead-in-the-feature | RL-G | The meta-feature contains eta grad Q_i.
        shift-by-state | RL-J | What is subtracted from the visitation ratio depends on the state only.
        one-process-per-task | RL-K | omega and the comparator live in the same processes.
        bounded-rewards | RL-B | Rewards are bounded.
        bounded-features | RL-C | Features are bounded.
        discount-below-1 | RL-O | gamma_i < 1.
        regular-adaptation | RL-F | The Jacobian of the adaptation is invertible.
        equal-discounts | RL-N | All tasks have the same discount.
        """,
        3,
    )
)

Put = Mapping[str, Mapping[str, str]]
"""Hypothesis -> {quantity: its replacement without it}."""

_RADIUS: Put = {"one-radius": {"misfit": "misfit_free"}}
SUPERVISED: Put = {"stationarity-of-L": {"eps": "eps_first_order"}, **_RADIUS}
POLICIES: Put = {"stationarity-of-L": {"eps": "zero"}, **_RADIUS}
LINEAR_POLICIES: Put = {**POLICIES, "lookahead-in-the-feature": {"misfit": "misfit_plain"}}


def replaced(claim: Claim, names: Mapping[str, str]) -> Claim | None:
    """The claim with quantities replaced; None where that makes no difference to the statement."""
    if not set(names) & {*claim.left.names, *claim.bound.names}:
        return None
    return replace(claim, left=claim.left.substitute(names), bound=claim.bound.substitute(names))


META_RL_ROWS: dict[str, str] = {
    "RL-A": "positive-policy",
    "RL-B": "bounded-rewards",
    "RL-C": "bounded-features",
    "RL-D": "minimiser-exists",
    "RL-E": "numerator-vanishes",
    "RL-F": "regular-adaptation",
    "RL-G": "lookahead-in-the-feature",
    "RL-H": "one-radius",
    "RL-I": "stationarity-of-L",
    "RL-J": "shift-by-state",
    "RL-K": "one-process-per-task",
    "RL-L": "differentiable-adaptation",
    "RL-M": "no-backward-step",
    "RL-N": "equal-discounts",
    "RL-O": "discount-below-1",
    "RL-P": "contraction",
}
"""The rows A to P of the assumptions of meta-RL's derivation, which reasons name by their letter."""
