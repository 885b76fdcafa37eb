r"""Meta-reinforcement learning with two-layer network policies (T4): exact features, features at initialisation.

pi_W(a|s) ~ exp(f(x(s,a); W)/tau), f(x; W) = m^{-1/2} sum_r b_r relu(W_r'x), b_r = +-1 fixed, W (m, p) trained, W0 the
initialisation. Gradient feature phi_W(s,a) = m^{-1/2}(b_r 1{W_r'x > 0} x)_r; 1{0 > 0} = 0. The adaptation is a step on
policies (KL or rational), so W itself is never adapted: patterns are those of W and of W0 only. All else (w, u, the
inner product, centring) as in `meta_rl`, with

    Phi_i = phi/tau + eta grad Q_i,   grad Q_i(s,a) = gamma_i/((1-gamma_i) tau) E_{varsigma_i(.|s,a)}[A_i phi]

(rational step: the second term over 1 + eta Q_i), varsigma_i the visitation of the prior from s' ~ P_i(.|s,a). So
Phi_i[phi] is linear in phi with measures and advantages fixed at W: one map for phi_W, for phi_0 = phi_{W0} and for
phi_0 - phi_W.

N0. If no neuron is at its kink (W_r'x(s,a) = 0, x(s,a) != 0) at a state that is visited, the core claims of `meta_rl`
hold verbatim with phi = phi_W.

  Proof. Near W the patterns do not change: f(x; W + V) = f(x; W) + phi_W(x)'V exactly, so the policy is energy-based
  and linear in V with features phi_W and base energies f(.; W). A softmax does not see how its base energies arose.

Formal gradient, at kinks too. For any features at all, G := <w, Phi> gives gap = <w, u> = v'G + <w, u - Phi v> <=
R ||G|| + ||w|| inf ||u - Phi v||. The eps is then a hypothesis about G: L may be stationary in every direction where
G is not 0 (see the ablation), and G depends on the value given to 1{0 > 0}.

N1 (initial features). The same with phi_0, G_0 = <w, Phi[phi_0]>: gap <= R ||G_0|| + ||w|| inf ||u - Phi_0 v||.
Against eps = ||grad L(W)||:

    ||G_0|| - eps <= ||G_0 - grad L|| <= ||w|| E_op,   E_op operator norm of Phi^c[phi_0 - phi_W] on the points,

  since G_0 - grad L = <w, Phi[phi_0 - phi_W]>. Pointwise, with delta(s,a) = ||phi_0 - phi_W|| = ||x|| (#flips/m)^{1/2},

    ||Phi_i[phi_0 - phi_W](s,a)|| <= e_i(s,a) = delta/tau + |eta| gamma_i/((1-gamma_i) tau) E_{varsigma_i}[|A_i| delta]

  (the triangle inequality), centring is an orthogonal projection of L2(pi_i) and an operator norm is at most the
  Hilbert-Schmidt norm: E_op <= ||e||. A flip of r needs ||W_r - W0_r|| >= |W0_r'x|/||x||, so at most k*(||W - W0||)
  neurons flip. No probability, no hidden constant. (The m^{-1/2} of neural policy gradient, as we remember it, needs a
  non-atomic law of state-action features, which no finite process has.)

C3 (over-parameterisation). w and u have mean 0 under pi_i(.|s), per task and state, and w_i(s, .) = 0 where all actions
do the same. Call (i, s) a choice if task i visits s and two actions differ there (in reward or, if gamma_i > 0, in the
next state). If the differences Phi_i(s, a) - Phi_i(s, b), b fixed and a != b, over all choices are linearly
independent, then

    gap <= eps ||v||,   v the shortest with Phi_i v = u_i up to functions of s at every choice,

over all policies, one per task: every stationary point is global.

  Proof. Independence gives such a v. At a choice Phi_i v - u_i is a function of s, which w does not see; elsewhere w
  is 0. So <w, u - Phi v> = 0, and the identity is gap = v'grad L <= ||v|| eps.

When can they be independent? Never if two tasks have a choice at the same state, whatever the width.

  Proof. The adaptation is a step on policies, so tasks have the same features phi, and E_pi[A_i phi | s] = E_pi[A_i
  (phi - phi(., b)) | s] is 0 away from choices. So every difference of Phi_i is a combination of the differences
  phi(s, a) - phi(s, b) at choices of task i: those of all tasks fill at most (A - 1) times the number of states that
  are a choice for some task, and there are (A - 1) times the number of choices.

In meta-SL over-parameterisation separates tasks that share inputs, since each task adapts the weights; here it cannot.
What is left: one task (T3e without a table), or tasks that share no choice, as if the task were part of the state. Then
independence is that of the differences of phi (for wide networks, of inputs apart: relu has phi(x) - phi(-x) =
m^{-1/2} (b_r x)_r, so not of opposite ones in numbers) and that of I + eta K_i, which folds destroy (kappa < 1 of T3e
excludes them).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from .claim import Assumption, Claim
from .consequences import formal, over_parameterised
from .initialisation import count_error, gradient_error, init, operator, step, with_error
from .meta_rl import ADDED, POSITIVE_POLICY
from .setting import PAPER, Setting
from .stationarity import DIFFERENTIABLE, core_claims

OFF_KINKS = Assumption(
    DIFFERENTIABLE.name,
    "No neuron is at its kink at an input x(s,a) != 0 of a visited state.",
    DIFFERENTIABLE.margin,
    DIFFERENTIABLE.identifier,
)

FULL_ACTION_RANK = Assumption(
    "full-action-rank",
    "The differences of the meta-feature between actions, over all states that a task visits and where actions differ, "
    "are linearly independent.",
    "margin_full_action_rank",
)

META_RL_NETWORK = Setting(
    "meta-rl-network",
    f"{PAPER}meta-reinforcement learning, overparameterized two-layer neural networks",
    POSITIVE_POLICY,
    (POSITIVE_POLICY, OFF_KINKS),
    equality=True,
)


def core_of_policies(of: Setting, opening: str, differences: Mapping[str, str]) -> Iterator[Claim]:
    """The core claims for policies of networks: how their proofs begin, and how they differ from the paper's."""
    common = {
        "s1": "As for linear policies: it knows policies only.",
        "s3": "eps is the Euclidean norm of grad L over all weights.",
        "s4": "As for linear policies.",
        "l1": "Sharper than the lifted form; same assumptions.",
        **differences,
    }
    for claim in core_claims(of, ADDED):
        difference = common[claim.name.removeprefix(f"{of.family}-")]
        yield replace(claim, proof=f"{opening} {claim.proof}", citation=of.citation, difference=difference)


def at_initialisation(of: Setting) -> Iterator[Claim]:
    """N1, N1 with the operator error, and the step between them: they hold for features of any network."""
    yield init(
        of,
        (POSITIVE_POLICY,),
        "G_0 is computed where the paper (as we read it) has the gradient plus an error that shrinks with the width.",
    )
    yield operator(of)
    yield gradient_error(of, (POSITIVE_POLICY,))


def pointwise_error(of: Setting, title: str, what: str, bound: str) -> Claim:
    """The operator error is at most what a bound of ||phi_0 - phi_W|| becomes by propagation."""
    return step(
        of,
        "pointwise",
        title,
        f"Meta-features at initialisation differ by at most e: {what}.",
        "Triangle inequality for Phi[phi_0 - phi_W]; centring is a projection; operator norm <= Hilbert-Schmidt norm.",
        "error_operator",
        bound,
        (POSITIVE_POLICY,),
    )


def full_action_rank(of: Setting) -> Claim:
    """C3: it holds for features of any network."""
    return over_parameterised(
        of,
        "over-parameterised policies",
        FULL_ACTION_RANK,
        "Never with tasks that share a state where actions differ, however wide the network: the policies adapt, not "
        "the weights.",
        reading="If the differences of the meta-feature between actions are linearly independent over all tasks and "
        "states, the gap over all policies is at most eps times the norm of the shortest representation.",
        proof="Phi v = u up to functions of s wherever w is not 0, so the identity gives gap = v'grad L <= eps ||v||.",
    )


CLAIMS: tuple[Claim, ...] = (
    *core_of_policies(
        META_RL_NETWORK,
        "N0: near W the policy is linear in the weights.",
        {
            "identity": "As for linear policies, whose features are those of the network at W, exactly.",
            "s2": "As for linear policies; off kinks the network is linear near W.",
            "lifted": "Exact for networks of any width off kinks, without an approximation error; the paper's "
            "statement is, as we read it, about features at initialisation.",
        },
    ),
    formal(
        META_RL_NETWORK,
        "Phi",
        "Phi v",
        (),
        "a point that is stationary in every direction may still have a formal gradient",
    ),
    *at_initialisation(META_RL_NETWORK),
    with_error(
        META_RL_NETWORK,
        "pointwise",
        "error_flips",
        "pointwise error of the flipped neurons",
        "The same with the number of neurons that changed their pattern, and its propagation through grad Q.",
        "E_op <= ||e|| with the counts of the flips.",
        "Explicit constants; the look-ahead's own error is counted too.",
    ),
    with_error(
        META_RL_NETWORK,
        "count",
        "error_count",
        "a priori count k*",
        "The same with the largest number of neurons that a displacement of this size can flip.",
        "Flips at x have a_r <= ||W_r - W0_r||, so at most k*(||W - W0||) neurons do.",
        "A priori in the displacement. Unlike in meta-SL only W moves, so one count serves.",
    ),
    pointwise_error(
        META_RL_NETWORK,
        "Operator error at most the flips' error, policies",
        "flips at the pair itself and, discounted, at later ones",
        "error_flips",
    ),
    count_error(META_RL_NETWORK, "W_r", "||W - W0||^2", POSITIVE_POLICY),
    full_action_rank(META_RL_NETWORK),
)
