r"""Fallah, Mokhtari, Ozdaglar, On the Convergence Theory of Gradient-Based Model-Agnostic Meta-Learning Algorithms,
AISTATS 2020: our reading of the smoothness of MAML's objective, and of the level of first-order MAML.

    metagap verify --claims theory/neighbours/convergence_of_maml.py        (judge, falsify, audit likewise)

The statements, as we read them: tasks f_i are L-smooth with rho-Lipschitz Hessians on R^d, alpha <= 1/L,
F(w) = E f_i(w - alpha grad f_i(w)). Then

    ||grad F(w) - grad F(u)|| <= min(L(w), L(u)) ||w - u||,    L(w) = 4L + 2 rho alpha E||grad f_i(w)||,

and first-order MAML, which follows g(w) = E grad f_i(w_i), w_i = w - alpha grad f_i(w), reaches ||grad F|| of the order
of alpha L times the spread of the tasks' gradients, and cannot be promised less, whatever the batches.

Here L = m2 max_i lambda_max(E_i phi phi'), rho = m3 max_i E_i ||phi||^3, m2 = sup |ell''|, m3 = sup |ell'''|: valid on
all of R^d, for losses convex and not, where m2 and m3 are finite.

Proof of smoothness. H(w) = Hess f_i(w), J = I - alpha H, u_i = u - alpha grad f_i(u):

    grad F_i(w) - grad F_i(u) = (J(w) - J(u)) grad f_i(w_i) + J(u) (grad f_i(w_i) - grad f_i(u_i)).

||J(w) - J(u)|| <= alpha rho ||w - u||. With s >= ||I - alpha H|| everywhere, ||w_i - u_i|| <= s ||w - u||, and grad
f_i(w_i) = (I - alpha H') grad f_i(w), H' the mean of H between w and w_i, so ||grad f_i(w_i)|| <= s ||grad f_i(w)||:

    ||grad F(w) - grad F(u)|| <= (s^2 L + s rho alpha E||grad f_i(w)||) ||w - u||.                           (*)

alpha <= 1/L gives s <= 1 + alpha L <= 2: the paper's 4L + 2 rho alpha E||grad f_i||. For convex f_i, alpha <= 2/L, s <=
1: L + rho alpha E||grad f_i||, factors 4 and 2 less. Both are sharp: f = -L w^2/2 has F'' = -L (1 + alpha L)^2, -4L at
alpha = 1/L; f = L w^2/2 has F'' -> L as alpha -> 0. And the 2 in general: f'' = -L, but f''' = rho just above w:
F''(w+) = -4L - alpha rho f'(w_i), f'(w_i) = 2 f'(w), f'(w) > 0. The term cannot be left out for convex losses either:
`witnesses/bend.json`, where grad F changes 12 times as fast as L allows.

Proof of the level. grad F = E (I - alpha H_i) g_i, g_i = grad f_i(w_i), g = E g_i, H_i = H_i(w):

    grad F - g = -alpha E H_i g_i,     so ||grad F|| <= ||g|| + alpha L E||g_i||.                            (**)

For any c, grad F = (1 - alpha c) g - alpha E (H_i - c) g_i. For convex f_i, c = L/2 makes ||H_i - c|| <= L/2:

    ||grad F|| <= |1 - alpha L/2| ||g|| + (alpha L/2) E||g_i||.                                              (***)

At a stationary point of first-order MAML the level is half of what (**) says. Attained: two tasks in R, H = 0, H = L,
g_1 = -g_2, weights 1/2: ||grad F|| = alpha L |g_1|/2 = (alpha L/2) E|g_i| (Huber's loss, 0 < alpha L < 1). So the level
is of first order in alpha: no constant makes it alpha^2.
"""

from metagap import Assumption, At, Claim, Loss, Mutant, Relation, quantity
from metagap.common import (
    CONVEX,
    DIFFERENTIABLE,
    GRADIENT,
    HESSIAN,
    ONE_LAW,
    ONE_OUTPUT,
    PARAMETER,
    STEP,
    gradient_change,
    hessian_lipschitz,
    lipschitz,
    margin_convex,
    margin_lipschitz_hessian,
    margin_one_output,
    margin_one_plain_step,
    mean_slope,
    rate,
    steps,
)

CITATION = "Fallah, Mokhtari, Ozdaglar, On the Convergence Theory of Gradient-Based MAML Algorithms, AISTATS 2020"


CONCAVE = Loss(
    "concave",
    value=lambda m, t: -t * t / 2,
    d1=lambda m, t: -t,
    d2=lambda m, t: -1 + 0 * t,
    d3=lambda m, t: 0 * t,
    m2=1,
    m3=0,
    mu=-1,
)
"""-t^2/2, which uses up the factor 4 of L."""


@quantity(r"\alpha L", "step times the Lipschitz constant of the tasks' gradients")
def step_curvature(at: At):
    return rate(at) * at("lipschitz")


@quantity(r"\rho\alpha\,\mathbb{E}\|\nabla f_i\|", "step times rho times the mean length of the tasks' gradients")
def bend_slope(at: At):
    return rate(at) * hessian_lipschitz(at) * mean_slope(at)


@quantity(r"\mathbb{E}\|g_i\|", "mean length of the gradients at the adapted parameters")
def adapted_slope(at: At):
    return mean_slope(at, steps(at))


def slopes(at):
    """The tasks with g_i [d]."""
    return [(task, task.query.gradient(task.path(at.omega, rate(at), steps(at))[-1])) for task in at.tasks]


def biases(at):
    """alpha E H_i g_i [d]."""
    total = [at.number(0)] * len(at.omega)
    for task, slope in slopes(at):
        rows = zip(total, task.support.hessian(at.omega), strict=True)
        total = [t + rate(at) * task.weight * at.dot(row, slope) for t, row in rows]
    return total


def first_order(at):
    """g [d]."""
    total = [at.number(0)] * len(at.omega)
    for task, slope in slopes(at):
        total = [t + task.weight * v for t, v in zip(total, slope, strict=True)]
    return total


@quantity(r"\|\alpha\,\mathbb{E}H_ig_i\|", "bias of first-order MAML's gradient")
def bias(at: At):
    return at.length(biases(at))


@quantity(r"\|\nabla L-g+\alpha\,\mathbb{E}H_ig_i\|^2", "by how much (**) is no identity")
def bias_defect(at: At):
    defects = [a - g + b for a, g, b in zip(at.gradient, first_order(at), biases(at), strict=True)]
    return at.dot(defects, defects)


@quantity(r"1-\alpha L", "positive where: alpha < 1/L")
def margin_whole_step(at: At):
    return 1 - at("step_curvature")


@quantity(r"2-\alpha L", "positive where: alpha < 2/L")
def margin_double_step(at: At):
    return 2 - at("step_curvature")


WHOLE = Assumption("whole-step", "alpha < 1/L.", "margin_whole_step")
DOUBLE = Assumption("double-step", "alpha < 2/L.", "margin_double_step")

SMOOTHNESS = Claim(
    "meta-sl-fallah-smooth",
    "Smoothness of MAML's objective",
    left="gradient_change",
    bound="4*lipschitz*displacement + 2*bend_slope*displacement",
    assumptions=(ONE_OUTPUT, STEP, PARAMETER, GRADIENT, HESSIAN, ONE_LAW, WHOLE),
    reading="grad L changes by at most L(omega) times the distance.",
    proof="(*) of this file with s = 2.",
    citation=CITATION,
    difference="Exact gradients; the minimum over both points is the claim with omega and theta' exchanged.",
    quantities=(lipschitz, step_curvature, bend_slope, gradient_change, margin_one_output, margin_one_plain_step,
                margin_whole_step, margin_lipschitz_hessian),
)  # fmt: skip

CONVEX_SMOOTHNESS = Claim(
    "meta-sl-fallah-smooth-convex",
    "Smoothness of MAML's objective, convex losses",
    left="gradient_change",
    bound="lipschitz*displacement + bend_slope*displacement",
    assumptions=(ONE_OUTPUT, STEP, PARAMETER, GRADIENT, HESSIAN, ONE_LAW, CONVEX, DOUBLE),
    reading="For convex losses the factors 4 and 2 are 1, and steps may be twice as long.",
    proof="(*) of this file with s = 1.",
    citation=CITATION,
    difference="Ours.",
    quantities=(*SMOOTHNESS.quantities, margin_double_step, margin_convex),
)

BIAS = Claim(
    "meta-sl-fallah-bias",
    "What first-order MAML leaves out",
    left="bias_defect",
    bound="zero",
    relation=Relation.EQUAL,
    assumptions=(ONE_OUTPUT, STEP, DIFFERENTIABLE),
    reading="grad L - g = -alpha E H_i g_i: where g = 0 the gradient of L is that, exactly.",
    proof="The chain rule.",
    citation=CITATION,
    difference="The equality behind their bound.",
    quantities=(bias_defect, margin_one_output, margin_one_plain_step),
)

LEVEL = Claim(
    "meta-sl-fallah-level",
    "The level of first-order MAML",
    left="eps",
    bound="eps_first_order + step_curvature*adapted_slope",
    assumptions=(ONE_OUTPUT, STEP, GRADIENT, DIFFERENTIABLE),
    reading="Where first-order MAML stops the gradient of L is at most alpha L E||g_i||.",
    proof="(**) of this file.",
    citation=CITATION,
    difference="Exact gradients, one point; they bound E||g_i|| on by the spread of the tasks.",
    extras=("bias",),
    quantities=(lipschitz, step_curvature, adapted_slope, bias, margin_one_output, margin_one_plain_step),
)

CONVEX_LEVEL = Claim(
    "meta-sl-fallah-level-convex",
    "The level of first-order MAML, convex losses",
    left="eps",
    bound="eps_first_order*(1 - step_curvature/2) + step_curvature*adapted_slope/2",
    assumptions=(ONE_OUTPUT, STEP, GRADIENT, DIFFERENTIABLE, CONVEX, DOUBLE),
    reading="For convex losses it is at most half of that, and that is attained.",
    proof="(***) of this file.",
    citation=CITATION,
    difference="Ours.",
    quantities=(*LEVEL.quantities, margin_double_step, margin_convex),
)

MUTANTS = (
    Mutant(
        "meta-sl-fallah-level-none", "meta-sl-fallah-level", "where first-order MAML stops, MAML stops",
        "eps_first_order", "E H_i g_i is not 0 where E g_i is: tasks that bend differently.", left="eps",
    ),
    Mutant(
        "meta-sl-fallah-level-second-order", "meta-sl-fallah-level", "the level is of second order in alpha",
        "eps_first_order + step_curvature**2*adapted_slope", "It is alpha L/2 times the mean gradient.", left="eps",
    ),
    Mutant(
        "meta-sl-fallah-smooth-own", "meta-sl-fallah-smooth-convex", "MAML is as smooth as its tasks",
        "lipschitz*displacement", "The Hessian moves: alpha D^3 f[g_i] adds to it.", left="gradient_change",
    ),
)  # fmt: skip
