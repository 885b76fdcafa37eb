r"""Where L of a loss that couples outputs (softmax) is convex, and what a point then proves.

Over all parameters, from the data and the loss's constants (the norms in `vector_losses`): (2) and (3) of `convexity`
with blocks. With A = Phi Phi' over the rows of all Phi_a, D = blockdiag(p_a Hess ell), D+ the same after the step, v in
R^c per atom, T[v] = blockdiag(p_a D^3 ell[v_a]),

    Hess L_i = Phi'[(I - eta D A) D+ (I - eta A D) - eta T[A s+]] Phi,

|h'D^3 ell[v]h| <= kappa ||v|| h'Hess ell h, so |T[v]| <= kappa max ||v_a|| D, and along the step D+ >= e^(-kappa eta
max ||(A s)_a||) D; ||(A s)_a||, ||(A s+)_a|| <= tau := m1 max_a |x_a| sum_b p_b |x_b|, as ||Phi_a|| = |x_a|; and the
eigenvalues of D^(1/2) A D^(1/2) are at most sigma := m2 lambda_max(sum_a p_a x_a x_a'). As there, Hess L_i >=
nu Phi'D Phi after K steps with eta sigma <= 1, from nu = 1 by K times

    nu <- exp(-kappa eta tau) (1 - eta sigma)^2 nu - kappa eta tau,    as long as nu >= 0.

Without adaptation nu = 1. A task that adapts on a support of its own has no such bound: L is not convex for any
eta > 0, however small.

A point x with the gradient g then proves L >= L(x) + g'(t - x) >= L(x) - g'x - R ||g|| for all ||t|| <= R.
"""

from __future__ import annotations

from flint import arb, arb_mat, ctx, fmpq

from ..arithmetic import Balls, norm, square
from ..balls.singular import largest_eigenvalue
from ..instances import Vector
from ..losses import Loss
from ..supervised.adaptation import Gradient
from ..supervised.instance import MetaSLInstance, Task, split
from .exact import PRECISION, alone


def unknown(instance: MetaSLInstance) -> str:
    """Why L is not known to be convex; empty where it is."""
    adaptation = instance.adaptation.canonical
    if not isinstance(adaptation, Gradient):
        return "the inner step is implicit"
    if adaptation.eta == 0:
        return ""
    if not adaptation.plain:
        return "the inner steps have a rate for each parameter, or weight decay"
    if split(instance):
        return "tasks adapt on a support of their own"
    with ctx.workprec(PRECISION):
        tasks = [task for task in instance.canonical.tasks if task.weight != 0]
        small = adaptation.eta > 0 and all(_small(instance, task, adaptation) for task in tasks)
    return "" if small else "the inner step is not small enough for it"


def _small(instance: MetaSLInstance, task: Task, adaptation: Gradient) -> bool:
    rho: dict[int, fmpq] = {}
    for atom in task.atoms:
        rho[atom.x] = rho.get(atom.x, fmpq(0)) + atom.p
    rows = {x: [arb(v) for v in instance.features[x]] for x in rho}
    lengths = {x: norm(row) for x, row in rows.items()}
    longest = arb(0)
    for length in lengths.values():
        longest = longest.max(length)
    eta, tau = arb(adaptation.eta), longest * sum((p * lengths[x] for x, p in rho.items()), start=arb(0))
    trace = sum((p * square(lengths[x]) for x, p in rho.items()), start=arb(0))
    if _stays(instance.loss, eta, tau, trace, adaptation.steps):
        return True
    scaled = Balls.matrix([[arb(p).sqrt() * v for v in rows[x]] for x, p in rho.items()])
    gram = scaled * scaled.transpose() if scaled.nrows() < scaled.ncols() else scaled.transpose() * scaled
    return _stays(instance.loss, eta, tau, largest_eigenvalue(gram), adaptation.steps)


def _stays(loss: Loss, eta: arb, reach: arb, spread: arb, steps: int) -> bool:
    """Whether nu stays >= 0; reach is tau over m1, spread sigma over m2."""
    constants, nu = loss.constants(), arb(1)
    if constants.m1 is None or constants.m2 is None or constants.kappa is None:
        return False
    room, bend = 1 - eta * constants.m2 * spread, constants.kappa * eta * constants.m1 * reach
    if not room >= 0:
        return False
    for _ in range(steps):
        nu = (-bend).exp() * square(room) * nu - bend
        if not nu >= 0:
            return False
    return True


def tangent_floor(instance: MetaSLInstance, at: Vector, radius: fmpq) -> arb:
    """L(x) - g'x - R ||g||, where L is convex: no parameter of the ball does better."""
    with ctx.workprec(PRECISION):
        x = arb_mat([[arb(v)] for v in at])
        value, slope = arb(0), x * 0
        for task in instance.canonical.tasks:
            if task.weight != 0:
                problem = alone(instance, task, Balls)
                (law,) = problem.laws
                path = problem.adapt(law, x)
                z = problem.predictions(path[-1])
                value += law.weight * problem.risk(law, z)
                slope += problem.pulled_back(law.inner, path, problem.gradient(law, z)) * law.weight
        return value - (slope.transpose() * x)[0, 0] - arb(radius) * norm(slope.entries())
