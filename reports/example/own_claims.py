"""Own claims, for `metagap verify --claims own_claims.py`, and judge, falsify, audit and replay likewise.

Two statements on meta-SL. The second assumes more than it needs, which the audit finds.
"""

from metagap import Assumption, At, Claim, quantity


@quantity(r"\langle\nabla L,\omega-\theta'\rangle", "slope of L at omega, away from the comparator")
def slope(at: At):
    return at.dot(at.gradient, (o - t for o, t in zip(at.omega, at.comparator, strict=True)))


SQUARED = Assumption("squared-loss", "The loss is the squared loss.", "margin_squared_loss")
PARAMETER = Assumption("parameter-comparator", "The comparator is one parameter.", "margin_parameter_comparator")
ONE_TASK = Assumption("single-task", "There is one task.", "margin_single_task")

TANGENT = Claim(
    "meta-sl-tangent",
    "L lies above its tangent",
    left="gap",
    bound="slope",
    assumptions=(SQUARED, PARAMETER),
    reading="For the squared loss no parameter is better than omega by more than the tangent at omega says.",
    proof="U_i is affine and R_i a convex quadratic, so L is one: L(theta') >= L(omega) + <grad L, theta' - omega>.",
    quantities=(slope,),
)

DISTANCE = Claim(
    "meta-sl-distance",
    "Stationary points are optimal",
    left="gap",
    bound="eps*displacement",
    assumptions=(SQUARED, PARAMETER, ONE_TASK),
    reading="The gap is at most the length of the gradient times the distance of the parameters.",
    proof="The tangent, and Cauchy-Schwarz.",
)
