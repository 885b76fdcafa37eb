r"""Meta-reinforcement learning with energy-based linear policies: the core result and its corollaries.

Task i is a finite decision process (P_i, r_i, gamma_i, start zeta_i). With normalised values: V = (1-g) E sum g^t r_t,
Q = (1-g) r + g P V, A = Q - V, J = zeta'V, nu = (1-g)(I - g P_pi')^{-1} zeta, sigma(s,a) = nu(s)pi(a|s), sum sigma = 1.
Prior pi_theta(a|s) ~ exp(phi(s,a)'theta/tau), adapted policy pi_i from Q_i of the prior; L(theta) = sum_i q_i J_i(pi_i)
is maximised. At omega, against policies pi'_i (adapted ones of a parameter theta', or any policies at all):

    w_i = A_i/(1-gamma_i) of pi_i,   u_i = (nu'_i/nu_i)(pi'_i/pi_i - 1),   Phi_i = grad_theta log pi_i (centred),
    <f, h> = sum_i q_i E_{sigma_i}[f_i h_i],   gap = sum_i q_i (J_i(pi'_i) - J_i(pi_i)).

KL step: Phi_i = phi/tau + eta grad Q_i. Rational step: phi/tau + eta grad Q_i/(1 + eta Q_i). Gradient step on the
parameter: (I + eta Hess J_i)phi/tau. Each minus its mean under pi_i(.|s); grad Q_i = gamma P grad V_i with
grad V_i = (I - gamma P_pi)^{-1} E_pi[A phi/tau] at the prior.

Identity, for every v and every policies pi'_i:     gap = v'grad L(omega) + <w, u - Phi v>.

  Proof. The performance difference lemma: J_i(pi') - J_i(pi_i) = (1-gamma_i)^{-1} E_{sigma'_i}[A_i]. pi_i is positive,
  so sigma'_i << sigma_i, and this is E_{sigma_i}[w_i sigma'_i/sigma_i]. As E_{pi_i}[A_i | s] = 0, any function of s may
  be subtracted from the density; subtracting nu'_i/nu_i gives u_i and gap = <w, u>. The policy gradient theorem
  grad L = <w, grad log pi_i> = <w, Phi> (again up to functions of s). Add and subtract <w, Phi v> = v'grad L.

So S1 is an equality here, and nothing convex is needed: the performance difference takes the part of convexity. S3,
S4 and the infimum are those of `stationarity`. Needed: pi_i positive and differentiable in theta (automatic for the
KL and the gradient step; 1 + eta Q_i > 0 for the rational one). eta may have either sign; gamma_i may differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .claim import Assumption, Claim, Relation
from .consequences import headline, mixed, mixed_l1
from .setting import PAPER, Setting
from .stationarity import core_claims

POSITIVE_POLICY = Assumption(
    "positive-policy",
    "The adapted policies give every action positive probability (hence sigma' << sigma) and depend smoothly on theta.",
    "margin_positive_policy",
)
POLICY_STEP = Assumption(
    "policy-step",
    "The adaptation is a step on policies (KL or rational), whose feature is an average over next visits.",
    "margin_policy_step",
)
NUMERATOR_VANISHES = Assumption(
    "numerator-vanishes",
    "Wherever the mixed weight is 0, so are the numerators of the mixed target and of the mixed feature.",
    "margin_numerator_vanishes",
    "A4",
)
KL_STEP = Assumption("kl-step", "The adaptation is the KL step pi_i ~ pi_theta exp(eta Q_i).", "margin_kl_step")
RATIONAL_STEP = Assumption(
    "rational-step", "The adaptation is the rational step pi_i ~ pi_theta (1 + eta Q_i).", "margin_rational_step"
)
FORWARD_STEP = Assumption("forward-step", "eta > 0.", "margin_forward_step")
NOT_BACKWARD = Assumption("no-backward-step", "eta >= 0.", "margin_no_backward_step")
PLAIN_FEATURE = Assumption(
    "no-lookahead",
    "eta = 0, or every gamma_i = 0 with a step on policies: then grad Q_i does not enter.",
    "margin_no_lookahead",
)
SINGLE_TASK = Assumption("single-task", "There is one task (of positive weight).", "margin_single_task")
TABULAR = Assumption("tabular", "The features are the unit vectors of the pairs (s, a).", "margin_tabular")
CONTRACTION = Assumption(
    "contraction",
    "kappa = |eta| gamma span(r)/(2(1-gamma)) < 1: the adaptation's Jacobian is invertible.",
    "margin_contraction",
)
ONE_STATE = Assumption(
    "one-state", "One state, two actions, one parameter: a bandit with logistic policies.", "margin_one_state"
)
PARAMETER_COMPARATOR = Assumption(
    "parameter-comparator",
    "The comparator is the adapted policies of one parameter theta', not arbitrary policies.",
    "margin_parameter_comparator",
)
BETTER_COMPARATOR = Assumption(
    "better-comparator", "The comparator is strictly better than omega.", "margin_better_comparator"
)

META_RL = Setting(
    "meta-rl",
    f"{PAPER}meta-reinforcement learning, energy-based linear policies",
    POSITIVE_POLICY,
    (POSITIVE_POLICY,),
    equality=True,
)


ADDED: Mapping[str, Mapping[str, Any]] = {
    "identity": {
        "reading": "The gap equals the derivative of L along v plus the weighted residual, for every direction v and "
        "all comparator policies.",
        "proof": "Performance difference, sigma' << sigma, E_pi[A|s] = 0, policy gradient theorem; see "
        "theory/meta_rl.py.",
        "difference": "Not in the abstract; it makes the proof of the paper's bound an equality.",
    },
    "s1": {
        "title": "Step S1: performance difference",
        "reading": "The gap is the pairing of the advantages with the displacement: an equality, where meta-SL has "
        "an inequality by convexity.",
        "proof": "J' - J = E_{sigma'}[A]/(1-gamma), change of measure to sigma, E_pi[A|s] = 0.",
        "difference": "'Functional geometry of the inner-level objectives' read as the performance difference lemma.",
    },
    "s2": {
        "proof": "Policy gradient theorem for the adapted policies, with grad log pi_i = Phi_i up to functions of s.",
    },
    "lifted": {
        "reading": "At any omega the gap to any comparator is at most R times the gradient norm plus the norm of w "
        "times the best approximation of the displacement of visitations by meta-features of norm at most R.",
        "citation": f"{META_RL.citation}, optimality gap",
        "difference": "For every omega and all comparator policies, with every constant explicit; on the space of "
        "(task, state, action), where the meta-feature is exact; no quantity of it is estimated.",
    },
}
"""What policies add to the claims of `stationarity`."""

CLAIMS: tuple[Claim, ...] = (
    *core_claims(META_RL, ADDED),
    mixed(
        META_RL,
        "The bound with one feature per z = (s', a', s, a), averaged over tasks, under the mixture "
        "rho = sum q_i sigma_i(s,a) varsigma_i(s',a'|s,a) of visits and next visits.",
        "varsigma_i(.|s,a): visitation of the prior from s_0 ~ P_i(.|s,a). grad Q_i = gamma_i/((1-gamma_i)tau) "
        "E_varsigma_i[A phi'], so Phi_i = E_varsigma_i[psi_i] with psi_i = phi/tau + c_i A_i(s',a')phi(s',a'). With "
        "Wn, Un, Pn = sum q_i (d rho_i/d rho)(w_i, w_i u_i, w_i psi_i): E_rho[Pn] = grad L and E_rho[Un] = <w, u>. "
        "Under (D) Un = Wn (Un/Wn), Pn = Wn (Pn/Wn) almost everywhere; Cauchy-Schwarz.",
        (POLICY_STEP, NUMERATOR_VANISHES),
        ". The feature depends on the tasks through one scalar: no task-independent one exists unless n = 1, eta = 0 "
        "or the advantages agree. Not ordered with the lifted form.",
    ),
    mixed_l1(
        META_RL,
        "gap = <w, u> = E_rho[Un] = v'grad L + E_rho[Un - Pn'v] <= eps ||v|| + E_rho|Un - Pn'v| for every v.",
        (POLICY_STEP,),
    ),
    META_RL.claim(
        "constant",
        "A priori constant of the lifted form",
        "The norm of w is at most that of half the spans of the rewards over 1 - gamma_i.",
        "E_pi[A^2|s] = Var_pi Q(s,.) <= (osc Q/2)^2 (Popoviciu) and Q lies in [min r, max r].",
        "weight_bound",
        (POSITIVE_POLICY,),
        "At most Q_max/(1-gamma) for |r| <= Q_max, and attained: one state, r = (1, -1), uniform policy, gamma = 0.",
        left="weight_norm",
    ),
    META_RL.claim(
        "t3a",
        "T3a: what the KL step gains",
        "eta times the improvement of the returns by the inner step is a mean Jeffreys divergence, exactly.",
        "log(pi_i/pi) = eta Q_i - log Z(s), so E_{pi_i}[A^pi|s] = (KL(pi_i||pi) + KL(pi||pi_i))(s)/eta; performance "
        "difference with visitation of pi_i.",
        "jeffreys",
        (KL_STEP,),
        "For either sign of eta.",
        left="step_size*improvement",
        relation=Relation.EQUAL,
    ),
    META_RL.claim(
        "t3a-rational",
        "T3a: what the rational step gains",
        "The improvement of the returns by the rational step is eta times a mean variance of Q, exactly.",
        "E_{pi_i}[A|s] = E_pi[(1 + eta Q)A|s]/(1 + eta V) = eta Var_pi(Q|s)/(1 + eta V); performance difference.",
        "step_size*tilted_variance",
        (RATIONAL_STEP, POSITIVE_POLICY),
        "The first order of the KL step's gain, without remainder.",
        left="improvement",
        relation=Relation.EQUAL,
    ),
    META_RL.claim(
        "t3a-improvement",
        "T3a: the inner step improves every policy",
        "The adapted policies return at least as much as the prior.",
        "The Jeffreys divergence is nonnegative and eta > 0.",
        "adapted_return",
        (KL_STEP, FORWARD_STEP),
        "Hence L(theta) >= sum q_i J_i(pi_theta).",
        left="prior_return",
    ),
    META_RL.claim(
        "t3b",
        "T3b: cap by optimal policies",
        "L is at most the mean of the tasks' optimal returns.",
        "J_i(pi) <= J_i* for every policy; J_i* by policy iteration, certified by V* <= V + max(TV - V)/(1-gamma).",
        "optimal_return",
        (POSITIVE_POLICY,),
        "Attained by softmax policies only where all actions are equally good.",
        left="adapted_return",
    ),
    META_RL.claim(
        "t3c",
        "T3c: no adaptation, or no look-ahead",
        "Then the plain feature phi/tau suffices: the optimality gap of policy gradient.",
        "eta = 0 or gamma_i = 0 makes eta grad Q_i = 0 in Phi_i (the rational step's divisor is then irrelevant).",
        "radius*eps + weight_norm*misfit_plain",
        (POSITIVE_POLICY, PLAIN_FEATURE),
        "Sanity case: multi-task policy gradient.",
    ),
    META_RL.claim(
        "t3d",
        "T3d: Lipschitz constant of the meta-objective",
        "||grad L|| <= sum q_i span_i/(2(1-g_i)) b (1 + |eta| g_i span_i/(2(1-g_i))), "
        "b = max_{s,a,b} ||phi(s,a) - phi(s,b)||/(2 tau).",
        "v'grad L = E[w Phi'v] <= mean_i sd(w_i) sd(Phi_i'v); sd <= osc/2; osc(Phi'v)/2 <= b + |eta| osc(grad Q'v)/2, "
        "and |grad V'v| <= span b/(2(1-g)) from K grad V'v = E_pi[A phi'v/tau].",
        "lipschitz",
        (KL_STEP,),
        "Attained.",
        left="eps",
    ),
    META_RL.claim(
        "t3d-smooth",
        "T3d: smoothness of the meta-objective",
        "|v'Hess L v| <= sum q_i [span_i b_i^2/(1-g_i)^2 + |eta| g_i b^2 span_i^2/(2(1-g_i)^3)] ||v||^2, "
        "b_i = b(1 + |eta| g_i span_i/(2(1-g_i))).",
        "J'' = (1-g)^{-1} E_nu[Cov(h^2, Q) + 2 E[h Q'] + E[f''A]] with the score h = Phi'v, |h| terms by b_i, |V'| <= "
        "span b_i/(2(1-g)), f'' = eta Q'' of the prior and |V''| <= span b^2/(1-g)^2.",
        "smoothness",
        (KL_STEP,),
        "Says when a first-order method reaches the eps of the other claims.",
        left="curvature_size",
    ),
    META_RL.claim(
        "t3e",
        "T3e: one task, tabular",
        "One task, tabular features and kappa < 1: stationary means optimal over all policies.",
        "delta = v/tau: Phi'v = (I + eta K)delta, osc(eta K delta) <= kappa osc(delta), so u = Phi'v (up to "
        "functions of s) has a solution with osc(delta) <= osc(u)/(1-kappa), ||v|| <= tau sqrt(SA) osc(u)/(2-2 kappa). "
        "Then gap = v'grad L by the identity.",
        "eps*tabular_norm/(2*contraction_margin)",
        (KL_STEP, SINGLE_TASK, TABULAR, CONTRACTION),
        "False without the condition: at a fold of the adaptation stationary points are not optimal.",
    ),
    META_RL.claim(
        "t3f",
        "T3f: one state, two actions, one parameter",
        "L is unimodal: where a better parameter exists, the derivative points to it.",
        "L = const + sum q_i Delta_i logistic(x + eta(1-g_i)Delta_i): increasing terms are centred at x <= 0, "
        "decreasing ones at x >= 0. The ratio of the slopes of the former to the latter decreases in x, so L' changes "
        "sign at most once, from + to -.",
        "slope_to_comparator",
        (KL_STEP, NOT_BACKWARD, ONE_STATE, PARAMETER_COMPARATOR, BETTER_COMPARATOR),
        "For any number of tasks; the supremum may be unattained.",
        left="zero",
    ),
)

HEADLINE = headline(
    META_RL,
    "The certified supremum of L over parameters exceeds L(omega) by at most the lifted bound against the "
    "certificate's point theta', plus the width of the certified bracket.",
    "upper - L(omega) = [L(theta') - L(omega)] + [upper - L(theta')]; the lifted form bounds the first bracket, the "
    "second is known. `upper` is decided box by box by Bellman residuals in balls.",
    "The paper's comparator is a global maximiser, which need not exist: the supremum may lie at infinity. Here any "
    "parameter serves.",
)
"""Needs a certified optimum: judged by `impl.policies.headline`."""
