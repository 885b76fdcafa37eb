"""Wrong batches of policies: visitations that are not enclosed, derivatives of something else, margins that hold."""

from __future__ import annotations

from .batches import END, FORGOTTEN, LINEAR, OPEN, SLOPE, fault
from .planting import Edit, suite

QUANTITIES, TAYLOR = (f"metagap.impl.policies.enclosed.{name}" for name in ("quantities", "taylor"))
ENCLOSED = f"{QUANTITIES}:EnclosedQuantities"
TESTS = "test_meta_rl_batch_judge"


def contain(name: str = "arbitrary", variant: str = "kl-step") -> object:
    return suite(f"{TESTS}:test_quantities_contain_those_of_balls", name=name, variant=variant)


VISITS = suite(f"{TESTS}:test_visitations_contain_those_of_rationals", states=5)
WIDE = suite(f"{TESTS}:test_a_chain_enclosed_wide_has_wide_visitations")
MARGINS = suite(f"{TESTS}:test_margins_are_those_of_balls")
REPEATED = suite(f"{TESTS}:test_a_unit_that_comes_twice_is_no_table")
PART, TASKS = "a term is left out", "one task for all"

POLICY_BATCHES = (
    # --- visitations ---
    fault("visits-without-an-end", PART, f"{LINEAR}:visitations",
          Edit("pivot = pivot + ahead.sum(-1)", "pivot = ahead.sum(-1)"), VISITS),
    fault("visits-without-shares", PART, f"{LINEAR}:visitations",
          Edit("rest = rest[..., 1:] + share * rest[..., :1]", "rest = rest[..., 1:]"), VISITS),
    fault("visits-not-met-again", PART, f"{LINEAR}:visitations",
          Edit("others[..., 1:, 1:] + share[..., None] * ahead[..., None, :]", "others[..., 1:, 1:]"), VISITS),
    fault("visits-of-the-last-alone", PART, f"{LINEAR}:visitations",
          Edit("(column + found @ ahead[..., None])", "column"), VISITS),
    fault("visits-turned", "a table is transposed", f"{LINEAR}:visitations", Edit("turned(found)", "found"), VISITS),
    fault("visits-bare", FORGOTTEN, f"{LINEAR}:visitations",
          Edit("return turned(found)", "return MidRad(turned(found).mid)"), WIDE),
    # --- derivatives ---
    fault("softmax-not-normalised", SLOPE, f"{TAYLOR}:_softmax",
          Edit("powers / _total(powers)", "Dual((powers / _total(powers)).value, powers.slope / _total(powers).value)"),
          contain()),
    fault("values-of-one-step", SLOPE, f"{TAYLOR}:_values",
          Edit("slope = solve @ (policy.slope * q).sum(3)", "slope = (policy.slope * q).sum(3)"), contain()),
    fault("values-stand-still", SLOPE, f"{TAYLOR}:_values",
          Edit("_ahead(batch, slope)", "0 * _ahead(batch, slope)"), contain()),
    fault("rational-step-stands-still", SLOPE, f"{TAYLOR}:_stepped",
          Edit("prior * (1 + q * eta)", "prior * (1 + eta * q.value)"), contain("policies", "rational-step")),
    fault("curves-without-crossed-terms", SLOPE, f"{TAYLOR}:_moved",
          Edit(" + _crossed(slope, at.q.slope)", ""), contain("tangent", "gradient")),
    fault("curves-of-powers", SLOPE, f"{TAYLOR}:_moved",
          Edit("bent - _crossed(slope, change) - pi * bent.sum(3)[:, :, :, None]", "bent"),
          contain("tangent", "gradient")),
    fault("step-not-followed", SLOPE, f"{TAYLOR}:_moved",
          Edit("np.eye(size) + eta[..., None] * hessians", "np.eye(size) + 0 * hessians"),
          contain("tangent", "gradient")),
    fault("one-sided-product", SLOPE, f"{TAYLOR}:_crossed",
          Edit("a[..., None] * b[..., None, :] + a[..., None, :] * b[..., None]", "2 * a[..., None] * b[..., None, :]"),
          contain("tangent", "gradient")),
    fault("gradient-without-weights", TASKS, f"{TAYLOR}:gradient",
          Edit("(batch.weights[..., None] * own)", "own"), contain()),
    # --- quantities ---
    fault("policy-shares-as-given", "shares are not normalised", f"{QUANTITIES}:enclosed",
          Edit("normalised(value, axes[name]) if name in axes else MidRad(value)", "MidRad(value)"),
          suite(f"{TESTS}:test_shares_are_those_of_the_instance")),
    fault("choices-by-rewards", "points are left out", f"{ENCLOSED}._choices", Edit("(gains | moves)", "gains"),
          contain()),
    fault("mixture-of-the-first-task", TASKS, f"{ENCLOSED}._mixture", Edit("& ahead).any(1)", "& ahead)[:, 0]"),
          contain()),
    fault("width-of-features", "a constant is too small", f"{ENCLOSED}._half_width",
          Edit("self._largest(steps, (1, 2, 3))", "steps[:, 0, 0, -1]"), contain()),
    fault("spread-on-one-side", "a constant is too small", f"{ENCLOSED}.tabular_norm",
          Edit("self._largest(-self.u, 3)", "0"), contain("tabular")),
    fault("contraction-of-the-first-task", TASKS, f"{ENCLOSED}.contraction_margin",
          Edit("self._largest(MidRads.where(used, self._ahead, 0.0), 1)", "self._ahead[:, 0]"), contain()),
    fault("slope-from-0", SLOPE, f"{ENCLOSED}.slope_to_comparator",
          Edit("(self.batch.rival - self.batch.omega)", "self.batch.rival"), contain()),
    # --- margins ---
    fault("largest-tilt", END, f"{ENCLOSED}.margin_positive_policy",
          Edit("-self._largest(MidRads.where((batch.weights > 0)[..., None, None], -tilts, -np.inf), (1, 2, 3))",
               "self._largest(tilts, (1, 2, 3))"), MARGINS),
    fault("any-step-is-myopic", OPEN, f"{ENCLOSED}.margin_no_lookahead",
          Edit(" & (batch.adaptation is not Adaptation.GRADIENT)", ""), MARGINS),
    fault("any-rows-are-units", OPEN, f"{ENCLOSED}.margin_tabular",
          Edit(" & (rows.sum(1) == 1).all(1)", ""), REPEATED),
    fault("several-tasks-are-one", OPEN, f"{ENCLOSED}.margin_single_task", Edit("== 1", ">= 1"), MARGINS),
)  # fmt: skip
