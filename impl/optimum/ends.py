"""Lower ends that need no tree, proved again: an exact minimum of a convex quadratic, and floors.

Both functions say None where the claim is proved, else why it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from flint import arb, ctx, fmpq, fmpq_mat

from ..arithmetic import rational
from ..instances import Vector
from ..supervised.adaptation import Gradient
from ..supervised.instance import Atom, MetaSLInstance, Task, points
from .boxes import turned
from .certificate import Certificate
from .coercivity import NotCoerciveError, coercivity_radius
from .exact import PRECISION, functional_bound, own_risk_bound, together

Watch = Callable[[], None]
"""Called often; it may raise to stop."""


def quadratic_end(certificate: Certificate, watch: Watch) -> str | None:
    """The squared loss: L >= L(x*) >= lower everywhere, x* the certificate's stationary point.

    Adapted predictions are affine in theta, z'(theta) = z'(0) + W theta, so that L = sum_i q_i E_i (z' - y)^2/2 is a
    sum of squares of affine functions with weights q_i p >= 0: convex. grad L(x*) = 0, exactly, makes x* a global
    minimiser over all parameters, a fortiori L >= L(x*) over any ball.
    """
    instance, at = certificate.instance.canonical, certificate.stationary
    if instance.loss.name != "squared":
        return f"an exact lower end is for the squared loss, not for the {instance.loss.name} loss"
    if len(at) != instance.dimension:
        return f"the stationary point has {len(at)} coordinates, not {instance.dimension}"
    value, slope = fmpq(0), fmpq_mat(instance.dimension, 1)
    for task in instance.tasks:
        if task.weight < 0 or any(atom.p < 0 for atom in task.atoms):
            return "a weight or a mass is negative"
        if task.weight == 0:
            continue
        risk, pull = _adapted_risk(instance, task, at, watch)
        value, slope = value + task.weight * risk, slope + pull * task.weight
    if any(v != 0 for v in slope.entries()):
        return "grad L does not vanish at the stationary point"
    if value < rational(certificate.lower):
        return f"the minimum is {arb(value).str(17)}, not at least lower={certificate.lower!r}"
    return None


def _adapted_risk(instance: MetaSLInstance, task: Task, at: Vector, watch: Watch) -> tuple[fmpq, fmpq_mat]:
    """R_i after adaptation from `at` and its gradient in `at` (d, 1); squared loss.

    With A = XX', R = diag(rho), b_x = sum_y p y, of the inner law in the steps and of the outer one in the risk: a
    gradient step is z <- z - eta A(R z - b), W <- W - eta A R W; the proximal step solves
    (I + A R/lambda)z' = z + A b/lambda, (I + A R/lambda)W' = X.
    """
    used = points(task)
    place, k = {x: j for j, x in enumerate(used)}, len(used)
    rows = fmpq_mat([list(instance.features[x]) for x in used])
    gram = rows * turned(rows, instance.adaptation).transpose()

    def moments(atoms: Sequence[Atom]) -> tuple[fmpq_mat, fmpq_mat]:
        """R (k, k) and b (k, 1)."""
        rho, means = [fmpq(0)] * k, [fmpq(0)] * k
        for atom in atoms:
            rho[place[atom.x]] += atom.p
            means[place[atom.x]] += atom.p * atom.y
        return fmpq_mat(k, k, [rho[i] if i == j else fmpq(0) for i in range(k) for j in range(k)]), fmpq_mat(
            k, 1, means
        )

    (masses, pull), (outer, wanted) = moments(task.inner), moments(task.atoms)
    z = rows * fmpq_mat(len(at), 1, list(at))
    adaptation = instance.adaptation
    if isinstance(adaptation, Gradient):
        for _ in range(adaptation.steps):
            watch()
            z = z - gram * (masses * z - pull) * adaptation.eta
            rows = rows - gram * (masses * rows) * adaptation.eta
    else:
        unit = fmpq_mat(k, k, [fmpq(int(i == j)) for i in range(k) for j in range(k)])
        system = unit + gram * masses * (1 / adaptation.strength)
        z = system.solve(z + gram * pull * (1 / adaptation.strength))
        rows = system.solve(rows)
    found = z.entries()
    risk = sum((a.p * (found[place[a.x]] - a.y) ** 2 for a in task.atoms), start=fmpq(0)) / 2
    return risk, rows.transpose() * (outer * z - wanted)


def floor_end(certificate: Certificate, watch: Watch) -> str | None:
    """L >= lower by a bound that needs no search, over the ball or over all parameters.

    In turn: 0 where the loss is never negative; functions of their own for each task; each task's own least risk among
    the parameters that adaptation can reach from the ball, if no minimiser lies outside it.
    """
    instance, lower = certificate.instance.canonical, arb(rational(certificate.lower))
    if instance.loss.profile.nonnegative and not lower > 0:
        return None
    if not instance.loss.profile.convex:
        return f"no floor is known for the {instance.loss.name} loss"
    found = _sum(instance, functional_bound, watch)
    if found >= lower:
        return None
    if not instance.loss.profile.kinked and _within(certificate):
        own = _sum(together(instance), lambda part: own_risk_bound(part, certificate.ball), watch)
        if own >= lower:
            return None
        found = found.max(own)
    return f"the floor is {found.str(12)}, not at least lower={certificate.lower!r}"


def _sum(instance: MetaSLInstance, bound: Callable[[MetaSLInstance], arb], watch: Watch) -> arb:
    """The sum of a bound over the tasks, one at a time."""
    total = arb(0)
    with ctx.workprec(PRECISION):
        for task in instance.tasks:
            if task.weight != 0:
                watch()
                total += bound(replace(instance, tasks=(task,)))
    return total


def _within(certificate: Certificate) -> bool:
    """Whether the infimum that is claimed is that over the ball."""
    if certificate.radius is not None:
        return True
    try:
        return bool(coercivity_radius(certificate.instance, certificate.upper) <= certificate.ball)
    except NotCoerciveError:
        return False
