"""The paper's results as we read its abstract, one by one: what holds as read, what needs more, what holds instead.

Data for a reader who has the paper in hand: each result names the claims that carry it and the audit's
counterexamples that show why it needs what it needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

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


RESULTS: tuple[Result, ...] = (
    Result(
        "Supervised learning, linear model: the gap of a stationary point",
        "A stationary point of the meta-objective is at most as far from optimal as the meta-features are from "
        "representing its displacement, times the size of the functional gradient.",
        Outcome.AS_READ,
        "“Functional geometry” is convexity of the outer loss in the prediction, and is needed. It holds against "
        "any comparator, with every constant explicit, and at points that are not stationary, where the gradient's "
        "norm pays.",
        ("meta-sl-lifted", "meta-sl-headline"),
        (("meta-sl-lifted", "outer-convexity"),),
        basis=Basis.ABSTRACT,
    ),
    Result(
        "Supervised learning: the bound with one feature for all tasks",
        "The same bound with a single, task-independent meta-feature under the mixture of the tasks' distributions.",
        Outcome.WITH_MORE,
        "Needs hypothesis (D): where the mixed weight is 0, so is the numerator of the mixed target, which is their "
        "ratio. With two mirrored tasks only the weight is 0, and the bound is then too small. The form without the "
        "division (mixed-l1) does not need it. And needs one gradient step with one loss and one step "
        "size: the feature of several steps, or of an implicit one, is not the same for all tasks.",
        ("meta-sl-mixed", "meta-sl-mixed-l1"),
        (("meta-sl-mixed", "numerator-vanishes"),),
        ("mixed-zero-over-zero",),
    ),
    Result(
        "Supervised learning: support and query sets",
        "The same for tasks that adapt on a training set and are judged on a test set.",
        Outcome.AS_READ,
        "It contains: the functional gradient, the displacement and the norms are those of the test set, the "
        "Jacobian is that of the training set, and convexity is asked of the outer loss alone. What it does not "
        "contain is convexity of the meta-objective for small steps, whatever the data: with two sets that is false "
        "for every step size, and true again where no training set has what its test set lacks.",
        ("meta-sl-lifted", "network-lifted", "smooth-network-lifted", "any-model-lifted"),
        (("meta-sl-c8", "one-law"), ("meta-sl-c8-dominated", "dominated-support")),
        ("laws-exchanged", "w-on-support", "rho-of-support", "query-hessian", "c8-two-laws"),
    ),
    Result(
        "Stationarity means a vanishing derivative",
        "At a stationary point of the meta-objective no direction improves it to first order.",
        Outcome.WITH_MORE,
        "Needs that the loss and the network are differentiable where they are used: at a joint of Huber's "
        "loss, or at a kink of a neuron, a point can be a local minimum and the bound against a better one be 0. "
        "With the formal gradient and one rule for the value at a kink the bound holds there too.",
        ("meta-sl-s2", "network-s2", "network-formal"),
        (
            ("meta-sl-lifted", "differentiable-adaptation"),
            ("network-lifted", "differentiable-adaptation"),
            ("network-formal", "one-kink-rule"),
        ),
    ),
    Result(
        "Points where first-order MAML stops",
        "That the bound also covers first-order MAML, whose gradient leaves out the adaptation's derivative. (The "
        "abstract's “first-order methods” may mean gradient methods in general; then the paper claims nothing here.)",
        Outcome.INSTEAD,
        "A point where first-order MAML stops need not be stationary for the meta-objective, and the bound is false "
        "with its gradient. First-order MAML has its own exact theorem: its own gradient with the features of the "
        "model, without a bias term.",
        ("meta-sl-first-order", "network-first-order", "meta-sl-c6"),
        (("meta-sl-lifted", "stationarity-of-L"), ("network-lifted", "stationarity-of-L")),
        ("first-order-eps", "rl-first-order-eps", "network-first-order-eps"),
    ),
    Result(
        "The comparator is a global minimiser",
        "The gap is to the global optimum of the meta-objective.",
        Outcome.AS_READ,
        "It holds against a global minimiser where there is one. There need not be: logistic loss with one label, "
        "policies whose supremum lies at infinity, networks that jump at a kink. So it is stated against every "
        "parameter and every function; against the infimum with the width of a certified bracket added.",
        ("meta-sl-headline", "meta-rl-headline", "network-headline", "any-model-headline"),
        (
            ("meta-sl-lifted", "minimiser-exists"),
            ("meta-rl-lifted", "minimiser-exists"),
            ("network-lifted", "minimiser-exists"),
        ),
    ),
    Result(
        "Reinforcement learning: the gap of a stationary point",
        "The same for policies that are energy-based and linear, with a step on policies as adaptation.",
        Outcome.AS_READ,
        "The performance difference takes the part of convexity: the first step is an equality. Adapted policies must "
        "give every action positive probability: those of the KL step do, those of the rational step where "
        "1 + eta Q > 0.",
        ("meta-rl-lifted", "meta-rl-headline"),
        (("meta-rl-lifted", "positive-policy"),),
        basis=Basis.ABSTRACT,
    ),
    Result(
        "Reinforcement learning: the bound with one feature for all tasks",
        "The same for a step on policies, with visitations and next visitations mixed over the tasks.",
        Outcome.WITH_MORE,
        "Needs hypothesis (D), here of the target's and of the feature's numerator. And the feature is "
        "not the same for all tasks: it depends on them through one number "
        "per next visit, unless there is one task, no adaptation, or the advantages agree.",
        ("meta-rl-mixed", "meta-rl-mixed-l1"),
        (("meta-rl-mixed", "numerator-vanishes"),),
        ("rl-mixed-zero-over-zero",),
    ),
    Result(
        "Reinforcement learning, one task, tabular: stationary means optimal",
        "With full representation power a stationary point is globally optimal (no policies do better).",
        Outcome.WITH_MORE,
        "Needs that the adaptation does not fold: at a fold a stationary point need not be optimal. For the KL step "
        "kappa = |eta| gamma span(r)/(2 (1 - gamma)) < 1 suffices (it is not necessary). With several tasks it is "
        "false even without adaptation.",
        ("meta-rl-t3e",),
        (("meta-rl-t3e", "contraction"), ("meta-rl-t3e", "single-task"), ("meta-rl-t3e", "tabular")),
    ),
    Result(
        "Supervised learning: full representation power",
        "If the meta-features represent every displacement, stationary points are globally optimal: no functions of "
        "task and input do better.",
        Outcome.AS_READ,
        "For losses that are convex in the prediction it holds wherever its premise does; whether a model can "
        "meet the premise is another question. Features represent every displacement of functions exactly if they"
        " are linearly independent over all pairs of a task and an input. Those of a linear model that is judged "
        "on what it adapts on never are if two tasks share an input; tasks that contradict each other are then a "
        "counterexample: omega is the best parameter, and functions that tell the tasks apart do better. With "
        "supports of their own, or with a smooth network, tasks may share inputs if they adapt differently. That "
        "no parameter does better, adapted alike, needs less in a linear model: nothing with the squared loss, "
        "and with one task a Jacobian of the adaptation that is invertible at omega. Functions may then still do "
        "better: two inputs with the same feature, labelled 1 and -1.",
        ("meta-sl-c3", "network-c3", "smooth-network-c3", "any-model-c3", "meta-sl-c1", "meta-sl-c7"),
        (
            ("meta-sl-c3", "full-row-rank"),
            ("network-c3", "full-row-rank"),
            ("smooth-network-c3", "full-row-rank"),
            ("meta-sl-c7", "invertible-jacobian"),
        ),
    ),
    Result(
        "Reinforcement learning, networks: full representation power",
        "A wide network represents every displacement, so that stationary points are globally optimal: no policies of "
        "task and state do better.",
        Outcome.INSTEAD,
        "The premise is false, however wide the network, for tasks that share a state where actions differ: the "
        "adaptation is a step on policies, so the features are the tasks' own only through the look-ahead, which adds "
        "no dimension. Two bandits that contradict each other are a counterexample (without adaptation; every network "
        "has the same value there; policies that tell the tasks apart do better). It holds for one task, and for tasks "
        "with states of their own, if the differences of the meta-feature between actions are independent.",
        ("meta-rl-network-c3", "meta-rl-smooth-network-c3"),
        (("meta-rl-network-c3", "full-action-rank"), ("meta-rl-smooth-network-c3", "full-action-rank")),
    ),
    Result(
        "Supervised learning, networks: the gap with features at initialisation",
        "For wide two-layer networks the bound holds with the features of the initial network.",
        Outcome.WITH_MORE,
        "Needs an error term (which a statement about wide networks will have): the gradient belongs to the features "
        "of the trained network. It is explicit here. Exact without one if the gradient is replaced by the pairing "
        "with the initial features, or with the features of the network itself off its kinks.",
        ("network-init-operator", "network-init", "network-lifted", "smooth-network-lifted"),
        (("network-init", "W-in-the-ball"),),
        ("network-no-error-term", "network-init-outer", "network-init-in-hessian"),
    ),
    Result(
        "Reinforcement learning, networks: the gap with features at initialisation",
        "The same for policies whose energies are wide two-layer networks.",
        Outcome.WITH_MORE,
        "Needs an error term as in supervised learning, and flips of neurons at later visits count in it too. Exact "
        "without one if the gradient is replaced by the pairing with the initial features, or with the features of the "
        "network itself off its kinks.",
        (
            "meta-rl-network-init-operator",
            "meta-rl-network-init",
            "meta-rl-network-lifted",
            "meta-rl-smooth-network-init-operator",
            "meta-rl-smooth-network-init",
            "meta-rl-smooth-network-lifted",
        ),
        (("meta-rl-network-lifted", "differentiable-adaptation"), ("meta-rl-network-init", "W-in-the-ball")),
        ("rl-network-no-error-term", "rl-network-init-outer", "rl-network-init-eps"),
    ),
    Result(
        "Networks: the error vanishes with the width",
        "The error of features at initialisation is at most of order $m^{-1/4}$ in the width $m$.",
        Outcome.WITH_MORE,
        r"Needs regular data, $P(\lvert a^{\top}x\rvert\le t)\le c\,t/\lVert a\rVert$, in at least three dimensions. "
        "At a single input, and so for every finite sample, and for one-dimensional inputs the order is $m^{-1/6}$. "
        "Both statements, N3 and N4, are about the linearisation of the worst network of a ball, not about a trained "
        "one, and not about the gap's error term, the operator norm of the difference of the meta-features: of that it "
        "is proved, instance by instance, that the flips bound it. Measurements both ways are with the rates, on the "
        "page of the global optimum.",
        ("network-linearisation", "network-atom"),
        (("network-linearisation", "regular-data"),),
    ),
)
