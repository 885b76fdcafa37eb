r"""Meta-reinforcement learning with smooth two-layer network policies: no kinks, errors by displacement.

As in `meta_rl_network`, with f(x; W) = m^{-1/2} sum_r b_r sigma(W_r'x), sigma twice continuously differentiable with
0 <= sigma' <= 1 and c = sup |sigma''| (softplus: c = 1/4; tanh: c = 4/(3 sqrt 3)), and phi_W(s,a) = m^{-1/2}(b_r
sigma'(W_r'x) x)_r. The adaptation is a step on policies, so W itself is never adapted, and no second derivative of f
occurs: all core claims hold with phi = phi_W.

N0. The core claims of `meta_rl` hold verbatim with phi = phi_W, at every W.

  Proof. Their proofs use the parameter only through the derivative of the logits f(x(s,a); W)/tau of the prior, which
  is phi_W(s,a)/tau: S2 is the chain rule through a prior with these logits, the other steps know policies only.

N1 (initial features). As for ReLU: gap <= R ||G_0|| + ||w|| inf ||u - Phi_0 v||, G_0 = <w, Phi[phi_0]>, and
||G_0|| - eps <= ||w|| E_op <= ||w|| ||e||, e_i(s,a) the propagation of any bound delta(s,a) >= ||phi_0 - phi_W||.

N1' (the bound). With d_r = ||W_r - W0_r|| and B = ||W - W0||,

    ||phi_0(x) - phi_W(x)|| <= ||x|| (m^{-1} sum_r min(1, c ||x|| d_r)^2)^{1/2} <= ||x|| min(1, c ||x|| B m^{-1/2}).

  Proof. ||phi_0 - phi_W||^2 = ||x||^2 m^{-1} sum_r (sigma'(W0_r'x) - sigma'(W_r'x))^2; the difference of two numbers of
  [0, 1] is at most 1, and by the mean value theorem at most c |W0_r'x - W_r'x| <= c ||x|| d_r. Then the sum over r of
  min(1, c ||x|| d_r)^2 is at most m, and at most c^2 ||x||^2 sum_r d_r^2 = c^2 ||x||^2 B^2.

So in a ball of fixed radius the error is of order m^{-1/2} on any data: the atoms that keep ReLU networks at m^{-1/6}
are no exception.

C3 as for ReLU policies, at every W. Opposite inputs: for softplus phi(x) - phi(-x) = m^{-1/2} (b_r x)_r, for tanh
phi(-x) = -phi(x).
"""

from __future__ import annotations

from .claim import Claim, Expression, Relation, Source
from .meta_rl import POSITIVE_POLICY
from .meta_rl_network import CITATION, claims_at_initialisation, core_of_policies, over_parameterisation

_PREFIX = "meta-rl-smooth-network"
_INSIDE = (POSITIVE_POLICY,)
_SMOOTH = {
    "identity": "As for linear policies, with the gradient features of the network at W.",
    "s1": "As for linear policies: it knows policies only.",
    "s2": "As for linear policies; the network is differentiable everywhere.",
    "s3": "eps is the Euclidean norm of grad L over all weights.",
    "s4": "As for linear policies.",
    "lifted": "Exact at any width and any W, without an approximation error; the paper's networks are ReLU.",
    "l1": "Sharper than the lifted form; same assumptions.",
}

CLAIMS: tuple[Claim, ...] = (
    *core_of_policies(_PREFIX, _INSIDE, "N0: the logits have the derivative phi_W/tau at every W.", _SMOOTH),
    *claims_at_initialisation(_PREFIX, ", smooth activation", _INSIDE),
    Claim(
        f"{_PREFIX}-init-pointwise",
        "N1 with the pointwise error of the neurons' displacements",
        Source.OURS,
        "The same with the displacement of each neuron, and its propagation through grad Q.",
        "E_op <= ||e|| with N1'.",
        Expression("gap"),
        Expression("radius*eps + radius*weight_norm*error_pointwise + weight_norm*misfit_init"),
        Relation.AT_MOST,
        _INSIDE,
        CITATION,
        "Explicit constants; the look-ahead's own error is counted too.",
    ),
    Claim(
        f"{_PREFIX}-init-ball",
        "N1 with the error of the ball around W0",
        Source.OURS,
        "The same, a priori in the distance of W from W0: an error of order m^(-1/2) on any data.",
        "The second inequality of N1'.",
        Expression("gap"),
        Expression("radius*eps + radius*weight_norm*error_ball + weight_norm*misfit_init"),
        Relation.AT_MOST,
        _INSIDE,
        CITATION,
        "The paper's ReLU networks need regular data for a rate; a smooth activation needs none.",
    ),
    Claim(
        f"{_PREFIX}-error-pointwise",
        "Operator error at most the displacements' error",
        Source.OURS,
        "Meta-features at initialisation differ by at most e: displacements at the pair itself and, discounted, later.",
        "Triangle inequality for Phi[phi_0 - phi_W]; centring is a projection; operator norm <= Hilbert-Schmidt norm.",
        Expression("error_operator"),
        Expression("error_pointwise"),
        assumptions=(POSITIVE_POLICY,),
        citation=CITATION,
        difference="A step of N1.",
    ),
    Claim(
        f"{_PREFIX}-error-ball",
        "Displacements' error at most the ball's",
        Source.OURS,
        "The error by neuron is at most that of the ball.",
        "sum_r min(1, c ||x|| d_r)^2 <= min(m, c^2 ||x||^2 B^2).",
        Expression("error_pointwise"),
        Expression("error_ball"),
        assumptions=(POSITIVE_POLICY,),
        citation=CITATION,
        difference="A step of N1.",
    ),
    over_parameterisation(_PREFIX, ", smooth activation", _INSIDE),
)
