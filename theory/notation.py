"""Symbol -> name -> meaning and range: the only place where a letter is explained."""

from __future__ import annotations

from dataclasses import dataclass

from .tables import rows


@dataclass(frozen=True)
class Symbol:
    """A quantity that claims speak about: its name in code and files, its letter, what it is."""

    name: str
    latex: str
    meaning: str


_TABLE = r"""
# The two sides.
gap | \mathrm{gap} | by how much the comparator beats omega: L(omega) minus its meta-risk, or (meta-RL) its return minus
    L(omega)
bregman | \mathrm{Breg} | total Bregman divergence sum_i q_i E[ell(h') - ell(z) - ell'(z)(h' - z)]
bregman_swapped | \mathrm{Breg}(z,h') | the divergence with its arguments exchanged, sum_i q_i E[ell(z) - ell(h') -
    ell'(h')(z - h')]
radius | R | radius of the ball of directions; > 0
# The core claim.
eps | \varepsilon | ||grad L(omega)||, the stationarity of omega, by Taylor arithmetic through L
weight_norm | \|w\| | norm of the functional gradient w_i(x) = E[ell'(h_{omega_i}(x), y) | x]; meta-RL: of w_i(s,a) =
    A_i(s,a)/(1-gamma_i), the advantages of the adapted policy
misfit | \inf_{\|v\|\le R}\|u-\phi_\omega^{\top} v\| | how well the meta-features represent the displacement u_i =
    h_{omega_i} - h'_i; meta-RL: u_i = (nu'_i/nu_i) (pi'_i/pi_i - 1), ratios of the comparator's visitations and
    policies to omega's
pairing | \langle w,u\rangle | sum_i q_i E[w_i u_i]
direction | v^{\top}\nabla L(\omega) | derivative of L at omega in the direction v, by Taylor arithmetic
inner_product | \langle w,\,u-\phi_\omega^{\top} v\rangle | sum_i q_i E[w_i (u_i - phi_i' v)]
residual_norm | \|u-\phi_\omega^{\top} v\| | norm of the misfit at the direction v
chain_rule_defect | \|\nabla L(\omega)-\langle w,\phi_\omega\rangle\| | distance between the gradient through the
    definition of L and through the meta-features
zero | 0 | zero
misfit_l1 | \inf_v\{\varepsilon\|v\|+\langle|w|,|u-\phi_\omega^{\top} v|\rangle\} | the bound before Cauchy-Schwarz;
    needs no radius
certified_gap | L(\omega)-\underline{L} | L(omega) minus the certified lower bound of inf L (meta-RL: the upper bound of
    sup L minus L(omega))
bracket | L(\theta')-\underline{L} | width of the certified bracket at the certificate's point
# The mixed form.
mixed_weight_norm | \|\bar w\|_M | norm of the mixed weight on triples (x, y, x')
mixed_misfit | \inf_{\|v\|\le R}\|\bar u-\phi_{\ell,\omega}^{\top} v\|_M | misfit of the mixed target by the
    task-independent feature, where the mixed weight is not 0
mixed_misfit_l1 | \inf_v\{\varepsilon\|v\|+E_M|\bar w\bar u-\bar w\,\phi_{\ell,\omega}^{\top} v|\} | the undivided mixed
    bound
# First-order and adapted quantities.
eps_first_order | \varepsilon_{\mathrm{FO}} | norm of FOMAML's gradient sum_i q_i grad R_i(omega_i)
misfit_plain | \inf_{\|v\|\le R}\|u-\phi^{\top} v\| | misfit by the plain features phi
displacement | \|\omega-\theta'\| | distance of the parameters
function_displacement | \|u\| | norm of the displacement u: the misfit of v = 0, so the most that it can be
adapted_displacement | \|\omega_1-\theta'_1\| | distance of the adapted parameters (one task)
jacobian_min | s_{\min}(J_1) | smallest singular value of the adaptation's Jacobian (one task)
strong_convexity | \mu | smallest ell'' on the segments between adapted and comparator predictions
strong_convexity_adapted | \mu(z) | smallest ell'' at the adapted predictions alone
remainder_constant | \kappa_2 | a priori constant of |u_i - phi_i'(omega-theta')| <= kappa_2 ||omega-theta'||^2; one
    step: |eta| m3 B_s^3 B_q/2
min_norm_solution | \|\Phi^{+}u\| | norm of the shortest v with phi_i(x)'v = u_i(x) everywhere
min_norm_init | \|\Phi_0^{+}u\| | norm of the shortest v with phi_{0,i}(x)'v = u_i(x) everywhere
min_norm_plain | \|(\phi/\tau)^{+}u\| | norm of the shortest v with phi'v/tau = u at every choice
jacobian_deviation | \beta_J | a priori bound of ||J_i - I||
feature_bound | B_q | largest ||phi(x)|| over the points of the outer laws (queries)
smoothness | \beta | a priori bound of ||Hess L||; meta-SL: c^2 m2 B_q^2 + |eta| m1 m3 B_q B_s^3, c >= ||J_i|| as in
    theory/meta_sl.py
descent | L(\omega)-L(\omega-\nabla L(\omega)/\beta) | decrease of L by one gradient step of length 1/beta
curvature_size | |v^{\top}\nabla^2 L(\omega)v|/\|v\|^2 | size of the second derivative in the direction v
# Networks.
eps_formal | \|\langle w,\phi_\omega\rangle\| | norm of the formal gradient (1{0 > 0} = 0), also at kinks
eps_init | \|G_0\| | norm of <w, phi_0>, the pairing with features at initialisation
misfit_init | \inf_{\|v\|\le R}\|u-\phi_0^{\top} v\| | misfit by meta-features with the initial patterns in all places
gradient_difference | \|\langle w,\phi_0-\phi_\omega\rangle\| | distance of the pairings of w with phi_0 and with phi;
    by the chain rule (S2) that of G_0 from grad L
error_operator | E_{\mathrm{op}} | operator norm of the difference phi_0 - phi on the lifted points
error_trace | E_2 | Hilbert-Schmidt norm of the difference phi_0 - phi on the lifted points
error_flips | \|e\| | norm of the pointwise error e_i(x), with the actual flips
error_count | \|e\|_{k^*} | norm of the pointwise error with the a priori counts k*
error_pointwise | \|e\|_{d} | norm of the pointwise error with the displacements (smooth networks)
error_ball | \|e\|_{B} | norm of the pointwise error of any network as near to W0 (smooth networks)
linearisation | \|f-\phi_0^{\top} W\| | norm of the error of the linearisation at W0 over the support
linearisation_bound | \|m^{-1/2}\|x\|\max_{\pm}\sum(d_r-a_r)_+\| | norm of the reaches of the neurons of one sign
linearisation_worst | \|\sup_{W}|f-\phi_0^{\top} W|\| | norm of the closed form of the worst network as near to W0 as W
linearisation_taylor | \|m^{-1/2}\sum_r\min(d_r\|x\|,c_2d_r^2\|x\|^2/2)\| | norm of the remainders of the neurons, c2 =
    sup |sigma''|
linearisation_ball | \|\min(B\|x\|,c_2B^2\|x\|^2/(2\sqrt m))\| | norm of the largest remainder of a network as near to
    W0 as W
eps_projected | e_5 | <grad L, W - W0> + R ||grad L||: projected stationarity in the ball around W0
misfit_projected | \inf_{\|V-W_0\|\le R}\|u-\phi_\omega^{\top}(W-V)\| | misfit by displacements towards the ball around
    W0
condition | \mathrm{cond}(M) | condition number of the Gram matrix of the meta-features
# What mutants use instead.
misfit_hessian_at_adapted | \inf\|u-((I-\eta H_i(\omega_i))\phi)^{\top} v\| | misfit with the Hessian at omega_i
weight_norm_unadapted | \|w(\omega)\| | norm of ell' at the unadapted prediction
eps_exchanged | \varepsilon_{s\leftrightarrow q} | eps with support and query exchanged
weight_norm_exchanged | \|w\|_{s\leftrightarrow q} | the norm of w with support and query exchanged
misfit_exchanged | \inf\|u-\phi_\omega^{\top} v\|_{s\leftrightarrow q} | the misfit with support and query exchanged
independent_supports | 1_{\phi(D^s)} | 1 if the features of all supports are linearly independent, else 0
eps_support | \varepsilon_{D^s} | norm of grad L with the supports' risks in place of the queries'
weight_norm_support | \|w\|_{D^s} | norm of the functional gradient of the supports' risks
misfit_support | \inf\|u-\phi_\omega^{\top} v\|_{\rho^s} | misfit on the supports, in their norm
misfit_query_hessian | \inf\|u-((I-\eta H_i)\phi)^{\top} v\| | misfit with the Hessian of the query's risk for that of
    the support's
outputs | c | number of components of a prediction
misfit_uncoupled | \inf\|u-\phi_{\mathrm{diag}}^{\top} v\| | misfit without the Hessian's mixed derivatives
weight_norm_shifted | \|w_{y+1}\| | norm of w with every class taken for the next one
misfit_u_unadapted | \inf\|h_\omega-h_{\theta'}-\phi_\omega^{\top} v\| | misfit of the unadapted displacement
misfit_free | \inf_{v}\|u-\phi_\omega^{\top} v\| | misfit without the ball
weight_norm_uniform | \|w\|_{1/n} | norm of w with every task weight replaced by 1/n
misfit_uniform | \inf\|u-\phi_\omega^{\top} v\|_{1/n} | misfit with every task weight replaced by 1/n
# Meta-RL.
weight_bound | C_{\mathrm{span}} | (sum_i q_i (span r_i / (2(1-gamma_i)))^2)^{1/2}
step_size | \eta | step size of the adaptation
prior_return | \bar J(\pi_\omega) | mean return sum_i q_i J_i of the prior policy
adapted_return | \bar J(\pi_{i,\omega}) | mean return of the adapted policies: L(omega)
optimal_return | \bar J^{*} | mean of the tasks' optimal returns
improvement | \Delta \bar J | mean return of the adapted policies minus that of the prior
jeffreys | D_{\mathrm{Jeffreys}} | sum_i q_i E_{nu_i}[KL(pi_i||pi) + KL(pi||pi_i)]/(1-gamma_i), visitations of the
    adapted policies
tilted_variance | \bar V | sum_i q_i E_{nu_i}[Var_pi(Q_i)/(1 + eta V_i)]/(1-gamma_i), visitations of the adapted
    policies
lipschitz | \Lambda | a priori bound of ||grad L||
tabular_norm | \tau\sqrt{SA}\max_s\mathrm{osc}\,u | temperature, root of the pairs, largest oscillation of u
contraction_margin | (1-\kappa) | 1 - |eta| gamma span(r)/(2(1-gamma)), smallest over tasks
slope_to_comparator | (\theta'-\omega)^{\top}\nabla L(\omega) | derivative of L towards the comparator
weight_norm_no_horizon | \|A\| | norm of the advantages, without 1/(1-gamma)
misfit_swapped_ratio | \inf\|u_{\sigma/\sigma'}-\phi_\omega^{\top} v\| | misfit of the ratio upside down
eps_largest_entry | \|\nabla L(\omega)\|_\infty | largest entry of the gradient
mean_weight_norm | \textstyle\sum_i q_i\|w_i\| | mean of the tasks' norms of w
mean_residual_norm | \textstyle\sum_i q_i\|u_i-\phi_i^{\top} v\| | mean of the tasks' norms of the residual
residual_l1 | \|u-\phi_\omega^{\top} v\|_1 | L1 norm of the residual at the direction v
root_tasks | \sqrt n | root of the number of tasks
pairing_prior_visitation | \langle w,u\rangle_{\pi_\omega} | pairing under the prior's visitation
pairing_prior_advantage | \langle w(\pi_\omega),u\rangle | pairing with the prior's advantages
pairing_rival_advantage | \langle w(\pi'),u\rangle | pairing with the comparator's advantages
defect_plain | \|\nabla L-\langle w,\phi/\tau\rangle\| | chain-rule defect of phi/tau
defect_discounted | \|\nabla L-\langle w,\phi_{1-\gamma}\rangle\| | chain-rule defect with (1-gamma) grad Q
defect_step_squared | \|\nabla L-\langle w,\phi_{\eta^2}\rangle\| | chain-rule defect with eta^2 grad Q
defect_undiscounted | \|\nabla L-\langle w,\phi_{1/\gamma}\rangle\| | chain-rule defect with P grad V
weight_norm_action_value | \|Q/(1-\gamma)\| | norm of the action values over 1-gamma
misfit_other_shift | \inf\|\sigma'/\sigma-1-\phi_\omega^{\top} v\| | misfit of the ratio minus 1
misfit_uncentred | \inf\|u-\tilde\phi_\omega^{\top} v\| | misfit by meta-features that are not centred
misfit_curvature_adapted | \inf\|u-(I-\eta H_i[\ell''(z_i)])\phi_{W_i}^{\top} v\| | misfit with ell'' at the prediction
    that each step leads to
misfit_rates_turned | \inf\|u-(I-\eta D(H_i+\lambda))\phi^{\top} v\| | misfit with the rates on the other side of the
    Hessian
misfit_no_decay | \inf\|u-(I-H_i\eta D)\phi^{\top} v\| | misfit with Jacobians that forget the decay
smoothness_one_rate | \beta_{\max} | beta as if all parameters had the largest rate
misfit_outer_unadapted | \inf\|u-(I-\eta H_i)\phi_W^{\top} v\| | misfit with the unadapted outer feature
misfit_reversed | \inf\|u-((I-\eta H^{(K-1)}_i)\cdots(I-\eta H^{(0)}_i)\phi_{W_i})^{\top} v\| | misfit with the factors
    of the steps in reverse order
misfit_frozen | \inf\|u-((I-\eta H^{(0)}_i)^K\phi_{W_i})^{\top} v\| | misfit with the first step's factor for all
misfit_one_missing | \inf\|u-((I-\eta H^{(0)}_i)\cdots(I-\eta H^{(K-2)}_i)\phi_{W_i})^{\top} v\| | misfit without the
    last step's factor
misfit_init_inner | \inf\|u-(I-\eta H^0_i)\phi_{W_i}^{\top} v\| | misfit with initial features in H only
misfit_init_outer | \inf\|u-(I-\eta H_i)\phi_0^{\top} v\| | misfit with initial features outside only
pairing_unadapted | \langle w,\,h_\omega-h_{\theta'}\rangle | pairing with the unadapted displacement
eps_other_kinks | \varepsilon_{1\{0\ge 0\}} | norm of the formal gradient with 1{0 > 0} = 1 in the features
misfit_other_kinks | \inf\|u-\phi_{1\{0\ge 0\}}^{\top} v\| | misfit by features with 1{0 > 0} = 1, while W_i has 0
error_flips_outer | \|\delta\|/\tau | the pointwise error without that of grad Q (policy networks)
displacement_init | \|W-W_0\| | distance of the network from its initialisation
error_last_factor | \|e\|_{\kappa_{K-1}} | the pointwise error with the norm of the last step's factor only
error_count_own | \|e\|_{k^*(\|W-W_0\|)} | the error with k* of W's own displacement throughout
error_count_linear | \|e\|_{\sum a\le B} | the error with counts of sums of distances
linearisation_bound_own | \|m^{-1/2}\|x\|\max_{\pm}\sum d_r 1\{|W_r^{\top}x|\le d_r\|x\|\}\| | norm of the displacements
    of the neurons that are within their displacement of the kink at W
error_pointwise_outer | \|\delta\|_{d}/\tau | the pointwise error of displacements without that of grad Q
error_half_curvature | \|e\|_{d,c_2/2} | the pointwise error with half of sup |sigma''|
error_no_fold | \|e\|_{d,\nabla^2f=0} | the pointwise error without the second derivative's part
error_own | \|e\|_{d,W_i=W} | the pointwise error with W's own displacement throughout
error_ball_own | \|e\|_{B,W_i=W} | the error of the ball with W's own displacement throughout
error_ball_narrow | \|e\|_{B/\sqrt m} | the error of the ball with 1/m for m^{-1/2}
linearisation_ball_narrow | \|\min(B\|x\|,c_2B^2\|x\|^2/(2m))\| | the largest remainder with 1/m for m^{-1/2}
misfit_no_fold | \inf_{\|v\|\le R}\|u-((I-\eta E[\ell''\phi\phi^{\top}])\phi)^{\top}v\| | misfit with the Hessian of the
    step without the network's second derivative
eps_directional | \varepsilon_{\mathrm{dir}} | largest one-sided derivative of -L at omega (one parameter), at least 0
# Claims without an assumption.
eps_left | L'_-(\omega) | derivative of L to the left (one parameter), by Taylor arithmetic
eps_right | L'_+(\omega) | derivative of L to the right (one parameter), by Taylor arithmetic
eps_projected_directional | \varepsilon_{\mathrm{dir},\mathrm{proj}} | largest rate at which L falls from W towards a
    network V of the ball (one parameter)
misfit_one_sided | \max_\pm \inf\|u-\phi_\pm^{\top} v\| | larger one of both sides' misfits at a joint of the loss
mixed_misfit_one_sided | \max_\pm \inf\|\bar u-\phi_{\ell,\pm}^{\top} v\|_M | larger one of both sides' mixed misfits at
    a joint of the loss
min_norm_solution_one_sided | \max_\pm \|\Phi_\pm^{+}u\| | larger one of both sides' norms of the shortest
    representation at a joint of the loss
jacobian_inverse_one_sided | \max_\pm \|J_\pm^{-1}\| | larger one of both sides' norms of the inverse Jacobian at a
    joint of the loss
misfit_init_one_sided | \max_\pm \inf\|u-\phi_{0,\pm}^{\top} v\| | larger one of both sides' misfits by features at
    initialisation at a joint of the loss
misfit_projected_one_sided | \max_\pm \inf\|u-\phi_\pm^{\top}(W-V)\| | larger one of both sides' misfits in the ball at
    a joint of the loss
error_operator_one_sided | \max_\pm E_{\mathrm{op},\pm} | larger one of both sides' operator errors at a joint of the
    loss
error_pointwise_one_sided | \max_\pm \|e_\pm\|_{d} | larger one of both sides' pointwise errors at a joint of the loss
error_ball_one_sided | \max_\pm \|e_\pm\|_{B} | larger one of both sides' errors of the ball at a joint of the loss
misfit_projected_other_kinks | \inf_V\|u-\phi_{1\{0\ge 0\}}^{\top}(W-V)\| | misfit in the ball by features with 1{0 > 0}
    = 1
error_operator_other_kinks | E_{\mathrm{op},1\{0\ge 0\}} | operator error of features with 1{0 > 0} = 1
error_flips_other_kinks | \|e\|_{1\{0\ge 0\}} | pointwise error of features with 1{0 > 0} = 1
min_norm_other_kinks | \|\Phi_{1\{0\ge 0\}}^{+}u\| | shortest representation by features with 1{0 > 0} = 1
eps_sampled | \hat\varepsilon | gradient norm of a sample's objective: of every task the likeliest label
weight_norm_sampled | \|\hat w\| | norm of that sample's functional gradient
misfit_sampled | \inf_{\|v\|\le R}\|\hat u-\hat\phi_\omega^{\top} v\| | misfit by that sample's meta-features
gap_elsewhere | J^{\mathrm{next}}(\pi')-L(\omega) | what the comparator returns when every task starts in the next
    state, minus L(omega)
linearisation_regular | \tfrac{B^3}{3m}(\textstyle\sum_r\|W_{0,r}\|^{-2})^{1/2} | N3's bound of the squared
    linearisation error with c = 1, B = ||W - W0||; for inputs of norm at most 1
"""
"""NAME | LETTER | MEANING, which may go on below; lines that begin with # are headings."""


SYMBOLS: dict[str, Symbol] = {
    name: Symbol(name, latex, " ".join((meaning, *more))) for (name, latex, meaning), more in rows(_TABLE, 3)
}

LETTERS: dict[str, str] = {name: symbol.latex for name, symbol in SYMBOLS.items()}

OBJECTS: tuple[tuple[str, str, str], ...] = (
    (r"i = 1..n,\ q_i", "tasks and their weights, q_i >= 0, summing to 1", "(n,)"),
    (r"D_i,\ \rho_i", "outer law (query) of task i on X x Y, that it is judged on, and its marginal on X", ""),
    (r"D_i^s,\ R_i^s,\ H_i^s", "inner law (support) that task i adapts to, its risk and Hessian; D_i unless given", ""),
    (r"B_s,\ B_q", "largest ||phi(x)|| over the points of the inner laws, of the outer ones", "scalar"),
    (r"\ell(z, y)", "loss, differentiable in the prediction z", ""),
    (r"\phi(x)", "feature of the input x; h_theta(x) = phi(x)'theta", "(d,)"),
    (r"R_i(h)", "risk E_{D_i} ell(h(x), y) of task i", "scalar"),
    (r"U_i(\theta),\ \theta_i", "adaptation and adapted parameter of task i", "(d,)"),
    (r"J_i", "Jacobian of U_i at omega", "(d, d)"),
    (r"L(\theta)", "meta-objective sum_i q_i R_i(h_{theta_i})", "scalar"),
    (r"\omega,\ \theta'", "point under test, comparator (a parameter, or functions h'_i per task)", "(d,)"),
    (r"w_i(x)", "functional gradient E[ell'(h_{omega_i}(x), y) | x]", ""),
    (r"w_i(s,a)", "the same in meta-RL: A_i(s,a)/(1-gamma_i)", "(S, A)"),
    (r"u_i(x)", "displacement h_{omega_i}(x) - h'_i(x)", ""),
    (
        r"u_i(s,a)",
        "the same in meta-RL: (nu'_i(s)/nu_i(s)) (pi'_i(a|s)/pi_i(a|s) - 1), dashes the comparator's",
        "(S, A)",
    ),
    (r"\phi_{i,\omega}(x)", "meta-feature J_i' phi(x); meta-RL: grad log pi_i(a|s), centred in every state", "(d,)"),
    (r"\langle f, g\rangle", "sum_i q_i E_{rho_i}[f_i g_i]; meta-RL: visitations sigma_i in place of rho_i", "scalar"),
    (r"\pi_\theta", "policy ~ exp(phi(s,a)'theta/tau) (meta-RL); pi_i the one adapted to task i", "(S, A)"),
    (r"P_i,\ r_i,\ \gamma_i", "transitions, rewards and discount of task i", "(S, A, S), (S, A)"),
    (r"\nu_i,\ \sigma_i", "discounted visitation of states, and of pairs, by pi_i", "(S,), (S, A)"),
    (r"Q_i,\ V_i,\ A_i", "normalised values and advantages (A = Q - V)", "(S, A), (S,), (S, A)"),
    (r"f(x; W),\ W_0", "network m^{-1/2} sum_r b_r relu(W_r'x), and the initial W", "(m, d)"),
    (r"\phi_W(x)", "gradient feature m^{-1/2} (b_r 1{W_r'x > 0} x)_r; phi_0 at W_0", "(m, d)"),
    (r"d_r,\ a_r(x)", "displacement ||W_r - W0_r||, distance |W0_r'x|/||x|| from the kink", "(m,)"),
    (r"c_2", "sup |sigma''| of a smooth activation: 1/4 (softplus), 4/(3 sqrt 3) (tanh)", "scalar"),
    (r"k^*(B)", "largest k such that the k smallest a_r^2 sum to at most B^2", ""),
)
