"""A second opinion on ourselves: every family's instances as PyTorch programs of some ten lines, judged by their trace.

Supervised families are compared on both sides of claims, whose norms they share: a lifted point is a row, with all its
labels. Policies are compared on the gap, the gradient and the values: predictions are visitations there, of which J is
linear, so that the other terms of the bound are another inner product's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.arithmetic import rational
from metagap.impl.families import META_RL, META_RL_NETWORK, META_RL_SMOOTH_NETWORK, family_of, judge
from metagap.impl.losses import Loss
from metagap.impl.policies.instance import Adaptation, PolicyInstance, PolicyNetworkInstance
from metagap.impl.sources import Limits, RandomSource
from metagap.impl.supervised.adaptation import Gradient, Implicit
from metagap.impl.supervised.instance import Atom, MetaSLInstance, NetworkInstance, Task
from metagap.impl.vector_losses import VectorLoss

from . import test_vector_networks, test_vectors

torch = pytest.importorskip("torch")
from metagap import torch as traced  # noqa: E402
from metagap.impl.traced.judging import judged  # noqa: E402
from metagap.impl.traced.problem import instance_of  # noqa: E402
from metagap.impl.traced.quantities import TracedQuantities  # noqa: E402

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")

CLAIMS = ("identity", "s1", "s2", "s3", "s4", "lifted", "l1", "first-order")
SHARED = ("gap", "bregman", "eps", "pairing", "weight_norm", "function_displacement", "eps_first_order")
"""Quantities that need no search, at many digits."""
SOFTPLUS = torch.nn.Softplus(threshold=1e9)

# --- losses of predictions z (n, 1) or (n, c) against one label y (n,) or (n, c) ----------------------------------

LOSSES: dict[str, tuple[Callable[..., Any], str | None]] = {
    "squared": (lambda z, y: (z - y) ** 2 / 2, None),
    "quartic": (lambda z, y: (z - y) ** 2 / 2 + 0.5 * (z - y) ** 4, "1/2"),
    "logistic": (lambda z, y: SOFTPLUS(-y * z), None),
    "log-cosh": (lambda z, y: torch.log(torch.cosh(z - y)), None),
    "pseudo-huber": (lambda z, y: 0.25 * (torch.sqrt(1 + ((z - y) / 0.5) ** 2) - 1), "1/2"),
    "huber": (lambda z, y: torch.nn.functional.huber_loss(z, y, delta=0.5, reduction="none"), "1/2"),
    "exponential": (lambda z, y: torch.exp(-y * z), None),
    "poisson": (lambda z, y: torch.exp(z) - y * z, None),
    "absolute": (lambda z, y: torch.abs(z - y), None),
}
"""The convex losses of one output, and their parameter."""
SIGNS, COUNTS = ("logistic", "exponential"), ("poisson",)
VECTORS: dict[str, Callable[..., Any]] = {
    "softmax": lambda z, y: torch.logsumexp(z, -1) - (z * y).sum(-1),
    "squared": lambda z, y: ((z - y) ** 2).sum(-1) / 2,
}


def root_like(x: Any, m: int) -> Any:
    """m^{1/2} by an operation of the trace: a float would be a rounded one."""
    return torch.sqrt(m * torch.ones_like(x.ravel()[0]))


class Linear(torch.nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, theta: np.ndarray, outputs: int) -> None:
        super().__init__()
        self.theta = torch.nn.Parameter(torch.tensor(theta.reshape(outputs, -1)))

    def forward(self, x: Any) -> Any:
        return x @ self.theta.T


class Network(torch.nn.Module):  # type: ignore[misc, name-defined]
    def __init__(self, w: np.ndarray, signs: np.ndarray, activation: Any) -> None:
        super().__init__()
        self.w, self.signs, self.activation = torch.nn.Parameter(torch.tensor(w)), torch.tensor(signs), activation

    def forward(self, x: Any) -> Any:
        return self.activation(x @ self.w.T) @ self.signs.T / root_like(x, self.signs.shape[1])


def floats(numbers: Any) -> np.ndarray:
    """Rationals of any nesting."""
    table = np.array(numbers, dtype=object)
    return np.vectorize(lambda q: float(q.p) / float(q.q), otypes=[float])(table)


def whole(numbers: Any) -> np.ndarray:
    """Rationals times their common denominator: sums and shares of these are exact, where thirds are no floats."""
    table = np.array(numbers, dtype=object)
    common = math.lcm(*(int(q.q) for q in table.ravel()))
    return floats(table * fmpq(common))


def law(instance: Any, atoms: Any) -> tuple[Any, Any]:
    """Inputs, one row for each lifted point; labels and shares of its atoms (n, atoms, c + 1), 0 where it has fewer."""
    places, shares = sorted({atom.x for atom in atoms}), whole([atom.p for atom in atoms])
    own = [[k for k, atom in enumerate(atoms) if atom.x == x] for x in places]
    loss, c = instance.loss, instance.loss.outputs
    table = np.zeros((len(places), max(map(len, own)), c + 1))
    for row, group in zip(table, own, strict=True):
        for entry, k in zip(row, group, strict=False):
            label = np.eye(c)[int(atoms[k].y)] if loss.name == "softmax" else floats([atoms[k].y]).ravel()
            entry[:] = [*label, shares[k]]
    return torch.tensor(floats([instance.features[x] for x in places])), torch.tensor(table)


def program(instance: Any) -> tuple[Any, Any, list[traced.Task], Any]:
    """(model, comparator, tasks, loss) of a supervised instance."""
    c = instance.loss.outputs
    ell = VECTORS[instance.loss.name] if c > 1 else LOSSES[instance.loss.name][0]

    def risk(z: Any, y: Any) -> Any:
        losses = ell(z[:, None, :], y[..., :-1]) if c > 1 else ell(z, y[..., 0])
        return (y[..., -1] * losses).sum() / y[..., -1].sum()

    if isinstance(instance, NetworkInstance):
        made = {"relu": torch.relu, "tanh": torch.tanh, "softplus": SOFTPLUS}[getattr(instance, "activation", "relu")]
        signs = np.array(instance.output, dtype=float)
        models = [Network(w.floats, signs, made) for w in (instance.omega, instance.comparator)]  # type: ignore[union-attr]
    else:
        models = [Linear(floats(theta), c) for theta in (instance.omega, instance.comparator)]
    tasks = [
        traced.Task(law(instance, task.inner), law(instance, task.atoms), weight)
        for task, weight in zip(instance.tasks, whole([task.weight for task in instance.tasks]), strict=True)
    ]
    return models[0], models[1], tasks, risk


def steps_of(adaptation: Gradient) -> Any:
    """The inner loop, written by hand where it has rates or decay."""
    eta, decay = float(floats(adaptation.eta)), float(floats(adaptation.decay))
    if adaptation.rates is None and not decay:
        return traced.SGD(eta, steps=adaptation.steps)
    rates = torch.tensor(floats(adaptation.rates)) if adaptation.rates else torch.ones(1)

    def inner(parameters: Any, risk: Any) -> Any:
        for _ in range(adaptation.steps):
            slopes = torch.func.grad(risk)(parameters)
            parameters = {n: p - eta * rates.reshape(-1).expand(p.numel()).reshape(p.shape) * (slopes[n] + decay * p)
                          for n, p in parameters.items()}  # fmt: skip
        return parameters

    return inner


def meets(instance: Any, inner: Any = None) -> None:
    """Claims are decided alike, and their sides overlap."""
    instance = replace(instance, tasks=tuple(map(levelled, instance.tasks)), radius=fmpq(2))
    model, rival, tasks, risk = program(instance)
    inner = steps_of(instance.adaptation) if inner is None else inner
    problem = instance_of(model, tasks, inner, risk, rival, 2.0)
    found, ours, family = judged(problem), judge(instance), family_of(instance).name
    for claim in CLAIMS:
        mine, theirs = ours[f"{family}-{claim}"], found[claim]
        assert mine.verdict.name in ("PROVED", "EQUAL"), (claim, mine.reason)
        assert theirs.verdict.name in ("PROVED", "EQUAL"), (claim, theirs.reason)
        if claim in ("s3", "s4", "identity", "s2"):
            continue  # along directions of their own
        for a, b in ((mine.left, theirs.left), (mine.bound, theirs.bound)):
            assert a is not None and b is not None
            assert a.lo <= b.hi and b.lo <= a.hi, (claim, a, b)
    with ctx.workprec(256):
        at, other = TracedQuantities(problem), family_of(instance).quantities(instance)
        for name in SHARED:
            near, own = at(name), arb(other(name))
            assert max(near.rad(), own.rad()) < 1e-25 and near.overlaps(own), (name, near, own)


def levelled(task: Task) -> Task:
    """The same with equal masses of its points in the outer law, as a mean has them; labels share them unequally."""
    total = {x: sum((atom.p for atom in task.atoms if atom.x == x), fmpq(0)) for x in {atom.x for atom in task.atoms}}
    return replace(task, atoms=tuple(replace(a, p=a.p / total[a.x] / len(total)) for a in task.atoms))


def linear(loss: Any, adaptation: Any, seed: int, split: bool = False) -> MetaSLInstance:
    """As `test_vectors.drawn`, with labels of that loss."""
    found = test_vectors.drawn(VectorLoss("squared", outputs=2), adaptation, seed, split)
    if loss.outputs > 1:
        return test_vectors.drawn(loss, adaptation, seed, split)
    change = {**dict.fromkeys(SIGNS, lambda y: fmpq(1 if y > 0 else -1)), **dict.fromkeys(COUNTS, abs)}
    label = change.get(loss.name, lambda y: y + fmpq(1, 16))  # off the joints of the kinked ones

    def atoms(given: Any) -> Any:
        return None if given is None else tuple(Atom(a.x, label(a.y[0]), a.p) for a in given)

    tasks = tuple(Task(t.weight, atoms(t.atoms), atoms(t.support)) for t in found.tasks)
    return replace(found, loss=loss, tasks=tasks, omega=found.omega[:2], comparator=found.comparator[:2])  # type: ignore[index]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.ci(every=9)
def test_linear_models(name: str) -> None:
    """With each loss, every other one with a support of its own, some with two steps."""
    parameter = LOSSES[name][1]
    loss = Loss(name, None if parameter is None else fmpq(1, 2))
    position = list(LOSSES).index(name)
    meets(linear(loss, Gradient(fmpq(1, 8), 1 + (name == "logistic")), 10 + position, split=position % 2 == 1))


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.ci
def test_linear_models_of_several_outputs(name: str) -> None:
    loss = VectorLoss(name, outputs=3 if name == "softmax" else 2)
    meets(linear(loss, Gradient(fmpq(1, 8), 2), 1, split=name == "softmax"))


@pytest.mark.ci
def test_steps_with_rates_and_decay() -> None:
    meets(linear(Loss("log-cosh"), Gradient(fmpq(1, 4), 2, (fmpq(1), fmpq(1, 2)), fmpq(1, 4)), 3))


@pytest.mark.ci
def test_implicit_steps_of_a_linear_model() -> None:
    """iMAML with the squared loss: the linear solve of (X'DX + lambda I) t = X'Dy + lambda theta, from derivatives."""
    strength = fmpq(2)

    def inner(parameters: Any, risk: Any) -> Any:
        ((name, theta),) = parameters.items()
        hessian = torch.func.jacfwd(torch.func.grad(lambda t: risk({name: t.reshape(theta.shape)})))(theta.reshape(-1))
        slope = torch.func.grad(lambda t: risk({name: t.reshape(theta.shape)}))(theta.reshape(-1))
        step = torch.linalg.solve(hessian + 2 * torch.eye(len(slope), dtype=slope.dtype), slope)
        return {name: theta - step.reshape(theta.shape)}

    meets(linear(Loss("squared"), Implicit(strength), 4), inner)


@pytest.mark.parametrize("kind", ["relu", "softplus", "tanh"])
@pytest.mark.parametrize("loss", ["squared", "squared 2", "softmax 3"])
@pytest.mark.ci
def test_networks(loss: str, kind: str) -> None:
    """Of one output and of several; smooth ones with a support of their own; tanh with two steps."""
    name, _, outputs = loss.partition(" ")
    vector = VectorLoss(name, outputs=int(outputs or 2))
    instance = test_vector_networks.drawn(vector, kind, 1 + (kind == "tanh"), seed=7, split=kind != "relu")
    if not outputs:

        def first(atoms: Any) -> Any:
            return None if atoms is None else tuple(replace(a, y=a.y[0]) for a in atoms)

        tasks = tuple(replace(t, atoms=first(t.atoms), support=first(t.support)) for t in instance.tasks)
        instance = replace(instance, loss=Loss("squared"), tasks=tasks, signs=instance.signs[: instance.width])
    meets(instance)


# --- policies ----------------------------------------------------------------------------------------------------


class Policy(torch.nn.Module):  # type: ignore[misc, name-defined]
    """The visitations of an adapted policy: x is a process, (1, all of its numbers)."""

    def __init__(self, instance: PolicyInstance, theta: Any) -> None:
        super().__init__()
        self.shape, self.step = instance.shape, instance.adaptation
        self.tau, self.eta = float(floats(instance.tau)), float(floats(instance.eta))
        self.inputs = torch.tensor(floats(instance.features))
        self.network = isinstance(instance, PolicyNetworkInstance)
        self.theta = torch.nn.Parameter(torch.tensor(theta.floats if self.network else floats(theta)))
        if isinstance(instance, PolicyNetworkInstance):
            self.signs = torch.tensor(instance.signs, dtype=torch.float64)
            self.sigma = {"relu": torch.relu, "tanh": torch.tanh, "softplus": SOFTPLUS}[instance.activation]

    def forward(self, x: Any) -> Any:
        states, actions, _ = self.shape
        p, r, start, gamma = torch.split(x[0], [states * actions * states, states * actions, states, 1])
        p, r, start = p.reshape(states, actions, states), r.reshape(states, actions), start / start.sum()
        p = p / p.sum(-1, keepdim=True)
        energies = self.inputs @ self.theta if not self.network else (
            self.sigma(self.inputs @ self.theta.T) @ self.signs / root_like(self.theta, len(self.signs)))  # fmt: skip
        prior = policy = torch.softmax(energies / self.tau, -1)
        if self.step != "gradient":
            chain = torch.eye(states, dtype=p.dtype) - gamma * (prior[..., None] * p).sum(1)
            value = torch.linalg.solve(chain, (1 - gamma) * (prior * r).sum(1))
            q = (1 - gamma) * r + gamma * (p @ value)
            policy = (torch.softmax(energies / self.tau + self.eta * q, -1) if self.step == "kl-step"
                      else prior * (1 + self.eta * q) / (prior * (1 + self.eta * q)).sum(-1, keepdim=True))  # fmt: skip
        chain = torch.eye(states, dtype=p.dtype) - gamma * (policy[..., None] * p).sum(1)
        visits = torch.linalg.solve(chain.T, (1 - gamma) * start)
        return (visits[:, None] * policy).reshape(1, -1)


def less_return(visitations: Any, rewards: Any) -> Any:
    """-J."""
    return -(visitations * rewards).sum()


def process(task: Any) -> tuple[Any, Any]:
    rewards = floats(task.rewards).ravel()
    numbers = [whole(task.transitions).ravel(), rewards, whole(task.start), [float(floats(task.gamma))]]
    return torch.tensor(np.concatenate(numbers)[None]), torch.tensor(rewards[None])


FEW = Limits(tasks=2, dimension=2, states=3, actions=2)
POLICIES: Mapping[str, Any] = {"linear": META_RL, "relu": META_RL_NETWORK, "smooth": META_RL_SMOOTH_NETWORK}


def drawn_policy(kind: str, step: str, seed: int) -> PolicyInstance:
    """A small instance of the family's first generator whose comparator is a parameter, with that adaptation."""
    family = POLICIES["linear" if kind == "tabular" else kind]
    for k in range(50):
        for generator in family.wild:
            for variant in family.all_variants(generator):
                found = generator.build(RandomSource((seed, k), 1), variant, FEW).instance(0)
                small = found.parameters <= 12 and not hasattr(found.comparator, "values")
                if small and getattr(found, "activation", "relu") in ("relu", "tanh", "softplus"):
                    return dyadic(replace(found, adaptation=Adaptation(step), eta=fmpq(1, 8), notes=()))
    raise AssertionError("no small instance is drawn")


def dyadic(instance: PolicyInstance) -> PolicyInstance:
    """The nearest instance of float64 numbers, but for probabilities."""

    def near(value: Any) -> Any:
        return tuple(map(near, value)) if isinstance(value, tuple) else rational(float(value.p) / float(value.q))

    tasks = tuple(replace(t, gamma=near(t.gamma), rewards=near(t.rewards)) for t in instance.tasks)
    found = replace(instance, features=near(instance.features), tasks=tasks, tau=near(instance.tau))
    if isinstance(instance, PolicyNetworkInstance):
        return found
    return replace(found, omega=near(instance.omega), comparator=near(instance.comparator))


def tabular(instance: PolicyInstance) -> PolicyInstance:
    """With a unit vector for each state and action."""
    states, actions, _ = instance.shape
    d = states * actions
    rows = [[fmpq(int(k == j)) for k in range(d)] for j in range(d)]
    rng = np.random.default_rng(3)
    theta, other = (tuple(fmpq(int(v), 4) for v in rng.integers(-4, 5, d)) for _ in range(2))
    features = tuple(tuple(tuple(rows[s * actions + a]) for a in range(actions)) for s in range(states))
    return replace(instance, features=features, omega=theta, comparator=other)


STEPS = [("tabular", "kl-step"), ("linear", "gradient"), ("linear", "rational-step"), ("linear", "kl-step"),
         ("relu", "kl-step"), ("smooth", "kl-step")]  # fmt: skip


@pytest.mark.parametrize(("kind", "step"), STEPS)
@pytest.mark.ci
def test_policies(kind: str, step: str) -> None:
    """J, the gap and the gradient, from visitations by a linear solve, softmax and reverse mode."""
    instance = drawn_policy(kind, step, 5)
    if kind == "tabular":
        instance = tabular(instance)
    shares = whole([task.weight for task in instance.tasks])
    tasks = [traced.Task(process(t), process(t), q) for t, q in zip(instance.tasks, shares, strict=True)]
    inner = traced.SGD(float(floats(instance.eta)), 1 if step == "gradient" else 0)
    problem = instance_of(Policy(instance, instance.omega), tasks, inner, less_return,
                          Policy(instance, instance.comparator), 1.0)  # fmt: skip
    family = family_of(instance)
    with ctx.workprec(256):
        theirs, ours = TracedQuantities(problem), family.quantities(instance)
        assert (-theirs.value).overlaps(arb(ours.problem.meta_objective(instance.omega)))
        for name in ("gap", "eps"):
            a, b = getattr(theirs, name), getattr(ours, name)
            assert a.is_finite() and a.rad() < 1e-25 and a.overlaps(b), (name, a, b)
        assert not theirs.kinks and theirs.eps > 0
