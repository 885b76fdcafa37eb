r"""The core result: how stationarity bounds the gap to any comparator. Every other bound is an instance.

Setting. Tasks i with weights q_i >= 0, hypotheses h_theta, adapted parameters theta_i = U_i(theta),
L(theta) = sum_i q_i R_i(h_{theta_i}). At the point omega and against comparator functions h'_i (adapted
hypotheses of a parameter theta', or any functions):

    z_i = h_{omega_i},  w_i(x) = E[ell'(z_i(x), y) | x],  u_i = z_i - h'_i,  phi_i = J_i' grad_theta h (at omega_i),
    <f, g> = sum_i q_i E[f_i g_i],  G = grad L(omega),  eps = ||G||,  gap = L(omega) - sum_i q_i R_i(h'_i),
    Breg = sum_i q_i E[ell(h'_i, y) - ell(z_i, y) - ell'(z_i, y)(h'_i - z_i)].

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

What a check can find. w itself is feasible for the dual problem of the bound (||phi w|| = eps), so every CORE bound is
at least <w, u>, and CORE can fail only through S1 or S2: Breg < 0, or a gradient that is not grad L. The engine
therefore gets grad L by Taylor arithmetic through the definition of L, never from the meta-features.
"""

from __future__ import annotations

from .claim import Assumption, Claim, Expression, Relation, Source

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

_CORE = "core optimality-gap result"


def core_claims(family: str, citation: str) -> tuple[Claim, ...]:
    """The identity, the four steps, CORE and its L1 form, named for one family of problems."""
    return (
        Claim(
            f"{family}-identity",
            "Exact identity",
            Source.OURS,
            "gap plus Bregman divergence equals the derivative of L along v plus the weighted residual, "
            "for every direction v and every comparator.",
            "Definition of Breg, conditioning on x, and the chain rule G = <w, phi>; see theory/stationarity.py.",
            Expression("gap + bregman"),
            Expression("inner_product + direction"),
            Relation.EQUAL,
            (DIFFERENTIABLE,),
            citation,
            "Not in the abstract; it makes the proof of the paper's bound an equality with named losses.",
        ),
        Claim(
            f"{family}-s1",
            "Step S1: functional geometry",
            Source.PAPER,
            "The gap is at most the pairing of the functional gradient with the displacement.",
            "gap + Breg = <w, u> and Breg >= 0.",
            Expression("gap"),
            Expression("pairing"),
            Relation.AT_MOST,
            (OUTER_CONVEXITY,),
            citation,
            "'Functional geometry of the inner-level objectives' read as convexity of each risk in the hypothesis.",
        ),
        Claim(
            f"{family}-s2",
            "Step S2: chain rule",
            Source.PAPER,
            "The gradient of the meta-objective is the functional gradient paired with the meta-features.",
            "Differentiate L(theta) = sum q_i R_i(h_{U_i(theta)}): grad L = sum q_i J_i' E[w_i grad h].",
            Expression("chain_rule_defect"),
            Expression("zero"),
            Relation.EQUAL,
            (DIFFERENTIABLE,),
            citation,
            "None known.",
        ),
        Claim(
            f"{family}-s3",
            "Step S3: stationarity",
            Source.PAPER,
            "Along any direction of the ball, L changes at rate at most R eps.",
            "v'G <= ||v|| ||G|| <= R eps.",
            Expression("direction"),
            Expression("radius*eps"),
            Relation.AT_MOST,
            (DIFFERENTIABLE,),
            citation,
            "eps is the Euclidean norm of grad L; we allow any omega, the paper speaks of stationary points.",
        ),
        Claim(
            f"{family}-s4",
            "Step S4: Cauchy-Schwarz",
            Source.PAPER,
            "The weighted residual is at most the norm of w times the norm of the residual.",
            "Cauchy-Schwarz in the task-lifted L2 space.",
            Expression("inner_product"),
            Expression("weight_norm*residual_norm"),
            Relation.AT_MOST,
            (DIFFERENTIABLE,),
            citation,
            "Finite second moments: automatic on finite support.",
        ),
        Claim(
            f"{family}-lifted",
            "Optimality gap, lifted form",
            Source.PAPER,
            "At any omega the gap to any comparator is at most R times the gradient norm plus the norm of w "
            "times the best approximation of the displacement by meta-features of norm at most R.",
            "S1, S2, S3, S4, and the infimum over v in the ball.",
            Expression("gap"),
            Expression("radius*eps + weight_norm*misfit"),
            Relation.AT_MOST,
            (OUTER_CONVEXITY, DIFFERENTIABLE),
            f"{citation}, {_CORE}",
            "For every omega and every comparator (parameters or functions), with every constant explicit; "
            "on the space of (task, input) pairs, where the meta-feature is exact.",
            extras=("function_displacement",),
        ),
        Claim(
            f"{family}-l1",
            "Optimality gap, L1 form without a radius",
            Source.OURS,
            "The same without Cauchy-Schwarz and without choosing R: never larger than the lifted bound.",
            "S1 and S2 give gap <= v'G + <w, u - phi'v> <= eps ||v|| + <|w|, |u - phi'v|> for every v.",
            Expression("gap"),
            Expression("misfit_l1"),
            Relation.AT_MOST,
            (OUTER_CONVEXITY, DIFFERENTIABLE),
            citation,
            "Sharper than the lifted form; same assumptions.",
        ),
    )
