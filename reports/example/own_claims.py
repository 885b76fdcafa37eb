"""Own claims: `metagap verify --claims own_claims.py`, and judge, falsify, audit likewise.

Two statements about meta-SL with the squared loss. The first assumes more than it needs, which the audit finds.
"""

from metagap import At, Assumption, Claim, quantity


@quantity(r"\langle\nabla L,\omega-\theta'\rangle", "slope of L at omega, along the way from the comparator")
def slope(at: At):
    return at.dot(at.gradient, [o - t for o, t in zip(at.omega, at.comparator)])


SQUARED = Assumption("squared-loss", "The loss is the squared loss.", margin="margin_squared_loss")
PARAMETER = Assumption("parameter-comparator", "The comparator is a parameter.", margin="margin_parameter_comparator")
ONE_TASK = Assumption("single-task", "There is one task.", margin="margin_single_task")

convex = Claim(
    "meta-sl-tangent",
    "L lies above its tangent",
    left="gap",
    bound="slope",
    assumptions=(SQUARED, PARAMETER),
    reading="For the squared loss L is convex: no parameter beats omega by more than its tangent says.",
    proof="U_i is affine in theta and R_i a convex quadratic, so L is one; L(theta') >= L(omega) + <grad L, theta' - w>.",
    quantities=(slope,),
)

distance = Claim(
    "meta-sl-distance",
    "A stationary point is optimal",
    left="gap",
    bound="eps*displacement",
    assumptions=(SQUARED, PARAMETER, ONE_TASK),
    reading="The gap is at most the gradient's length times the distance of the parameters.",
    proof="The tangent bound and Cauchy-Schwarz.",
)
