"""Networks with the features of their initialisation, in supervised learning (N2) and of policies (N1), with the error.

phi_0 stands for the meta-features with the initial features in all places, G_0 = <w, phi_0> for their pairing. The
proofs of the pointwise errors are those of the families: `network`, `smooth_network`, `meta_rl_network`,
`meta_rl_smooth_network`.
"""

from __future__ import annotations

from .claim import Assumption, Claim, Source
from .setting import Setting


def _name(of: Setting) -> str:
    return "N1" if of.equality else "N2"


def init(
    of: Setting,
    assumptions: tuple[Assumption, ...],
    difference: str,
    *,
    source: Source = Source.PAPER,
    part: str = "optimality gap",
    remark: str = "",
) -> Claim:
    """The bound with features at initialisation and their own pairing: no step of the proof goes through phi."""
    name, phi, along = ("N1", "Phi_0", "Phi_0 v") if of.equality else ("N2'", "phi_0", "phi_0'v")
    return of.claim(
        "init",
        f"{name}: features at initialisation{of.kind}",
        "The bound with features at initialisation phi_0 throughout, and the pairing "
        f"G_0 = <w, {phi}> as its gradient.",
        f"{of.s1} = <w, {along}> + <w, u - {along}> <= R ||G_0|| + ||w|| ||u - {along}||{remark}.",
        "radius*eps_init + weight_norm*misfit_init",
        assumptions,
        difference,
        source=source,
        part=part,
    )


def with_error(
    of: Setting,
    stem: str,
    error: str,
    title: str,
    reading: str,
    proof: str,
    difference: str,
    *,
    needs: tuple[Assumption, ...] = (),
    source: Source = Source.OURS,
    part: str = "",
) -> Claim:
    """The same with eps of L, and an error: gap <= R eps + R ||w|| error + ||w|| inf ||u - phi_0'v||."""
    return of.claim(
        f"init-{stem}",
        f"{_name(of)} with the {title}",
        reading,
        proof,
        f"radius*eps + radius*weight_norm*{error} + weight_norm*misfit_init",
        (*of.inside, *needs),
        difference,
        source=source,
        part=part,
    )


def operator(
    of: Setting,
    difference: str = "The error term is computed on the instance, not bounded by a rate.",
    source: Source = Source.PAPER,
    part: str = "optimality gap",
) -> Claim:
    """The error is the operator norm of the difference of the meta-features."""
    first, gradient = ("The form above", "grad L") if of.equality else ("N2'", "G")
    return with_error(
        of,
        "operator",
        "error_operator",
        f"operator error{of.kind}",
        "Features at initialisation with eps of L itself: the excess is at most R times the norm of w times E_op.",
        f"{first} and ||G_0|| <= eps + ||G_0 - {gradient}|| <= eps + ||w|| E_op.",
        difference,
        source=source,
        part=part,
    )


def step(
    of: Setting,
    stem: str,
    title: str,
    reading: str,
    proof: str,
    left: str,
    bound: str,
    assumptions: tuple[Assumption, ...],
    difference: str = "",
) -> Claim:
    """A step between two errors."""
    return of.claim(
        f"error-{stem}", title, reading, proof, bound, assumptions, difference or f"A step of {_name(of)}.", left=left
    )


def gradient_error(of: Setting, assumptions: tuple[Assumption, ...]) -> Claim:
    """What the features at initialisation change of the gradient."""
    difference = "Phi[phi_0 - phi_W]" if of.equality else "phi_0 - phi"
    of_features = "features' difference" if of.equality else "difference of the features"
    return step(
        of,
        "gradient",
        f"Gradient error of features at initialisation{', policies' if of.equality else ''}{of.kind}",
        f"The pairings with w differ by at most the norm of w times the operator norm of the {of_features}.",
        f"G_0 - G = <w, {difference}>; the operator norm.",
        "gradient_difference",
        "weight_norm*error_operator",
        assumptions,
    )


def trace_error(of: Setting, assumptions: tuple[Assumption, ...]) -> Claim:
    """The operator norm is at most the Hilbert-Schmidt norm."""
    return step(
        of,
        "operator",
        f"Operator error at most the trace error{of.kind}",
        "E_op <= E_2.",
        "The largest eigenvalue of a positive semidefinite matrix is at most its trace.",
        "error_operator",
        "error_trace",
        assumptions,
    )


def count_error(of: Setting, displacement: str, ball: str, assumption: Assumption, difference: str = "") -> Claim:
    """Neurons that flip are among those that can."""
    return step(
        of,
        "count",
        f"Flips at most k*{', policies' if of.equality else ''}",
        "The error with the a priori count k* is at least that of the actual flips.",
        f"A flip at x needs |W0_r'x| <= ||{displacement} - W0_r|| ||x||; squares sum to at most {ball}.",
        "error_flips",
        "error_count",
        (assumption,),
        difference,
    )
