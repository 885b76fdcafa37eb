"""The paper's results as we read its abstract, one by one: what holds as read, what needs more, what holds instead.

Data for a reader who has the paper in hand: each result names the claims that carry it and the audit's
counterexamples that show why it needs what it needs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from .tables import rows

URL = "https://proceedings.mlr.press/v119/wang20b.html"
"""The paper's own page."""


class Outcome(Enum):
    """What became of a result; the value is what the report prints."""

    AS_READ = "holds as read"
    WITH_MORE = "holds only with more"
    INSTEAD = "false if it is read so; something else holds"


class Basis(Enum):
    """Where a reading comes from; the value is what the report prints."""

    ABSTRACT = "the abstract"
    CONJECTURE = "not in the abstract: what we expect such a paper to state"


@dataclass(frozen=True)
class Result:
    """A result of the paper in our reading.

    basis     whether the abstract says it, or we expect it of the paper
    reading   what we take the paper to say
    needs     the hypothesis it needs beyond that and why, or what holds in its place; for results that hold as read,
              what the reading already contains
    claims    the claims that carry it, the one whose tightness is shown first
    shown     pairs (claim, assumption) of the audit that show the need, or that it is none
    refuted   mutants: the readings that are false
    """

    title: str
    reading: str
    outcome: Outcome
    needs: str
    claims: tuple[str, ...]
    shown: tuple[tuple[str, str], ...] = ()
    refuted: tuple[str, ...] = ()
    basis: Basis = Basis.CONJECTURE


_TABLE = r"""
Supervised learning, linear model: the gap of a stationary point | AS_READ | ABSTRACT
    A stationary point of the meta-objective is at most as far from optimal as the meta-features are from representing
    its displacement, times the size of the functional gradient.
    needs: “Functional geometry” is convexity of the outer loss in the prediction, and is needed. It holds against any
    comparator, with every constant explicit, and at points that are not stationary, where the gradient's norm pays.
    claims: meta-sl-lifted, meta-sl-headline
    shown: meta-sl-lifted without outer-convexity
Supervised learning: the bound with one feature for all tasks | WITH_MORE | CONJECTURE
    The same bound with a single, task-independent meta-feature under the mixture of the tasks' distributions.
    needs: Needs hypothesis (D): where the mixed weight is 0, so is the numerator of the mixed target, which is their
    ratio. With two mirrored tasks only the weight is 0, and the bound is then too small. The form without the division
    (mixed-l1) does not need it. And needs one gradient step with one loss and one step size: the feature of several
    steps, or of an implicit one, is not the same for all tasks.
    claims: meta-sl-mixed, meta-sl-mixed-l1
    shown: meta-sl-mixed without numerator-vanishes
    refuted: mixed-zero-over-zero
Supervised learning: support and query sets | AS_READ | CONJECTURE
    The same for tasks that adapt on a training set and are judged on a test set.
    needs: It contains: the functional gradient, the displacement and the norms are those of the test set, the Jacobian
    is that of the training set, and convexity is asked of the outer loss alone. What it does not contain is convexity
    of the meta-objective for small steps, whatever the data: with two sets that is false for every step size, and true
    again where no training set has what its test set lacks.
    claims: meta-sl-lifted, network-lifted, smooth-network-lifted, any-model-lifted
    shown: meta-sl-c8 without one-law, meta-sl-c8-dominated without dominated-support
    refuted: laws-exchanged, w-on-support, rho-of-support, query-hessian, c8-two-laws
Stationarity means a vanishing derivative | WITH_MORE | CONJECTURE
    At a stationary point of the meta-objective no direction improves it to first order.
    needs: Needs that the loss and the network are differentiable where they are used: at a joint of Huber's loss, or at
    a kink of a neuron, a point can be a local minimum and the bound against a better one be 0. With the formal gradient
    and one rule for the value at a kink the bound holds there too.
    claims: meta-sl-s2, network-s2, network-formal
    shown: meta-sl-lifted without differentiable-adaptation, network-lifted without differentiable-adaptation,
    network-formal without one-kink-rule
Points where first-order MAML stops | INSTEAD | CONJECTURE
    That the bound also covers first-order MAML, whose gradient leaves out the adaptation's derivative. (The abstract's
    “first-order methods” may mean gradient methods in general; then the paper claims nothing here.)
    needs: A point where first-order MAML stops need not be stationary for the meta-objective, and the bound is false
    with its gradient. First-order MAML has its own exact theorem: its own gradient with the features of the model,
    without a bias term.
    claims: meta-sl-first-order, network-first-order, meta-sl-c6
    shown: meta-sl-lifted without stationarity-of-L, network-lifted without stationarity-of-L
    refuted: first-order-eps, rl-first-order-eps, network-first-order-eps
The comparator is a global minimiser | AS_READ | CONJECTURE
    The gap is to the global optimum of the meta-objective.
    needs: It holds against a global minimiser where there is one. There need not be: logistic loss with one label,
    policies whose supremum lies at infinity, networks that jump at a kink. So it is stated against every parameter and
    every function; against the infimum with the width of a certified bracket added.
    claims: meta-sl-headline, meta-rl-headline, network-headline, any-model-headline
    shown: meta-sl-lifted without minimiser-exists, meta-rl-lifted without minimiser-exists, network-lifted without
    minimiser-exists
Reinforcement learning: the gap of a stationary point | AS_READ | ABSTRACT
    The same for policies that are energy-based and linear, with a step on policies as adaptation.
    needs: The performance difference takes the part of convexity: the first step is an equality. Adapted policies must
    give every action positive probability: those of the KL step do, those of the rational step where 1 + eta Q > 0.
    claims: meta-rl-lifted, meta-rl-headline
    shown: meta-rl-lifted without positive-policy
Reinforcement learning: the bound with one feature for all tasks | WITH_MORE | CONJECTURE
    The same for a step on policies, with visitations and next visitations mixed over the tasks.
    needs: Needs hypothesis (D), here of the target's and of the feature's numerator. And the feature is not the same
    for all tasks: it depends on them through one number per next visit, unless there is one task, no adaptation, or the
    advantages agree.
    claims: meta-rl-mixed, meta-rl-mixed-l1
    shown: meta-rl-mixed without numerator-vanishes
    refuted: rl-mixed-zero-over-zero
Reinforcement learning, one task, tabular: stationary means optimal | WITH_MORE | CONJECTURE
    With full representation power a stationary point is globally optimal (no policies do better).
    needs: Needs that the adaptation does not fold: at a fold a stationary point need not be optimal. For the KL step
    kappa = |eta| gamma span(r)/(2 (1 - gamma)) < 1 suffices (it is not necessary). With several tasks it is false even
    without adaptation.
    claims: meta-rl-t3e
    shown: meta-rl-t3e without contraction, meta-rl-t3e without single-task, meta-rl-t3e without tabular
Supervised learning: full representation power | AS_READ | CONJECTURE
    If the meta-features represent every displacement, stationary points are globally optimal: no functions of task and
    input do better.
    needs: For losses that are convex in the prediction it holds wherever its premise does; whether a model can meet the
    premise is another question. Features represent every displacement of functions exactly if they are linearly
    independent over all pairs of a task and an input. Those of a linear model that is judged on what it adapts on never
    are if two tasks share an input; tasks that contradict each other are then a counterexample: omega is the best
    parameter, and functions that tell the tasks apart do better. With supports of their own, or with a smooth network,
    tasks may share inputs if they adapt differently. That no parameter does better, adapted alike, needs less in a
    linear model: nothing with the squared loss, and with one task a Jacobian of the adaptation that is invertible at
    omega. Functions may then still do better: two inputs with the same feature, labelled 1 and -1.
    claims: meta-sl-c3, network-c3, smooth-network-c3, any-model-c3, meta-sl-c1, meta-sl-c7
    shown: meta-sl-c3 without full-row-rank, network-c3 without full-row-rank, smooth-network-c3 without full-row-rank,
    meta-sl-c7 without invertible-jacobian
Reinforcement learning, networks: full representation power | INSTEAD | CONJECTURE
    A wide network represents every displacement, so that stationary points are globally optimal: no policies of task
    and state do better.
    needs: The premise is false, however wide the network, for tasks that share a state where actions differ: the
    adaptation is a step on policies, so the features are the tasks' own only through the look-ahead, which adds no
    dimension. Two bandits that contradict each other are a counterexample (without adaptation; every network has the
    same value there; policies that tell the tasks apart do better). It holds for one task, and for tasks with states of
    their own, if the differences of the meta-feature between actions are independent.
    claims: meta-rl-network-c3, meta-rl-smooth-network-c3
    shown: meta-rl-network-c3 without full-action-rank, meta-rl-smooth-network-c3 without full-action-rank
Supervised learning, networks: the gap with features at initialisation | WITH_MORE | CONJECTURE
    For wide two-layer networks the bound holds with the features of the initial network.
    needs: Needs an error term (which a statement about wide networks will have): the gradient belongs to the features
    of the trained network. It is explicit here. Exact without one if the gradient is replaced by the pairing with the
    initial features, or with the features of the network itself off its kinks.
    claims: network-init-operator, network-init, network-lifted, smooth-network-lifted
    shown: network-init without W-in-the-ball
    refuted: network-no-error-term, network-init-outer, network-init-in-hessian
Reinforcement learning, networks: the gap with features at initialisation | WITH_MORE | CONJECTURE
    The same for policies whose energies are wide two-layer networks.
    needs: Needs an error term as in supervised learning, and flips of neurons at later visits count in it too. Exact
    without one if the gradient is replaced by the pairing with the initial features, or with the features of the
    network itself off its kinks.
    claims: meta-rl-network-init-operator, meta-rl-network-init, meta-rl-network-lifted,
    meta-rl-smooth-network-init-operator, meta-rl-smooth-network-init, meta-rl-smooth-network-lifted
    shown: meta-rl-network-lifted without differentiable-adaptation, meta-rl-network-init without W-in-the-ball
    refuted: rl-network-no-error-term, rl-network-init-outer, rl-network-init-eps
Networks: the error vanishes with the width | WITH_MORE | CONJECTURE
    The error of features at initialisation is at most of order $m^{-1/4}$ in the width $m$.
    needs: Needs regular data, $P(\lvert a^{\top}x\rvert\le t)\le c\,t/\lVert a\rVert$, in at least three dimensions. At
    a single input, and so for every finite sample, and for one-dimensional inputs the order is $m^{-1/6}$. Both
    statements, N3 and N4, are about the linearisation of the worst network of a ball, not about a trained one, and not
    about the gap's error term, the operator norm of the difference of the meta-features: of that it is proved, instance
    by instance, that the flips bound it. Measurements both ways are with the rates, on the page of the global optimum.
    claims: network-linearisation, network-atom
    shown: network-linearisation without regular-data
"""
"""TITLE | OUTCOME | BASIS; below the reading, and what begins with a field's name."""


def _result(head: list[str], below: list[str]) -> Result:
    said = re.split(r" ?(needs|claims|shown|refuted): ", " ".join(below))
    fields = {"reading": said[0], **dict(zip(said[1::2], said[2::2], strict=True))}
    named = (fields.get(name, "").split(", ") for name in ("claims", "shown", "refuted"))
    claims, shown, refuted = (tuple(filter(None, names)) for names in named)
    pairs = tuple((claim, assumption) for claim, _, assumption in (pair.partition(" without ") for pair in shown))
    title, outcome, basis = head
    return Result(title, fields["reading"], Outcome[outcome], fields["needs"], claims, pairs, refuted, Basis[basis])


RESULTS = tuple(_result(*row) for row in rows(_TABLE))
