r"""Finn, Rajeswaran, Kakade, Levine, Online Meta-Learning, ICML 2019, Theorem 1: our reading of it, and what it needs.

    metagap verify --claims theory/neighbours/online_meta_learning.py        (judge, falsify, audit likewise)

The statement, as we read it: losses f, f^ are G-Lipschitz, beta-smooth, mu-strongly convex, with rho-Lipschitz
Hessians; alpha <= min(1/(2 beta), mu/(8 rho G)). Then F(w) = f(w - alpha grad f^(w)) is mu/8-strongly convex and
9 beta/8-smooth. Here f^ is the risk of a task's support, f that of its query, L the weighted sum of the F.

On R^d no f is G-Lipschitz and mu-strongly convex: ||grad f(w)|| >= mu ||w - w*||. So read, the theorem says nothing.
We take the constants where the proof uses them, on what the segment from omega to theta' leads to: predictions
z_x(t) of w_t = theta' + t(omega - theta') lie between their ends, those of U(w_t) in the intervals that the ranges of
ell' give. mu, beta: extreme eigenvalues with the least and the largest ell'' of each atom there; rho: the sum of
p max|ell'''| ||phi||^3 between w_t and U(w_t), at least the Lipschitz constant of Hess f^; G: at least ||grad f^||
at w_t and ||grad f|| at U(w_t). A larger rho or G and a smaller mu make the assumptions stronger: the theorem with its
own constants says all that is tested here.

Proof. H = Hess f^(w_t), J = I - alpha H, u = U(w_t):

    Hess F(w_t) = J Hess f(u) J - alpha D^3 f^(w_t)[grad f(u)],   the last term at most alpha rho G in norm.

For convex f and alpha beta <= 1, (1 - alpha beta)^2 <= J^2 <= (1 - alpha mu)^2, so

    mu_f (1 - alpha beta)^2 - alpha rho G  <=  Hess F  <=  beta_f (1 - alpha mu)^2 + alpha rho G.          (*)

With alpha beta <= 1/2 and alpha rho G <= mu/8 that is at least mu/4 - mu/8, at most beta + mu/8 <= 9 beta/8. Integrate
over t: <grad F(omega) - grad F(theta'), omega - theta'> and the norm of the change. (*) needs no step below 1/(2 beta)
and no strong convexity. alpha rho G < mu/8 says mu > 0: that assumption is part of this one.

Sharp: in (*) and in mu/8, 9 beta/8 nothing can be better where queries are other laws than supports: `witnesses/` has
instances within 2 % of both. Adapted and judged on one law, f'' cannot be small at u where it is large at w:
||u - w|| = alpha ||grad f(w)||, so Hess f(u) >= H - D, D = alpha rho sup ||grad f||. J and H commute, and
(1 - x)^2 (x - c) rises up to x = (1 + 2c)/3 and then falls up to 1, so it is least at an end:

    Hess F  >=  min over h in {mu, beta} of (1 - alpha h)^2 (h - D)  -  alpha rho G,   alpha beta <= 1.    (**)

f need not be convex. Under Theorem 1's assumptions D <= mu/8 and, for beta >= 2 mu, s = alpha mu <= 1/4: the values at
the ends s and 1/2 of x = alpha h, (1 - s)^2 7s/8 and 1/8 - s/32, are at least (63/128) s and (15/32) s, so
Hess F >= (15/32 - 4/32) mu = 11 mu/32 in place of mu/8; 3 mu/4 as beta/mu grows.
"""

from functools import lru_cache

from metagap import Assumption, At, Claim, Mutant, quantity
from metagap.common import (
    CONVEX,
    ONE_LAW,
    ONE_OUTPUT,
    PARAMETER,
    STEP,
    gradient_change,
    margin_convex,
    margin_one_output,
    margin_one_plain_step,
    mean,
    rate,
    steps,
)

CITATION = "Finn, Rajeswaran, Kakade, Levine, Online Meta-Learning, ICML 2019, Theorem 1"


def tubes(at, task):
    """Ends of the predictions along the segment, after 0, 1, ... steps: of the support, of the query."""
    alpha, risks, ends = rate(at), (task.support, task.query), []
    for risk in risks:
        pairs = zip(risk.predictions(at.omega), risk.predictions(at.comparator), strict=True)
        ends.append([(at.least((a, b)), at.largest((a, b))) for a, b in pairs])
    found = [ends]
    for _ in range(steps(at)):
        slopes = slopes_of(at, task.support, ends[0])
        ends = [
            [moved(at, alpha, task.support, slopes, phi, end) for (phi, _, _), end in zip(r.atoms, own, strict=True)]
            for r, own in zip(risks, ends, strict=True)
        ]
        found.append(ends)
    return found


def slopes_of(at, risk, ends):
    """Ends of p ell' of each atom."""
    found = [(p, at.between(1, y, *end)) for (_, y, p), end in zip(risk.atoms, ends, strict=True)]
    return [(p * low, p * high) for p, (low, high) in found]


def moved(at, alpha, support, slopes, phi, end):
    """Ends of a prediction after a step."""
    inner = [at.dot(phi, other) for other, _, _ in support.atoms]
    turns = [(alpha * k * low, alpha * k * high) for k, (low, high) in zip(inner, slopes, strict=True)]
    low, high = end
    return low - sum(at.largest(pair) for pair in turns), high - sum(at.least(pair) for pair in turns)


def curvature(at, risk, ends):
    """The least and the largest eigenvalue that Hess R may have."""
    bends = [at.between(2, y, *end) for (_, y, _), end in zip(risk.atoms, ends, strict=True)]
    low, high = (risk.weighted([pair[j] for pair in bends]) for j in (0, 1))
    singular = at.instance.loss.profile.convex and not risk.spanning
    return at.number(0) if singular else at.eigenvalues(low)[0], at.eigenvalues(high)[1]


def bend(at, risk, ends):
    """sum p max |ell'''| ||phi||^3."""
    total = at.number(0)
    for (phi, y, p), end in zip(risk.atoms, ends, strict=True):
        third = at.largest(at.magnitude(v) for v in at.between(3, y, *end))
        total = total + p * third * at.length(phi) ** 3
    return total


def steepness(at, risk, ends):
    """At least ||grad R||."""
    total = [(at.number(0), at.number(0))] * len(risk.atoms[0][0])
    for (phi, _, _), pair in zip(risk.atoms, slopes_of(at, risk, ends), strict=True):
        parts = [(f * pair[0], f * pair[1]) for f in phi]
        total = [(a + at.least(v), b + at.largest(v)) for (a, b), v in zip(total, parts, strict=True)]
    return at.length(at.largest((at.magnitude(a), at.magnitude(b))) for a, b in total)


class Constants:
    """A task's constants where its proof needs them: of the support (s) on the way, of the query (q) at its end."""

    def __init__(self, at, task):
        *way, last = tubes(at, task)
        inner, outer = [support for support, _ in way], last[1]
        extremes = [curvature(at, task.support, ends) for ends in inner]
        self.alpha = rate(at)
        self.mu_s, self.beta_s = at.least(a for a, _ in extremes), at.largest(b for _, b in extremes)
        self.mu_q, self.beta_q = curvature(at, task.query, outer)
        supports = [*inner, last[0]]
        everywhere = [
            (at.least(e[0] for e in own), at.largest(e[1] for e in own)) for own in zip(*supports, strict=True)
        ]
        self.rho = bend(at, task.support, everywhere)
        self.slope_s = at.largest(steepness(at, task.support, ends) for ends in inner)
        self.slope_q = steepness(at, task.query, outer)


def shrunk(c, curvature):
    """(1 - alpha h)^2."""
    return (1 - c.alpha * curvature) * (1 - c.alpha * curvature)


@lru_cache(64)  # at is one thing for all quantities of an instance
def constants(at):
    return [Constants(at, task) for task in at.tasks]


# --- quantities ---------------------------------------------------------------------------------------------


@quantity(r"\mu", "least curvature of supports and queries on the way")
def mu(at: At):
    return at.least(v for c in constants(at) for v in (c.mu_s, c.mu_q))


@quantity(r"\beta", "largest curvature of supports and queries on the way")
def beta(at: At):
    return at.largest(v for c in constants(at) for v in (c.beta_s, c.beta_q))


@quantity(r"\rho G", "Lipschitz constant of the supports' Hessians times the largest gradient on the way")
def bend_slope(at: At):
    found = constants(at)
    return at.largest(c.rho for c in found) * at.largest(v for c in found for v in (c.slope_s, c.slope_q))


@quantity(r"\langle\nabla L(\omega)-\nabla L(\theta'),\omega-\theta'\rangle", "monotonicity of grad L")
def monotonicity(at: At):
    change = [a - b for a, b in zip(at.gradient, at.exchanged().gradient, strict=True)]
    return at.dot(change, (o - t for o, t in zip(at.omega, at.comparator, strict=True)))


@quantity(r"m", "the lower end of (*), averaged over tasks")
def floor(at: At):
    return mean(at, [c.mu_q * shrunk(c, c.beta_s) - c.alpha * c.rho * c.slope_q for c in constants(at)])


@quantity(r"M", "the upper end of (*), averaged over tasks")
def ceiling(at: At):
    found = [(c, at.largest(shrunk(c, v) for v in (c.mu_s, c.beta_s))) for c in constants(at)]
    return mean(at, [c.beta_q * stretch + c.alpha * c.rho * c.slope_q for c, stretch in found])


@quantity(r"m_1", "the lower end of (**), averaged over tasks")
def floor_one_law(at: At):
    def lowest(c):
        near = c.alpha * c.rho * c.slope_s
        return at.least(shrunk(c, v) * (v - near) for v in (c.mu_s, c.beta_s)) - c.alpha * c.rho * c.slope_q

    return mean(at, map(lowest, constants(at)))


# --- margins ------------------------------------------------------------------------------------------------


@quantity(r"[\ell\in C^2]", "positive where: the loss's second derivative has no jump")
def margin_no_jump(at: At):
    return -1 if at.instance.loss.profile.joints else 1


@quantity(r"1-2\alpha\beta", "positive where: 2 alpha beta < 1")
def margin_half_step(at: At):
    return 1 - 2 * rate(at) * at("beta")


@quantity(r"1-\alpha\beta_s", "positive where: alpha beta < 1, beta of the supports")
def margin_whole_step(at: At):
    return 1 - rate(at) * at.largest(c.beta_s for c in constants(at))


@quantity(r"\mu-8\alpha\rho G", "positive where: 8 alpha rho G < mu")
def margin_small_bend(at: At):
    return at("mu") - 8 * rate(at) * at("bend_slope")


@quantity(r"\beta-2\mu", "positive where: beta > 2 mu")
def margin_other_curvatures(at: At):
    return at("beta") - 2 * at("mu")


LIPSCHITZ = Assumption("lipschitz-hessian", "The loss's second derivative has no jump.", "margin_no_jump")
HALF = Assumption("half-step", "alpha < 1/(2 beta).", "margin_half_step")
WHOLE = Assumption("whole-step", "alpha < 1/beta, beta of the supports.", "margin_whole_step")
BEND = Assumption("small-bend", "Strongly convex risks, 0 <= 8 alpha rho G < mu.", "margin_small_bend")
BENT = Assumption("other-curvatures", "beta > 2 mu.", "margin_other_curvatures")
WAY = (ONE_OUTPUT, STEP, PARAMETER, LIPSCHITZ)
THEOREM = (*WAY, HALF, BEND)

CONVEXITY = Claim(
    "meta-sl-online-convex",
    "MAML's objective is strongly convex",
    left="mu*displacement**2/8",
    bound="monotonicity",
    assumptions=THEOREM,
    reading="Between any two parameters L is mu/8-strongly convex.",
    proof="(*) of this file: mu (1 - 1/2)^2 - mu/8 = mu/8.",
    citation=CITATION,
    difference="Constants on the segment and where it is adapted to, for R^d; on R^d no function has them all.",
    quantities=(mu, beta, bend_slope, monotonicity, *(margin_one_output, margin_one_plain_step, margin_no_jump),
                *(margin_half_step, margin_small_bend)),
)  # fmt: skip

SMOOTHNESS = Claim(
    "meta-sl-online-smooth",
    "MAML's objective is smooth",
    left="gradient_change",
    bound="9*beta*displacement/8",
    assumptions=THEOREM,
    reading="Between any two parameters grad L is 9 beta/8-Lipschitz.",
    proof="(*) of this file: beta (1 - alpha mu)^2 + mu/8 <= 9 beta/8.",
    citation=CITATION,
    difference="As above.",
    quantities=(*CONVEXITY.quantities, gradient_change),
)

SHARP_CONVEXITY = Claim(
    "meta-sl-online-convex-sharp",
    "The same with the constants that the proof has",
    left="floor*displacement**2",
    bound="monotonicity",
    assumptions=(*WAY, CONVEX, WHOLE),
    reading="L is as strongly convex as (*) says, for steps up to 1/beta; squared losses of one column attain it.",
    proof="(*) of this file, task by task.",
    citation=CITATION,
    difference="Ours: no step below 1/(2 beta), nothing of alpha rho G; where `floor` is positive L is convex.",
    quantities=(*CONVEXITY.quantities, floor, margin_whole_step, margin_convex),
)

SHARP_SMOOTHNESS = Claim(
    "meta-sl-online-smooth-sharp",
    "The same with the constants that the proof has",
    left="gradient_change",
    bound="ceiling*displacement",
    assumptions=(*WAY, CONVEX),
    reading="grad L changes as (*) says at most: convex losses, whatever the step.",
    proof="(*) of this file; J^2 is at most the larger of (1 - alpha mu)^2 and (1 - alpha beta)^2.",
    citation=CITATION,
    difference="Ours: neither strong convexity nor a small step.",
    quantities=(*SMOOTHNESS.quantities, ceiling, margin_convex),
)

ONE_LAW_CONVEXITY = Claim(
    "meta-sl-online-convex-one-law",
    "The same for tasks that are judged on what they adapt on",
    left="floor_one_law*displacement**2",
    bound="monotonicity",
    assumptions=(*WAY, WHOLE, ONE_LAW),
    reading="L is as strongly convex as (**) says, also where the loss is not convex.",
    proof="(**) of this file.",
    citation=CITATION,
    difference="Ours.",
    quantities=(*SHARP_CONVEXITY.quantities, floor_one_law),
)

ELEVEN = Claim(
    "meta-sl-online-convex-eleven",
    "Tasks that are judged on what they adapt on: 11 mu/32 in place of mu/8",
    left="11*mu*displacement**2/32",
    bound="monotonicity",
    assumptions=(*THEOREM, ONE_LAW, BENT),
    reading="Under Theorem 1's assumptions, one law for each task and beta > 2 mu.",
    proof="(**) of this file, s = 1/4.",
    citation=CITATION,
    difference="Ours: 2.75 times the constant.",
    quantities=(*CONVEXITY.quantities, margin_other_curvatures),
)

MUTANTS = (
    Mutant(
        "meta-sl-online-convex-unchanged", "meta-sl-online-convex", "MAML keeps the curvature of the losses",
        "monotonicity", "J Hess f J loses (1 - alpha beta)^2.", left="mu*displacement**2",
    ),
    Mutant(
        "meta-sl-online-smooth-below", "meta-sl-online-smooth-sharp", "the step only smooths",
        "mu*displacement", "beta (1 - alpha mu)^2 is beta for small steps, and not mu.", left="gradient_change",
    ),
)  # fmt: skip
