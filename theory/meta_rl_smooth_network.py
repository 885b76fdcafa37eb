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

from .claim import Claim
from .initialisation import step, with_error
from .meta_rl import POSITIVE_POLICY
from .meta_rl_network import META_RL_NETWORK, at_initialisation, core_of_policies, full_action_rank, pointwise_error
from .setting import Setting

META_RL_SMOOTH_NETWORK = Setting(
    "meta-rl-smooth-network",
    META_RL_NETWORK.citation,
    POSITIVE_POLICY,
    (POSITIVE_POLICY,),
    equality=True,
    kind=", smooth activation",
)

CLAIMS: tuple[Claim, ...] = (
    *core_of_policies(
        META_RL_SMOOTH_NETWORK,
        "N0: the logits have the derivative phi_W/tau at every W.",
        {
            "identity": "As for linear policies, with the gradient features of the network at W.",
            "s2": "As for linear policies; the network is differentiable everywhere.",
            "lifted": "Exact at any width and any W, without an approximation error; the paper's networks are ReLU.",
        },
    ),
    *at_initialisation(META_RL_SMOOTH_NETWORK),
    with_error(
        META_RL_SMOOTH_NETWORK,
        "pointwise",
        "error_pointwise",
        "pointwise error of the neurons' displacements",
        "The same with the displacement of each neuron, and its propagation through grad Q.",
        "E_op <= ||e|| with N1'.",
        "Explicit constants; the look-ahead's own error is counted too.",
    ),
    with_error(
        META_RL_SMOOTH_NETWORK,
        "ball",
        "error_ball",
        "error of the ball around W0",
        "The same, a priori in the distance of W from W0: an error of order m^(-1/2) on any data.",
        "The second inequality of N1'.",
        "The paper's ReLU networks need regular data for a rate; a smooth activation needs none.",
    ),
    pointwise_error(
        META_RL_SMOOTH_NETWORK,
        "Operator error at most the displacements' error",
        "displacements at the pair itself and, discounted, later",
        "error_pointwise",
    ),
    step(
        META_RL_SMOOTH_NETWORK,
        "ball",
        "Displacements' error at most the ball's",
        "The error by neuron is at most that of the ball.",
        "sum_r min(1, c ||x|| d_r)^2 <= min(m, c^2 ||x||^2 B^2).",
        "error_pointwise",
        "error_ball",
        (POSITIVE_POLICY,),
    ),
    full_action_rank(META_RL_SMOOTH_NETWORK),
)
