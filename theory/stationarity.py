r"""The core result: how stationarity bounds the gap to any comparator. Every other bound is an instance.

Setting. Tasks i with weights q_i >= 0, hypotheses h_theta, adapted parameters theta_i = U_i(theta),
L(theta) = sum_i q_i R_i(h_{theta_i}). At the point omega and against comparator functions h'_i (adapted
hypotheses of a parameter theta', or any functions):

    z_i = h_{omega_i},  w_i(x) = E[ell'(z_i(x), y) | x],  u_i = z_i - h'_i,  phi_i = J_i' grad_theta h (at omega_i),
    <f, g> = sum_i q_i E[f_i g_i],  G = grad L(omega),  eps = ||G||,  gap = L(omega) - sum_i q_i R_i(h'_i),
    Breg = sum_i q_i E[ell(h'_i, y) - ell(z_i, y) - ell'(z_i, y)(h'_i - z_i)].

A task may adapt on another law than the one that it is judged on: an inner law D_i^s (the support, or training set) and
an outer law D_i (the query). U_i, and so J_i, is made from the inner law alone; R_i, the expectations and rho_i above
are those of the outer law. No step below asks how U_i was made: all hold verbatim, and convexity is asked of the outer
loss only. The letters B_s, B_q bound the features of either law.

Identity (no inequality, no convexity), for every direction v:

    gap + Breg = v'G + <w, u - phi'v>.

  Proof. By the definition of Breg, gap + Breg = sum_i q_i E[ell'(z_i, y)(z_i - h'_i)]. As u_i depends on x only,
  this is <w, u> (condition on x). The chain rule gives G = sum_i q_i J_i' E[w_i grad h] = <w, phi>, hence
  <w, phi'v> = v'G. Add and subtract it.

Core. If Breg >= 0 (the outer loss convex in the prediction suffices), then for every R > 0

    gap <= R eps + ||w|| inf_{||v|| <= R} ||u - phi'v||.

  Proof, with v in the ball:
  S1 functional geometry   gap <= <w, u>                         (Breg >= 0)
  S2 chain rule            v'G = <w, phi'v>                      (h and U_i differentiable at omega)
  S3 stationarity          v'G <= ||v|| ||G|| <= R eps           (definition of eps)
  S4 Cauchy-Schwarz        <w, u - phi'v> <= ||w|| ||u - phi'v|| (finite second moments)
  so gap <= <w, u> = v'G + <w, u - phi'v> <= R eps + ||w|| ||u - phi'v||; take the infimum over v.

Several outputs. Predictions z_i(x), w_i(x) = E[grad ell(z_i(x), y) | x] and u_i(x) are in R^c, phi_i(x) is a matrix
(p, c), <f, g> = sum_i q_i E[f_i'g_i], Breg that of ell on R^c. A component of a point is a point of its own, (i, x, a),
with the mass of (i, x): the proof is word for word the same. The loss alone couples components. The L1 form takes those
of a point together: <w, r> <= sum_i q_i E|w_i'r_i|, at most E ||w_i|| ||r_i|| and at most the sum over components.

Outer weight decay. L_m(theta) = L(theta) + (m/2) ||theta||^2 is L with one more task, which does not adapt: its
hypothesis is theta itself, its loss squared, its labels 0, its weight m. On the space with that task's points (the
coordinates j = 1..p, of mass m) w_j = omega_j, u_j = omega_j - theta'_j, phi_j = e_j, and its divergence is
(m/2) ||u||^2: all of the above holds, word for word, of

    gap_m = gap + (m/2) (||omega||^2 - ||theta'||^2),   G_m = G + m omega,   eps_m = ||G_m||,
    gap_m + Breg + (m/2) ||omega - theta'||^2 = v'G_m + <w, u - phi'v> + m omega'(omega - theta' - v),
    gap_m <= R eps_m + (||w||^2 + m ||omega||^2)^(1/2) inf (||u - phi'v||^2 + m ||omega - theta' - v||^2)^(1/2).

The comparator is a parameter: functions have no norm. eps is that of L_m; with G of L alone, m omega'v is missing. No
claim of its own: with the squared loss such a task is one of an instance (a support whose features are 0 does not move
theta; the queries e_j with labels 0), and other losses would need a task with a loss of its own, which no file has.

S4 with a weight. For every s > 0 on the points <w, r> <= ||w s|| ||r/s||; the least of these bounds, at s^2 = |r|/|w|,
is <|w|, |r|>. So the L1 form is below all of them, for every v, and none is claimed. In meta-RL S1 is an equality and
S4 is what loses: r has ratios of densities, which ||r|| squares and <|w|, |r|> does not.

What a check can find. w itself is feasible for the dual problem of the bound (||phi w|| = eps), so every CORE bound is
at least <w, u>, and CORE can fail only through S1 or S2: Breg < 0, or a gradient that is not grad L. The engine
therefore gets grad L by Taylor arithmetic through the definition of L, never from the meta-features.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .claim import Assumption, Claim, Relation, Source
from .setting import Setting

OUTER_CONVEXITY = Assumption(
    "outer-convexity",
    "The outer loss is convex in the prediction (what is used: total Bregman divergence >= 0).",
    "margin_outer_convexity",
    "A1",
)
DIFFERENTIABLE = Assumption(
    "differentiable-adaptation",
    "U_i and the risk are differentiable at the points used: no prediction sits on a joint of the loss.",
    "margin_differentiability",
    "A2",
)


CORE = frozenset({"radius", "eps", "weight_norm", "misfit", "misfit_l1", "bregman"})


def forms(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """The bounds of the gap by the features of L itself: the lifted form, the L1 form, and what Breg makes of them."""
    return tuple(claim for claim in claims if claim.bounds_gap and set(claim.bound.names) <= CORE)


def core_claims(of: Setting, changes: Mapping[str, Mapping[str, Any]] | None = None) -> tuple[Claim, ...]:
    """The identity, the four steps, CORE and its L1 form for one family; `changes` are fields of single claims."""
    claims = (
        of.claim(
            "identity",
            "Exact identity",
            "gap plus Bregman divergence equals the derivative of L along v plus the weighted residual, "
            "for every direction v and every comparator.",
            "Definition of Breg, conditioning on x, and the chain rule G = <w, phi>; see theory/stationarity.py.",
            "inner_product + direction",
            of.calculus,
            "Not in the abstract; it makes the proof of the paper's bound an equality with named losses.",
            left="gap" if of.equality else "gap + bregman",
            relation=Relation.EQUAL,
        ),
        of.claim(
            "s1",
            "Step S1: functional geometry",
            "The gap is at most the pairing of the functional gradient with the displacement.",
            "gap + Breg = <w, u> and Breg >= 0.",
            "pairing",
            (of.geometry,),
            "'Functional geometry of the inner-level objectives' read as convexity of each risk in the hypothesis.",
            relation=Relation.EQUAL if of.equality else Relation.AT_MOST,
            source=Source.PAPER,
        ),
        of.claim(
            "s2",
            "Step S2: chain rule",
            "The gradient of the meta-objective is the functional gradient paired with the meta-features.",
            "Differentiate L(theta) = sum q_i R_i(h_{U_i(theta)}): grad L = sum q_i J_i' E[w_i grad h].",
            "zero",
            of.calculus,
            "None known.",
            left="chain_rule_defect",
            relation=Relation.EQUAL,
            source=Source.PAPER,
        ),
        of.claim(
            "s3",
            "Step S3: stationarity",
            "Along any direction of the ball, L changes at rate at most R eps.",
            "v'G <= ||v|| ||G|| <= R eps.",
            "radius*eps",
            of.calculus,
            "eps is the Euclidean norm of grad L; we allow any omega, the paper speaks of stationary points.",
            left="direction",
            source=Source.PAPER,
        ),
        of.claim(
            "s4",
            "Step S4: Cauchy-Schwarz",
            "The weighted residual is at most the norm of w times the norm of the residual.",
            "Cauchy-Schwarz in the task-lifted L2 space.",
            "weight_norm*residual_norm",
            of.calculus,
            "Finite second moments: automatic on finite support.",
            left="inner_product",
            source=Source.PAPER,
        ),
        of.claim(
            "lifted",
            "Optimality gap, lifted form",
            "At any omega the gap to any comparator is at most R times the gradient norm plus the norm of w "
            "times the best approximation of the displacement by meta-features of norm at most R.",
            "S1, S2, S3, S4, and the infimum over v in the ball.",
            "radius*eps + weight_norm*misfit",
            of.inside,
            "For every omega and every comparator (parameters or functions), with every constant explicit; "
            "on the space of (task, input) pairs, where the meta-feature is exact.",
            source=Source.PAPER,
            part="core optimality-gap result",
            extras=("function_displacement",),
        ),
        of.claim(
            "l1",
            "Optimality gap, L1 form without a radius",
            "The same without Cauchy-Schwarz and without choosing R: never larger than the lifted bound.",
            "S1 and S2 give gap <= v'G + <w, u - phi'v> <= eps ||v|| + <|w|, |u - phi'v|> for every v.",
            "misfit_l1",
            of.inside,
            "Sharper than the lifted form; same assumptions.",
        ),
    )
    given = changes or {}
    return tuple(replace(one, **given.get(one.name.removeprefix(f"{of.family}-"), {})) for one in claims)
