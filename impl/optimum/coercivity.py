r"""A ball that holds a global minimiser over all parameters, if there is one at all: a proof, or a refusal.

In the span of the features that carry mass, in either law; M = sum_i q_i E_i[phi phi'] of the outer laws, mu its least
eigenvalue there, b = max ||phi|| over the points of the outer laws, b_s over those of the inner ones.

Losses of at most linear growth (log-cosh, pseudo-Huber, Huber), any adaptation. There |ell'| <= m1, so that one step
moves theta by at most rho m1 b_s, rho the largest |eta r_j| (implicit: m1 b_s / lambda), K steps by K times that: call
it s. And ell(z, y) >= a|z - y| - c. Hence

    L(theta) >= sum_i q_i E_i[a|phi'theta_i| - a|y| - c] >= a (E|phi'theta| - b s) - a E|y| - c,
    E|phi'theta| >= E (phi'theta)^2 / (b ||theta||) >= (mu/b) ||theta||,

so L(theta) <= upper implies ||theta|| <= (upper + a(b s + E|y|) + c) b / (a mu).

Squared, any adaptation: L is a convex quadratic, and ||theta*|| bounds one of its minimisers, which is known exactly.

No adaptation (eta = 0), quartic: L >= (1/2)E(phi'theta - y)^2 >= (1/2)(sqrt(mu) ||theta|| - sqrt(E y^2))_+^2.

Quartic (1/2)t^2 + c t^4, one step eta > 0, for one task i whose own features span, of the inner law (mu_i, R_i) and of
the outer one (nu_i, its least eigenvalue): with rho = ||theta||, monotonicity (a^3 - b^3)(a - b) >= (a - b)^4/4 and
Jensen give

    ||grad R_i(theta)|| >= mu_i rho + c mu_i^2 rho^3 - ||grad R_i(0)||,
    ||theta_i|| >= phi(rho) := eta(mu_i rho + c mu_i^2 rho^3 - ||grad R_i(0)||) - rho,
    L >= q_i R_i(theta_i) >= (q_i/2)(sqrt(nu_i) phi(rho) - sqrt(E_i y^2))_+^2, R_i and y here of the outer law.

phi is convex in rho >= 0: from a point where it is positive and increasing, it only grows.
"""

from __future__ import annotations

import math
from dataclasses import replace

from flint import arb, arb_mat, ctx, fmpq

from ..arithmetic import Balls, dot, norm, rational, root
from ..balls.singular import positive_definite
from ..losses import Link, Loss
from ..supervised.adaptation import Gradient
from ..supervised.instance import MetaSLInstance, Task
from .certificate import basis
from .exact import squared_minimum

FLAT = "the features that carry mass are 0, or those that tasks are judged on do not span those they adapt on"


class NotCoerciveError(ArithmeticError):
    """No bound on the minimisers is known for this problem."""


def coercivity_radius(instance: MetaSLInstance, upper: float) -> fmpq:
    """A radius such that inf L over all parameters is that over the ball, given L <= upper somewhere.

    Errors: NotCoerciveError.
    """
    if not math.isfinite(upper):
        raise NotCoerciveError("L is beyond float64 at every point tried; scale the data, or give a radius")
    with ctx.workprec(96):
        size = _radius(instance.canonical, arb(rational(upper)))
    # A few bits suffice: two certificates of one problem should agree on it. Beyond float64 memory may not hold them.
    grain = fmpq(1, 16)
    with ctx.workprec(1200):
        whole = (size.upper() / arb(grain)).ceil().unique_fmpz() if size < arb(2) ** 1024 else None
    if whole is None:
        raise NotCoerciveError("the bound is beyond float64")
    return (fmpq(whole) + 1) * grain


def require_coercive(instance: MetaSLInstance) -> None:
    """Errors: NotCoerciveError where no bound on the minimisers is known for the loss and the adaptation."""
    loss, adaptation = instance.loss, instance.adaptation.canonical
    if isinstance(adaptation, Gradient) and adaptation.decay != 0 and loss.name != "squared":
        raise NotCoerciveError("no bound is known with weight decay; give a radius")
    if linear_growth(loss) is not None or loss.name == "squared":
        return
    if loss.name != "quartic" or not isinstance(adaptation, Gradient):
        raise NotCoerciveError(f"the {loss.name} loss may have its infimum at infinity; give a radius")
    if adaptation.eta != 0 and (adaptation.steps != 1 or adaptation.eta < 0 or not adaptation.plain):
        raise NotCoerciveError(f"no bound is known for the {loss.name} loss with this adaptation; give a radius")


def _radius(instance: MetaSLInstance, upper: arb) -> arb:
    require_coercive(instance)
    loss, adaptation = instance.loss, instance.adaptation
    linear = linear_growth(loss)
    if linear is not None:
        a, c = linear
        steepest = loss.constants().m1
        assert steepest is not None
        atoms = [(task.weight, atom) for task in instance.tasks for atom in task.atoms]
        longest, longest_inner = (_longest(instance, inner) for inner in (False, True))
        rate = adaptation.largest * adaptation.steps if isinstance(adaptation, Gradient) else 1 / adaptation.strength
        moved = arb(rate) * steepest * longest_inner
        labels = sum((arb(q * atom.p * abs(atom.y)) for q, atom in atoms), start=arb(0))
        least = _least_eigenvalue(instance, instance.tasks)
        if longest.is_zero() or not least > 0:
            raise NotCoerciveError(FLAT)
        return (upper + a * (longest * moved + labels) + c) * longest / (a * least)
    if loss.name == "squared":
        return norm([arb(v) for v in squared_minimum(instance)[1]])
    assert isinstance(adaptation, Gradient)
    if adaptation.eta == 0:
        least = _least_eigenvalue(instance, instance.tasks)
        square = sum((arb(t.weight * a.p * a.y * a.y) for t in instance.tasks for a in t.atoms), start=arb(0))
        if not least > 0:
            raise NotCoerciveError(FLAT)
        return (root(2 * upper) + root(square)) / root(least)
    assert loss.parameter is not None
    radii = [
        _quartic(instance, task, adaptation.eta, loss.parameter, upper) for task in instance.tasks if task.weight != 0
    ]
    found = [r for r in radii if r is not None]
    if not found:
        raise NotCoerciveError("no task's own features span those of all tasks; give a radius")
    return min(found, key=lambda r: float(r.upper()))


def linear_growth(loss: Loss) -> tuple[arb, arb] | None:
    """(a, c) with ell(z, y) >= a|z - y| - c, for the losses of linear growth."""
    if loss.link is not Link.RESIDUAL or loss.name not in ("log-cosh", "pseudo-huber", "huber"):
        return None
    if loss.name == "log-cosh":
        return arb(1), arb(2).log()  # log cosh t >= |t| - log 2
    assert loss.parameter is not None
    delta = arb(loss.parameter)
    # delta^2(sqrt(1 + (t/delta)^2) - 1) >= delta|t| - delta^2, and Huber's loss >= delta|t| - delta^2/2.
    return delta, delta * delta if loss.name == "pseudo-huber" else delta * delta / 2


def _longest(instance: MetaSLInstance, inner: bool) -> arb:
    used = {a.x for t in instance.tasks if t.weight != 0 for a in (t.inner if inner else t.atoms)}
    longest = arb(0)
    for x in used:
        longest = longest.max(norm([arb(v) for v in instance.features[x]]))
    return longest


def _least_eigenvalue(instance: MetaSLInstance, tasks: tuple[Task, ...], weighted: bool = True) -> arb:
    """A positive lower bound of the least eigenvalue of E[phi phi'], of the outer laws, on the span of the features of
    either, or 0."""
    units = []
    for b in basis(instance):
        size = root(arb(dot(b, b)))
        units.append([arb(v) / size for v in b])
    d = len(units)
    total = arb_mat(d, d)
    for task in tasks:
        for atom in task.atoms:
            feature = [arb(v) for v in instance.features[atom.x]]
            row = [dot(feature, u) for u in units]
            mass = arb((task.weight if weighted else fmpq(1)) * atom.p)
            total += arb_mat(d, d, [mass * a * b for a in row for b in row])
    scale = max(float(total[j, j].abs_upper()) for j in range(d))
    candidate = scale
    for _ in range(80):
        if candidate > 0 and positive_definite(total, arb(candidate)):
            return arb(candidate)
        candidate *= 0.8 if candidate > scale * 1e-3 else 0.1
    return arb(0)


def _quartic(instance: MetaSLInstance, task: Task, eta: fmpq, c: fmpq, upper: arb) -> arb | None:
    inner = replace(task, atoms=task.inner, support=None)
    least, seen = (_least_eigenvalue(instance, (law,), weighted=False) for law in (inner, task))
    if not (least > 0 and seen > 0):
        return None
    d = instance.dimension
    slope = [arb(0)] * d
    for atom in inner.atoms:
        pull = arb(atom.p) * instance.loss.d1(Balls, arb(0), arb(atom.y))
        slope = [s + pull * arb(v) for s, v in zip(slope, instance.features[atom.x], strict=True)]
    start, labels = norm(slope), root(sum((arb(a.p * a.y * a.y) for a in task.atoms), start=arb(0)))
    needed = (root(2 * upper / arb(task.weight)) + labels) / root(seen)

    def far(rho: arb) -> bool:
        reach = arb(eta) * (least * rho + arb(c) * least * least * rho * rho * rho - start) - rho
        rising = arb(eta) * (least + 3 * arb(c) * least * least * rho * rho) - 1
        return bool(reach > needed and rising >= 0)

    rho = arb(1) / 16
    while not far(rho):
        rho = rho * arb(17) / 16
        if rho > arb(2) ** 40:
            return None
    return rho
