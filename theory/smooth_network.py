r"""Two-layer networks with a smooth activation: the core result, with the second derivative of the network in the step.

f(x; W) = m^{-1/2} sum_r b_r sigma(W_r'x), sigma twice continuously differentiable (softplus, tanh). Gradient feature
phi_W(x) = m^{-1/2} (b_r sigma'(W_r'x) x)_r. One gradient step: W_i = W - eta E_i[ell'(f(x; W), y) phi_W(x)].

There are no kinks: U_i is differentiable with the symmetric Jacobian

    J_i = I - eta (E_i[ell'' phi_W phi_W'] + E_i[ell' d2f]),   d2f(x) = diag_r( m^{-1/2} b_r sigma''(W_r'x) x x' ),

and the core claims of `stationarity` hold with phi_i(x) = J_i phi_{W_i}(x). A model that is linear in its parameters
(ReLU networks off their kinks included) has d2f = 0; leaving it out here is a mutant.

N2' as for ReLU networks: with phi_0 = phi_{W0} in both places and no d2f, G_0 = <w, phi_0>: gap <= R ||G_0|| + ||w||
inf ||u - phi_0'v||, the identity of any features with their own pairing.
"""

from __future__ import annotations

from dataclasses import replace

from .claim import Ablation, Assumption, Claim, Expression, Mutant, Relation, Source, Standing
from .network import CITATION
from .stationarity import DIFFERENTIABLE, OUTER_CONVEXITY, core_claims

OFF_JOINTS_OF_LOSS = Assumption(
    DIFFERENTIABLE.name,
    "No prediction on a joint of the loss: the network itself is smooth.",
    DIFFERENTIABLE.margin,
    DIFFERENTIABLE.identifier,
)


def _of_smooth(claim: Claim) -> Claim:
    """A core claim with the smooth network's reading of differentiability."""
    difference = claim.difference
    if claim.name == "smooth-network-lifted":
        difference = (
            "Exact at any width, with the network's second derivative in the meta-feature; the paper's networks are "
            "linearised at their initialisation."
        )
    assumptions = tuple(OFF_JOINTS_OF_LOSS if a is DIFFERENTIABLE else a for a in claim.assumptions)
    return replace(claim, assumptions=assumptions, difference=difference)


CLAIMS: tuple[Claim, ...] = (
    *(_of_smooth(claim) for claim in core_claims("smooth-network", CITATION)),
    Claim(
        "smooth-network-first-order",
        "First-order MAML's own theorem, smooth networks",
        Source.OURS,
        "With FOMAML's gradient as eps and the features phi_{W_i} the bound holds exactly, without a bias term.",
        "The identity of <w, phi_{W_i}> with the features phi_{W_i} in place of J_i phi_{W_i}.",
        Expression("gap"),
        Expression("radius*eps_first_order + weight_norm*misfit_plain"),
        Relation.AT_MOST,
        (OUTER_CONVEXITY,),
        CITATION,
        "The paper's stationarity is that of MAML's own gradient.",
    ),
    Claim(
        "smooth-network-init",
        "N2': features at initialisation, smooth networks",
        Source.OURS,
        "The bound with features at initialisation phi_0 throughout, and the pairing G_0 = <w, phi_0> as its gradient.",
        "gap <= <w, u> = <w, phi_0'v> + <w, u - phi_0'v> <= R ||G_0|| + ||w|| ||u - phi_0'v||: no step through phi.",
        Expression("gap"),
        Expression("radius*eps_init + weight_norm*misfit_init"),
        Relation.AT_MOST,
        (OUTER_CONVEXITY, OFF_JOINTS_OF_LOSS),
        CITATION,
        "The paper's networks are ReLU; the statement needs no kinks and no linearity.",
    ),
)

_LIFTED = "smooth-network-lifted"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "smooth-network-no-fold",
        _LIFTED,
        "the Hessian without the network's second derivative",
        Expression("radius*eps + weight_norm*misfit_no_fold"),
        "E[ell'' phi phi'] is the Hessian of a model that is linear in its parameters.",
    ),
    Mutant(
        "smooth-network-no-hessian",
        _LIFTED,
        "meta-feature without the Hessian",
        Expression("radius*eps + weight_norm*misfit_plain"),
        "Uses phi_{W_i} where the chain rule gives J_i phi_{W_i}.",
    ),
    Mutant(
        "smooth-network-hessian-at-adapted",
        _LIFTED,
        "ell'' at the adapted prediction",
        Expression("radius*eps + weight_norm*misfit_curvature_adapted"),
        "The Jacobian of the step has the Hessian at W.",
    ),
    Mutant(
        "smooth-network-outer-unadapted",
        _LIFTED,
        "gradient feature of the unadapted network",
        Expression("radius*eps + weight_norm*misfit_outer_unadapted"),
        "The outer feature belongs to W_i.",
    ),
    Mutant(
        "smooth-network-init-without-its-gradient",
        "smooth-network-init",
        "features at initialisation with the gradient of L",
        Expression("radius*eps + weight_norm*misfit_init"),
        "G_0 is not grad L.",
    ),
    Mutant(
        "smooth-network-first-order-eps",
        _LIFTED,
        "FOMAML's gradient as eps with the full meta-feature",
        Expression("radius*eps_first_order + weight_norm*misfit"),
        "A first-order stationary point is not stationary for L.",
    ),
    Mutant(
        "smooth-network-no-stationarity-term",
        _LIFTED,
        "R eps dropped",
        Expression("weight_norm*misfit"),
        "Only at exactly stationary points is the term 0.",
    ),
    Mutant(
        "smooth-network-half-constant",
        _LIFTED,
        "half the constant in front of the misfit",
        Expression("radius*eps + weight_norm*misfit/2"),
        "Cauchy-Schwarz is attained by tangent comparators.",
    ),
)

ABLATIONS: tuple[Ablation, ...] = (
    Ablation(
        "outer-convexity",
        _LIFTED,
        Standing.NEEDED,
        "tanh at W = 0 predicts 0, the flat maximum of the double well: nothing is left of w, and 1 is better.",
        "double well, smooth",
        "S1: functional geometry",
        bound=Expression("radius*eps + weight_norm*misfit"),
        instance={
            "format": "metagap/instance/1",
            "problem": "meta-sl",
            "loss": {"name": "double-well"},
            "adaptation": {"name": "gradient", "eta": "0", "steps": 1},
            "model": {"name": "smooth-network", "activation": "tanh", "b": ["1"], "W0": [["0"]]},
            "features": [["1"]],
            "tasks": [{"weight": "1", "atoms": [{"x": 0, "y": "0", "p": "1"}]}],
            "omega": [["0"]],
            "comparator": {"functions": [["1"]]},
            "radius": "1",
        },
        exact={"gap": "1", "weight_norm": "0"},
    ),
    Ablation(
        "differentiable-adaptation",
        "smooth-network-first-order",
        Standing.NOT_NEEDED,
        "v'G = <w, phi'v> is the definition of FOMAML's gradient; S1 and S4 use no derivative.",
    ),
)
