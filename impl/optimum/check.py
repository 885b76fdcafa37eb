"""The checker: accepts a certificate only if it can prove the bracket itself.

Nothing of the search is used but the file, and no float is believed: leaves are proved many at once in midpoint-radius
float64 whose rounding is proved (`prover`, `leaves`, `relaxed`, `midrad`), and what that cannot tell in balls (`boxes`,
`relaxed_box`), where the checker splits on if the enclosures of the search were sharper. A leaf's letter says which
reason to try first. What is proved:

* covering: the tree is a binary partition of a cube that contains the ball;
* no leaf holds a point of the ball with L < lower that could be the minimum. The minimum over the ball is attained
  (L is continuous), so it lies in a leaf. Leaf reasons: outside (o), natural range (n), mean value (m), no stationary
  point of the open ball (g) or of its sphere (k), Lagrangian-convex (c), convexified (r); the formulas are in
  `search`'s docstring and are derived in the methods below and in `relaxing`;
* upper: the value at an exact point of the ball;
* without a radius: that every parameter outside the ball is worse than `upper` (`coercivity`);
* lower ends without a tree: `ends`; by convexity: `convex_check`, which proves the upper end as well.

What the search uses as well, and why it may be shared:

* the losses and their turning points (`losses`): the definitions of what is claimed. Derivatives are compared with
  sympy and torch; that ranges between turning points contain every value is tested;
* `Problem` (`supervised.maml`): of it only the tasks' laws, exact numbers in balls, and the loss;
* `certificate.basis`: exact rationals, and not believed: that it is orthogonal and spans the features is verified here;
* the coercivity radius and the floors (`coercivity`, `exact`): proofs in balls that do not search. The search takes the
  radius from there; here it is computed again, by the same code. Tests compare it with values outside, and the floors
  with values at points and with each other.

`relaxing`, which proposes what could make L convex on a box, is shared, and not believed. The exact minimum of the
squared loss is shared only in that radius: `ends` verifies the point by its own arithmetic.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
from flint import arb, ctx, fmpq

from ..arithmetic import dot, rational
from ..balls.singular import positive_definite
from ..bracket import Check
from ..supervised.adaptation import Gradient, Own
from .boxes import PRECISION, Box, Model
from .certificate import Certificate
from .coercivity import NotCoerciveError, coercivity_radius
from .convex_check import convex_end
from .ends import floor_end, quadratic_end
from .exact import exact_value
from .prover import Prover
from .relaxed_box import at_least
from .tree import Leaves, TreeError, leaves
from .vector_convexity import tangent_floor, unknown

EXTRA_DEPTH = 40
"""How much deeper than a leaf of the tree the checker may split."""
TRIED = 8
"""How many of the leaves that float64 cannot prove are tried in balls before all others are split."""
OUT_OF_TIME = "out of time"


class _RejectedError(Exception):
    """A certificate that does not prove its claim."""


class Checker:
    """Proves one certificate."""

    def __init__(self, certificate: Certificate, progress: Callable[[int], None], deadline: float | None) -> None:
        self._begin(certificate, progress, deadline)
        self.model, size = Model(certificate.instance), self.size
        point = Box(self.model, list(certificate.at), [fmpq(0)] * self.model.dimension)
        self.value, slope = point.at_centre, point.gradient
        self.multiplier = arb(0)
        if size > 0 and size > self.ball * self.ball * fmpq(999, 1000):
            pull = sum((g * arb(v) for g, v in zip(slope, certificate.at, strict=True)), start=arb(0)) / arb(size)
            self.multiplier = arb((-pull).mid()).max(arb(0))
        self.tilt = [g + self.multiplier * arb(v) for g, v in zip(slope, certificate.at, strict=True)]
        self.base = self.value + self.multiplier / 2 * arb(size - self.ball * self.ball)

    def _begin(self, certificate: Certificate, progress: Callable[[int], None], deadline: float | None) -> None:
        self.certificate, self.progress = certificate, progress
        self.deadline = math.inf if deadline is None else deadline
        self.ball, self.lower = certificate.ball, arb(rational(certificate.lower))
        self.boxes = self.extra = 0
        self.size = dot(certificate.at, certificate.at)

    def run(self) -> Check:
        """Accept or reject."""
        try:
            self._claims()
            said = self._lower_end()
        except _RejectedError as error:
            return Check(False, str(error), self.boxes, self.extra)
        return Check(True, said, self.boxes, self.extra)

    def _lower_end(self) -> str:
        """Prove the lower end in the certificate's own way; what was proved."""
        if self.certificate.how == "tree":
            self._coercive()
            self._tree()
            return "every leaf is proved"
        prove, said = WITHOUT_TREE[self.certificate.how]
        missing = prove(self.certificate, self._watch)
        if missing is not None:
            raise _RejectedError(missing)
        return said

    def _claims(self) -> None:
        certificate, instance = self.certificate, self.certificate.instance
        profile, implicit = instance.loss.profile, not isinstance(instance.adaptation, Gradient)
        if profile.kinked or (implicit and not (profile.convex and not profile.joints)):
            raise _RejectedError(f"the {instance.loss.name} loss with this adaptation has no checkable enclosures")
        if self.size > self.ball * self.ball:
            raise _RejectedError("the point of the upper bound lies outside the ball")
        if self.value < self.lower:
            raise _RejectedError(
                f"the value at the point is {self.value.str(12)}, below lower={certificate.lower!r}: it is no bound"
            )
        if not self.value <= arb(rational(certificate.upper)):
            raise _RejectedError(
                f"the value at the point is {self.value.str(12)}, not at most upper={certificate.upper!r}"
            )
        if certificate.radius is not None and certificate.radius != self.ball:
            raise _RejectedError(f"ball={self.ball} is not the radius {certificate.radius}")

    def _coercive(self) -> None:
        """The cube contains the ball, and the ball a minimiser over all that is claimed."""
        certificate = self.certificate
        if certificate.half < self.ball:
            raise _RejectedError("the root cube does not contain the ball")
        if certificate.radius is not None:
            return
        try:
            needed = coercivity_radius(certificate.instance, certificate.upper)
        except NotCoerciveError as error:
            raise _RejectedError(f"no bound on the minimisers is proved: {error}") from None
        if needed > self.ball:
            raise _RejectedError(f"minimisers are proved to lie within {needed}, not within ball={self.ball}")

    def _tree(self) -> None:
        """Prove every leaf: many at once, and those that are left one by one."""
        certificate = self.certificate
        prover = Prover(self.model, self.ball, certificate.lower, certificate.at, self.tilt, self.base, self.multiplier)
        try:
            for part in leaves(certificate.tree, certificate.half, self.model.dimension, self._watch):
                self._part(prover, part)
        except TreeError as error:
            raise _RejectedError(str(error)) from None

    def _part(self, prover: Prover, left: Leaves) -> None:
        """Prove leaves: many at once, a few of those that are left in balls, and halve what is left then.

        Where balls prove most of what float64 cannot, it is too coarse, and they try all; else the boxes are too wide.
        """
        for _ in range(EXTRA_DEPTH + 1):
            left = self._many(prover, left)
            few, rest = self._in_balls(left[:TRIED]), left[TRIED:]
            if 2 * len(few) <= min(len(left), TRIED):
                rest = self._in_balls(rest)
            left = few + rest
            if not len(left):
                return
            self.extra += 2 * len(left)
            if self.extra > 20 * len(self.certificate.tree) + 2000:
                break
            left = left.halved(prover.steepest(*left.floats()[:2]))
        centre, half = left.box(0)
        shown = ", ".join(f"{float(arb(c)):.6g} +- {float(arb(r)):.3g}" for c, r in zip(centre, half, strict=True))
        raise _RejectedError(f"lower={self.certificate.lower!r} is not proved on the box {shown}")

    def _many(self, prover: Prover, part: Leaves) -> Leaves:
        """The leaves that are not proved in float64."""
        centre, half, exact = part.floats()
        usable, left = np.flatnonzero(exact), np.ones(len(part), dtype=bool)
        for proved in prover.proved(centre[:, usable], half[:, usable], part.letter[usable]):
            left[usable[proved]] = False
            self._count(len(proved))
        return part[left]

    def _in_balls(self, part: Leaves) -> Leaves:
        """The leaves that are not proved in balls."""
        left = np.ones(len(part), dtype=bool)
        for leaf in range(len(part)):
            left[leaf] = not self._proved(*part.box(leaf), int(part.letter[leaf]))
            self._count(1)
        return part[left]

    def _count(self, boxes: int) -> None:
        self.boxes += boxes
        self.progress(self.boxes)
        self._watch()

    def _watch(self) -> None:
        if time.monotonic() > self.deadline:
            raise _RejectedError(OUT_OF_TIME)

    def _proved(self, centre: list[fmpq], half: list[fmpq], letter: int) -> bool:
        near = sum((_nearest(c, r) ** 2 for c, r in zip(centre, half, strict=True)), start=fmpq(0))
        if near > self.ball * self.ball:
            return True
        if letter == ord("c") and self._convex(centre, half):
            return True
        box = Box(self.model, centre, half)
        if box.natural >= self.lower or box.mean_value >= self.lower or self._not_stationary(box, centre, half):
            return True
        relaxed = self.model.smooth and not self.model.quadratic
        if relaxed and at_least(box, centre, half, self.ball, self.lower):
            return True
        return letter != ord("c") and self._convex(centre, half)

    def _not_stationary(self, box: Box, centre: list[fmpq], half: list[fmpq]) -> bool:
        """No minimum lies in the box: grad L != 0 there, and where it meets the sphere no mu >= 0 fits."""
        gradient = box.gradient
        if not any(g > 0 or g < 0 for g in gradient):
            return False
        far = sum(((abs(c) + r) ** 2 for c, r in zip(centre, half, strict=True)), start=fmpq(0))
        if far < self.ball * self.ball:
            return True
        over = [c + t for c, t in zip(box.c, box.spread, strict=True)]
        if any((g > 0 and t > 0) or (g < 0 and t < 0) for g, t in zip(gradient, over, strict=True)):
            return True
        d = len(over)
        minors = (gradient[i] * over[j] - gradient[j] * over[i] for i in range(d) for j in range(i + 1, d))
        return any(m > 0 or m < 0 for m in minors)

    def _convex(self, centre: list[fmpq], half: list[fmpq]) -> bool:
        """L >= lower on the box within the ball, by convexity of F on its hull with x~.

        F = L + mu(|theta|^2 - B^2)/2 <= L in the ball, and F(theta) >= F(x~) + grad F(x~)'(theta - x~).
        """
        if not self.model.smooth:
            return False
        at = self.certificate.at
        low = [min(c - r, v) for c, r, v in zip(centre, half, at, strict=True)]
        high = [max(c + r, v) for c, r, v in zip(centre, half, at, strict=True)]
        bound = self.base
        for g, c, r, v in zip(self.tilt, centre, half, at, strict=True):
            away = arb(c - v)
            bound += g * (away + (-arb(r)).union(arb(r)))
        if not bound >= self.lower:
            return False
        if self.model.quadratic:
            return True
        middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
        reach = [(b - a) / 2 for a, b in zip(low, high, strict=True)]
        hessian = Box(self.model, middle, reach, second=True).hessian()
        return positive_definite(hessian, -self.multiplier)


class VectorChecker(Checker):
    """Proves a floor of a loss that couples outputs, or that L is convex and what its point proves then; the point has
    all its coordinates."""

    def __init__(self, certificate: Certificate, progress: Callable[[int], None], deadline: float | None) -> None:
        self._begin(certificate, progress, deadline)
        self.value = exact_value(certificate.instance, certificate.at)

    def _lower_end(self) -> str:
        given = self.certificate
        if given.how == "convex":
            if given.radius is None or (unproved := unknown(given.instance)):
                raise _RejectedError(f"L is not known to be convex: {unproved if given.radius else 'no ball is given'}")
            found = tangent_floor(given.instance, given.at, given.radius)
            if not found >= self.lower:
                raise _RejectedError(f"the floor is {found.str(12)}, not at least lower={given.lower!r}")
            return "L is convex, and its gradient at the point is proved"
        if given.how != "floor":
            raise _RejectedError(f"of the {given.instance.loss.name} loss no lower end by {given.how} is proved")
        return super()._lower_end()


def _nearest(centre: fmpq, half: fmpq) -> fmpq:
    away = abs(centre) - half
    return away if away > 0 else fmpq(0)


WITHOUT_TREE = {
    "exact": (quadratic_end, "the stationary point of the convex quadratic is exact"),
    "floor": (floor_end, "the floor is proved"),
}
"""How lower ends without a tree are proved, and what is said then."""


def _by_convexity(certificate: Certificate, deadline: float) -> Check:
    def watch() -> None:
        if time.monotonic() > deadline:
            raise _RejectedError(OUT_OF_TIME)

    try:
        missing = convex_end(certificate, watch)
    except _RejectedError as error:
        return Check(False, str(error))
    return Check(missing is None, "the point and the floor of the Hessian are proved" if missing is None else missing)


def check(
    certificate: Certificate,
    progress: Callable[[int], None] = lambda boxes: None,
    deadline: float | None = None,
) -> Check:
    """Whether the certificate proves its bracket; not accepted, "out of time", at a time.monotonic() of `deadline`."""
    with ctx.workprec(PRECISION), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if isinstance(certificate.instance.adaptation, Own):
            return Check(False, f"nothing encloses L with the adaptation {certificate.instance.adaptation.rule}")
        if certificate.instance.loss.outputs > 1:
            return VectorChecker(certificate, progress, deadline).run()
        if certificate.how == "convex":
            return _by_convexity(certificate, math.inf if deadline is None else deadline)
        adaptation = certificate.instance.adaptation.canonical
        if isinstance(adaptation, Gradient) and adaptation.decay != 0:
            return Check(False, "steps with weight decay are proved by convexity alone")
        return Checker(certificate, progress, deadline).run()
