"""MAML with a two-layer network by definition, on the points of the tasks: patterns, kernels, predictions, adaptation.

All that a network of any width does on finitely many points is in its activation patterns S (one column per point)
and in exact sums over neurons. For patterns P, Q at inputs x, x' the gradient features psi = m^{-1/2}(b_r P_r x)_r have

    <psi, psi'> = #{r: P_r = Q_r = 1} <x, x'> / m              (b cancels: b_r^2 = 1)

and a gradient step adds such features to W, so that no iterate W^(k) of task i (W^(0) = W, W^(K) = W_i) is ever formed:

    W^(k)_r'x' = W_r'x' - m^{-1/2} b_r sum_{l<k} sum_x c^(l)(x) S^(l)_r(x) <x, x'>,
    c^(l)(x) = eta sum_y p ell'(f(x; W^(l)), y),    p the masses of the task's inner law.

A rate for each weight and decay scale weights and features entry by entry (`scales`): W^(k) is S^k o W less scaled
features. Of c outputs points are lifted ones, x c + a, with the signs b_a (see `models.relu`). Convention at kinks:
1{0 > 0} = 0. Inputs x = 0 are no kinks: there f = 0 for every W.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from flint import arb

from ...arithmetic import Balls, Number, NumberSystem, Rationals, bounds, midpoint
from ...models.combination import Combination
from ...models.relu import Distance, Neurons
from ...models.weights import Inputs, Weights
from ..instance import NetworkInstance
from ..maml import Law, Risks
from .scales import KEPT, MOVED, ScaledLayer

Array = np.ndarray

EXACT_KINKS = 64
"""Undecided signs that are asked of the exact twin before the margin is left open."""
EXACT_STEPS = 2
"""Steps up to which rationals stay short with any rational loss: digits multiply at each."""
AFFINE = ("squared", "huber", "absolute")
"""Losses with piecewise affine slopes: digits add up, and the exact twin follows any number of steps."""


class NetworkProblem(ScaledLayer, Risks):
    """A network instance in the number system `m` (of a canonical instance)."""

    def __init__(self, instance: NetworkInstance, m: NumberSystem) -> None:
        super().__init__(instance.loss, instance.tasks, m)
        self.instance = instance
        self.inputs = Inputs(instance.features)
        self.eta: Number = m.number(instance.adaptation.eta)
        self.output = np.array(instance.output, dtype=float)
        self.width = instance.width
        self.scale(instance.adaptation)

    @cached_property
    def products(self) -> tuple[Array, Array]:
        """<x, x'> (k, k) in float64, and what float64 loses of it: all of it, where that underflows."""
        exact = self.inputs.products
        near = [[midpoint(arb(v)) for v in row] for row in exact]
        lost = [[_radius(v, g) for v, g in zip(*rows, strict=True)] for rows in zip(exact, near, strict=True)]
        return np.array(near), np.array(lost)

    @cached_property
    def omega(self) -> Point:
        """The point under test."""
        return self.at(self.instance.omega)

    @cached_property
    def start(self) -> Point:
        """The initialisation W0."""
        return self.at(self.instance.initial)

    def at(self, weights: Weights) -> Point:
        """The network with these weights."""
        return Point(self, weights)

    @property
    def offset(self) -> tuple[Weights, Weights]:
        """From W0 to W: both, since their difference is no matrix of floats."""
        return self.instance.omega, self.instance.initial

    def path(self, law: Law, at: Point) -> list[Iterate]:
        """The networks W^(0), ..., W^(K) of the task with this law."""
        return at.path(next(i for i, own in enumerate(self.laws) if own is law))


@dataclass(frozen=True)
class Move:
    """What steps did to W: S^count o W - sum_j coefficients[j] psi_j, psi_j with patterns[j] at the place inputs[j].

    loose: of a neuron whose sign at an iterate stays open, the inputs there and what it would move by if it were on
    """

    patterns: tuple[Array, ...] = ()
    inputs: tuple[int, ...] = ()
    coefficients: tuple[Number, ...] = ()
    loose: Mapping[int, tuple[tuple[int, arb], ...]] = field(default_factory=dict)
    count: int = 0

    def further(self, problem: NetworkProblem, at: Iterate, steps: Sequence[Number]) -> Move:
        """The same and one step more, from the iterate `at` by c(x) [k]. Patterns that did not change are merged."""
        before = Combination(problem, np.zeros((problem.width, 0)), list(self.inputs), list(self.coefficients))
        patterns, kept = list(self.patterns), problem.kept(before)
        inputs, coefficients = list(kept.inputs), list(kept.coefficients)
        last = {x: j for j, x in enumerate(inputs)}
        for a, x in enumerate(at.xs):
            if is_zero(steps[x]):
                continue
            (place,) = problem.scaled([x], MOVED if problem.rated else 0)
            if place in last and np.array_equal(patterns[last[place]], at.active[:, a]):
                coefficients[last[place]] += steps[x]
            else:
                patterns.append(at.active[:, a])
                inputs.append(place)
                coefficients.append(steps[x])
        loose = {r: tuple(map(problem.kept_loose, pulls)) for r, pulls in self.loose.items()}
        for r, a in at.doubt:
            (place,) = problem.scaled([at.xs[a]], MOVED if problem.rated else 0)
            loose[r] = (*loose.get(r, ()), (place, Balls.magnitude(arb(steps[at.xs[a]]))))
        return Move(tuple(patterns), tuple(inputs), tuple(coefficients), loose, self.count + 1)


@dataclass(frozen=True)
class Iterate:
    """A task's network after some of its steps, on the points xs [a] of its laws: patterns (m, a), predictions [k].

    predictions are 0 where the task has no mass, which nothing reads; distance: from the kinks at the points where the
    law that comes next has mass: the inner law before a step, the outer one after the last; doubt: the sizes of the
    pre-activations (r, a) whose sign stays open (their pattern is 0); move: from W to here
    """

    xs: list[int]
    active: Array
    predictions: list[Number]
    distance: Distance
    doubt: Mapping[tuple[int, int], arb] = field(default_factory=dict)
    move: Move = field(default_factory=Move)

    def gates(self, xs: Sequence[int]) -> Array:
        """The patterns (m, .) at inputs of the task."""
        return self.active[:, [self.xs.index(x) for x in xs]]


class Point(Neurons):
    """A network W of the problem: predictions, adaptations."""

    problem: NetworkProblem

    def __init__(self, problem: NetworkProblem, weights: Weights) -> None:
        super().__init__(problem, weights)
        self._left: dict[int, Point] = {}

    @cached_property
    def distance(self) -> Distance:
        """From the kinks, over the inputs with mass in an inner law."""
        return self.distance_at(self.problem.of([x for law in self.problem.laws for x in law.inner.rho]))

    @cached_property
    def predictions(self) -> list[Number]:
        """f(x; W) at the support [k]."""
        places = self.problem.places
        return self.problem.outputs(self.weights, self.gates(places), places)

    def steps(self, law: Law, predictions: list[Number]) -> list[Number]:
        """c_i(x) = eta sum_y p ell'(f(x), y) [k] at the predictions f(x) [k] of an iterate."""
        problem = self.problem
        return [problem.eta * s for s in problem.slopes(law.inner, predictions)]

    def adapted(self, index: int) -> Iterate:
        """The network after task `index`'s gradient steps."""
        return self.path(index)[-1]

    def path(self, index: int, count: int | None = None) -> list[Iterate]:
        """The iterates 0..K of task `index`: W, W after one step, ... (the first `count` steps)."""
        law = self.problem.laws[index]
        xs = law.points
        found = [Iterate(xs, self.gates(xs), self.predictions, self.distance)]
        for k in range(self.problem.instance.adaptation.steps if count is None else count):
            here = found[-1]
            found.append(
                self._moved(index, k + 1, xs, here.move.further(self.problem, here, self.steps(law, here.predictions)))
            )
        return found

    def kept(self, count: int) -> Point:
        """S^count o W, which so many steps leave of W where nothing pulls."""
        if not self.problem.decays or count == 0:
            return self
        if count not in self._left:
            self._left[count] = Point(self.problem, self.problem.scales.times(self.weights, KEPT * count))
        return self._left[count]

    def _moved(self, index: int, k: int, xs: list[int], move: Move) -> Iterate:
        """Iterate k of task `index`."""
        problem, law = self.problem, self.problem.laws[index]
        watched = law.rho if k == problem.instance.adaptation.steps else law.inner.rho
        doubt: dict[tuple[int, int], arb] = {}
        left = self.kept(move.count)
        if not move.inputs:
            active, distance = left.gates(xs), left.distance_at(problem.of(list(watched)))
        else:
            active, doubt, distance = self._moved_signs(index, k, xs, move, watched)
        values = problem.outputs(left.weights, active, xs)
        if move.inputs:
            pull = problem.kernel(np.stack(move.patterns, axis=1), list(move.inputs), active, xs)
            for a in range(len(xs)):
                terms = (c * pull[j, a] for j, c in enumerate(move.coefficients))
                values[a] -= sum(terms, start=problem.m.number(0))
        for (_, a), size in doubt.items():
            # relu is continuous: a neuron whose sign is open contributes at most its size.
            values[a] += ((-size).union(size)) * problem.shrink
        for r in move.loose:
            for a in np.flatnonzero(active[r]).tolist():
                values[a] += self._slack(r, xs[a], move) * problem.shrink
        predictions = [problem.m.number(0)] * len(problem.places)
        for x, value in zip(xs, values, strict=True):
            predictions[x] = value
        return Iterate(xs, active, predictions, distance, doubt, move)

    def _slack(self, r: int, y: int, move: Move) -> arb:
        """By how much W_{i,r}'y may differ from what `move` says, as its sign was open at an earlier iterate."""
        (at,) = self.problem.of([y])
        pulls = (c * abs(self.problem.product(r, x, at)) for x, c in move.loose.get(r, ()))
        size = sum(pulls, start=arb(0)) * self.problem.shrink
        return (-size).union(size)

    def _moved_signs(
        self, index: int, k: int, xs: list[int], move: Move, watched: Container[int]
    ) -> tuple[Array, dict[tuple[int, int], arb], Distance]:
        """S^(k) (m, a), the sizes of the pre-activations whose sign stays open, and the distance from the kinks at the
        watched inputs."""
        inputs, places = self.problem.inputs, self.problem.of(xs)
        value, error = self._in_floats(xs, move)
        with np.errstate(invalid="ignore", over="ignore"):
            for r in move.loose:
                error[r] += [bounds(arb(self._slack(r, y, move).abs_upper()))[1] for y in xs]
            decided = (np.abs(value) > error) & np.isfinite(value) & np.isfinite(error)
        decided |= inputs.vanishing[places]
        active = np.where(decided, value > 0, False).astype(float)
        live = ~inputs.vanishing[places] & np.array([x in watched for x in xs])
        low = np.where(decided, np.abs(value) - error, np.inf)[:, live].min(initial=np.inf)
        high = np.where(decided, np.abs(value) + error, np.inf)[:, live].min(initial=np.inf)
        distance = Distance(float(low), float(high))
        doubt: dict[tuple[int, int], arb] = {}
        open_pairs = []
        for r, a in np.argwhere(~decided):
            exact = self._moved_value(int(r), xs[a], move)
            sign = _sign(exact)
            if sign is None:
                open_pairs.append((int(r), int(a), exact))
                continue
            active[r, a] = float(sign > 0)
            if live[a]:
                distance = distance.union(Distance(*bounds(Balls.magnitude(arb(exact)))))
        ties = self._exact_ties(index, k, len(open_pairs))
        for r, a, ball in open_pairs:
            value_exact = None if ties is None else ties(r, xs[a])
            if value_exact is None:
                doubt[r, a] = arb(ball.abs_upper())
                here = Distance(0.0, float(bounds(doubt[r, a])[1]))
            else:
                active[r, a] = float(value_exact > 0)
                here = Distance(*bounds(arb(abs(value_exact))))
            distance = distance.union(here) if live[a] else distance
        return active, doubt, distance

    def _in_floats(self, xs: list[int], move: Move) -> tuple[Array, Array]:
        """W_{i,r}'x (m, a) in float64, with error bounds, but for what loose neurons add."""
        problem, left = self.problem, self.kept(move.count)
        scale = problem.width**-0.5
        # One row per pattern feature: its coefficient, in float64 with the distance to the exact one.
        centre = np.array([midpoint(arb(c)) for c in move.coefficients])
        radius = np.array([_radius(c, f) for c, f in zip(move.coefficients, centre, strict=True)])
        places, moving = problem.of(xs), problem.of(move.inputs)
        if problem.rated:
            return self._scaled_in_floats(places, move, centre, radius)
        gram, lost = (table[np.ix_(moving, places)] for table in problem.products)
        on = np.stack(move.patterns, axis=1)
        with np.errstate(invalid="ignore", over="ignore"):
            shift = (problem.signed(on, move.inputs) @ (centre[:, None] * gram)) * scale
            size = on @ (np.abs(centre)[:, None] * np.abs(gram)) * scale
            spread = on @ (radius[:, None] * np.abs(gram) + (np.abs(centre) + radius)[:, None] * lost) * scale
            value = left.signs.values[:, places] - shift
            rounding = (len(centre) + 8) * 2.0**-52 * (size + np.abs(value)) + 2.0**-1000
            error = left.signs.errors[:, places] + rounding + spread * (1 + 2.0**-40)
        return value, error

    def _scaled_in_floats(self, places: list[int], move: Move, centre: Array, radius: Array) -> tuple[Array, Array]:
        """The same where features are scaled: nothing is said where a factor is so far from 1 that products may
        underflow."""
        problem, left, inputs = self.problem, self.kept(move.count), self.problem.inputs.floats
        signed, at = problem.signed(np.stack(move.patterns, axis=1), move.inputs), inputs[places].T
        factors = [problem.scales.matrix(x // problem._size).floats for x in move.inputs]
        pulls = [factor * inputs[x] for factor, x in zip(factors, problem.of(move.inputs), strict=True)]
        moved, size, spread = (np.zeros(self.weights.floats.shape) for _ in range(3))
        for j, pull in enumerate(pulls):
            moved += signed[:, [j]] * centre[j] * pull
            size += np.abs(signed[:, [j]] * centre[j] * pull)
            spread += np.abs(signed[:, [j]] * pull) * radius[j]
        shift, size, spread = (v @ w * problem.width**-0.5 for v, w in
                               ((moved, at), (size, np.abs(at)), (spread, np.abs(at))))  # fmt: skip
        value = left.signs.values[:, places] - shift
        rounding = (len(centre) + len(at) + 16) * 2.0**-52 * (size + spread + np.abs(value)) + 2.0**-900
        error = left.signs.errors[:, places] + rounding + spread
        sizes = np.abs(np.concatenate([v.ravel() for v in (*factors, inputs, centre)]))
        moderate = ((sizes == 0) | ((sizes > 2.0**-150) & (sizes < 2.0**150))).all()
        return value, error if moderate else np.full_like(error, np.inf)

    def _moved_value(self, r: int, y: int, move: Move) -> Number:
        """W_{i,r}'y: an exact rational where nothing moves the neuron, else in the problem's numbers."""
        problem, (at,) = self.problem, self.problem.of([y])
        inputs, signs = problem.inputs, problem.output[:, r]
        own = self.kept(move.count).weights.dot(r, inputs.rows[at])
        found = (
            (c, int(signs[x % len(signs)]) * problem.product(r, x, at))
            for c, pattern, x in zip(move.coefficients, move.patterns, move.inputs, strict=True)
            if pattern[r]
        )
        pulls = [(c, g) for c, g in found if g != 0]
        if not pulls and r not in move.loose:
            return own
        shift = sum((c * problem.m.number(g) for c, g in pulls), start=problem.m.number(0))
        moved = problem.m.number(own) - problem.shrink * shift
        return moved + self._slack(r, y, move) if r in move.loose else moved

    def _exact_ties(self, index: int, k: int, count: int) -> Callable[[int, int], Number] | None:
        """(r, y) -> W_{i,r}'y at iterate k in exact rationals, where the instance allows it and few pairs are open."""
        problem = self.problem
        root = int(problem.width**0.5)
        if problem.m is Rationals or not 0 < count <= EXACT_KINKS or root * root != problem.width:
            return None
        if not problem.loss.profile.rational or (k > EXACT_STEPS and problem.loss.name not in AFFINE):
            return None
        twin = Point(NetworkProblem(problem.instance, Rationals), self.weights)
        move = twin.path(index, k)[-1].move
        return lambda r, y: twin._moved_value(r, y, move)


def is_zero(value: Number) -> bool:
    """Whether it is 0 exactly: no ball about 0 is."""
    return bool(value.is_zero()) if isinstance(value, arb) else value == 0


def _radius(value: Number, centre: float) -> float:
    return bounds(Balls.magnitude(arb(value) - arb(centre)))[1]


def _sign(value: Number) -> int | None:
    """-1, 0 or 1; None where an enclosure cannot tell."""
    if value > 0:
        return 1
    if value < 0:
        return -1
    if isinstance(value, arb):
        return 0 if value.is_zero() else None
    return 0
