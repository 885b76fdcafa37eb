"""Wrong losses: signs, forgotten turning points, constants that are no suprema, ranges that are no hulls.

The first three are made of the table of losses: a loss that is added there has its faults here.
"""

from __future__ import annotations

from typing import Any

from flint import arb, fmpq
from metagap.impl.arithmetic import Floats
from metagap.impl.losses import LOSSES, Loss
from metagap.impl.profiles import Constants

from .numbers import DROPPED, MISSED, bare, missed, then
from .planting import Around, Edit, Fault, Value, suite

PARAMETERS = {None: None, "c": fmpq(1, 4), "delta": fmpq(1)}
ALL = {name: Loss(name, PARAMETERS[family.profile.parameter]) for name, family in LOSSES.items()}


def profile(name: str, attribute: str) -> str:
    return f"metagap.impl.profiles:{type(LOSSES[name].profile).__name__}.{attribute}"


def derivatives(name: str) -> Any:
    return suite("test_losses:test_taylor_arithmetic_gives_the_derivatives", loss=ALL[name])


def hulls(name: str) -> Any:
    return suite("test_losses:test_ranges_hold_the_turning_points", loss=ALL[name])


def suprema(name: str) -> Any:
    return suite("test_losses:test_constants_are_the_suprema", loss=ALL[name])


def orders_of(name: str) -> list[str]:
    """The derivatives that are not 0 wherever they exist. (Poisson's are all one function, with its value.)"""
    loss, shared = ALL[name], type(LOSSES[name].profile).value
    own = [order for order in ("d1", "d2", "d3") if getattr(type(loss.profile), order) is not shared]
    return [order for order in own if any(getattr(loss, order)(Floats, z, 1.0) for z in (-2.25, 0.5))]


def turning_of(name: str) -> list[int]:
    """The orders that have turning points in ranges. (Balls about a kink hold all slopes without.)"""
    parameter, profile = ALL[name].parameter, LOSSES[name].profile
    places = [profile.turning(order, None if parameter is None else arb(parameter)) for order in range(4)]
    return [order for order, points in enumerate(places) if points and not (order == 1 and profile.kinked)]


def finite_of(name: str) -> list[str]:
    """The finite constants that are not 0."""
    constants = vars(ALL[name].constants())
    return [n for n in ("m1", "m2", "m3", "kappa") if constants[n] is not None and constants[n] > 0]


def forgotten(order: int) -> Around:
    """The turning points of one order are forgotten."""
    return Around(lambda right: lambda self, k, p: () if k == order else right(self, k, p))


def lessened(constant: str) -> Around:
    """One constant is too small by one in a thousand."""

    def make(right: Any) -> Any:
        def wrong(self: Any, p: arb | None) -> Constants:
            found = right(self, p)
            values = {n: getattr(found, n) for n in ("m1", "m2", "m3", "kappa", "mu")}
            return Constants(**{**values, constant: values[constant] * (1 - arb(2) ** -9)})

        return wrong

    return Around(make)


def loss(name: str, kind: str, attribute: str, wrong: Around | Edit | Value, guard: Any) -> Fault:
    return Fault(name, kind, f"metagap.impl.losses:{attribute}", wrong, guard)


ONE_SIDED = suite(
    "test_losses:test_one_sided_derivatives_at_a_joint_are_limits_of_difference_quotients", side=-1, joint=2
)
LOSS_FAULTS = (
    *(Fault(f"{name}-{order}-sign", "sign of a derivative of a loss", profile(name, order), then(lambda v: -v),
            derivatives(name)) for name in LOSSES for order in orders_of(name)),
    *(Fault(f"{name}-turning-{order}", "turning points of a loss forgotten in ranges", profile(name, "turning"),
            forgotten(order), hulls(name)) for name in LOSSES for order in turning_of(name)),
    *(Fault(f"{name}-{constant}-too-small", "a constant of a loss is no supremum", profile(name, "constants"),
            lessened(constant), suprema(name)) for name in LOSSES for constant in finite_of(name)),
    Fault("poisson-minimiser", "turning points of a loss forgotten in ranges", profile("poisson", "minimiser"),
          then(lambda points: ()), hulls("poisson")),
    Fault("double-well-mu", "a constant of a loss is no supremum", profile("double-well", "constants"),
          Edit("arb(-4)", "arb(-3)"), suprema("double-well")),
    Fault("geman-mcclure-convex", "a loss is called what it is not", profile("geman-mcclure", "convex"), Value(True),
          suprema("geman-mcclure")),
    Fault("double-well-convex", "a loss is called what it is not", profile("double-well", "convex"), Value(True),
          suprema("double-well")),
    Fault("poisson-nonnegative", "a loss is called what it is not", profile("poisson", "nonnegative"), Value(True),
          suite("test_losses:test_what_losses_are_called_is_so", loss=ALL["poisson"])),
    Fault("huber-without-joints", "a loss is called what it is not", profile("huber", "joints"), Value(False),
          suite("test_losses:test_what_losses_are_called_is_so", loss=ALL["huber"])),
    Fault("absolute-without-kink", "a loss is called what it is not", profile("absolute", "kinked"), Value(False),
          suite("test_losses:test_what_losses_are_called_is_so", loss=ALL["absolute"])),
    loss("range-of-the-lower-end", "an end of an interval is left out", "Loss.range",
         Edit("evaluate(Balls, arb(z.lower()), y).union(evaluate(Balls, arb(z.upper()), y))",
              "evaluate(Balls, arb(z.lower()), y)"),
         hulls("log-cosh")),
    loss("range-bare", DROPPED, "Loss.range", then(bare), hulls("logistic")),
    loss("range-missed", MISSED, "Loss.range", then(missed),
         suite("test_losses:test_ranges_contain_the_value_to_the_last_bit", loss=ALL["log-cosh"])),
    loss("least-curvature-of-one-end", "an end of an interval is left out", "Loss.least_curvature",
         Edit("self.d2(Balls, z, y).min(self.d2(Balls, h, y))", "self.d2(Balls, z, y)"),
         suite("test_losses:test_the_least_curvature_is_enclosed_and_not_only_bounded", loss=ALL["log-cosh"])),
    loss("own-curvature-at-the-ends", "nobody knows where it turns", "Loss.least_curvature",
         Edit("reduce(arb.min, pieces).lower().union(", "("),
         suite("test_own_losses:test_the_least_curvature_of_a_loss_of_ones_own_is_enclosed_on_the_segments_used")),
    loss("turning-point-of-the-residual", "a label is forgotten", "Loss.prediction",
         Edit("t + y if self.link", "t if self.link"), hulls("log-cosh")),
    loss("margin-without-label", "a label is forgotten", "Loss.d1", Edit("y * g if", "g if"), derivatives("logistic")),
    loss("third-derivative-without-label", "a label is forgotten", "Loss.d3", Edit("y * g if", "g if"),
         derivatives("logistic")),
    loss("canonical-without-label", "a label is forgotten", "Loss.value", Edit("g - y * z if", "g if"),
         derivatives("poisson")),
    loss("joint-distance-of-0", "a margin is too large", "Loss.joint_distance",
         Edit("size if self.parameter is None else m.magnitude(size - m.number(self.parameter))", "size"),
         suite("test_losses:test_the_distance_to_a_joint")),
    loss("joint-distance-bare", "a margin is too large", "Loss.joint_distance",
         Edit("m.magnitude(self._argument(z, y))", "m.magnitude(arb(self._argument(z, y).mid()))"),
         suite("test_losses:test_the_distance_to_a_joint")),
    loss("other-side", "a joint is left to the wrong side", "OneSided.d2", Edit("self.side *", "-self.side *"),
         ONE_SIDED),
    loss("bends-to-the-other-side", "a joint is left to the wrong side", "OneSided._bends", then(lambda v: not v),
         ONE_SIDED),
)  # fmt: skip
