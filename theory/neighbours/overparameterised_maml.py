r"""Wang, Sun, Li, Global Convergence and Generalization Bound of Gradient-Based Meta-Learning with Deep Neural Nets,
2020: what of it can be said at one point, for linear models and two-layer networks.

    metagap verify --claims theory/neighbours/overparameterised_maml.py        (judge, falsify, audit likewise)

The statement, as we read it: squared loss, a network so wide that the Gram matrix of its meta-features (their meta
neural tangent kernel) stays near its limit, whose least eigenvalue is positive. Then gradient descent on MAML's
objective converges linearly to zero training loss.

Two parts. (1) While the least eigenvalue is at least lambda, the objective decreases linearly: a gradient that is small
only where the loss is. (2) For wide networks it stays so during training, with high probability over W0. Here is (1),
exactly, at omega, with the eigenvalue that the tasks have there; of (2) nothing: it is about widths and random weights,
and no finite instance shows it. So these claims do not say that training converges; they say what else it needs.

Proof of (1). w_i(x) = E[ell'(h_{omega_i}(x), y) | x], masses m_a = q_i rho_i(x) of the pairs a = (i, x), meta-features
phi_a, Gram matrix K_ab = <phi_a, phi_b>. By the chain rule grad L = sum m_a w_a phi_a, and with M = diag(m)

    ||grad L||^2 = (M^{1/2} w)' (M^{1/2} K M^{1/2}) (M^{1/2} w) >= lambda ||w||^2,    ||w||^2 = sum m_a w_a^2,      (*)

lambda the least eigenvalue of M^{1/2} K M^{1/2}. For the squared loss, for any functions h'_i,

    gap = L(omega) - sum q_i R_i(h'_i) = <w, u> - ||u||^2/2 <= ||w||^2/2,   u_i = h_{omega_i} - h'_i,               (**)

so 2 lambda gap <= ||grad L||^2 (a Polyak-Lojasiewicz inequality at omega, against the best functions), and lambda > 0
makes every stationary point optimal. With ell'' >= c between the predictions, gap <= <w, u> - c ||u||^2/2 <=
||w||^2/(2c): 2 lambda c gap <= ||grad L||^2. Convexity alone is not enough (c = 0 says nothing).

If moreover L is beta-smooth, one step of 1/beta gains `descent` >= ||grad L||^2/(2 beta) >= (lambda/beta) gap: what is
left of the gap is at most 1 - lambda/beta of it. The networks are two-layer, relu (no beta: L has kinks) or smooth.
"""

from metagap import Assumption, At, Claim, Mutant, quantity
from metagap.common import DIFFERENTIABLE

CITATION = "Wang, Sun, Li, Global Convergence of Gradient-Based Meta-Learning with Deep Neural Nets, 2020"

FAMILIES = {"meta-sl": "linear models", "network": "relu networks", "smooth-network": "smooth networks"}


@quantity(r"\lambda", "least eigenvalue of the meta-features' Gram matrix, weighted by the masses")
def kernel_min(at: At):
    roots = [at.sqrt(mass) for mass in at.masses]
    rows = [[a * k * b for k, b in zip(row, roots, strict=True)] for a, row in zip(roots, at.gram, strict=True)]
    return at.eigenvalues(rows)[0]


@quantity(r"\lambda_1", "least eigenvalue of the Gram matrix itself")
def kernel_unweighted(at: At):
    return at.eigenvalues(at.gram)[0]


@quantity(r"[\ell=\tfrac12(z-y)^2]", "positive where: the loss is the squared loss")
def margin_squared(at: At):
    return 1 if at.instance.loss.name == "squared" else -1


SQUARED = Assumption("squared-loss", "The loss is the squared loss.", "margin_squared")
CURVED = Assumption("curved-loss", "ell'' >= c > 0 between the predictions.", "strong_convexity")
WIDE = Assumption("definite-kernel", "The meta-features are linearly independent.", "margin_full_row_rank")
SMOOTH = Assumption("smooth-meta-objective", "One gradient step; beta is finite.", "margin_smooth")


def claims(family: str, kind: str) -> list[Claim]:
    """(1) for a family."""
    return [
        Claim(
            f"{family}-wang-weights",
            f"The gradient is as long as the kernel allows, {kind}",
            left="kernel_min*weight_norm**2",
            bound="eps**2",
            assumptions=(DIFFERENTIABLE,),
            reading="lambda times the squared norm of the functional gradient is at most that of the gradient.",
            proof="(*) of this file.",
            citation=CITATION,
            difference="At omega, with the eigenvalue there; their (2), that it stays positive, is not claimed.",
            quantities=(kernel_min,),
        ),
        Claim(
            f"{family}-wang-squared",
            f"A definite kernel makes stationary points optimal, {kind}",
            left="gap",
            bound="eps**2/(2*kernel_min)",
            assumptions=(SQUARED, DIFFERENTIABLE, WIDE),
            reading="Against any functions: the gap is at most ||grad L||^2/(2 lambda).",
            proof="(*) and (**) of this file.",
            citation=CITATION,
            difference="At omega; no labels need be fitted: they have zero loss, noise-free labels, at the optimum.",
            quantities=(kernel_min, kernel_unweighted, margin_squared),
        ),
        Claim(
            f"{family}-wang-curved",
            f"The same for losses that are curved on the way, {kind}",
            left="gap",
            bound="eps**2/(2*kernel_min*strong_convexity)",
            assumptions=(CURVED, DIFFERENTIABLE, WIDE),
            reading="Of the squared loss only its curvature is used.",
            proof="(*) and (**) of this file.",
            citation=CITATION,
            difference="Ours.",
            quantities=(kernel_min,),
        ),
    ]


CLAIMS = [claim for family, kind in FAMILIES.items() for claim in claims(family, kind)]

CONTRACTION = Claim(
    "meta-sl-wang-contraction",
    "One step of gradient descent takes lambda/beta of the gap",
    left="kernel_min*gap",
    bound="smoothness*descent",
    assumptions=(SQUARED, DIFFERENTIABLE, SMOOTH),
    reading="Linear convergence at the rate 1 - lambda/beta, for as long as lambda stays.",
    proof="2 lambda gap <= eps^2 (this file) and eps^2 <= 2 beta descent (C9).",
    citation=CITATION,
    difference="Linear models, one inner step; for networks no beta is known here.",
    quantities=(kernel_min, margin_squared),
)

MUTANTS = [
    Mutant(
        f"{family}-wang-unweighted", f"{family}-wang-squared", f"the kernel without the masses, {kind}",
        "eps**2/(2*kernel_unweighted)", "Rare inputs pull less: masses are below 1.",
    )
    for family, kind in FAMILIES.items()
]  # fmt: skip
