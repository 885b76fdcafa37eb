"""Hypotheses that are built into a statement rather than listed as assumptions, and how to leave one out.

`without` says which quantity replaces which when the hypothesis is dropped, `instead` gives the two sides of single
claims: the claim so rewritten is what the search tries to refute, with every listed assumption certified. Where both
are empty, only the ablations speak. `readings` has the same for assumptions that are listed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .claim import Claim, Expression, Relation


@dataclass(frozen=True)
class Hypothesis:
    """What is assumed by the way a claim is written.

    without   by family: {quantity: its replacement}
    instead   by claim: (left, bound)
    implied   assumptions that imply the hypothesis, so that they go with it
    why       why that is what the claim says without the hypothesis, where it is not plain
    """

    name: str
    identifier: str
    statement: str
    without: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    instead: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    implied: tuple[str, ...] = ()
    why: str = ""

    def dropped(self, claim: Claim, family: str) -> Claim | None:
        """The claim without the hypothesis; None where it makes no difference to the statement, or cannot be said."""
        if claim.name in self.instead:
            kept = tuple(a for a in claim.assumptions if a.name not in self.implied)
            return rewritten(replace(claim, assumptions=kept), *self.instead[claim.name])
        replaced = self.without.get(family, {})
        if not set(replaced) & {*claim.left.names, *claim.bound.names}:
            return None

        def put(expression: Expression) -> Expression:
            return Expression(re.sub(r"\w+", lambda m: replaced.get(m[0], m[0]), expression.text))

        return replace(claim, left=put(claim.left), bound=put(claim.bound))


def rewritten(claim: Claim, left: str, bound: str, relation: Relation = Relation.AT_MOST) -> Claim:
    """The claim with other sides."""
    return replace(claim, left=Expression(left), bound=Expression(bound), relation=relation)


NO_FACTOR = "2**20"
"""A factor that does not exist, read as large: what is refuted with it is refuted with every smaller one."""

_FREE = {"misfit": "misfit_free"}

HYPOTHESES: tuple[Hypothesis, ...] = (
    Hypothesis(
        "stationarity-of-L",
        "A3",
        "eps is the gradient norm of L itself.",
        {
            "meta-sl": {"eps": "eps_first_order"},
            "network": {"eps": "eps_first_order"},
            "smooth-network": {"eps": "eps_first_order"},
            "meta-rl": {"eps": "zero"},
            "meta-rl-network": {"eps": "zero"},
            "meta-rl-smooth-network": {"eps": "zero"},
        },
    ),
    Hypothesis("minimiser-exists", "A5", "A global minimiser of L exists."),
    Hypothesis(
        "one-radius",
        "A6",
        "The R of R eps is the radius of the ball of the infimum.",
        dict.fromkeys(
            (
                "meta-sl",
                "network",
                "smooth-network",
                "meta-rl",
                "meta-rl-network",
                "meta-rl-smooth-network",
            ),
            _FREE,
        ),
    ),
    Hypothesis(
        "population-risk",
        "A7",
        "w, eps and the gap belong to the same distribution.",
        instead={"meta-sl-lifted": ("gap", "radius*eps_sampled + weight_norm_sampled*misfit_sampled")},
        why="Any sample would do: one label of every task, the likeliest.",
    ),
    Hypothesis("population-adaptation", "A7", "The adaptation uses the population risk."),
    Hypothesis("finite-second-moments", "A8", "w, u and the meta-features have finite second moments."),
    Hypothesis(
        "regular-data",
        "A9",
        "P(|a'x| <= t) <= c t/||a|| for all a and t (so that no hyperplane through 0 has mass).",
        instead={"network-linearisation": ("linearisation**2", "linearisation_regular")},
        why="N3 at one W0, before the expectation, with c = 1.",
    ),
    Hypothesis("W-in-the-ball", "A10", "The network stays in a ball around its initialisation."),
    Hypothesis(
        "one-kink-rule",
        "A2",
        "The value of 1{0 > 0} is the same in the gradient, in W_i and in the features.",
        instead={
            f"{family}-formal": ("gap", "radius*eps_formal + weight_norm*misfit_other_kinks")
            for family in ("network", "meta-rl-network")
        },
        why="The gradient takes 1{0 > 0} = 0, the features take 1.",
    ),
    Hypothesis(
        "lookahead-in-the-feature",
        "RL-G",
        "The meta-feature contains eta grad Q_i.",
        {"meta-rl": {"misfit": "misfit_plain"}},
    ),
    Hypothesis(
        "shift-by-state",
        "RL-J",
        "What is subtracted from the visitation ratio depends on the state only.",
        instead={"meta-rl-lifted": ("gap", "radius*eps")},
        why="Any function may then be subtracted: the ratio itself leaves u = 0 and no misfit.",
    ),
    Hypothesis(
        "one-process-per-task",
        "RL-K",
        "omega and the comparator live in the same processes.",
        instead={"meta-rl-lifted": ("gap_elsewhere", "radius*eps + weight_norm*misfit")},
        why="Any other processes would do: the comparator's start in the next state.",
    ),
    Hypothesis("bounded-rewards", "RL-B", "Rewards are bounded."),
    Hypothesis("bounded-features", "RL-C", "Features are bounded."),
    Hypothesis("discount-below-1", "RL-O", "gamma_i < 1."),
    Hypothesis(
        "regular-adaptation",
        "RL-F",
        "The Jacobian of the adaptation is invertible.",
        instead={"meta-rl-t3e": ("gap", f"{NO_FACTOR}*eps*tabular_norm")},
        implied=("contraction",),
        why="The factor before eps bounds its inverse: without one it is read as one beyond 10^6.",
    ),
    Hypothesis("equal-discounts", "RL-N", "All tasks have the same discount."),
)

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
