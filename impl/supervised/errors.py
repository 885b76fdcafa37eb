r"""What features at initialisation cost, whatever the activation: the pointwise bound of their errors.

||G_0|| - eps <= ||G_0 - G|| <= ||w|| E_op <= ||w|| E_2 <= ||w|| ||e||
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property, reduce

from flint import arb, arb_mat

from ...theory.claim import UndefinedQuantityError
from ..arithmetic import Balls, Number, root, square
from .maml import Bends, uncoupled
from .rank_quantities import RankQuantities
from .start_quantities import StartQuantities

Change = Callable[[int], arb]
"""A bound of ||phi_0(x) - phi(x)|| at the input x."""


class ErrorQuantities(StartQuantities, RankQuantities):
    """Features at initialisation and their errors."""

    @cached_property
    @abstractmethod
    def _still(self) -> bool:
        """Whether phi_0 = phi for certain."""

    @cached_property
    @abstractmethod
    def _linear_errors(self) -> list[Number]:
        """f(x; W) less the linearisation at W0, at W [k]."""

    @cached_property
    def _difference(self) -> arb_mat | None:
        return None if self._still else self._initial.minus(self._features)

    @property
    def _shrink(self) -> arb:
        return 1 / root(arb(self.instance.width))

    @cached_property
    def linearisation(self) -> arb:
        return self._over_points(self._linear_errors)

    def _pointwise(self, changes: Sequence[Sequence[Change]], fold: arb, first: int = 0) -> arb:
        """||e|| for the changes of the features of every iterate; fold bounds ||d2f(x)||/||x||^2.

        e = (prod_k kap_k) delta_K + ||x|| sum_k (prod_{j < k} kap_j) g_k prod_{j > k} (kap_j + f_j), g_k how far the
        factors of step k are apart, f_k what the second derivative adds to their norms; kap_k >= ||S - eta D H||, and
        g_k, f_k have the largest |rate|. Of c outputs sums run over all
        components, with ||B_x|| for |ell''|: ||Phi_x' B_x Phi_x|| <= ||B_x|| ||Phi_x||_F^2 <= c ||B_x|| ||x||^2.
        (A mutant has kap_k = 1 before the step `first`.)
        """
        self._balls_only("a norm")
        sizes, found = self._row_sizes, []
        fastest = arb(max(map(abs, self.instance.adaptation.relative)))
        for law, steps, (*inner, outer) in zip(self.laws, self._steps, changes, strict=True):
            stretch, moved = arb(1), arb(0)
            for k, (step, change) in enumerate(zip(steps, inner, strict=True)):
                used = list(law.inner.rho)
                bends = self._sizes_of(step.bends)
                total = self._sum(bends[x] * square(sizes[x]) for x in used)
                own = self._expansion(total) if k >= first else arb(1)
                pulls = step.pulls or []
                folded = fastest * fold * self._sum(Balls.magnitude(pulls[x]) * square(sizes[x]) for x in used if pulls)
                apart = fastest * self._sum(2 * bends[x] * sizes[x] * change(x) for x in used) + folded
                stretch, moved = stretch * own, moved * (own + folded) + stretch * apart
            found += [(law.weight * mass, stretch * outer(x) + sizes[x] * moved) for x, mass in law.rho.items()]
        return self._root_sum(found)

    def _expansion(self, total: arb) -> arb:
        """kap >= ||I - eta D (H + decay)|| for 0 <= |eta| H <= total: rates are `middle` and at most `half` off it.

        One rate without decay: max(1, total - 1), or 1 + total if it is negative.
        """
        adaptation = self.instance.adaptation
        low, high = adaptation.relative
        middle, half, fade = arb((low + high) / 2), arb((high - low) / 2), arb(abs(adaptation.eta) * adaptation.decay)
        return abs(1 - middle * fade).max(abs(1 - middle * (fade + total))) + half * (fade + total)

    @staticmethod
    def _sizes_of(bends: Bends) -> list[arb]:
        """||B_x|| <= the largest sum of absolute values in a row of the block, at each of its places [k]."""
        sums = [sum(map(Balls.magnitude, row), start=arb(0)) for row in bends]
        c = len(bends[0])
        return [reduce(arb.max, sums[x - x % c :][:c]) for x in range(len(sums))]

    # --- what wrong theorems use instead ------------------------------------------------------------------

    @cached_property
    def misfit_uncoupled(self) -> arb:
        """Hessians of the loss that have no mixed derivatives."""
        if self.problem.loss.outputs == 1:
            raise UndefinedQuantityError("several outputs are required")
        steps = [[replace(step, bends=uncoupled(step.bends)) for step in each] for each in self._steps]
        return self._misfit(self._set(self._adapted, steps)).value

    def _misfit_with(self, **changes: bool) -> arb:
        """The misfit with Jacobians of a problem that differs so."""
        other = copy(self)
        other.problem = copy(self.problem)
        vars(other.problem).update(changes)
        return self._misfit(other._set(self._adapted, self._steps)).value

    @cached_property
    def misfit_rates_turned(self) -> arb:
        """Factors I - eta (H + decay) D in place of I - eta D (H + decay)."""
        return self._misfit_with(turned=True)

    @cached_property
    def misfit_no_decay(self) -> arb:
        return self._misfit_with(decays=False)

    @cached_property
    def min_norm_init(self) -> arb:
        """The shortest representation by the features at initialisation."""
        return self._shortest(self._initial)

    @cached_property
    def misfit_curvature_adapted(self) -> arb:
        """ell'' at the predictions that the steps lead to, not at those that they start from."""
        bends = self._curvatures([[at.predictions for at in path[1:]] for path in self._paths])
        steps = [
            [replace(step, bends=bend) for step, bend in zip(*pair, strict=True)]
            for pair in zip(self._steps, bends, strict=True)
        ]
        return self._misfit(self._set(self._adapted, steps)).value

    @cached_property
    def misfit_outer_unadapted(self) -> arb:
        return self._misfit(self._set([self._here] * len(self.laws), self._steps)).value

    @cached_property
    def misfit_reversed(self) -> arb:
        return self._misfit(self._set(self._adapted, [steps[::-1] for steps in self._steps])).value

    @cached_property
    def misfit_frozen(self) -> arb:
        """W's own factor for every step."""
        return self._misfit(self._set(self._adapted, [steps[:1] * len(steps) for steps in self._steps])).value

    @cached_property
    def misfit_one_missing(self) -> arb:
        """Without the last step's factor."""
        return self._misfit(self._set(self._adapted, [steps[:-1] for steps in self._steps])).value
