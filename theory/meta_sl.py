r"""Meta-supervised learning with a linear model h_theta(x) = phi(x)'theta: the core result and its corollaries.

Notation beyond `stationarity`: H_i(theta) = E[ell''(h_theta(x), y) phi phi'], |ell'| <= m1, 0 <= ell'' <= m2,
|ell'''| <= m3, ||phi|| <= B_s on the supports and <= B_q on the queries, a = |eta| m2 B_s^2, and c = max(1, a - 1) >=
||I - eta H_i^s|| if ell'' >= 0 and eta >= 0, else c = 1 + a (a loss may have a total Bregman divergence >= 0 on an
instance without being convex). R_i^s and H_i^s are those of the inner law; if it is the outer one, R_i, H_i; B_s = B_q.
One gradient step: U_i(theta) = theta - eta grad R_i^s(theta), J_i = I - eta H_i^s(omega).
With c outputs theta is (c, d), h_theta(x) = theta phi(x), and H_i = sum_x rho_i(x) Phi_x'B_x Phi_x with
Phi_x = I (x) phi(x)', of norm ||phi(x)||, and the blocks B_x = E[Hess ell | x]. Read m1, m2, m3 as bounds of the norms
of the gradient, the Hessian and the third derivative, kappa as |D^3 ell[h, h, v]| <= kappa ||v|| h'Hess ell h: C2, C6,
C8, C9 are then proved as below. Softmax has m1 = sqrt 2, m2 = 1/2, m3 = sqrt 2/(3 sqrt 3), kappa = sqrt 2, mu = 0.
Rates and decay: theta <- theta - eta D (grad R_i^s + lambda theta), D = diag(r), a rate per parameter of any sign (0
freezes it), lambda >= 0 the weight decay of the inner objective. Then J^(k) = I - eta D (H_i^s + lambda) is not
symmetric, and a feature goes through its transpose: phi_i = S phi - H_i^s eta D phi after one step, S = I - lambda eta
D (D on the other side of H is a mutant). `stationarity` never asks how U_i is made: the identity, S1-S4, the lifted,
L1, refined, first-order and mixed forms, C1 (U_i is affine), C3, C4, C5 (all rates 0), C7, the headline are verbatim.
In C2, C6, C8, C9 read rho = max_j |eta r_j| for |eta|, a = rho (m2 B_s^2 + lambda) and, with (r-, r+) the
least and the largest eta r_j, r0 = (r- + r+)/2, d = (r+ - r-)/2, h = m2 B_s^2,

    c = max(|1 - r0 lambda|, |1 - r0 (lambda + h)|) + d (h + lambda) >= ||J^(k)||

(|1 - r0 lambda| + |r0| h for the maximum if ell'' may be negative): eta D = r0 I + E with ||E|| <= d, and I - r0 (H +
lambda) is symmetric with eigenvalues between the two. One rate without decay: the c above. max(1, a - 1) alone is false
of unequal rates: D (H + lambda) has no symmetric part >= 0 (a mutant).
K steps: J_i = J^(K-1) ... J^(0) with J^(k) = I - eta H_i^s at the k-th iterate (the order matters).
Implicit (iMAML): U_i(theta) = argmin R_i^s + (lambda/2)||. - theta||^2, J_i = (I + H_i^s(omega_i)/lambda)^{-1}.
"""

from __future__ import annotations

from .claim import Assumption, Claim
from .consequences import first_order, headline, mixed, mixed_l1, over_parameterised, refined
from .setting import PAPER, Setting
from .stationarity import DIFFERENTIABLE, OUTER_CONVEXITY, core_claims

NUMERATOR_VANISHES = Assumption(
    "numerator-vanishes",
    "Wherever the mixed weight is 0, so is the numerator of the mixed target.",
    "margin_numerator_vanishes",
    "A4",
)
ONE_GRADIENT_STEP = Assumption(
    "one-gradient-step",
    "One gradient step with one loss, feature and step size for all tasks: the mixed feature is task-independent.",
    "margin_one_gradient_step",
)
PARAMETER_COMPARATOR = Assumption(
    "parameter-comparator",
    "The comparator is the adapted hypothesis of one parameter theta', not arbitrary functions.",
    "margin_parameter_comparator",
)
SQUARED_LOSS = Assumption("squared-loss", "The loss is the squared loss.", "margin_squared_loss")
THIRD_DERIVATIVE = Assumption(
    "bounded-third-derivative",
    "ell'' is Lipschitz (m3 finite); beyond one gradient step also m2 finite.",
    "margin_third_derivative",
)
FULL_ROW_RANK = Assumption(
    "full-row-rank",
    "The meta-features over all (task, input) pairs are linearly independent.",
    "margin_full_row_rank",
)
CONVEX_WITH_SLOPES = Assumption(
    OUTER_CONVEXITY.name,
    "The outer loss is convex in the prediction, and has a slope at omega's predictions (what is used: that, and total "
    "Bregman divergence >= 0).",
    OUTER_CONVEXITY.margin,
    OUTER_CONVEXITY.identifier,
)
NO_ADAPTATION = Assumption("no-adaptation", "eta = 0.", "margin_no_adaptation")
BOUNDED_CURVATURE = Assumption("bounded-curvature", "m2 is finite.", "margin_bounded_curvature")
SINGLE_TASK = Assumption("single-task", "There is one task (of positive weight).", "margin_single_task")
INVERTIBLE = Assumption(
    "invertible-jacobian",
    "The Jacobian of the adaptation is invertible at omega.",
    "margin_invertible_jacobian",
)
NO_DECAY = Assumption("no-decay", "The steps have no weight decay.", "margin_no_decay")
SMALL_STEP = Assumption(
    "small-step",
    "One gradient step. With s = max_j |eta r_j| B^2: m2 s <= 1 and (1 - m2 s)^2 exp(-kappa m1 s) >= kappa m1 s. "
    "Data-free: s <= .479 (logistic), .207 (log-cosh), .253 (pseudo-Huber).",
    "margin_small_step",
)
ONE_LAW = Assumption(
    "one-law",
    "Every task is judged on the law that it adapts on: no support of its own.",
    "margin_one_law",
)
DOMINATED_STEP = Assumption(
    "dominated-support",
    "One gradient step, and supports no richer than their queries: D_i^s <= C D_i as measures. With "
    "rho = max_j |eta r_j|, s = rho B_s^2, r = rho B_s B_q: m2 s <= 1, (1 - m2 s)^2 exp(-kappa m1 r)/C >= kappa m1 r.",
    "margin_dominated",
)
SMOOTH = Assumption(
    "smooth-meta-objective",
    "One gradient step; m2 finite and m1 m3 finite (m3 = 0 for the squared loss).",
    "margin_smooth",
)

META_SL = Setting("meta-sl", f"{PAPER}meta-supervised learning, linear model", OUTER_CONVEXITY, (DIFFERENTIABLE,))

CLAIMS: tuple[Claim, ...] = (
    *core_claims(META_SL),
    mixed(
        META_SL,
        "The bound with one task-independent feature on triples z = (x, y, x') under the mixture "
        "M = sum q_i D_i^s x rho_i: (x, y) from the support, x' from the query.",
        "With g_i = d(D_i^s x rho_i)/dM, Wn = sum q_i g_i w_i(x'), Un = sum q_i g_i w_i(x') u_i(x') and "
        "psi = (S - ell''(h_omega(x), y) phi(x)phi(x)' eta D) phi(x'), S = I - lambda eta D: "
        "E_M[Wn psi] = G and E_M[Un] = <w, u>. "
        "Under (D) Un = Wn (Un/Wn) almost everywhere, so gap <= v'G + E_M[Wn (Un/Wn - psi'v)]; Cauchy-Schwarz.",
        (ONE_GRADIENT_STEP, NUMERATOR_VANISHES),
        ": the target is a ratio, undefined where the mixed weight vanishes and its numerator does not. Neither form "
        "dominates the other.",
    ),
    mixed_l1(
        META_SL,
        "gap <= <w, u> = E_M[Un] = v'G + E_M[Un - Wn psi'v] <= eps ||v|| + E_M|Un - Wn psi'v| for every v.",
        (ONE_GRADIENT_STEP,),
    ),
    first_order(
        META_SL,
        "plain features phi",
        "The identity holds for any matrices T_i in place of J_i': gap + Breg = v'G_T + <w, u - (T_i'phi)'v> with "
        "G_T = sum q_i T_i'E[w_i phi]. T_i = I is FOMAML; then S3 and S4 as before. No derivative of U_i is used.",
        difference="; this needs no differentiability of the adaptation.",
    ),
    META_SL.claim(
        "c1",
        "C1: squared loss",
        "For the squared loss the gap to any theta' is at most eps times the distance of the parameters.",
        "U_i is affine, so u_i = phi_i'(omega - theta') exactly; the identity with v = omega - theta' gives "
        "gap = G'v - ||u||^2/2 <= eps ||v||. Also for K steps and the implicit step.",
        "eps*displacement",
        (SQUARED_LOSS, PARAMETER_COMPARATOR),
        "L is a convex quadratic: no parameter does better than a stationary point. Functions may.",
    ),
    META_SL.claim(
        "c2",
        "C2: a priori bound",
        "With ell'' Lipschitz the representation error is quadratic in the distance: no infimum to solve.",
        "grad R_i^s(theta') - grad R_i^s(omega) - H_i^s(theta' - omega) has norm <= (m3/2) B_s^3 ||theta' - omega||^2, "
        "so |u_i - phi_i'(omega - theta')| <= rho (m3 B_s^3 B_q/2) ||omega - theta'||^2 after one step; K steps: "
        "times c^(K-1)(1 + c + ... + c^(K-1)), as iterates k are within c^k ||omega - theta'|| and the later factors "
        "expand by c^(K-1-k); implicit: m3 B_s^3 B_q/(2 lambda), as the step is nonexpansive. Then CORE with "
        "v = omega - theta'. Attained by log-cosh at the fold.",
        "eps*displacement + weight_norm*remainder_constant*displacement**2",
        (OUTER_CONVEXITY, DIFFERENTIABLE, THIRD_DERIVATIVE, PARAMETER_COMPARATOR),
        "Explicit constant.",
    ),
    over_parameterised(
        META_SL,
        "over-parameterisation",
        FULL_ROW_RANK,
        "For the linear model with one step on one law it can hold only if the features over all (task, input) pairs "
        "are linearly independent: never when two tasks share an input. With supports of their own it can: the rows "
        "phi(x) - eta H_i^s phi(x) of one query x differ. Then eta != 0 is needed, d at least the number of pairs, and "
        "that features of queries and supports together span as many dimensions; that supports are independent is not "
        "enough. (Rates change nothing of this: H_i^s eta D phi(x) lies in the span of the support's features. Decay "
        "at unequal rates does: S phi(x) does not.) The rows are about eta apart, so the smallest singular value is "
        "small for small steps.",
        reading="If the meta-features are linearly independent, the misfit vanishes and the gap over all functions is "
        "at most eps times the norm of the shortest representation.",
        proof="Full row rank: v = Phi^+ u has u - phi'v = 0, so the identity gives gap <= v'G <= eps ||Phi^+ u||.",
        extras=(),
    ),
    *refined(META_SL),
    META_SL.claim(
        "c5",
        "C5: no adaptation",
        "Without adaptation the problem is convex: the gap is at most eps times the distance.",
        "eta = 0 makes u = phi'(omega - theta'): the misfit vanishes at v = omega - theta'.",
        "eps*displacement",
        (CONVEX_WITH_SLOPES, PARAMETER_COMPARATOR, NO_ADAPTATION),
        "Sanity case.",
    ),
    META_SL.claim(
        "c6",
        "C6: first-order stationary points, with a priori bias",
        "A FOMAML-stationary point satisfies MAML's bound with a bias that is a priori bounded.",
        "||G - G_FO|| = ||sum q_i (J_i - I)'E[w_i phi]|| <= beta_J B_q ||w|| where ||J_i - I|| <= beta_J: one step a; "
        "K steps a (1 + c + ... + c^(K-1)) by telescoping; implicit (m2 B_s^2/lambda)/(1 + m2 B_s^2/lambda). Then "
        "CORE.",
        "radius*eps_first_order + radius*jacobian_deviation*feature_bound*weight_norm + weight_norm*misfit",
        (*META_SL.inside, BOUNDED_CURVATURE),
        "For K-step and implicit adaptation alike.",
    ),
    META_SL.claim(
        "c7",
        "C7: one task",
        "With one task and an invertible Jacobian no parameter does better than a stationary point.",
        "n = 1: gap <= g'(omega_1 - theta'_1) with g = E[w phi], and G = J_1'g gives ||g|| <= eps/s_min(J_1).",
        "eps*adapted_displacement/jacobian_min",
        (OUTER_CONVEXITY, DIFFERENTIABLE, SINGLE_TASK, PARAMETER_COMPARATOR, INVERTIBLE),
        "False at folds, where the Jacobian is singular: logistic loss, eta = 25/4.",
    ),
    META_SL.claim(
        "c8",
        "C8: data-free convexity of the meta-objective",
        "For a small step, whatever the data, L is convex: the gap is at most eps times the distance.",
        "H_i(omega_i) >= exp(-kappa B ||omega_i - omega||) H_i(omega), ||omega_i - omega|| <= rho m1 B, and with H = "
        "H_i(omega), M = H^(1/2) eta D H^(1/2) of norm at most m2 s: J_i'H J_i = H^(1/2)(I - M)^2 H^(1/2) >= "
        "(1 - m2 s)^2 H, so v'Hess L v >= [(1 - m2 s)^2 exp(-kappa m1 s) - kappa m1 s] sum q_i v'H_i(omega)v with "
        "s = rho B^2, m2 s <= 1: rates of any sign.",
        "eps*displacement",
        (OUTER_CONVEXITY, DIFFERENTIABLE, PARAMETER_COMPARATOR, SMALL_STEP, ONE_LAW, NO_DECAY),
        "Needs no strong convexity. False for every eta > 0 where tasks adapt on supports of their own: nothing ties "
        "eta D^3 R_i^s(omega)[g_i] to H_i(omega_i). False with weight decay: omega_i - omega is as long as omega is.",
    ),
    META_SL.claim(
        "c8-dominated",
        "C8: convexity with supports no richer than the queries",
        "Where no support has an atom that its query has C times less of, L is convex for a small step, whatever the "
        "data: the gap is at most eps times the distance.",
        "Hess L = sum q_i [J_i'H_i(omega_i) J_i - D^3 R_i^s(omega)[eta D g_i]]. ||omega_i - omega|| <= rho m1 B_s, so "
        "H_i(omega_i) >= exp(-kappa m1 r) H_i(omega) >= exp(-kappa m1 r) H_i^s(omega)/C with r = rho B_s B_q; "
        "J_i'H_i^s J_i >= (1 - m2 s)^2 H_i^s as in C8, s = rho B_s^2; ||g_i|| <= m1 B_q gives "
        "D^3 R_i^s(omega)[eta D g_i] <= kappa m1 r H_i^s(omega). So v'Hess L v >= "
        "[(1 - m2 s)^2 exp(-kappa m1 r)/C - kappa m1 r] sum q_i v'H_i^s(omega)v.",
        "eps*displacement",
        (OUTER_CONVEXITY, DIFFERENTIABLE, PARAMETER_COMPARATOR, DOMINATED_STEP, NO_DECAY),
        "C8 is the case of one law: C = 1, B_s = B_q.",
    ),
    META_SL.claim(
        "c9",
        "C9: smoothness and the rate of gradient descent",
        "A gradient step of length 1/beta decreases L by at least eps^2/(2 beta); hence gradient descent is "
        "eps-stationary within 2 beta (L_0 - inf L)/eps^2 steps.",
        "||Hess L|| <= beta = c^2 m2 B_q^2 + rho m1 m3 B_q B_s^3, from Hess L = sum q_i [J_i'H_i(omega_i) J_i "
        "- D^3 R_i^s(omega)[eta D g_i]]; the descent lemma; sum over steps.",
        "2*smoothness*descent",
        (DIFFERENTIABLE, SMOOTH),
        "Says when a first-order method reaches the eps of the other claims.",
        left="eps**2",
    ),
    META_SL.claim(
        "c9-curvature",
        "C9: the smoothness constant",
        "No direction has second derivative of L beyond beta.",
        "Hess L = sum q_i [J_i'H_i(omega_i) J_i - D^3 R_i^s(omega)[eta D g_i]], ||J_i|| <= c, ||H_i|| <= m2 B_q^2, "
        "||eta D g_i|| <= rho m1 B_q, |D^3 R_i^s[g]| <= m3 B_s^3 ||g||.",
        "smoothness",
        (DIFFERENTIABLE, SMOOTH),
        "Its lower end -rho m1 m3 B_q B_s^3 is approached.",
        left="curvature_size",
    ),
)

HEADLINE = headline(
    META_SL,
    "The meta-objective at omega exceeds its certified infimum over a ball (or over all parameters) by at most the "
    "lifted bound against the certificate's point theta', plus the width of the certified bracket.",
    "L(omega) - lower = [L(omega) - L(theta')] + [L(theta') - lower]; the lifted form bounds the first bracket, the "
    "second is known. `lower` is proved by the checker of the certificate, not by the solver that found it.",
    "The paper's comparator is a global minimiser; here any point of the ball serves, since no computed point is one "
    "exactly. At points that are not stationary eps pays.",
)
"""Needs a certified optimum: judged by `impl.optimum.headline`."""
