"""The minimum of a meta-objective that is a polynomial of one parameter: all real roots of L', isolated by flint."""

from __future__ import annotations

from flint import arb, ctx, fmpq, fmpq_poly
from metagap.impl.arithmetic import Rationals
from metagap.impl.optimum.exact import DoesNotApplyError
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.supervised.instance import MetaSLInstance

PRECISION = 1024
"""For polynomials of high degree, whose values at a root lose most of their digits."""
_POLYNOMIALS = ("squared", "quartic", "double-well")


def polynomial_minimum(instance: MetaSLInstance, radius: fmpq) -> arb:
    """The minimum of L over [-radius, radius], d = 1, by the real roots of the polynomial L'. Gradient steps, K <= 2.

    Errors: DoesNotApplyError.
    """
    adaptation = instance.adaptation
    steps = isinstance(adaptation, Gradient) and adaptation.steps <= 2
    if instance.dimension != 1 or instance.loss.name not in _POLYNOMIALS or not steps:
        raise DoesNotApplyError("d = 1, a polynomial loss and at most two gradient steps are required")
    assert isinstance(adaptation, Gradient)
    loss, features = instance.loss, [row[0] for row in instance.features]
    total = fmpq_poly([0])
    for task in instance.tasks:
        theta = fmpq_poly([0, 1])
        for _ in range(adaptation.steps):
            slope = fmpq_poly([0])
            for atom in task.inner:
                phi = features[atom.x]
                slope += atom.p * phi * loss.d1(Rationals, theta * phi, atom.y)
            theta = theta - adaptation.eta * slope
        for atom in task.atoms:
            total += task.weight * atom.p * loss.value(Rationals, theta * features[atom.x], atom.y)
    with ctx.workprec(PRECISION):
        candidates = [arb(-radius), arb(radius)]
        slope = total.derivative()
        if slope.degree() > 0:
            # A root that touches or leaves the interval does no harm: it is cut to it.
            reals = [pair[0].real for pair in slope.complex_roots() if pair[0].imag.contains(0)]  # type: ignore[index]
            candidates += [r.max(arb(-radius)).min(arb(radius)) for r in reals]
        values = [_horner(total, c) for c in candidates]
        least = values[0]
        for value in values[1:]:
            least = least.min(value)
        return least


def _horner(polynomial: fmpq_poly, at: arb) -> arb:
    total = arb(0)
    for coefficient in reversed(polynomial.coeffs()):
        total = total * at + arb(coefficient)
    return total
