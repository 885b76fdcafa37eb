r"""Over-parameterised two-layer networks: the core result with f(x; W) as hypothesis, and features at initialisation.

f(x; W) = m^{-1/2} sum_r b_r relu(W_r'x), b_r = +-1 fixed, W (m, d) trained; W0 the initialisation, B = ||W - W0||_F,
d_r = ||W_r - W0_r||, a_r(x) = |W0_r'x|/||x||. Gradient feature phi_W(x) = m^{-1/2} (b_r 1{W_r'x > 0} x)_r, so that
f(x; W) = phi_W(x)'W; 1{0 > 0} = 0. K gradient steps: the iterates of task i are

    W^(0) = W,   W^(k+1) = W^(k) - eta E_i[ell'(f(x; W^(k)), y) phi_{W^(k)}(x)],   W_i = W^(K).

N1 (exact form). On finite support, where no neuron is at its kink at any iterate (no W^(k)_r'x = 0, k = 0..K, at a
support point x != 0; at x = 0, f = 0 for every W), the core claims of `stationarity` hold with

    phi_i(x) = (I - eta H_i^(0)) (I - eta H_i^(1)) ... (I - eta H_i^(K-1)) phi_{W_i}(x),
    H_i^(k) = E_i[ell''(f(x; W^(k)), y) phi_{W^(k)} phi_{W^(k)}']:

the last step's factor acts first; factors of different steps do not commute (their order, and taking that of W for
all, are mutants). One step: phi_i = (I - eta H_i) phi_{W_i}.

  Proof. Near W^(k) the patterns do not change: f(x; .) is linear with gradient phi_{W^(k)}, so step k is differentiable
  with Jacobian I - eta H_i^(k), symmetric. The chain rule: U_i has the Jacobian J_i = (I - eta H_i^(K-1)) ...
  (I - eta H_i^(0)), whose transpose takes the factors in reverse; f(x; .) is linear near W_i with gradient phi_{W_i},
  and phi_i = J_i' phi_{W_i}. This is S2; S1, S3, S4 as before.
  Rates and decay. With a rate for each weight, D = diag(r), r of any sign, and the inner objective R_i + lambda/2
  ||.||^2 the steps are W^(k+1) = S W^(k) - eta D grad R_i(W^(k)), S = I - eta lambda D, with the Jacobians J_k = I -
  eta D (H_i^(k) + lambda), which are not symmetric: phi_i = J_0' ... J_{K-1}' phi_{W_i}, J_k' = S - eta H_i^(k) D.
  The proof is the same, and nothing else asks how W_i is made: the identity, S1-S4, the lifted, L1, refined,
  first-order and formal forms, N5, C3, C4 and N2' (A_k with the same D and lambda) hold verbatim, of kinks on the same
  iterates. The errors of N2 are derived below; the linearisation and N4 know no step. Brackets of inf L that follow the
  steps of a pattern, and the linearised network's optimum, are claimed for one rate without decay alone.
  With a density of inputs U_i has another derivative (the kinks sweep mass): H_i is exact for finite data only.

At a kink. For any choice of 1{0 > 0}, the same at every iterate and in every feature, put G := <w, phi>. S1 and S4
need no derivative, and <w, phi'v> = v'G by definition; so gap <= R ||G|| + ||w|| inf ||u - phi'v|| (`network-formal`),
where G need be neither a gradient nor a Clarke subgradient. L itself is discontinuous at kinks when eta > 0.

N2' (features at initialisation). phi_{0,i}(x) = A_0 ... A_{K-1} phi_0(x), A_k = I - eta E_i[ell''(f(x; W^(k)), y)
phi_0 phi_0']: phi_0 = phi_{W0} in all places and ell'' at the iterates' actual predictions; G_0 = <w, phi_{0,.}>. Then
gap <= R ||G_0|| + ||w|| inf ||u - phi_0'v||.

  Proof. gap <= <w, u> = <w, phi_0'v> + <w, u - phi_0'v> <= R ||G_0|| + ||w|| ||u - phi_0'v||: no step through phi.

Excess over R eps, with G = grad L:

    ||G_0|| - eps <= ||G_0 - G|| <= ||w|| E_op <= ||w|| E_2,   E_op^2 = lmax(D), E_2^2 = tr(D),
    D = Om^{1/2} <phi_0 - phi, phi_0 - phi> Om^{1/2} on the lifted points (Om their masses),

  as G_0 - G = <w, phi_0 - phi> = (Om^{1/2} (phi_0 - phi))' (Om^{1/2} w), whatever the number of steps. Pointwise
  ||phi_{0,i}(x) - phi_i(x)|| <= e_i(x), with a product over the steps:

    e_i(x) = (prod_k kap_k) delta_K(x)
        + 2 |eta| ||x|| sum_{k<K} (prod_{j != k} kap_j) sum_x' |E_i[ell''_k; x']| ||x'|| delta_k(x'),
    kap_k = max(1, s_k - 1)  (eta < 0: 1 + s_k),   s_k = |eta| sum_x' |E_i[ell''_k; x']| ||x'||^2;
    with rates and decay, for the least and the largest of sgn(eta) r_j, their mean r0 and half of their difference d,
    kap_k = max(|1 - r0 f|, |1 - r0 (f + s_k)|) + d (f + s_k), f = |eta| lambda, and 2 |eta| max_j |r_j| for 2 |eta|,

  ell''_k at the predictions of W^(k), delta_k(x)^2 = ||x||^2 #{S^(k) != S0}/m, S^(k) the pattern of W^(k). The absolute
  values change nothing where ell'' >= 0, which the bound by e needs. They make e grow with the delta_k for every loss:
  that k* in place of the flips gives no less (`network-error-count`) needs this alone, and is false without them.

  Proof. With J_k = I - eta H_i^(k), by telescoping,

    phi_{0,i} - phi_i = A_0 ... A_{K-1} (phi_0 - phi_{W_i})
        + sum_k A_0 ... A_{k-1} (A_k - J_k) J_{k+1} ... J_{K-1} phi_{W_i}.

  0 <= H <= E_i[ell''_k ||x||^2] for both features (ell'' >= 0), so ||A_k||, ||J_k|| <= kap_k; A_k - J_k = eta
  E_i[ell''_k (phi phi' - phi_0 phi_0')] and ||phi phi' - phi_0 phi_0'|| <= 2 ||x'|| delta_k(x'); and ||phi_{W_i}(x)||
  <= ||x||. With rates and decay eta D = |eta| (r0 I + E), ||E|| <= d, where I - |eta| r0 (H + lambda) is symmetric (as
  for c in `meta_sl`), and A_k' - J_k' has D on the right.

  A neuron flips at x only if a_r(x) <= ||V_r - W0_r||, so for ||V - W0|| <= B at most k*(B) = max{k: the k smallest
  a_r^2 sum to at most B^2} flip; for W^(k) use B + ||W^(k) - W|| (one step: B + eta ||grad R_i||). (With W's own
  displacement the count is wrong: a mutant.)

Linearisation. f(x; W) - phi_0(x)'W = m^{-1/2} sum_r b_r |W_r'x| 1{r flips}, and a flipped neuron has |W_r'x| <=
||x||(d_r -
a_r). Signs b_r do not add up, so |f - phi_0'W| <= m^{-1/2} ||x|| max_{+-} sum_{b_r = +-} (d_r - a_r)_+.

N4 (atom). At one x, with s_(j) the sorted |W0_r'x| over neurons of one sign,

    sup_{||D|| <= B} |f - phi_0'W| = m^{-1/2} max_{+-} max_K [ B ||x|| sqrt K - s_(1) - ... - s_(K) ].

  Proof. Over a flipped set K of one sign: sum (|D_r'x| - s_r) <= B||x|| sqrt|K| - sum s_r by Cauchy-Schwarz; least
  for the
  nearest. Attained by D_r = -sgn(W0_r'x) (x/||x||) B/sqrt K: at the best K each shift exceeds its s_r.

N5 (projected stationarity). For every V with ||V - W0|| <= R: gap <= e5 + ||w|| inf_V ||u - phi'(W - V)|| with
e5 = <G, W - W0> + R ||G|| = max_V <G, W - V>.

  Proof. gap <= <w, u> = <w, phi'(W - V)> + <w, u - phi'(W - V)> <= <G, W - V> + ||w|| ||u - phi'(W - V)||.

C3. If the meta-features over all (task, input) pairs are linearly independent, v = Phi^+ u has u = phi'v: gap <= eps
||Phi^+ u||, over all functions. So an over-parameterised network whose meta-Gram matrix is regular interpolates:
every
stationary point is global. Tasks that share inputs have it only through flips of the adapted patterns.

Several outputs. f_a(x; W) = m^{-1/2} sum_r b_ar relu(W_r'x), a = 1..c, all of the same neurons. A component of a point
is a point of its own (`stationarity`), with the feature m^{-1/2} (b_ar 1{W_r'x > 0} x)_r; Phi_W(x) has these c rows,
and H_i^(k) = E_i[Phi_{W^(k)}' B Phi_{W^(k)}], B = Hess ell. All of the above holds word for word, as it uses b_ar^2 = 1
alone; where the bounds of the norms of H_i have |ell''|, read sums over the components of a point with ||B|| (at most
the largest sum of absolute values in a row): ||Phi'B Phi|| <= ||B|| ||Phi||_F^2 <= c ||B|| ||x||^2, and ||Phi'B Phi -
Phi_0'B Phi_0|| <= ||B|| (||Phi|| + ||Phi_0||) ||Phi - Phi_0||, each factor at most c^{1/2} that of a row.
The linearisation, N4 and k* are statements of each component by itself. C3's rows are dependent if the b_a are.

N3, the rate with its constant, and N4's constant are about the expectation over W0: see impl/optimum/networks/rates.py.
"""

from __future__ import annotations

from .claim import Assumption, Claim
from .consequences import first_order, formal, headline, over_parameterised, projected, refined
from .initialisation import count_error, gradient_error, init, operator, step, trace_error, with_error
from .meta_sl import FULL_ROW_RANK
from .setting import PAPER, Setting
from .stationarity import DIFFERENTIABLE, OUTER_CONVEXITY, core_claims

OFF_KINKS = Assumption(
    DIFFERENTIABLE.name,
    "No neuron is at its kink at a support point x != 0, at W and at every iterate that a step starts from, nor at a "
    "query point x != 0 at W_i; no prediction there on a joint of the loss.",
    DIFFERENTIABLE.margin,
    DIFFERENTIABLE.identifier,
)
OFF_JOINTS = Assumption(
    "off-joints",
    "No prediction that a step starts from (at W; at all iterates before W_i) sits on a joint of the loss, where ell'' "
    "and so H_i has no value.",
    "margin_joints",
)
CONVEX_LOSS = Assumption("convex-loss", "ell'' >= 0: the bounds of H_i's norm use it.", "margin_convex_inner")


NETWORK = Setting("network", f"{PAPER}overparameterized two-layer neural networks", OUTER_CONVEXITY, (OFF_KINKS,))

RATES: tuple[tuple[str, str], ...] = (
    (
        r"N3, regular data ($d\ge 3$)",
        r"Let $\|x\|\le 1$ and $P(|a^{\top}x|\le t)\le c\,t/\|a\|$ for all $a$ and $t$ (no hyperplane through 0 has "
        r"mass), and let the rows of $W_0$ be independent $N(0,I/d)$ with $d\ge 3$. Then "
        r"$E\sup\|f-\phi_0^{\top}W\|^2\le\frac{c}{3}\sqrt{\frac{d}{d-2}}\,B^3m^{-1/2}$, the supremum over "
        r"$\|W-W_0\|\le B$ inside the expectation over $W_0$: the root is at most of order $m^{-1/4}$. "
        r"Proof: $|f-\phi_0^{\top}W|\le m^{-1/2}\sum_r d_r(1-a_r/d_r)_+$ with $d_r=\|W_r-W_{0,r}\|$, "
        r"$a_r=|W_{0,r}^{\top}x|/\|x\|$; Cauchy-Schwarz; $E(1-a_r/d_r)_+^2\le c\,d_r/(3\|W_{0,r}\|)$; Cauchy-Schwarz "
        r"over $r$; $E\|W_{0,r}\|^{-2}=d/(d-2)$. For $d=2$ a logarithm is lost, for $d=1$ the moment is infinite and "
        r"the rate false.",
    ),
    (
        "N4, any data",
        r"At one input the worst network in the ball errs by "
        r"$\frac34\left(\frac{p_0}{4}\right)^{1/3}(B\|x\|)^{4/3}m^{-1/6}$ to leading order, $p_0$ the density of "
        r"$|W_{0,r}^{\top}x|$ at 0: attained. An atom violates the condition of N3, so every finite sample does, and "
        r"for $d=1$ all inputs behave like one.",
    ),
)
"""Statements about the expectation over W0, formulas between dollar signs, measured by impl/optimum/networks/rates.py;
ours, with proofs."""

CLAIMS: tuple[Claim, ...] = (
    *core_claims(
        NETWORK,
        {
            "s2": {
                "reading": "The gradient of the meta-objective is the functional gradient paired with the "
                "meta-features. (In the whole space R^{md} at any width: a gradient is a combination of pattern "
                "features.)"
            },
            "lifted": {
                "difference": "Exact for networks of any width on finite data off kinks, without an approximation "
                "error; the paper's statement is about features at initialisation."
            },
        },
    ),
    formal(NETWORK, "phi", "phi'v", (OFF_JOINTS,), "L may be discontinuous and has no gradient"),
    first_order(
        NETWORK,
        "features phi_{W_i}",
        "The identity of the formal gradient with the features phi_{W_i} in place of J_i' phi_{W_i}.",
        ", networks",
    ),
    init(
        NETWORK,
        (OUTER_CONVEXITY, OFF_JOINTS),
        "G_0 is computed where the paper (as we read it) has the gradient plus an error that shrinks with the width; "
        "this form has no error term and needs no differentiability.",
    ),
    operator(NETWORK),
    with_error(
        NETWORK,
        "pointwise",
        "error_flips",
        "pointwise error of the flipped neurons",
        "The same with the number of neurons that changed their pattern.",
        "E_op <= E_2 <= ||e|| with the counts of the flips.",
        "Explicit constants; the Hessian's own error is counted too.",
        needs=(CONVEX_LOSS,),
    ),
    with_error(
        NETWORK,
        "count",
        "error_count",
        "a priori count k*",
        "The same with the largest number of neurons that displacements of these sizes can flip.",
        "Flips at x have a_r <= d_r, so at most k*(B) neurons do; for the iterates with B + ||W^(k) - W||.",
        "A priori in the displacement; hundreds of times larger than N2' on trained networks.",
        needs=(CONVEX_LOSS,),
    ),
    gradient_error(NETWORK, (OFF_JOINTS,)),
    trace_error(NETWORK, (OFF_JOINTS,)),
    step(
        NETWORK,
        "pointwise",
        "Trace error at most the flips' error",
        "Meta-features at initialisation differ by at most e: flips of the outer feature and of the "
        "Hessian's features.",
        "phi_0 - phi_i = A_0 ... A_{K-1} (phi_0 - phi_{W_i}) + sum_k A_0 ... A_{k-1} (A_k - J_k) J_{k+1} ... J_{K-1} "
        "phi_{W_i}; one step: (I - eta H_i^0)(phi_0 - phi_{W_i}) + eta (H_i - H_i^0) phi_{W_i}; see above.",
        "error_trace",
        "error_flips",
        (OFF_JOINTS, CONVEX_LOSS),
        "A step of N2, with the Hessian's part explicit.",
    ),
    count_error(NETWORK, "V_r", "B^2", OFF_JOINTS, "For every iterate the displacement is its own."),
    NETWORK.claim(
        "linearisation",
        "Linearisation error of the network at W0",
        "The network differs from its linearisation at W0 by at most the reaches of the neurons of one sign.",
        "f - phi_0'W = m^{-1/2} sum b_r |W_r'x| 1{flip} and |W_r'x| <= ||x||(d_r - a_r) for flips; neurons of the "
        "other sign only help.",
        "linearisation_bound",
        (),
        "The maximum over signs and the factor d_r - a_r in place of d_r.",
        left="linearisation",
    ),
    NETWORK.claim(
        "atom",
        "N4: the worst network at an atom",
        "No network as near to W0 as W linearises worse than the closed form, at every support point.",
        "Cauchy-Schwarz over the flipped neurons of one sign, the nearest first; attained (see above).",
        "linearisation_worst",
        (),
        "Exact constant; in expectation of order m^{-1/6}, not m^{-1/4}: atoms violate the regularity of the data.",
        left="linearisation",
    ),
    *refined(NETWORK),
    projected(NETWORK),
    over_parameterised(
        NETWORK,
        "over-parameterised networks interpolate",
        FULL_ROW_RANK,
        "Regular only if tasks share no inputs, or their adapted patterns differ.",
    ),
)

OF_NETWORKS = (
    "The meta-objective at omega exceeds its certified infimum over all networks (or over a ball around W0) by at most "
    "the lifted bound against a network or functions h', plus what h' itself is above the certified lower bound."
)

HEADLINE = headline(
    NETWORK,
    OF_NETWORKS,
    "L(omega) - lower = [L(omega) - L(h')] + [L(h') - lower]; the lifted form bounds the first bracket, the second is "
    "known. `lower` is proved exactly (one or two neurons, one step, by patterns) or in balls: f(t x) = t f(x) bounds "
    "every task's risk along rays of inputs; in a ball, weak duality bounds the linearisation with its worst error.",
    "The paper's comparator is a global minimiser, which need not exist: L is discontinuous at kinks. Functions that "
    "attain the lower bound serve as well as a network.",
)
"""Needs a certified lower bound: judged by `impl.optimum.networks.answer`."""
