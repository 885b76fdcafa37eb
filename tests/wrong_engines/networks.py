"""Wrong networks: gates at kinks, pattern counts, order of factors, counts of flips, floors; ReLU and smooth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flint import fmpq
from metagap.impl.families import SMOOTH_NETWORK
from metagap.impl.instances import fraction

from .numbers import bare, then
from .planting import Around, Edit, Fault, Value, suite

NEURONS, FLIPS, WEIGHTS, LAYER = (f"metagap.impl.models.{name}" for name in ("relu", "flips", "weights", "smooth"))
NETWORK, KERNEL = (f"metagap.impl.supervised.relu.{name}" for name in ("problem", "kernel"))
RELU_ERRORS, QUANTITIES = (f"metagap.impl.supervised.relu.{name}" for name in ("errors", "quantities"))
PREDICTIONS = "metagap.impl.supervised.prediction_quantities"
CORE, START, RANK = (f"metagap.impl.supervised.{n}_quantities" for n in ("core", "start", "rank"))
SPANNED = "metagap.impl.balls.spanned"
ERRORS = "metagap.impl.supervised.errors"
SMOOTH, SMOOTH_ERRORS = (f"metagap.impl.supervised.smooth.{name}" for name in ("quantities", "errors"))
FLOOR = "metagap.impl.optimum.networks.floor"
SMOOTH_TAYLOR = "metagap.impl.supervised.smooth.taylor"


def engines(name: str = "steps", loss: str = "log-cosh") -> Any:
    return suite("test_network_engines:test_both_engines_agree", loss=loss, name=name)


def smooth_engines(name: str = "arbitrary", loss: str = "pseudo-huber") -> Any:
    return suite("test_smooth_network:test_both_engines_agree", loss=loss, name=name)


FRACTIONS = suite("test_network_steps:test_three_steps_in_fractions")
OPEN = suite("test_network_steps:test_a_sign_that_stays_open_widens_what_comes_after")
NEAR = suite("test_network_steps:test_a_sign_at_the_second_iterate_within_rounding_is_decided", side=1)
BELOW = suite("test_network_steps:test_a_sign_at_the_second_iterate_within_rounding_is_decided", side=-1)
FLIPPING = suite("test_routes:test_steps_with_other_patterns_are_compared", family="network")
SMOOTH_FLIPPING = suite("test_routes:test_steps_with_other_patterns_are_compared", family="smooth-network")
KINKS = suite("test_network_judge:test_neurons_near_their_kinks_are_decided")
OMEGA = suite("test_network_judge:test_exact_kinks_are_outside", kind="omega")
COUNT = suite("test_network_judge:test_the_count_is_exact_where_the_ball_just_reaches", moved="199/100", count=3)
REACHED = suite("test_network_judge:test_the_count_is_exact_where_the_ball_just_reaches", moved="2", count=4)
PROPOSED = suite("test_networks_by_hand:test_poor_proposals_find_the_same_counts_and_worst_cases", proposal="far")
ATOM = suite("test_network_judge:test_the_closed_form_at_an_atom_is_attained")
BY_HAND = suite("test_network_steps:test_one_neuron_by_hand", steps=2)
ROUTES = suite("test_independence:test_a_fault_in_the_meta_features_is_noticed", name="relu, narrow")
SMOOTH_ROUTES = suite("test_independence:test_a_fault_in_the_meta_features_is_noticed", name="smooth")
RAYS = suite("test_network_headline:test_rays_and_signs_bound_the_risk_exactly")
IN_A_BALL = suite("test_network_steps:test_floors_hold_for_several_steps", loss="squared", steps=2)
SMOOTH_BALL = suite(
    "test_smooth_network_headline:test_the_error_of_the_linearisation_holds_in_the_ball_and_is_nearly_attained",
    activation="tanh",
)
FORWARD = suite("test_network_steps:test_smooth_gradients_forward")


def fault(name: str, kind: str, place: str, wrong: Around | Edit | Value, guard: Any) -> Fault:
    return Fault(f"net-{name}", kind, place, wrong, guard)


NETWORKS = (
    # --- weights and signs ---
    fault("signs-of-floats", "a network's gate at a kink is decided", f"{WEIGHTS}:signs",
          Edit("(np.abs(values) > errors)", "(np.abs(values) >= 0)"), KINKS),
    fault("signs-error-too-small", "an error bound is too small", f"{WEIGHTS}:signs",
          Edit("(d + 4) * 2.0**-52", "2.0**-60"), KINKS),
    fault("signs-underflow", "an error bound is too small", f"{WEIGHTS}:signs",
          Edit("exact_zero = ((first != 0).astype(float) @ (second != 0) == 0)", "exact_zero = (first @ second == 0)"),
          suite("test_networks_by_hand:test_products_that_underflow_are_no_kinks")),
    fault("odd-weights-forgotten", "exact rationals replaced by float64", f"{WEIGHTS}:Weights.row",
          Edit("self.odd[r, j] if (r, j) in self.odd else rational(v)", "rational(v)"),
          suite("test_networks_by_hand:test_one_weight_that_is_no_float_counts")),
    fault("sums-without-odd", "exact rationals replaced by float64", f"{WEIGHTS}:Weights.sums",
          Edit("totals[a][j] += int(coefficients[a, r]) * rest", "pass"),
          suite("test_networks_by_hand:test_one_weight_that_is_no_float_counts")),
    fault("squared-distance-once", "a factor is left out", f"{WEIGHTS}:squared_distance", Edit("(1 if e == f else 2)",
          "1"),
          suite("test_networks_by_hand:test_one_weight_that_is_no_float_counts")),
    fault("row-distances-inward", "outward rounding turned inward", f"{WEIGHTS}:row_distances",
          Edit("np.maximum(distance - error, 0.0), distance + error", "distance + error, distance - error"),
          suite("test_networks_by_hand:test_distances_of_rows_are_enclosed")),
    # --- steps ---
    fault("gate-at-the-kink", "a network's gate at a kink is decided", f"{NEURONS}:Neurons.active",
          Edit("self.signs.signs > 0", "self.signs.signs >= 0"),
               suite("test_networks_by_hand:test_a_neuron_at_its_kink_is_off")),
    fault("kink-without-distance", "margins ignored", f"{NEURONS}:Neurons.distance_at",
          Edit("found.union(Distance(float(low.min()), float(high.min())))", "found"), OMEGA),
    fault("kernel-without-width", "a factor is left out", f"{NEURONS}:Layer._shared",
          Edit("products[x][y] / width", "products[x][y]"), FRACTIONS),
    fault("kernel-of-one-pattern", "a factor is left out", f"{NEURONS}:Layer.kernel",
          Edit("first.T @ second", "first.T @ np.ones_like(second)"), FRACTIONS),
    fault("products-lose-nothing", "what float64 loses is forgotten", f"{NETWORK}:NetworkProblem.products",
          Edit("_radius(v, g)", "0.0"),
          suite("test_networks_by_hand:test_what_float64_loses_of_inner_products_is_known")),
    fault("totals-without-signs", "a sign error", f"{NEURONS}:Layer.signed",
          Edit("patterns * (self.output.T if c == 1", "patterns * (1.0 if c == 1"), FRACTIONS),
    fault("move-merged-wrongly", "a term is left out", f"{NETWORK}:Move.further",
          Edit("coefficients[last[place]] += steps[x]", "coefficients[last[place]] = steps[x]"), BY_HAND),
    fault("steps-uphill", "a sign error", f"{NETWORK}:Point._moved", Edit("values[a] -= sum", "values[a] += sum"),
          BY_HAND),
    fault("doubt-without-size", "undecided is taken for proved", f"{NETWORK}:Point._moved",
          Edit("values[a] += ((-size).union(size)) * problem.shrink", "pass"), OPEN),
    fault("slack-forgotten", "an enclosure's radius is dropped", f"{NETWORK}:Point._slack",
          Edit("(-size).union(size)", "0 * size"), OPEN),
    fault("moved-signs-of-floats", "a network's gate at a kink is decided", f"{NETWORK}:Point._moved_signs",
          Edit("(np.abs(value) > error)", "(np.abs(value) >= 0)"), NEAR),
    fault("moved-distance-of-open", "margins ignored", f"{NETWORK}:Point._moved_signs",
          Edit("here = Distance(0.0, float(bounds(doubt[r, a])[1]))", "here = distance"), OPEN),
    fault("ties-decided-in-balls", "margins ignored", f"{NETWORK}:Point._moved_signs",
          Edit("here = Distance(*bounds(arb(abs(value_exact))))", "here = distance"),
          suite("test_network_steps:test_a_kink_at_the_fourth_iterate_is_found_in_rationals")),
    fault("moved-value-sign", "a sign error", f"{NETWORK}:Point._moved_value",
          Edit("m.number(own) - problem", "m.number(own) + problem"), BELOW),
    fault("open-sign-is-on", "undecided is taken for proved", f"{NETWORK}:_sign",
          Edit("return 0 if value.is_zero() else None", "return 1"), OPEN),
    # --- meta-features ---
    fault("factors-backwards", "the order of factors", f"{KERNEL}:MetaFeatures._coefficients",
          Edit("zip(reversed(self.columns[i]), reversed(self.bends[i]), strict=True)",
               "zip(self.columns[i], self.bends[i], strict=True)"), FLIPPING),
    fault("factors-plus", "a sign error", f"{KERNEL}:MetaFeatures._coefficients",
          Edit("found[j] - change if j in found else -change", "found[j] + change if j in found else change"),
          FLIPPING),
    fault("one-factor-of-several", "K steps with one step's Jacobian", f"{CORE}:FeatureQuantities._curvatures",
          Edit("for z in steps]", "for z in [steps[0]] * len(steps)]"), FLIPPING),
    fault("patterns-of-omega", "a step's patterns for another's", f"{CORE}:FeatureQuantities._features",
          Edit("self._set(self._adapted, self._steps)", "self._set([self._here] * len(self.laws), self._steps)"),
          FLIPPING),
    fault("difference-without-cross", "a term is left out", f"{KERNEL}:MetaFeatures.minus",
          Edit("- mixed - mixed.transpose()", ""), engines()),
    fault("gradient-of-the-features", "the gradient from the meta-features",
          f"{QUANTITIES}:NetworkQuantities._whole_gradient",
          Around(lambda right: lambda self: self._features.paired(self._weighted)), ROUTES),
    fault("misfit-without-slack", "an enclosure's radius is dropped", f"{SPANNED}:SpannedQuantities._misfit",
          Edit("low.union(found.value)", "found.value"),
          suite("test_networks_by_hand:test_dependent_features_have_slack", name="misfit",
                labels=(1, 0, 2), square=fmpq(25, 128))),
    fault("l1-without-slack", "an enclosure's radius is dropped", f"{SPANNED}:SpannedQuantities._l1",
          Edit("if spare.is_zero():", "if True:"),
          suite("test_networks_by_hand:test_dependent_features_have_slack", name="misfit_l1",
                labels=(3, -1, -1), square=fmpq(0))),
    fault("rank-of-few-pivots", "margins ignored", f"{RANK}:RankQuantities.margin_full_row_rank",
          Edit("return arb(-1) if self._certainly_dependent() else arb(0).union(1)", "return arb(1)"),
          suite("test_smooth_network:test_c3_applies_where_the_features_are_independent", activation="tanh",
                inputs=[[1, 2], [-1, -2]], labels=[[1, 0]], eta=fmpq(1, 2), independent=False)),
    fault("joint-margin-of-the-last", "margins ignored", f"{PREDICTIONS}:PredictionQuantities._joint_margin",
          Edit("margin = margin.min(gap)", "margin = gap"),
          suite("test_networks_by_hand:test_the_least_distance_to_a_joint_counts")),
    # --- flips ---
    fault("flips-at-the-start-alone", "error counts off by one", f"{RELU_ERRORS}:ReluErrors._flipped",
          Edit("for here in path\n", "for here in [path[0]] * len(path)\n"), engines()),
    fault("count-off-by-one", "error counts off by one", f"{FLIPS}:_count",
          Edit("arb(max(surely, 0)).union(arb(perhaps))", "arb(max(surely - 1, 0)).union(arb(perhaps - 1))"), REACHED),
    fault("count-strict", "error counts off by one", f"{FLIPS}:_count", Edit("bool(limit >= total)",
          "bool(limit > total)"),
          REACHED),
    fault("count-window-not-asked", "a proposal is trusted", f"{FLIPS}:_count",
          Edit("if (first == 0 or surely >= first) and (last == count or perhaps < last):", "if True:"), PROPOSED),
    fault("worst-window-not-asked", "a proposal is trusted", f"{FLIPS}:_one_sign",
          Edit("if (first == 0 or rises[0] >= 0) and (last == count or rises[-1] <= 0):", "if True:"), PROPOSED),
    fault("sums-unsorted", "a term is left out", f"{FLIPS}:_sums", Edit("others = sorted(", "others = list("),
          PROPOSED),
    fault("count-from-below", "lower and upper end swapped", f"{FLIPS}:_count",
          Edit("arb(max(surely, 0)).union(arb(perhaps))", "arb(max(surely, 0))"),
               suite("test_networks_by_hand:test_a_budget_that_is_open_leaves_the_count_open")),
    fault("count-from-above", "lower and upper end swapped", f"{FLIPS}:_count",
          Edit("arb(max(surely, 0)).union(arb(perhaps))", "arb(perhaps + 1)"), COUNT),
    fault("distances-inward", "outward rounding turned inward", f"{NEURONS}:Neurons.near",
          then(lambda ends: ends[::-1]), suite("test_networks_by_hand:test_distances_from_kinks_are_enclosed")),
    fault("worst-case-of-one-sign", "a term is left out", f"{FLIPS}:worst_cases", Edit("for sign in (1.0, -1.0):",
          "for sign in (1.0,):"),
          ATOM),
    fault("worst-case-without-root", "a factor is left out", f"{FLIPS}:_one_sign",
          Edit("best.max(reach * r - total)", "best.max(reach - total)"), ATOM),
    fault("reach-of-both-signs", "a term is left out", f"{FLIPS}:displacement_bounds", Edit("for sign in (1.0, -1.0):",
          "for sign in (1.0, 1.0):"),
          suite("test_networks_by_hand:test_the_reach_of_negative_neurons_counts")),
    fault("pointwise-without-inner", "a term is left out", f"{ERRORS}:ErrorQuantities._pointwise",
          Edit("+ sizes[x] * moved", ""), engines()),
    fault("pointwise-one-moved", "a factor is left out", f"{ERRORS}:ErrorQuantities._pointwise",
          Edit("2 * bends[x]", "bends[x]"), engines()),
    fault("moves-of-the-first-step", "a step is left out", f"{RELU_ERRORS}:ReluErrors._moves",
          Edit("for here in path[1:]]", "for here in [path[1]] * (len(path) - 1)]"),
               suite("test_networks_by_hand:test_moves_of_every_step_are_known")),
    fault("still-whatever", "a proof is skipped", f"{RELU_ERRORS}:ReluErrors._still", then(lambda still: True),
          engines("arbitrary")),
    # --- floors ---
    fault("ray-of-any-sign", "a range is too narrow", f"{FLOOR}:_least",
          Edit("(-1 in instance.signs, 1 in instance.signs)", "(False, 1 in instance.signs)"), RAYS),
    fault("ray-without-size", "a factor is left out", f"{FLOOR}:prediction_floor", Edit("append((t, atom.y",
          "append((t / t, atom.y"), RAYS),
    fault("reach-without-steps", "the adaptation is left out", f"{FLOOR}:reach",
          Edit("range(adaptation.steps)", "range(0)"), IN_A_BALL),
    fault("reach-of-one-step", "a step is left out", f"{FLOOR}:reach", Edit("range(adaptation.steps)", "range(1)"),
          suite("test_networks_by_hand:test_adapted_networks_stay_within_reach", steps=3)),
    fault("floor-without-error", "a term is left out", f"{FLOOR}:task_risk_floor",
          Edit(" - Balls.magnitude(slope) * worst[x]", ""), IN_A_BALL),
    fault("floor-without-ball", "a term is left out", f"{FLOOR}:task_risk_floor", Edit("return total - arb(budget)",
          "return total - 0 * arb(budget)"),
          IN_A_BALL),
    fault("floor-of-a-loss-that-is-not-convex", "margins ignored", f"{FLOOR}:task_risk_floor",
          Edit("if not loss.profile.convex:", "if False:"),
               suite("test_networks_by_hand:test_a_floor_needs_a_convex_loss")),
    fault("pooled-with-steps", "tasks share what they do not", "metagap.impl.optimum.exact:together",
          Edit("or adaptation.eta != 0 or", "or"),
          suite("test_network_headline:test_tasks_without_a_step_share_one_network")),
    # --- smooth networks ---
    fault("smooth-fold-left-out", "a term is left out", f"{SMOOTH}:SmoothQuantities._stepped",
          Edit("if step.pulls is not None:", "if False:"), smooth_engines()),
    fault("smooth-factors-backwards", "the order of factors", f"{SMOOTH}:SmoothQuantities._through",
          Edit("reversed(steps)", "steps"), SMOOTH_FLIPPING),
    fault("smooth-outer-of-omega", "a step's patterns for another's", f"{CORE}:FeatureQuantities._features",
          Edit("self._set(self._adapted, self._steps)", "self._set([self._here] * len(self.laws), self._steps)"),
          smooth_engines()),
    fault("smooth-gradient-of-the-features", "the gradient from the meta-features",
          f"{SMOOTH}:SmoothQuantities._whole_gradient",
          Around(lambda right: lambda self: self._features.paired(self._weighted)), SMOOTH_ROUTES),
    fault("smooth-gradient-without-gates", "a term is left out", f"{SMOOTH_TAYLOR}:_change",
          Edit("gate * t[1] + bend * t[0]", "gate * t[1]"), FORWARD),
    fault("smooth-coefficient-for-a-derivative", "a derivative for another", f"{SMOOTH_TAYLOR}:_lines",
          Edit("2 * line[2]", "line[2]"), FORWARD),
    fault("smooth-folds-of-one-neuron", "a row for another", f"{SMOOTH}:SmoothQuantities._folded",
          Edit("cycle(weights)", "cycle(weights[: len(xs)])"), smooth_engines()),
    fault("smooth-rows-of-other-inputs", "a row for another", "metagap.impl.models.smooth:Neurons.rows",
          Edit("key = tuple(xs)", "key = (len(xs),)"),
          suite("test_smooth_network:test_features_at_any_places_are_gates_times_inputs")),
    fault("smooth-series-of-another-input", "tasks share what they do not", f"{SMOOTH_TAYLOR}:_lines",
          Edit("at.xs.index(x)", "0"), FORWARD),
    fault("smooth-series-of-another-iterate", "a step's patterns for another's", f"{SMOOTH_TAYLOR}:_change",
          Edit("(id(at), x)", "(0, x)"), FORWARD),
    fault("given-in-fewer-bits", "a rounding unit that is too large", f"{START}:StartQuantities.__init__",
          Edit("self.working(ctx.prec)", "ctx.prec"),
          suite("test_network_judge:test_quantities_have_the_bits_that_verdicts_rely_on", family=SMOOTH_NETWORK)),
    fault("weights-as-decimals", "another number is written", "metagap.impl.instances:fraction",
          Value(replace(fraction, float64=str)),
          suite("test_network_files:test_the_name_is_the_hash_of_the_text_of_every_instance")),
    fault("smooth-gradient-uphill", "a sign error", f"{SMOOTH_TAYLOR}:gradient", Edit("problem.kept(pull) - change",
          "problem.kept(pull) + change"), FORWARD),
    fault("smooth-pull-for-a-plus", "a sign error", f"{LAYER}:Neurons.pulled", then(lambda table: -table), FORWARD),
    fault("smooth-half-curvature", "a constant is too small", f"{SMOOTH_ERRORS}:SmoothErrors._curvature",
          then(lambda c: c / 2), smooth_engines("drift")),
    fault("smooth-displacement-bare", "an enclosure's radius is dropped",
          "metagap.impl.models.changes:moves",
          then(bare), suite("test_networks_by_hand:test_displacements_contain_the_exact_value")),
    fault("smooth-remainder-half", "a constant is too small", f"{FLOOR}:Centre.worst",
          Edit("(self.problem.output[0][0]) / 2", "(self.problem.output[0][0]) / 4"), SMOOTH_BALL),
    fault("smooth-range-of-tanh", "a range is too narrow", f"{FLOOR}:_least",
          Edit("root(arb(instance.width))", "root(arb(instance.width)) / 2"),
          suite("test_smooth_network_headline:test_the_range_of_the_networks_bounds_the_risk_exactly")),
    fault("smooth-value-at-0", "a factor is left out", f"{FLOOR}:_at_zero",
          Edit("sum(instance.signs) / root(arb(instance.width))", "sum(instance.signs)"),
          suite("test_smooth_network_headline:test_the_range_of_the_networks_bounds_the_risk_exactly")),
    # --- shortcuts ---
    fault("float64-decides-between-points", "a proposal is trusted",
          "metagap.impl.optimum.networks.bracket:NetworkHeadline.assembled",
          Edit("~(levels > least + ALIKE * (1 + abs(least)))", "~(levels > least)"),
          suite("test_network_headline:test_balls_decide_between_points_that_float64_does_not_tell_apart")),
    fault("nearest-neurons-too-few", "a term is left out", "metagap.impl.optimum.networks.rates:worst_at_atom",
          Edit("if below.all() or", "if True or"),
          suite("test_network_rates:test_the_nearest_neurons_are_enough", reach=1.0)),
)  # fmt: skip
