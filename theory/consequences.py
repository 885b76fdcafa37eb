"""What follows from the identity of `stationarity` in several families: other features, no radius, a global optimum.

The identity holds for any features with their own pairing, gap <= <w, u> = <w, phi'v> + <w, u - phi'v>, so that each
choice of features has a theorem. What a family adds to the proof it gives itself.

What S1 gives away. gap = v'G + <w, u - phi'v> - Breg for every v, and Breg does not contain v: it comes off every bound
that the identity gives, whatever its sign, and nothing need be convex. With C4's mu, the least ell'' on the segments,

    gap <= misfit_l1 - Breg <= R eps + ||w|| misfit - Breg <= R eps + ||w|| misfit - (mu/2) ||u||^2

  (the last one by Breg >= (mu/2) ||u||^2); and misfit_l1 - Breg <= misfit_l1 where Breg >= 0: the first is least.
  It is the gap itself exactly if the v of its infimum has v'G = eps ||v|| and w (u - phi'v) >= 0 at every point; v = 0
  does if w u >= 0 everywhere. So it is, for a convex loss, against functions h' that are best at every input: w u >=
  E[ell(z) - ell(h') | x] >= 0. Against functions that interpolate, L(h') = 0, it then says L(omega), which is what
  L >= 0 says, and no bound of the gap can say more there. With the squared loss Breg = ||u||^2/2 and, there, w = u:
  ||w|| ||u|| is twice the gap, so the lifted form says half as much where u is not represented. With the squared loss
  and those of a canonical link (logistic, Poisson) Breg does not depend on the labels: it is known wherever u is.
"""

from __future__ import annotations

from .claim import Assumption, Claim, Source
from .setting import Setting

STRONG_CONVEXITY = Assumption(
    "strong-convexity",
    "ell'' >= mu > 0 on the segments between adapted and comparator predictions.",
    "strong_convexity",
)


def mixed(of: Setting, reading: str, proof: str, needs: tuple[Assumption, ...], difference: str) -> Claim:
    """The bound with one feature for all tasks: gap <= R eps + ||w||_M inf ||u - phi'v||_M."""
    return of.claim(
        "mixed",
        "Optimality gap, mixed form",
        reading,
        proof,
        "radius*eps + mixed_weight_norm*mixed_misfit",
        (*of.inside, *needs),
        f"Needs the extra hypothesis (D){difference}",
        source=Source.PAPER,
        part="optimality gap",
    )


def mixed_l1(of: Setting, proof: str, needs: tuple[Assumption, ...]) -> Claim:
    """The same undivided."""
    return of.claim(
        "mixed-l1",
        "Optimality gap, undivided mixed form",
        "The mixed bound without dividing by the mixed weight: needs no hypothesis on it.",
        proof,
        "mixed_misfit_l1",
        (*of.inside, *needs),
        "True where the mixed form is undefined.",
    )


def first_order(of: Setting, features: str, proof: str, kind: str = "", difference: str = ".") -> Claim:
    """First-order MAML's own gradient with the features of the adapted model."""
    return of.claim(
        "first-order",
        f"First-order MAML's own theorem{kind}",
        f"With FOMAML's gradient as eps and the {features} the bound holds exactly, without a bias term.",
        proof,
        "radius*eps_first_order + weight_norm*misfit_plain",
        (of.geometry,),
        f"The paper's stationarity is that of MAML's own gradient{difference}",
    )


def formal(of: Setting, phi: str, along: str, needs: tuple[Assumption, ...], difference: str) -> Claim:
    """The formal gradient <w, phi>, at kinks too; `along` is the feature along v."""
    return of.claim(
        "formal",
        "Optimality gap with the formal gradient, kinks allowed",
        f"With <w, {phi}> for the gradient and one convention 1{{0 > 0}} = 0 throughout, the lifted bound needs no "
        "differentiability.",
        f"{of.s1} = <w, {along}> + <w, u - {along}>, and <w, {along}> = v'<w, {phi}> <= R ||<w, {phi}>||.",
        "radius*eps_formal + weight_norm*misfit",
        (of.geometry, *needs),
        f"Holds at kinks, where {difference}.",
    )


def refined(of: Setting) -> tuple[Claim, ...]:
    """The bounds that keep the Bregman divergence, or what strong convexity makes of it: weakest first."""
    return (
        of.claim(
            "c4",
            f"C4: strongly convex refinement{of.kind}",
            "Strong convexity on the segments subtracts (mu/2) ||u||^2 from the lifted bound.",
            "Breg >= (mu/2) ||u||^2 by Taylor's theorem on each segment; then S2-S4.",
            "radius*eps + weight_norm*misfit - strong_convexity*function_displacement**2/2",
            (*of.calculus, STRONG_CONVEXITY),
            "mu is taken on the segments that are used, by exact ranges, not over the whole line.",
        ),
        of.claim(
            "refined",
            f"Optimality gap, lifted form with its Bregman divergence{of.kind}",
            "The lifted bound minus the Bregman divergence, which S1 gives away. Nothing need be convex.",
            "The identity says gap = v'G + <w, u - phi'v> - Breg for every v, and Breg does not contain v; S3, S4, and "
            "the infimum over v in the ball.",
            "radius*eps + weight_norm*misfit - bregman",
            of.calculus,
            "Only S3 and S4 lose. Breg is subtracted whatever its sign: convexity is what leaving it out needs.",
        ),
        of.claim(
            "refined-l1",
            f"Optimality gap, L1 form with its Bregman divergence{of.kind}",
            "The L1 form minus the Bregman divergence: the smallest of these bounds. Nothing need be convex.",
            "gap = v'G + <w, u - phi'v> - Breg <= eps ||v|| + <|w|, |u - phi'v|> - Breg for every v; see "
            "theory/consequences.py for the order of these bounds, and for when this one is the gap itself.",
            "misfit_l1 - bregman",
            of.calculus,
            "Never larger than the form above. Against functions that are best at every input it is the gap, if the "
            "loss is convex.",
        ),
    )


def projected(of: Setting) -> Claim:
    """Displacements towards a ball around the initialisation in place of directions."""
    return of.claim(
        "projected",
        f"N5: projected stationarity on the ball around W0{of.kind}",
        "Stationarity in the ball of radius R around W0 bounds the gap without a factor R.",
        "gap <= <w, u> = <w, phi'(W - V)> + <w, u - phi'(W - V)> <= e5 + ||w|| ||u - phi'(W - V)|| for every "
        "V in the ball.",
        "eps_projected + weight_norm*misfit_projected",
        of.inside,
        "e5 is the smallest eps of projected stationarity, computed.",
    )


def over_parameterised(
    of: Setting,
    what: str,
    rank: Assumption,
    difference: str,
    *,
    reading: str = "If the meta-features over all (task, input) pairs are linearly independent, the gap over all "
    "functions is at most eps times the norm of the shortest representation.",
    proof: str = "v = Phi^+ u has u - phi'v = 0, so the identity gives gap <= v'G <= eps ||Phi^+ u||.",
    extras: tuple[str, ...] = ("condition",),
) -> Claim:
    """C3: features that represent every displacement leave no misfit."""
    return of.claim(
        "c3",
        f"C3: {what}{of.kind}",
        reading,
        proof,
        "eps*min_norm_solution",
        (*of.inside, rank),
        difference,
        part="representation power",
        extras=extras,
    )


def headline(of: Setting, reading: str, proof: str, difference: str, source: Source = Source.PAPER) -> Claim:
    """The distance from a certified global optimum: judged on certificates, and not with the other claims."""
    return of.claim(
        "headline",
        f"Distance from the global optimum{of.kind}",
        reading,
        proof,
        "radius*eps + weight_norm*misfit + bracket",
        of.inside,
        difference,
        left="certified_gap",
        source=source,
        part="optimality gap at stationary points",
        extras=("function_displacement",),
    )
