r"""Two-layer networks with a smooth activation: the core result, and features at initialisation with explicit errors.

f(x; W) = m^{-1/2} sum_r b_r sigma(W_r'x), sigma twice continuously differentiable (softplus, tanh). Gradient feature
phi_W(x) = m^{-1/2} (b_r sigma'(W_r'x) x)_r. K gradient steps: W^(0) = W, W^(k+1) = W^(k) - eta grad R_i(W^(k)),
grad R_i(V) = E_i[ell'(f(x; V), y) phi_V(x)], W_i = W^(K).

There are no kinks: step k is differentiable with the symmetric Jacobian

    J_k = I - eta (H_k + F_k),   H_k = E_i[ell'' phi phi'],   F_k = E_i[ell' d2f],   all at W^(k),
    d2f(x) = diag_r( m^{-1/2} b_r sigma''(W_r'x) x x' ),

and the core claims of `stationarity` hold with phi_i(x) = J_0 J_1 ... J_{K-1} phi_{W_i}(x): the transpose of the chain
rule's product, the last step's factor first (the other order is a mutant). Rates D and decay lambda are as in
`network`: J_k = I - eta D (H_k + F_k + lambda), phi_i = J_0' ... J_{K-1}' phi_{W_i}, A_k with the same D and lambda. A
model that is linear in its parameters (ReLU networks off their kinks included) has d2f = 0; leaving it out here is a
mutant.

N2'. As for ReLU networks: phi_{0,i} = A_0 ... A_{K-1} phi_0, A_k = I - eta E_i[ell'' phi_0 phi_0'], with phi_0 =
phi_{W0} in all places, ell'' at the iterates' actual predictions and no d2f; G_0 = <w, phi_{0,.}>. gap <= R ||G_0|| +
||w|| inf ||u - phi_0'v||, the identity of any features with their own pairing.

Constants. |sigma'| <= 1 for both; c2 = sup |sigma''| is 1/4 for softplus (sigma'' = s(1-s), s = sigma') and
4/(3 sqrt 3) for tanh (2 T (1 - T^2), largest at T^2 = 1/3). The range of sigma' is in [0, 1], so

    ||phi_V(x)|| <= ||x||,   |sigma'(a) - sigma'(b)| <= min(1, c2 |a - b|).                                        (*)

Excess over R eps, with G = grad L (the steps are those of ReLU networks):

    ||G_0|| - eps <= ||G_0 - G|| <= ||w|| E_op <= ||w|| E_2 <= ||w|| ||e||,   E_op^2 = lmax(D), E_2^2 = tr(D),
    D = Om^{1/2} <phi_0 - phi, phi_0 - phi> Om^{1/2} on the lifted points (Om their masses).

Pointwise. With d_{k,r} = ||W^(k)_r - W0_r||, the displacements of every iterate (not of W alone: a mutant), all
expectations over ell' and ell'' at the predictions of W^(k),

    delta_k(x) = ||x|| ( sum_r min(1, c2 ||x|| d_{k,r})^2 / m )^{1/2},
    kap_k = max(1, s_k - 1)  (eta < 0: 1 + s_k),   s_k = |eta| sum_x' |E_i[ell''; x']| ||x'||^2,
    (with rates and decay the kap_k of `network`, and max_j |r_j| as a factor of f_k and g_k below)
    f_k = |eta| sum_x' c2 m^{-1/2} |E_i[ell'; x']| ||x'||^2,
    g_k = 2 |eta| sum_x' |E_i[ell''; x']| ||x'|| delta_k(x') + f_k,
    ||phi_{0,i}(x) - phi_i(x)|| <= e_i(x) = (prod_k kap_k) delta_K(x)
        + ||x|| sum_{k<K} (prod_{j<k} kap_j) g_k (prod_{j>k} (kap_j + f_j)).

  (ell'' >= 0 for the bound by e; the absolute values, idle then, make e grow with the delta_k for every loss, which is
  all that `smooth-network-error-ball` needs.)

  Proof. By telescoping phi_{0,i} - phi_i = A_0 ... A_{K-1} (phi_0 - phi_{W_i}) + sum_k A_0 ... A_{k-1} (A_k - J_k)
  J_{k+1} ... J_{K-1} phi_{W_i}, and A_k - J_k = eta (H_k - E_i[ell'' phi_0 phi_0']) + eta F_k. ||A_k|| <= kap_k, as
  0 <= E_i[ell'' phi_0 phi_0'] <= E_i[ell'' ||x||^2] (ell'' >= 0), and so ||J_k|| <= kap_k + |eta| ||F_k||. By (*)
  ||phi_0(x) - phi_V(x)||^2 = (||x||^2/m) sum_r (sigma'(W0_r'x) - sigma'(V_r'x))^2 is at most delta^2 with the
  displacements of V, and ||phi phi' - phi_0 phi_0'|| <= (||phi|| + ||phi_0||) ||phi - phi_0|| <= 2 ||x'|| delta(x').
  F_k is block-diagonal, its norm the largest of its blocks', which are at most sum_x' |E_i[ell'; x']| m^{-1/2} c2
  ||x'||^2. Last, ||phi_{W_i}(x)|| <= ||x||.

Ball. For ||V - W0|| <= B: sum_r min(1, c2 ||x|| d_r)^2 / m <= min(1, c2^2 ||x||^2 B^2 / m), so

    delta(x) <= ||x|| min(1, c2 ||x|| B / sqrt m),   for W with B = ||W - W0||, for W^(k) with B + ||W^(k) - W||

(one step: B + eta ||grad R_i||). Every term of e is of order m^{-1/2} for any data: there are no kinks that an atom
could sit on, in contrast with the m^{-1/6} of ReLU networks.

Linearisation at W0, D = W - W0:

    |f(x; W) - f(x; W0) - phi_0(x)'D| <= m^{-1/2} sum_r min(d_r ||x||, c2 d_r^2 ||x||^2 / 2)
                                      <= min(B ||x||, c2 B^2 ||x||^2 / (2 sqrt m)).

  Proof. With t = D_r'x the remainder of neuron r is int_0^1 (sigma'(W0_r'x + s t) - sigma'(W0_r'x)) t ds, by (*) at
  most min(|t|, c2 t^2/2), and |t| <= d_r ||x||. min(sqrt s, c s) is concave in s: Jensen over neurons, sum d_r^2 = B^2.

N5 (projected stationarity), as for ReLU networks: for every V with ||V - W0|| <= R, gap <= e5 + ||w|| inf_V
||u - phi'(W - V)||, e5 = <G, W - W0> + R ||G||.

Several outputs, as for ReLU networks: F_k is the sum of E_i[d_a ell d2f_a] over the components, and so are its bounds.

C3, as for ReLU networks: if the meta-features J_i phi_{W_i}(x) over all (task, input) pairs are linearly independent,
gap <= eps ||Phi^+ u|| over all functions. Proof: v = Phi^+ u has u = phi'v; the identity.

  When they are not: where J_i is singular; at x = 0; for tanh at x and -x of one task, as phi(-x) = -phi(x); for
  softplus if one task has more pairs x, -x than these x have dimensions, as sigma'(t) + sigma'(-t) = 1 makes
  phi(x) - phi(-x) = m^{-1/2} (b_r x)_r; without a step where tasks share an input. With a step tasks with other laws
  may share inputs: W_i and J_i differ. (ReLU networks need flips for that.) The features phi_{0,i} of N2' stay in the
  span of phi_0 on the task's inputs: two tasks that share all inputs never have independent ones.
"""

from __future__ import annotations

from .claim import Assumption, Claim, Source
from .consequences import first_order, headline, over_parameterised, projected, refined
from .initialisation import gradient_error, init, operator, step, trace_error, with_error
from .meta_sl import FULL_ROW_RANK
from .network import CONVEX_LOSS, NETWORK, OF_NETWORKS, OFF_JOINTS
from .setting import Setting
from .stationarity import DIFFERENTIABLE, OUTER_CONVEXITY, core_claims

OFF_JOINTS_OF_LOSS = Assumption(
    DIFFERENTIABLE.name,
    "No prediction on a joint of the loss: the network itself is smooth.",
    DIFFERENTIABLE.margin,
    DIFFERENTIABLE.identifier,
)


SMOOTH_NETWORK = Setting(
    "smooth-network", NETWORK.citation, OUTER_CONVEXITY, (OFF_JOINTS_OF_LOSS,), kind=", smooth networks"
)

RATES: tuple[tuple[str, str], ...] = (
    (
        "Smooth networks, any data",
        r"With $\sup|\sigma''|=c_2$ the linearisation errs by at most $\frac{c_2}{2}B^2\|x\|^2m^{-1/2}$ at every "
        r"input, for every $W_0$ and every $W$ of the ball, and the features by $c_2B\|x\|^2m^{-1/2}$: Taylor and "
        r"Jensen over the neurons. An atom is no exception, since there is no kink that it could lie on; neurons that "
        r"bend the same way and move alike attain the order.",
    ),
)
"""A statement for every W0, measured by impl/optimum/networks/rates.py; ours, with its proof above."""

CLAIMS: tuple[Claim, ...] = (
    *core_claims(
        SMOOTH_NETWORK,
        {
            "lifted": {
                "difference": "Exact at any width, with the network's second derivative in the meta-feature; the "
                "paper's networks are linearised at their initialisation."
            }
        },
    ),
    first_order(
        SMOOTH_NETWORK,
        "features phi_{W_i}",
        "The identity of <w, phi_{W_i}> with the features phi_{W_i} in place of J_0 ... J_{K-1} phi_{W_i}.",
        SMOOTH_NETWORK.kind,
    ),
    init(
        SMOOTH_NETWORK,
        SMOOTH_NETWORK.inside,
        "The paper's networks are ReLU; the statement needs no kinks and no linearity.",
        source=Source.OURS,
        part="",
        remark=": no step through phi",
    ),
    operator(
        SMOOTH_NETWORK,
        "The paper's networks are ReLU; here the operator error contains the network's second derivative.",
        Source.OURS,
        "",
    ),
    with_error(
        SMOOTH_NETWORK,
        "pointwise",
        "error_pointwise",
        "pointwise error, smooth networks",
        "The same with the displacements of the neurons and the curvature of the activation.",
        "E_op <= E_2 <= ||e|| with d_r, d_{i,r} and c2.",
        "Explicit constants for the Hessian's own error and for the second derivative that phi_0 leaves out.",
        needs=(CONVEX_LOSS,),
    ),
    with_error(
        SMOOTH_NETWORK,
        "ball",
        "error_ball",
        "a priori error of a ball, smooth networks",
        "The same for any network as near to W0 as W: of order m^{-1/2}, whatever the data.",
        "delta(x) <= ||x|| min(1, c2 ||x|| B/sqrt m) with B = ||W - W0||, and B + ||W^(k) - W|| for the iterates.",
        "No kinks: atoms are no exception, in contrast with the m^{-1/6} of ReLU networks.",
        needs=(CONVEX_LOSS,),
    ),
    gradient_error(SMOOTH_NETWORK, (OFF_JOINTS,)),
    trace_error(SMOOTH_NETWORK, (OFF_JOINTS,)),
    step(
        SMOOTH_NETWORK,
        "pointwise",
        "Trace error at most the pointwise error",
        "Meta-features at initialisation differ by at most e: change of the outer feature, of the Hessian's features, "
        "and the second derivative of the network.",
        "phi_0 - phi_i = A_0 ... A_{K-1} (phi_0 - phi_{W_i}) + sum_k A_0 ... A_{k-1} (A_k - J_k) J_{k+1} ... J_{K-1} "
        "phi_{W_i}, A_k - J_k = eta (H_k - H_k^0) + eta F_k; see above.",
        "error_trace",
        "error_pointwise",
        (OFF_JOINTS, CONVEX_LOSS),
        "A step of N2, with the parts of the Hessian and of the second derivative explicit.",
    ),
    step(
        SMOOTH_NETWORK,
        "ball",
        "Pointwise error at most that of the ball",
        "The error with the displacements of the iterates is at most that of the balls they lie in.",
        "sum_r min(1, c2 ||x|| d_r)^2/m <= min(1, c2^2 ||x||^2 B^2/m), as sum d_r^2 = B^2.",
        "error_pointwise",
        "error_ball",
        (OFF_JOINTS,),
        "For every iterate the displacement is its own.",
    ),
    SMOOTH_NETWORK.claim(
        "linearisation",
        "Linearisation error at W0, smooth networks",
        "The network differs from its linearisation at W0 by at most the remainders of its neurons.",
        "Taylor with sup |sigma''| = c2, and the range of sigma' where that is smaller.",
        "linearisation_taylor",
        (),
        "Quadratic in the displacement, where ReLU networks have their flips.",
        left="linearisation",
    ),
    SMOOTH_NETWORK.claim(
        "linearisation-ball",
        "Linearisation error in a ball, smooth networks",
        "No network as near to W0 as W linearises worse than min(B ||x||, c2 B^2 ||x||^2/(2 sqrt m)).",
        "Jensen over the neurons: min(sqrt s, c s) is concave in the squared displacement.",
        "linearisation_ball",
        (),
        "Of order m^{-1/2} at every input; ReLU networks at an atom have m^{-1/6} (N4).",
        left="linearisation_taylor",
    ),
    *refined(SMOOTH_NETWORK),
    projected(SMOOTH_NETWORK),
    over_parameterised(
        SMOOTH_NETWORK,
        "over-parameterised networks interpolate",
        FULL_ROW_RANK,
        "Tasks may share inputs if they adapt differently; the features at initialisation do not allow that.",
    ),
)

HEADLINE = headline(
    SMOOTH_NETWORK,
    OF_NETWORKS,
    "L(omega) - lower = [L(omega) - L(h')] + [L(h') - lower]; the lifted form bounds the first bracket, the second is "
    "known. `lower` is proved in balls: every prediction lies in the range of the networks; in a ball, weak duality "
    "bounds the linearisation with its worst error c2 B^2 ||x||^2/(2 sqrt m).",
    "The paper's comparator is a global minimiser, which need not exist. Functions that attain the lower bound serve "
    "as well as a network.",
    Source.OURS,
)
"""Needs a certified lower bound: judged by `impl.optimum.networks.answer`."""
