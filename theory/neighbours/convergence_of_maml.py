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


def rate(at):
    """alpha, of plain gradient steps."""
    adaptation = at.instance.adaptation
    if adaptation.name != "gradient" or not adaptation.plain:
        at.undefined("the adaptation is not by gradient steps of one rate without decay")
    return at.number(adaptation.canonical.eta)


def adapted(at, task):
    """w_i. Errors: as `rate`."""
    step = rate(at)
    return task.path(at.omega, step, at.instance.adaptation.steps)[-1]


def mean(at, lengths):
    return sum((task.weight * one for task, one in zip(at.tasks, lengths, strict=True)), start=at.number(0))


@quantity(r"\alpha L", "step times the Lipschitz constant of the tasks' gradients")
def step_curvature(at: At):
    return rate(at) * at("lipschitz")


@quantity(r"L", "Lipschitz constant of the tasks' gradients, on R^d")
def lipschitz(at: At):
    risks = [risk for task in at.tasks for risk in (task.support, task.query)]
    return at.constant("m2") * at.largest(at.eigenvalues(r.weighted([at.number(1)] * len(r.atoms)))[1] for r in risks)


@quantity(r"\rho\alpha\,\mathbb{E}\|\nabla f_i\|", "step times rho times the mean length of the tasks' gradients")
def bend_slope(at: At):
    thirds = [sum(p * at.length(phi) ** 3 for phi, _, p in task.support.atoms) for task in at.tasks]
    slopes = mean(at, [at.length(task.query.gradient(at.omega)) for task in at.tasks])
    return rate(at) * at.constant("m3") * at.largest(thirds) * slopes


@quantity(r"\|\nabla L(\omega)-\nabla L(\theta')\|", "change of grad L")
def gradient_change(at: At):
    return at.length(a - b for a, b in zip(at.gradient, at.exchanged().gradient, strict=True))


@quantity(r"\mathbb{E}\|g_i\|", "mean length of the gradients at the adapted parameters")
def adapted_slope(at: At):
    return mean(at, [at.length(task.query.gradient(adapted(at, task))) for task in at.tasks])


def biases(at):
    """alpha E H_i g_i [d]."""
    total = [at.number(0)] * len(at.omega)
    for task in at.tasks:
        slope, hessian = task.query.gradient(adapted(at, task)), task.support.hessian(at.omega)
        total = [t + rate(at) * task.weight * at.dot(row, slope) for t, row in zip(total, hessian, strict=True)]
    return total


def first_order(at):
    """g [d]."""
    total = [at.number(0)] * len(at.omega)
    for task in at.tasks:
        total = [t + task.weight * v for t, v in zip(total, task.query.gradient(adapted(at, task)), strict=True)]
    return total


@quantity(r"\|\alpha\,\mathbb{E}H_ig_i\|", "bias of first-order MAML's gradient")
def bias(at: At):
    return at.length(biases(at))


@quantity(r"\|\nabla L-g+\alpha\,\mathbb{E}H_ig_i\|^2", "by how much (**) is no identity")
def bias_defect(at: At):
    defects = [a - g + b for a, g, b in zip(at.gradient, first_order(at), biases(at), strict=True)]
    return at.dot(defects, defects)


@quantity(r"K=1", "positive where: one plain gradient step, forwards")
def margin_one_plain_step(at: At):
    adaptation = at.instance.adaptation
    plain = adaptation.name == "gradient" and adaptation.plain and adaptation.steps == 1
    return 1 if plain and adaptation.canonical.eta >= 0 else -1


@quantity(r"1-\alpha L", "positive where: alpha < 1/L")
def margin_whole_step(at: At):
    return 1 - at("step_curvature")


@quantity(r"2-\alpha L", "positive where: alpha < 2/L")
def margin_double_step(at: At):
    return 2 - at("step_curvature")


@quantity(r"[m_3<\infty]", "positive where: the loss's second derivative is Lipschitz on R")
def margin_lipschitz_hessian(at: At):
    return 1 if at.instance.loss.constants().m3 is not None else -1


@quantity(r"[\ell''\ge 0]", "positive where: the loss is convex")
def margin_convex(at: At):
    return 1 if at.instance.loss.profile.convex else -1


STEP = Assumption("one-plain-step", "One gradient step of one rate >= 0, without decay.", "margin_one_plain_step")
PARAMETER = Assumption("parameter-comparator", "The comparator is one parameter.", "margin_parameter_comparator")
GRADIENT = Assumption("lipschitz-gradient", "The loss's derivative is Lipschitz on R.", "margin_bounded_curvature")
HESSIAN = Assumption("lipschitz-hessian", "The loss's second derivative is Lipschitz on R.", "margin_lipschitz_hessian")
WHOLE = Assumption("whole-step", "alpha < 1/L.", "margin_whole_step")
DOUBLE = Assumption("double-step", "alpha < 2/L.", "margin_double_step")
ONE_LAW = Assumption("one-law", "Every task is judged on the law that it adapts on.", "margin_one_law")
CONVEX = Assumption("convex", "The loss is convex.", "margin_convex")
SMOOTH = Assumption("differentiable", "No prediction at omega is at a joint of the loss.", "margin_differentiability")

SMOOTHNESS = Claim(
    "meta-sl-fallah-smooth",
    "Smoothness of MAML's objective",
    left="gradient_change",
    bound="4*lipschitz*displacement + 2*bend_slope*displacement",
    assumptions=(STEP, PARAMETER, GRADIENT, HESSIAN, ONE_LAW, WHOLE),
    reading="grad L changes by at most L(omega) times the distance.",
    proof="(*) of this file with s = 2.",
    citation=CITATION,
    difference="Exact gradients; the minimum over both points is the claim with omega and theta' exchanged.",
    quantities=(lipschitz, step_curvature, bend_slope, gradient_change, margin_one_plain_step, margin_whole_step,
                margin_lipschitz_hessian),
)  # fmt: skip

CONVEX_SMOOTHNESS = Claim(
    "meta-sl-fallah-smooth-convex",
    "Smoothness of MAML's objective, convex losses",
    left="gradient_change",
    bound="lipschitz*displacement + bend_slope*displacement",
    assumptions=(STEP, PARAMETER, GRADIENT, HESSIAN, ONE_LAW, CONVEX, DOUBLE),
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
    assumptions=(STEP, SMOOTH),
    reading="grad L - g = -alpha E H_i g_i: where g = 0 the gradient of L is that, exactly.",
    proof="The chain rule.",
    citation=CITATION,
    difference="The equality behind their bound.",
    quantities=(bias_defect, margin_one_plain_step),
)

LEVEL = Claim(
    "meta-sl-fallah-level",
    "The level of first-order MAML",
    left="eps",
    bound="eps_first_order + step_curvature*adapted_slope",
    assumptions=(STEP, GRADIENT, SMOOTH),
    reading="Where first-order MAML stops the gradient of L is at most alpha L E||g_i||.",
    proof="(**) of this file.",
    citation=CITATION,
    difference="Exact gradients, one point; they bound E||g_i|| on by the spread of the tasks.",
    extras=("bias",),
    quantities=(lipschitz, step_curvature, adapted_slope, bias, margin_one_plain_step),
)

CONVEX_LEVEL = Claim(
    "meta-sl-fallah-level-convex",
    "The level of first-order MAML, convex losses",
    left="eps",
    bound="eps_first_order*(1 - step_curvature/2) + step_curvature*adapted_slope/2",
    assumptions=(STEP, GRADIENT, SMOOTH, CONVEX, DOUBLE),
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
