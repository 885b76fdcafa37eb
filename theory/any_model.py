r"""Any differentiable model and any adaptation: the core result, judged on what a program computes.

A task i has a support set, from which U_i(theta) is made in any differentiable way, and a query set (x_ij, y_ij), of
n_i points, on which L(theta) = sum_i q_i R_i(z_i(theta)) is taken: z_ij(theta) = h_{U_i(theta)}(x_ij) in R^c, R_i
convex in the predictions z_i. Lifted points are (task, query point, component), of mass q_i/n_i; w = (dR_i/dz) q_i /
mass, u = z - h', phi = dz/dtheta at omega. The identity never asks how U_i was made: with

    Breg = sum_i q_i (R_i(h'_i) - R_i(z_i) - <grad R_i(z_i), h'_i - z_i>)

gap + Breg = <w, u>, and <w, phi'v> = v' grad L by the chain rule. So the core claims of `stationarity` hold verbatim:
support and query may differ, predictions may depend on each other (batch normalisation), outputs may be vectors.

Query points that are equal stay points of their own. Then w is not averaged over the labels of one input, and ||w|| is
at least what it is on distinct inputs (Jensen): the bound holds, and is no sharper.

The L1 form pairs the components of a query point. For any partition of the lifted points into blocks B,

    <w, r> = sum_B sum_(j in B) m_j w_j r_j <= sum_B |sum_(j in B) m_j w_j r_j|,

so that S1 and S2 give gap <= eps ||v|| + sum_B |sum_(j in B) m_j w_j (u - phi'v)_j| for every v; r = u - phi'v, m the
masses. Blocks (i, j) of the c components of one point give sum_ij m_ij |w_ij'r_ij|, at most the sum over components
one by one (the triangle inequality; the same where the c products have one sign, or c = 1) and at most ||w|| ||r||.
With one query point in all |<w, u> - v'G| + eps ||v|| is least at v = 0: the form is |<w, u>|, and S1 its proof.

For the softmax cross-entropy Breg(h', z) = KL(p_z || p_h') = sum_k p_k (e^(d_k) - 1 - d_k), d = log p_h' - log p_z, as
sum_k p_k e^(d_k) = 1: every term is >= 0. For the squared loss it is |h' - z|^2/2.

First order: T_i = I in place of dU_i/dtheta; phi then is d h_theta(x)/dtheta at omega_i, its pairing FOMAML's gradient.

Distance from the best: where R_i >= 0, L - floor >= L - inf L for floor = 0, and the claim against any comparator h',
gap <= bound, gives L(omega) - floor <= bound + (L(h') - floor).
"""

from __future__ import annotations

from .claim import Assumption, Claim
from .consequences import first_order, headline, over_parameterised
from .setting import PAPER, Setting
from .stationarity import DIFFERENTIABLE, OUTER_CONVEXITY, core_claims

FULL_ROW_RANK = Assumption(
    "full-row-rank",
    "The meta-features over all (task, point, component) are linearly independent.",
    "margin_full_row_rank",
)

ANY_MODEL = Setting("any-model", f"{PAPER}meta-supervised learning, any model", OUTER_CONVEXITY, (DIFFERENTIABLE,))

CLAIMS: tuple[Claim, ...] = (
    *core_claims(ANY_MODEL),
    first_order(
        ANY_MODEL,
        "features of the adapted model",
        "The identity holds for any matrices T_i in place of dU_i/dtheta; T_i = I is FOMAML.",
    ),
    over_parameterised(
        ANY_MODEL,
        "over-parameterised models, any model",
        FULL_ROW_RANK,
        "With a support set of its own for each task, tasks may share query inputs.",
        extras=(),
    ),
)

HEADLINE = headline(
    ANY_MODEL,
    "The distance of L(omega) from a lower bound of L is at most the lifted bound against a comparator, plus the "
    "comparator's own distance from it.",
    "L(omega) - floor = gap + (L(h') - floor), and the lifted form bounds the gap.",
    "The floor is 0, what a loss is at least.",
)
