r"""grad L of a network by reverse accumulation through the program that defines L: no ell'', no Hessian, no Jacobian of
a step, no meta-feature.

Off kinks and joints the patterns of all iterates stay as they are near W, and task i's risk after adaptation is the
program (see `network`)

    z_k(x) = <psi_k(x), W> - sum_{l<k} sum_x' c_l(x') <psi_l(x'), psi_k(x)>,   k = 0..K,
    c_l(x') = eta s_l(x'),   s_l(x') = sum_y p ell'(z_l(x'), y),   R_i = sum p ell(z_K(x), y),

(p the masses of the inner law in s_l, of the outer one in R_i) in which W occurs in the pairings <psi_k(x), W> alone.
With a_k(x) the derivative of R_i by z_k(x) in what follows it,

    grad R_i = sum_k sum_x a_k(x) psi_k(x),   a_K(x) = sum_y p ell'(z_K(x), y),
    a_k(x') = -eta s_k'(x') sum_{l>k} sum_x a_l(x) <psi_k(x'), psi_l(x)>,   s_k' the derivative of s_k(x') by z_k(x')

(of c outputs a symmetric block, as s_k(x') is a gradient).

  Proof. The chain rule from the end of the program to its beginning: z_k(x') enters c_k(x') only (R_i for k = K), and
  c_k(x') enters z_l(x), l > k, with the factor -<psi_k(x'), psi_l(x)>.
  With rates and decay W^(k+1) = S o W^(k) - D o sum_x' c_k(x') psi_k(x'): what comes after step k has a gradient g by
  W^(k+1), so S o g + sum_x' a_k(x') psi_k(x') by W^(k), with a_k(x') = -eta s_k'(x') <psi_k(x'), D o g>.

All derivatives of ell are read off power series of ell and of ell'. At a kink this is the formal gradient with
1{0 > 0} = 0; at a joint balls enclose all one-sided slopes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...models.combination import Combination
from ...series import series_terms
from ..maml import Law
from ..taylor import risk_slopes, slope_rows
from .problem import Iterate, NetworkProblem

Paths = Sequence[tuple[Law, Sequence[Iterate]]]
"""Per task its law and its iterates."""


def gradient(problem: NetworkProblem, paths: Paths) -> Combination:
    """grad L(W), as a combination of the pattern features of the iterates."""
    with series_terms(2):
        parts = [_accumulated(problem, law, path) for law, path in paths]
    return Combination(
        problem,
        np.concatenate([part.patterns for part in parts], axis=1),
        [x for part in parts for x in part.inputs],
        [law.weight * rate for (law, _), part in zip(paths, parts, strict=True) for rate in part.coefficients],
    ).merged


def _accumulated(problem: NetworkProblem, law: Law, path: Sequence[Iterate]) -> Combination:
    """grad R_i(W_i(W)) of one task: the derivatives a_k(x), from the last iterate back."""
    *before, last = path
    xs, slopes = list(law.rho), risk_slopes(problem, law, last.predictions)
    later = Combination(problem, last.gates(xs), xs, [slopes[x] for x in xs])
    xs, none = list(law.inner.rho), problem.m.number(0)
    for here in reversed(before):
        gates = here.gates(xs)
        pulls = dict(zip(xs, problem.paced(later).pairings(gates, xs), strict=True))
        rows = slope_rows(problem, law.inner, [[z, pulls.get(x, none)] for x, z in enumerate(here.predictions)])
        later = problem.kept(later).plus(Combination(problem, gates, xs, [-problem.eta * rows[x, 1] for x in xs]))
    return later
