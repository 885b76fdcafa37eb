"""Mutants of what several families claim: the steps of the proof, the bound of the gap, features at the start.

`begin` is how a family's mutants are named, `ending` what their titles end with.
"""

from __future__ import annotations

from .edits import Wrong, rows


def steps(begin: str) -> tuple[Wrong, ...]:
    """The exact identity, S3, S4 and the L1 form: of each the mistake that is easiest to make."""
    return rows(f"""
    {begin}identity-along-v | identity | without direction
        the derivative of L along v left out of the identity
        v'G is 0 at stationary points only.
    {begin}s3-no-radius | s3 | cancel radius
        the length of the direction left out of S3
        The derivative along v grows with v.
    {begin}s4-half | s4 | half
        half of Cauchy-Schwarz
        Equality where w and the residual are proportional.
    {begin}l1-half | l1 | half
        half the L1 form
        Attained where the bound of the lifted form is.
    """)


def convex_steps(begin: str) -> tuple[Wrong, ...]:
    """The same for a family with a convex loss, whose S1 is an inequality and whose first-order MAML has a theorem."""
    return (
        *steps(begin),
        *rows(f"""
        {begin}s1-equal | s1 | equal
            the gap is the pairing
            The Bregman divergence is left out: it is 0 for linear losses only.
        {begin}s2-first-order | s2 | left eps | bound eps_first_order | equal
            the gradient of L is as long as FOMAML's
            The adaptation's Jacobian stands between them.
        {begin}first-order-no-eps | first-order | without eps_first_order
            R times FOMAML's gradient left out
            Only where first-order MAML is stationary is the term 0.
        """),
    )


def refined(begin: str) -> tuple[Wrong, ...]:
    """The bounds that keep the Bregman divergence: too much of it, or another one."""
    return rows(f"""
    {begin}c4-twice | c4 | twice strong_convexity
        the whole of mu for half of it
        The Bregman divergence of a mu-strongly convex loss is at least mu u^2/2, with equality for squares.
    {begin}c4-at-omega | c4 | strong_convexity -> strong_convexity_adapted
        mu at the adapted predictions alone
        The loss may be flatter on the way to the comparator.
    {begin}refined-twice | refined | twice bregman
        twice the Bregman divergence
        The identity has it once.
    {begin}refined-swapped | refined | bregman -> bregman_swapped
        the Bregman divergence with its arguments exchanged
        The slope is taken at omega's predictions; only for squares is the divergence symmetric.
    {begin}refined-l1-swapped | refined-l1 | bregman -> bregman_swapped
        the Bregman divergence with its arguments exchanged, in the L1 form
        As in the lifted form.
    {begin}identity-bregman-subtracted | identity | left gap - bregman | equal
        the Bregman divergence subtracted from the gap in the identity
        gap + Breg is linear in the displacement, the gap is not.
    """)


def gap(begin: str, ending: str = "") -> tuple[Wrong, ...]:
    """The bound of the gap with less of either summand."""
    return rows(f"""
    {begin}no-stationarity-term | lifted | without eps
        R eps dropped{ending}
        Only at exactly stationary points is the term 0.
    {begin}half-constant | lifted | half misfit
        half the constant in front of the misfit{ending}
        Cauchy-Schwarz is attained by tangent comparators.
    """)


def free_infimum(begin: str, ending: str = "") -> tuple[Wrong, ...]:
    """The infimum without its ball."""
    return rows(f"""
    {begin}free-infimum | lifted | misfit -> misfit_free
        infimum over all directions, R eps with the small R{ending}
        The same R must bound the direction and multiply eps.
    """)


def weights(begin: str, of: str) -> tuple[Wrong, ...]:
    """The bound of the gap with another w; `of` says what w belongs to."""
    return rows(f"""
    {begin}w-at-omega | lifted | weight_norm -> weight_norm_unadapted
        functional gradient at the unadapted prediction
        w belongs to the adapted {of}.
    {begin}no-weight | lifted | cancel weight_norm
        the norm of w dropped
        The misfit is weighed by the functional gradient.
    {begin}uniform-norms | lifted | weight_norm -> weight_norm_uniform, misfit -> misfit_uniform
        task weights replaced by 1/n in the norms
        The inner product that carries the gap has the weights q_i.
    """)


def no_hessian(begin: str, plain: str, adapted: str) -> tuple[Wrong, ...]:
    """The feature `plain` where the chain rule gives `adapted`."""
    return rows(f"""
    {begin}no-hessian | lifted | misfit -> misfit_plain
        meta-feature without the Hessian
        Uses {plain} where the chain rule gives {adapted}.
    """)


def first_order_eps(begin: str, but: str = "") -> tuple[Wrong, ...]:
    """FOMAML's gradient as that of L."""
    return rows(f"""
    {begin}first-order-eps | lifted | eps -> eps_first_order
        FOMAML's gradient as eps with the full meta-feature
        A first-order stationary point is not stationary for L{but}.
    """)


def first_order_both(begin: str, theorem: str) -> tuple[Wrong, ...]:
    """Two mistakes that make a theorem."""
    return rows(f"""
    {begin}first-order-both | lifted | eps -> eps_first_order, misfit -> misfit_plain | true
        no Hessian, together with FOMAML's gradient
        Looks like two mistakes and is {theorem}
    """)


def no_direction(begin: str) -> tuple[Wrong, ...]:
    """A weaker theorem."""
    return rows(f"""
    {begin}no-direction | lifted | misfit -> function_displacement | true
        no direction at all: the norm of u for the misfit
        v = 0 lies in the ball, so the misfit is at most ||u||: a weaker, true bound.
    """)


def mixed(begin: str, numerator: str) -> tuple[Wrong, ...]:
    """The bound with one feature for all tasks."""
    return rows(f"""
    {begin}mixed-zero-over-zero | mixed | drops numerator-vanishes
        0/0 read as 0 in the mixed form
        Where the mixed weight vanishes and {numerator} does not, the target is undefined and its mass is lost.
    {begin}mixed-half-constant | mixed | half mixed_misfit
        half the constant in the mixed form
        Cauchy-Schwarz again.
    """)


def outputs(begin: str) -> tuple[Wrong, ...]:
    """Of several outputs: components that are averaged, uncoupled, or counted from 1."""
    return rows(f"""
    {begin}mean-over-outputs | lifted | bound radius*eps + weight_norm*misfit/outputs
        the mean over components in place of their sum
        A risk sums the loss of all components: each has the whole mass of its point.
    {begin}outputs-uncoupled | lifted | misfit -> misfit_uncoupled
        the Hessian's blocks without their mixed derivatives
        The Hessian of softmax is diag(p) - pp': a step on one component moves the slopes of all.
    {begin}next-class | lifted | weight_norm -> weight_norm_shifted
        functional gradient with the classes counted from 1
        w is p less the unit vector of the label's own class.
    """)


def paced(begin: str) -> tuple[Wrong, ...]:
    """Of a rate for each parameter and weight decay: on the other side, or forgotten."""
    return rows(f"""
    {begin}rates-turned | lifted | misfit -> misfit_rates_turned
        rates on the other side of the Hessian
        J_i = I - eta D (H_i + lambda) is not symmetric: phi_i is J_i'phi.
    {begin}decay-forgotten | lifted | misfit -> misfit_no_decay
        Jacobian without the weight decay of the steps
        The inner objective is the risk and its decay: both are differentiated.
    """)
