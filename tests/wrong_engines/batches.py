"""Wrong batches: enclosures in arrays that do not enclose, infima that are none, verdicts of what decides nothing."""

from __future__ import annotations

import math

import numpy as np

from .planting import Around, Edit, Fault, Value, suite

FUNCTIONS = "metagap.impl.elementary"
MIDRAD, JUDGE, VERDICTS = "metagap.impl.midrad", "metagap.impl.batch_judge", "metagap.impl.verdicts"
DUALS, INFIMA, LINEAR, SHARED = (
    f"metagap.impl.enclosed.{name}" for name in ("duals", "infimum", "linear", "quantities")
)
CORE, QUANTITIES, TAYLOR = (f"metagap.impl.supervised.enclosed.{name}" for name in ("core", "quantities", "taylor"))
NETWORKS = "metagap.impl.supervised.enclosed.networks.quantities"
COMMON, ENCLOSED = f"{CORE}:CoreEnclosed", f"{QUANTITIES}:EnclosedQuantities"
POLICIES = "metagap.impl.policies.enclosed.networks"
FLOATS = "metagap.impl.supervised"


def contain(name: str = "arbitrary", variant: str = "log-cosh") -> object:
    return suite("test_batch_judge:test_quantities_contain_those_of_balls", name=name, variant=variant)


def slope(name: str) -> object:
    return suite("test_enclosed:test_slopes_contain_those_of_series", name=name)


def decides(wrong: str) -> object:
    return suite(f"test_batch_judge:{wrong}")


POOR = suite("test_batch_judge:test_poor_proposals_only_widen")
INFIMUM = suite("test_enclosed:test_infima_contain_those_of_balls", rank=1)
CURVATURE = suite(
    "test_curvature_batches:test_curvatures_contain_those_of_series", name="arbitrary", variant="log-cosh"
)
SHARP = suite("test_enclosed:test_sums_of_batches_are_enclosed_sharply")
UNMADE = suite("test_enclosed:test_rows_that_are_never_made_are_those_of_their_terms")
FINITE = suite("test_batch_judge:test_no_verdict_of_what_is_not_finite_or_overlaps")
SHARES = suite("test_batch_judge:test_shares_are_those_of_the_instance")
NAMED = suite("test_batch_judge:test_an_assumption_that_fails_is_named_if_those_before_it_hold")


def exact(test: str, **given: object) -> object:
    return suite(f"test_exact_zeros:test_{test}", **given)


ZEROS = suite("test_midrad:test_zeros_are_exact_and_nothing_else_is")
NEAR_ZERO = suite("test_midrad:test_what_may_be_0_and_is_not_below_it_has_its_end_there")
DECIDED = f"{JUDGE}:decided_in_arrays"
JOINTS = suite("test_batch_judge:test_joints_are_left_to_balls")


def fault(name: str, kind: str, place: str, wrong: Around | Edit | Value, guard: object) -> Fault:
    return Fault(f"batch-{name}", kind, place, wrong, guard)  # type: ignore[arg-type]


FORGOTTEN, ROUNDING, SLOPE = "a radius is forgotten", "a rounding is not added", "a derivative for another"
FLOATS, POOR_SUM = "metagap.impl.floats.infimum", "a proposal is poor"
FLOATS_L1 = "metagap.impl.floats.l1_ends"
END, OPEN = "an infimum's end is not proved", "what is open is decided"

BATCHES = (
    # --- numbers ---
    fault("product-bare", FORGOTTEN, f"{MIDRAD}:contract",
          Edit("spread * (UP + 4 * count * U) + (count + 1) * GUARD", "0 * spread"), contain()),
    fault("product-unrounded", ROUNDING, f"{MIDRAD}:contract",
          Edit("b_size * ((count + 2) * U)", "b_size * 0"),
          suite("test_enclosed:test_products_contain")),
    fault("product-underflows", ROUNDING, f"{MIDRAD}:contract",
          Edit("b.rad + TINY", "b.rad"),
          suite("test_midrad:test_what_underflows_beside_a_huge_factor_is_counted")),
    fault("zeros-by-their-midpoints", OPEN, f"{MIDRAD}:zero", Edit("found & (rad == 0)", "found"), ZEROS),
    fault("underflow-taken-for-0", ROUNDING, f"{MIDRAD}:MidRad.__mul__",
          Edit("_guard(zero(self) | zero(other))", "_guard(product == 0)"), ZEROS),
    fault("products-of-one-zero", ROUNDING, f"{MIDRAD}:contract",
          Edit("(spread < SMALL) & ~met", "spread < SMALL"), ZEROS),
    fault("zero-beside-anything", OPEN, f"{MIDRAD}:MidRad.__mul__",
          Edit("return MidRad(product, total)", "return MidRad(np.where(zero(self) | zero(other), 0.0, product), "
               "np.where(zero(self) | zero(other), 0.0, total))"),
          suite("test_midrad:test_what_stands_for_anything_decides_nothing", mid=0.0, rad=math.inf)),
    fault("halves-that-underflow", ROUNDING, f"{MIDRAD}:MidRad.between",
          Edit("(mid > GUARD)", "(mid >= 0)"), NEAR_ZERO),
    fault("roots-of-middles", FORGOTTEN, f"{FUNCTIONS}:MidRads.sqrt",
          Edit("np.maximum(high, 0.0)", "np.maximum(t.mid, 0.0)"), NEAR_ZERO),
    fault("roots-of-what-is-below-0", OPEN, f"{FUNCTIONS}:MidRads.sqrt", Edit("half + 0 * s", "half"), NEAR_ZERO),
    fault("functions-near-0", ROUNDING, f"{FUNCTIONS}:MidRads._smooth", Edit("zero(t)", "size == 0"), ZEROS),
    fault("sech-too-still", ROUNDING, f"{FUNCTIONS}:MidRads.sech", Edit("2 * value", "value"),
          suite("test_elementary:test_elementary_functions_contain", name="sech", count=1500)),
    # --- what structure decides ---
    fault("functions-for-omega", OPEN, f"{CORE}:CoreEnclosed.u", Edit("if batch.functions is not None:", "if False:"),
          exact("functions_are_not_omega")),
    fault("omega-by-one-number", OPEN, f"{CORE}:CoreEnclosed.u", Edit(".all(1)", ".any(1)"),
          exact("omega_leaves_no_gap_to_itself", family="meta-sl", variant="logistic", equal=1)),
    fault("gap-of-no-point", OPEN, f"{CORE}:CoreEnclosed.gap",
          Edit("self._each(self._alike)", "self._alike.any(2)[..., None]"),
          exact("some_points_that_agree_leave_the_others")),
    fault("patterns-of-one-neuron", OPEN, f"{NETWORKS}:EnclosedReluQuantities._feature_change",
          Edit(".all(2)", ".any(2)"), exact("networks_that_keep_their_patterns_have_no_error", variant="logistic")),
    fault("patterns-at-omega-alone", OPEN, f"{NETWORKS}:EnclosedReluQuantities._feature_change",
          Edit("for counts in self._flips", "for counts in self._flips[:1]"),
          exact("networks_that_keep_their_patterns_have_no_error", variant="logistic")),
    fault("a-task-like-itself", OPEN, f"{NETWORKS}:EnclosedNetworkQuantities._crowded",
          Edit("- np.eye(count) * met.sum(2)[..., None]", ""), exact("rank_is_not_lost_for_less")),
    fault("all-networks-are-odd", OPEN, f"{NETWORKS}:EnclosedNetworkQuantities._crowded",
          Edit("if self._sigma.odd:", "if True:"), exact("opposite_inputs_are_alike_in_odd_networks")),
    fault("no-network-is-odd", "a reason is left out", f"{NETWORKS}:EnclosedNetworkQuantities._crowded",
          Edit("if self._sigma.odd:", "if False:"), exact("opposite_inputs_are_alike_in_odd_networks")),
    fault("patterns-that-are-open", OPEN, f"{SHARED}:pattern_rank",
          Edit("alike & known[..., None] & known[..., None, :]", "alike"), exact("patterns_bound_ranks")),
    fault("patterns-of-half-the-neurons", OPEN, f"{SHARED}:pattern_rank",
          Edit("== on.shape[-1]", ">= on.shape[-1] / 2"), exact("patterns_bound_ranks")),
    fault("patterns-span-a-line", OPEN, f"{SHARED}:pattern_rank",
          Edit("np.minimum(same.sum(-1), columns[..., None])", "1"), exact("patterns_bound_ranks")),
    fault("contrasts-at-every-action", OPEN, f"{POLICIES}:EnclosedNetworkQuantities._crowded",
          Edit("* (actions - 1)", "* actions"), exact("contrasts_have_room_in_patterns")),
    fault("tasks-like-by-labels", OPEN, f"{NETWORKS}:EnclosedNetworkQuantities._crowded",
          Edit("in (kept, masses)]", "in (0 * kept, 0 * masses)]"),
          exact("rank_is_not_lost_for_less")),
    fault("room-of-one-input", OPEN, f"{CORE}:CoreEnclosed._room",
          Edit("used.any(2).sum(1)", "used.any(2).sum(1) - 1"), exact("rank_is_not_lost_for_less")),
    fault("any-support-is-dominated", OPEN, f"{QUANTITIES}:EnclosedQuantities.margin_dominated",
          Edit("foreign.any((1, 2, 3))", "False"), exact("supports_of_other_atoms_or_almost_alike")),
    fault("one-law-by-its-atoms", OPEN, f"{QUANTITIES}:EnclosedQuantities.margin_one_law",
          Edit("np.where(other, 0.0, np.inf)", "0.0"), exact("supports_of_other_atoms_or_almost_alike")),
    fault("spared-of-several-tasks", OPEN, f"{QUANTITIES}:EnclosedQuantities._alone", Edit("there == 1", "there >= 1"),
          exact("weights_of_several_tasks_are_not_spared")),
    fault("spared-points-left-out", "a term is left out", f"{SHARED}:Enclosed.mixed_misfit",
          Edit("over(used & ~zero(weight)).high", "certain.high"),
          exact("a_point_that_may_be_none_is_counted_above")),
    fault("sum-of-infinity", OPEN, f"{MIDRAD}:MidRad.sum", Edit(" + U * np.abs(total)", ""),
          suite("test_midrad:test_sums_that_overflow_stand_for_anything")),
    fault("quotient-by-infinity", OPEN, f"{MIDRAD}:MidRad.__truediv__", Edit("& (least < np.inf)", ""),
          suite("test_midrad:test_nothing_is_divided_by_infinity")),
    fault("comparator-of-negative-probabilities", "a comparator that is none",
          "metagap.impl.policies.enclosed.quantities:EnclosedQuantities.adapted_from",
          Edit("found.low >= 0", "found.low > -np.inf"),
          suite("test_meta_rl_batch_judge:test_a_comparator_without_a_policy_is_left_to_balls")),
    fault("direction-without-a-value", "a comparator that is none", f"{INFIMA}:misfit",
          Edit("np.isfinite(upper)[:, None]", "True"),
          suite("test_meta_rl_batch_judge:test_a_comparator_without_a_policy_is_left_to_balls")),
    fault("whole-numbers-rounded", ROUNDING, f"{MIDRAD}:parts", Edit("abs(value) > 2**53", "False"),
          suite("test_midrad:test_whole_numbers_beyond_float64_are_enclosed")),
    fault("product-first-radius", FORGOTTEN, f"{MIDRAD}:contract", Edit("if rough:", "if False:"),
          suite("test_enclosed:test_products_contain")),
    fault("singular-value-of-rows-not-used", END, f"{LINEAR}:right_inverse",
          Edit("np.where(used, _proposed_eigenvectors(turned @ turned.swapaxes(-1, -2))[..., -1], 0.0)",
               "_proposed_eigenvectors(turned @ turned.swapaxes(-1, -2))[..., -1]"),
          suite("test_enclosed:test_rows_that_are_not_used_say_nothing_of_singular_values")),
    fault("margins-in-sides", OPEN, DECIDED, Edit("if any(map(known_by_sign, names)):", "if False:"),
          decides("test_of_margins_the_sign_alone_is_known")),
    fault("product-of-one-term", ROUNDING, f"{MIDRAD}:contract", Edit("max(length, lengths.get(name, 1))", "length"),
          suite("test_enclosed:test_products_of_what_is_repeated_have_as_many_terms")),
    fault("sum-unrounded", ROUNDING, f"{MIDRAD}:MidRad.sum", Edit("((count + 2) * U)", "0"),
          suite("test_enclosed:test_products_contain")),
    fault("moved-bare", FORGOTTEN, f"{MIDRAD}:MidRad.rearranged",
          Edit("move(_spread(self.rad, shape)) if self.rad.ndim or self.rad else self.rad", "0.0"), contain()),
    fault("moved-without-radii", FORGOTTEN, f"{MIDRAD}:MidRad.rearranged",
          Edit("if self.rad.ndim or self.rad else self.rad", "if self.rad.ndim == 1 else 0.0"), contain()),
    fault("where-other-radius", FORGOTTEN, "metagap.impl.elementary:MidRads.where",
          Edit("0.0 if b_rad is None else b_rad", "0.0"), suite("test_enclosed:test_chosen_entries_keep_radii")),
    fault("tanh-slope", SLOPE, f"{DUALS}:Duals.tanh", Edit("fall * fall", "fall"), slope("tanh")),
    fault("sigmoid-slope", SLOPE, f"{DUALS}:Duals.sigmoid", Edit("MidRads.sigmoid(-t.value)", "found"),
          slope("sigmoid")),
    fault("clip-slope", SLOPE, f"{DUALS}:Duals.clip", Edit("MidRads.inside(t.value, a.value) * t.slope", "t.slope"),
          slope("clip")),
    fault("product-rule", SLOPE, f"{DUALS}:Dual.__mul__",
          Edit("left = None if self.slope is None else self.slope * value", "left = None"),
          suite("test_enclosed:test_derivatives_by_series_are_those_of_the_formulas", loss="quartic")),
    fault("quotient-rule", SLOPE, f"{DUALS}:Dual.__truediv__", Edit("-(ratio * slope)", "slope"),
          suite("test_enclosed:test_derivatives_by_series_are_those_of_the_formulas", loss="geman-mcclure")),
    # --- infima, inverses ---
    fault("direction-not-in-the-ball", END, f"{INFIMA}:within",
          Edit("np.where(inside[:, None], scaled, np.nan)", "v"), INFIMUM),
    fault("lower-end-without-the-ball", END, f"{INFIMA}:misfit",
          Edit(" - MidRad(radius) * norm(rows.pulled(p))", ""), INFIMUM),
    fault("lower-end-is-the-upper", END, f"{INFIMA}:misfit",
          Edit("_between(gain.low, upper)", "_between(upper, upper)"), INFIMUM),
    fault("rows-of-one-table", "a term is left out", f"{LINEAR}:Rows.pulled",
          Edit("in self.terms", "in self.terms[:1]"), UNMADE),
    fault("rows-that-are-not-chosen", "a term is left in", f"{LINEAR}:Rows.where",
          Edit("MidRads.where(chosen.reshape(self.grid), w, 0.0)", "w"), UNMADE),
    fault("rows-without-their-share", "a term is left out", f"{LINEAR}:Rows.pulled",
          Edit("self.share * p", "p"), UNMADE),
    fault("rows-added-without-their-share", "a term is left out", f"{LINEAR}:Rows.added",
          Edit("w * self.share.reshape(self.grid)", "w"), UNMADE),
    fault("rows-added-too-soon", "wrong broadcasting", f"{LINEAR}:_added", Edit("if all(", "if any("), UNMADE),
    fault("rows-not-added", "wrong broadcasting", f"{LINEAR}:_pulled", Edit("p.sum(short)", "p[:, :1]"), UNMADE),
    fault("dual-not-scaled", END, f"{INFIMA}:_dual_end", Edit("MidRad(scale) * ", ""), INFIMUM),
    fault("dual-of-no-number", "an infinite enclosure decides", f"{INFIMA}:_dual_end",
          Edit("np.where(length <= limit, 1.0, limit / length * (1 - 8 * U))",
               "np.where(length > limit, limit / length * (1 - 8 * U), 1.0)"),
          suite("test_enclosed:test_no_infimum_of_what_is_not_finite", bad=np.nan)),
    fault("sum-without-the-direction", END, f"{INFIMA}:misfit_l1", Edit("some * norm(MidRad(v)) + left", "left"),
          INFIMUM),
    fault("weights-not-turned", POOR_SUM, f"{FLOATS_L1}:_smoothed_step", Edit("lean -= bend", "lean -= 0"), SHARP),
    fault("weights-without-room", POOR_SUM, f"{INFIMA}:misfit_l1", Edit("(room > 0, room,", "(room < 0, room,"),
          suite("test_enclosed:test_weights_leave_room_for_radii")),
    fault("never-smoothed-less", POOR_SUM, f"{FLOATS_L1}:l1_ends", Edit("FALL * (above - below)", "above"), SHARP),
    fault("direction-in-other-units", POOR_SUM, f"{FLOATS_L1}:l1_ends", Edit("height / size, None", "height, None"),
          SHARP),
    fault("direction-in-other-coordinates", POOR_SUM, f"{FLOATS_L1}:l1_ends",
          Edit("basis @ kept_v", "0 * basis @ kept_v"), SHARP),
    fault("triangle-of-the-rows-alone", POOR_SUM, f"{FLOATS}:_by_singular_values",
          Edit("table[..., :-1], table[..., -1]", "table[..., :-1], target[:, : table.shape[1]]"),
          suite("test_infimum:test_least_squares_by_triangles_are_those_of_all_rows", shape=(10, 3), last=1e-5)),
    fault("squares-of-any-rows", POOR_SUM, f"{FLOATS}:_decomposed", Edit("SQUARED * squares", "-1 * squares"),
          suite("test_infimum:test_float_least_squares_see_small_singular_values")),
    fault("squares-alone", POOR_SUM, f"{FLOATS}:ball_least_squares", Edit("slope / shifted, 0.0", "0.0, 0.0"),
          suite("test_infimum:test_float_least_squares_see_small_singular_values")),
    fault("vectors-in-other-coordinates", POOR_SUM, f"{FLOATS}:_by_singular_values",
          Edit("vectors @ basis", "vectors @ -basis"),
          suite("test_infimum:test_least_squares_by_triangles_are_those_of_all_rows", shape=(3, 10), last=1.0)),
    fault("labels-that-differ-left-out", "a term is left out",
          "metagap.impl.supervised.batch_quantities:BatchQuantities._merging",
          Edit("max(int(first.sum(2).max()), 1)", "max(int(first.sum(2).min()), 1)"), contain("one-task", "poisson")),
    # --- second derivatives ---
    fault("curvature-without-slopes", SLOPE, f"{ENCLOSED}.curvature_size",
          Edit(" + self.slopes * self._predictions(second)", ""), CURVATURE),
    fault("curvature-without-third-derivatives", SLOPE, f"{ENCLOSED}.curvature_size",
          Edit("bent(self._turns(z, moved), moved) + ", ""), CURVATURE),
    fault("curvature-at-joints", OPEN, f"{ENCLOSED}.curvature_size",
          Edit("or self.batch.loss.profile.joints", ""),
          suite("test_curvature_batches:test_curvatures_at_joints_are_left_to_balls")),
    fault("inverse-proposed", END, f"{LINEAR}:inverse",
          Edit("(rest + share * rest.max(-2, keepdims=True)) * UP + GUARD", "0 * rest"),
          suite("test_enclosed:test_inverses_contain_those_of_rationals")),
    fault("singular-inverse", END, f"{LINEAR}:inverse", Edit("np.nan", "0.0"),
          suite("test_enclosed:test_inverses_contain_those_of_rationals")),
    fault("proximal-proposed", END, f"{ENCLOSED}._proximal",
          Edit("near.within(norm(rest).high[..., None])", "near"), POOR),
    fault("proximal-one-entry-stays", "a search that ends too early",
          "metagap.impl.supervised.batch_quantities:BatchQuantities._proximal",
          Edit("(point == before).all()", "(point == before).any()"),
          suite("test_routes:test_proximal_points_of_a_batch_are_stepped_to_their_end")),
    fault("tangents-proposed", END, f"{TAYLOR}:_implicit", Edit("near.within(radius[:, :, None, :])", "near"),
          POOR),
    # --- quantities ---
    fault("shares-rounded", ROUNDING, "metagap.impl.enclosed.quantities:normalised",
          Edit("np.where(values == 0, 0.0, found.rad)", "0.0"), SHARES),
    fault("shares-not-normalised", "masses are left out", "metagap.impl.enclosed.quantities:normalised",
          Edit("found = MidRad(values) /", "found = MidRad(values); 1.0 /"), SHARES),
    fault("one-task-for-all", "wrong broadcasting", f"{COMMON}.bregman",
          Edit("weights[:, :, None, None]", "weights[:, :1, None, None]"), contain()),
    fault("one-point-for-all", "wrong broadcasting", f"{TAYLOR}:_slopes",
          Edit("bends[0] * tangents", "bends[0] * tangents[:, :, :1]"), contain()),
    fault("tangents-stand-still", "a term is left out", f"{TAYLOR}:_slopes",
          Edit("masses, part.slope)", "masses, 0 * part.slope)"), contain()),
    fault("steps-without-decay", "a term is left out", f"{TAYLOR}:_stepped",
          Edit("pull = pull + decay * theta", "pass"), contain("rates", "logistic")),
    fault("steps-back-without-decay", "a term is left out", f"{TAYLOR}:_stepped",
          Edit("own = own - decay * x", "pass"), contain("rates", "logistic")),
    fault("steps-back-in-order", "one point for another", f"{TAYLOR}:_stepped",
          Edit("reversed(steps)", "steps"), contain("rates", "logistic")),
    fault("meta-features-without-decay", "a term is left out", f"{ENCLOSED}.meta_features",
          Edit("self._shrunk[:, None, None] * found", "found"), contain("rates", "logistic")),
    fault("meta-features-in-order", "one point for another", f"{ENCLOSED}.meta_features",
          Edit("reversed(self._on_the_way)", "self._on_the_way"), contain("rates", "logistic")),
    fault("inner-law-is-the-outer", "one law for another", f"{TAYLOR}:_inner",
          Edit("if batch.support_masses is None:", "if True:"), contain("support-query", "huber")),
    fault("least-curvature-at-an-end", END, "metagap.impl.loss_ranges:LossRanges.least",
          Edit("np.maximum(z.high, h.high))", "np.minimum(z.low, h.low))"), contain("functions", "quartic")),
    fault("largest-rate-of-the-first", "a constant is too small", f"{ENCLOSED}._rate",
          Edit("self._largest(abs(self._rates), 1)", "abs(self._rates)[:, 0]"), contain("rates", "pseudo-huber")),
    fault("bound-of-the-first-point", "a constant is too small", f"{ENCLOSED}._longest",
          Edit("self._largest(MidRads.where(used, self._lengths(self.batch.features), 0.0), 1)",
               "self._lengths(self.batch.features)[:, 0]"), contain()),
    fault("largest-end", FORGOTTEN, f"{SHARED}:Enclosed._largest",
          Edit("values.low.max(axis), values.high.max(axis)", "values.low.min(axis), values.low.min(axis)"), contain()),
    fault("joints-forgotten", OPEN, f"{COMMON}.margin_joints",
          Edit("if not profile.joints:", "if True:"), JOINTS),
    # --- several outputs ---
    fault("components-apart", "a term is left out", f"{TAYLOR}:_slopes",
          Edit("bend[..., None, :] @ split", "bend[..., None, :1] @ split[..., :1, :]"),
          contain("vector-outputs", "softmax")),
    fault("components-not-added", "wrong broadcasting", f"{COMMON}._l1", Edit("if c > 1:", "if False:"),
          contain("vector-outputs", "softmax")),
    fault("components-stacked-bare", FORGOTTEN, "metagap.impl.elementary:MidRads.stack",
          Edit("np.stack(rads, axis)", "0.0"), suite("test_enclosed:test_chosen_entries_keep_radii")),
    fault("divergence-of-one-component", "a term is left out", "metagap.impl.vector_losses:VectorLoss.bregman",
          Edit("zip(self.d1(m, z, y), h, z, strict=True))", "zip(self.d1(m, z, y), h[:1], z))"),
          contain("vector-outputs", "softmax")),
    # --- verdicts ---
    fault("overflow-decides", "an infinite enclosure decides", f"{VERDICTS}:fit_ends",
          Around(lambda right: lambda ends: np.ones(ends[0].shape, dtype=bool)), FINITE),
    fault("wrong-ends-compared", OPEN, f"{VERDICTS}:separated",
          Edit("(left[1] <= bound[0])", "(left[0] <= bound[1])"), FINITE),
    fault("margins-that-may-fail", OPEN, DECIDED, Edit("finite & (low > 0)", "finite & (high > 0)"), FINITE),
    fault("blunt-enclosures", OPEN, DECIDED, Edit("BLUNT * np.abs(sides[1][1])", "np.inf"), FINITE),
    fault("differences-not-below-0", OPEN, f"{JUDGE}:_signed", Edit('if "-" in side.text', "if False"),
          decides("test_sums_of_what_is_not_below_0_are_not")),
    fault("sums-of-anything-not-below-0", OPEN, f"{JUDGE}:_signed",
          Edit("at.ends(name)[0] >= 0", "at.ends(name)[1] >= 0"),
          decides("test_sums_of_what_is_not_below_0_are_not")),
    fault("outside-before-its-turn", OPEN, DECIDED,
          Edit("open_ & finite & (high <= 0)", "finite & (high <= 0)"), NAMED),
)  # fmt: skip
