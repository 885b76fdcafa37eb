"""Wrong engines of any model: operators that do not enclose, gates that are decided, products and diagnoses."""
# ruff: noqa: E501

from __future__ import annotations

from itertools import count

from metagap.theory.claim import Verdict

from .planting import Edit, Fault, suite

ROOM = "metagap.impl.models.traced"
MAX_POOL = suite("test_traced_operators:test_a_winner_that_is_not_decided_is_every_one_that_may_be")
PRODUCTS = suite("test_traced_products:test_products_contain_for_any_shape_and_scale", shape=(64, 129, 31))
LESSER = suite("test_traced_products:test_products_bound_the_lesser_radius", lesser=0)
SUMS = suite("test_roundings:test_sums_in_any_order_lie_within", n=400)
SINGLE = suite("test_roundings:test_single_operations_and_constants_are_rounded")
WINDOWS, ROWS = (
    suite(
        "test_roundings:test_products_with_windows_are_those_of_the_windows",
        radii=(1e-6, 1e-3),
        across=across,
        groups=1,
    )
    for across in (False, True)
)
TIE = suite("test_tolerance:test_a_tie_of_two_functions_is_a_kink")
CONSTANTS = suite("test_traced_operators:test_decisions_on_constants_are_none")


def contains(name: str, k: int = 0) -> object:
    return suite("test_traced_operators:test_enclosures_contain", name=name, k=k)


def means(name: str, k: int = 0) -> object:
    return suite("test_traced_operators:test_operators_mean_what_pytorch_means", name=name, k=k)


def fault(name: str, kind: str, place: str, old: str, new: str, guard: object) -> Fault:
    return Fault(f"traced-{name}", kind, f"{ROOM}.{place}", Edit(old, new), guard)  # type: ignore[arg-type]


QUOTES = suite("test_traced_inputs:test_an_answer_quotes_no_bound_that_is_not_decided_and_no_number_that_is_none")

FILES = "metagap.impl.traced"
LINE = suite(
    "test_programs:test_a_line_that_is_no_node_is_refused", line="aten.add.Tensor(v0, v4)", words="earlier values"
)
CLAIMS = suite("test_traced:test_every_claim_is_decided_on_a_network_with_support_and_query")
TASKS = "test_traced_tasks:test_"
SHAPES = suite("test_programs:test_a_graph_is_tried_before_it_is_believed")

PAIRED = suite("test_traced:test_the_l1_form_pairs_the_components_of_a_point")


COUNT = count(1)
STATES = suite("test_traced_inputs:test_states_of_another_model_are_refused_and_of_this_one_taken_exactly")


def reals(then: object, words: str) -> object:
    return suite("test_traced_inputs:test_what_is_no_function_of_reals_is_refused", then=then, words=words)


def bends(name: str) -> object:
    return suite("test_traced_convexity:test_what_is_called_convex_is", name=name)


TRACED = (
    Fault("traced-later-values", "a file is believed", "metagap.impl.models.traced.lines:_read", Edit("int(index) < before", "True"), LINE),
    Fault("traced-untried-graphs", "a file is believed", f"{FILES}.document:_tried", Edit("if found != list(shapes):", "if False:"), SHAPES),
    Fault("traced-mse-slope", "a formula is wrong", f"{FILES}.losses:_mse_slope", Edit("(a - b) / len(z)", "(a - b)"), CLAIMS),
    Fault("traced-mse-value", "a formula is wrong", f"{FILES}.losses:_mse", Edit("strict=True)]) / 2", "strict=True)])"), CLAIMS),
    Fault("traced-components-apart", "a bound is too large", f"{FILES}.quantities:TracedQuantities._l1_blocks", Edit("k // c", "k"), PAIRED),
    Fault("traced-points-together", "another bound is told", f"{FILES}.quantities:TracedQuantities._l1_blocks", Edit("k // c", "0"), PAIRED),
    Fault("traced-convex-whatever", "margins ignored", f"{FILES}.quantities:TracedQuantities.margin_outer_convexity", Edit("if self.bregman > 0 or self.bregman < 0:", "if False:"), suite("test_traced_convexity:test_a_divergence_of_0_is_decided_where_there_is_a_reason", risk=lambda z, y: (z.detach() * y).sum(), seed=5, verdict=Verdict.OUTSIDE)),
    Fault("traced-gradient-of-one-task", "a term is left out", f"{FILES}.quantities:TracedQuantities._weighed", Edit("self.s.add(total, part)", "total"), CLAIMS),
    Fault("traced-bound-whatever-its-verdict", "a bound is told that nothing decided", "metagap.impl.traced.asking:advice", Edit("(least := smallest([bound])) is not None and least.bound is not None", "(least := bound).bound is not None"), QUOTES),
    Fault("traced-parts-that-are-no-numbers", "a number that is none is told", "metagap.impl.traced.asking:advice", Edit("all(map(math.isfinite, known))", "True"), QUOTES),
    Fault("traced-odd-rows-adapt", "sets are exchanged", f"{FILES}.episodes:Episodes._mask", Edit("% 2 == 0", "% 2 == 1"), suite(f"{TASKS}the_tasks_of_learn2learn")),
    Fault("traced-split-guessed", "what is not said is guessed", f"{FILES}.episodes:Episodes._collated", Edit("elif stacked is None:", "elif False:"), suite(f"{TASKS}what_is_not_said_is_asked_for_and_what_is_wrong_is_one_line")),
    Fault("traced-test-for-train", "sets are exchanged", f"{FILES}.episodes:Episodes._batch", Edit("for name in names[0]]", "for name in names[0][::-1]]"), suite(f"{TASKS}the_tasks_of_torchmeta", names=("train", "test"))),
    Fault("traced-first-batch-alone", "a term is left out", f"{FILES}.episodes:_points", Edit("torch.cat([x for x, _ in pairs]), torch.cat([y for _, y in pairs])", "pairs[0]"), suite(f"{TASKS}a_loader_for_each_task")),
    Fault("traced-state-forgotten", "omega is not read", f"{FILES}.problem:at_state", Edit("found.load_state_dict(arrays, strict=False)", "arrays = {}"), suite(f"{TASKS}all_three_questions_take_sources_and_states")),
    Fault("traced-once", "a program is believed", f"{FILES}.learner:Learner.graphs", Edit("if lines and any(", "if False and any("), reals(lambda z: z * (1 + 1e-12 * next(COUNT)), "traced again")),
    Fault("traced-overflow-unseen", "a program is believed", f"{FILES}.problem:_replayed", Edit("np.abs(array[np.isfinite(array)])", "np.abs(array)"), reals(lambda z: (1e6 * z).half().double(), "differ from those of its trace")),
    Fault("traced-rounding-unsaid", "what is judged is not said", f"{FILES}.problem:_replayed", Edit("and bool(seen.any())", "and False"), suite("test_traced_inputs:test_that_a_program_rounds_to_less_than_float64_is_said", then=lambda z: z.float() * 3)),
    Fault("traced-cut-unsaid", "what is judged is not said", f"{FILES}.learner:Learner.formal", Edit("for way, slope, most in ways", "for way, slope, most in ways[1:]"), suite("test_traced_inputs:test_parameters_that_move_values_and_have_no_slope_are_said", cut=True)),
    Fault("traced-tied-comparator", "another model is judged", f"{FILES}.problem:_comparator", Edit("if apart:", "if False:"), STATES),
    Fault("traced-foreign-comparator", "another model is judged", f"{FILES}.problem:_comparator", Edit("if foreign:", "if False:"), STATES),
    Fault("traced-tied-state", "another model is judged", f"{FILES}.problem:at_state", Edit("if apart:", "if False:"), STATES),
    Fault("traced-state-rounded", "omega is not read", f"{FILES}.problem:at_state", Edit("found = found.double()", "found = found"), STATES),
    Fault("traced-best-predictions", "a number is called attained", f"{FILES}.asking:certify", Edit("if not isinstance(comparator, Mapping | None):", "if False:"), STATES),
    fault("shapes-that-vary", "a program is believed", "trace:_look", "if not live.isdisjoint(of):", "if False:", reals(lambda z: z * z[z > 0].shape[0], "depends on the parameters")),
    fault("short-integers", "a program is believed", "trace:_look", "if short and new:", "if False:", reals(lambda z: z * (1 + 1e-9 * (z > 9).byte().add(200).add(200)), "less than 64 bits")),
    Fault("traced-open-masks-decided", "an open gate is decided", f"{ROOM}.operators:negation", Edit("~a.yes & ~a.open, a.open", "~a.yes, a.open & False"), contains("logical_not.default")),
    fault("product-unrounded", "rounding is left out", "products:product", "rad = gamma * _norms(left", "rad = 0 * _norms(left", PRODUCTS),
    fault("product-right-radius-alone", "a radius is dropped", "products:_radii", "_stacked(left, moved.move(right_rad + _share(gamma, right))", "_stacked(left, moved.move(_share(gamma, right))", PRODUCTS),
    fault("product-left-radius", "a radius is dropped", "products:_radii", "found = _stacked(left_rad, moved.move(right), positive=True)\n    found +=", "found =", PRODUCTS),
    fault("product-left-radius-alone", "a radius is dropped", "products:_radii", "_stacked(left_rad + _share(gamma, left)", "_stacked(_share(gamma, left)", PRODUCTS),
    fault("product-right-radius", "a radius is dropped", "products:_radii", "right_rad + _share(gamma, right), np.maximum", "_share(gamma, right), np.maximum", suite("test_traced_products:test_products_bound_the_lesser_radius", lesser=1)),
    fault("product-bounded-term", "a radius is dropped", "products:_radii", "found += left_rad.max(-1)[..., :, None] * moved.columns(right, np.add)[..., None, :]", "pass", LESSER),
    fault("product-share-underflows", "rounding is left out", "products:_share", "found += np.minimum(sizes, LEAST)", "pass", suite("test_traced_products:test_products_of_huge_and_subnormal_numbers_contain", both=True)),
    fault("hull-left-out", "an open gate is decided", "systems:System.where", "return self.where(mask.open, self.hull(a, b), decided) if mask.open.any() else decided", "return decided", MAX_POOL),
    fault("winner-decided", "an open gate is decided", "reductions:winners", "rivals = (signs == 2) | (signs == 0)", "rivals = signs == 0", MAX_POOL),
    fault("kink-forgotten", "a kink is not remembered", "evaluate:Run.decided", "if doubtful.any():", "if False:", MAX_POOL),
    fault("kink-of-constants", "a constant is taken for a kink", "evaluate:Run.compared", "if self._live and found.size:", "if found.size:", CONSTANTS),
    fault("hull-of-middles", "a radius is dropped", "middles:Middles.hull", "& (a.rad == 0) & (b.rad == 0)", "& (b.rad == 0)", suite("test_traced_operators:test_hulls_hold_both_and_equal_numbers_stay_exact")),
    fault("sum-radius", "a radius is dropped", "middles:Middles.larger", "np.maximum(a.rad, b.rad)", "np.minimum(a.rad, b.rad)", contains("minimum.default")),
    fault("balls-inward", "outward rounding is left out", "middles:Middles.from_balls", "np.maximum(high - mid, mid - low) * UP", "0 * np.maximum(high - mid, mid - low)", contains("log.default")),
    fault("even-power", "a formula is wrong", "operators:power", "range(abs(int(e)) - 1)", "range(abs(int(e)))", means("pow.Tensor_Scalar", 3)),
    fault("relu-gate", "an open gate is decided", "middles:Middles.larger", "np.where(b.low >= a.high, b.rad, a.rad)", "np.where(b.low >= a.low, b.rad, a.rad)", contains("relu.default")),
    fault("mean-count", "a formula is wrong", "reductions:mean", "run.s.lift(count)", "run.s.lift(count + 1)", means("mean.dim")),
    fault("softmax-axis", "a formula is wrong", "reductions:softmax", "(axis,), True", "(0,), True", means("_softmax.default")),
    fault("pool-outside", "a formula is wrong", "pools:max_pool", "dilation, OUTSIDE)", "dilation, 0.0)", means("max_pool2d_with_indices.default")),
    fault("convolution-groups", "a formula is wrong", "layers:convolution_back", "_by_group(x, groups)", "_by_group(x[::-1], groups)", means("convolution_backward.default")),
    fault("batch-moments", "a formula is wrong", "layers:_moments", "s.lift(float(eps))", "s.lift(0.0)", means("native_layer_norm.default")),
    fault("scatter-twice", "a term is left out", "views:scatter_added", "run.s.add(there, rest)", "rest", means("scatter_add.default")),
    fault("solution-residual", "a bound is too small", "middles:Middles.solve", "rest + share * rest.max(-2, keepdims=True)", "0 * rest", contains("_linalg_solve_ex.default")),
    fault("solution-far-inverse", "a bound is too small", "middles:Middles.solve", "np.where(most < 1, most / (1 - most) * UP, np.nan)", "0 * most", suite("test_traced_programs:test_a_singular_system_is_not_enclosed")),
    fault("factor-above", "a formula is wrong", "solves:factored", "triangular(run, lower, b, upper=False)", "run.s.solve(lower, b)", means("cholesky_solve.default")),
    fault("pivot-left-out", "a term is left out", "solves:cholesky", "rest = s.sub(rest, s.mul(below,", "rest = s.add(rest, s.mul(below,", means("linalg_cholesky_ex.default")),
    fault("steps-decided", "an open gate is decided", "operators:steps", "(signs[0] == 1) & (signs[1] == 1)", "signs[0] != 3", contains("floor.default")),
    fault("steps-of-trunc", "a formula is wrong", "operators:steps", "np.where(found > 0, found, found - 1)", "found", suite("test_traced_operators:test_steps_towards_zero_have_one_piece_about_it")),
    fault("infinities-finite", "an infinity is taken for a number", "operators:_against_infinity", "np.where(own == side, 0, 2)", "-side", suite("test_traced_programs:test_infinities_are_told_from_numbers_where_they_are_exact")),
    fault("sums-at-once", "a term is left out", "views:added_at", "turn == k", "turn >= k", means("index_put.default", 1)),
    fault("any-of-open", "an open gate is decided", "reductions:some", "answered(np.asarray(certain), np.asarray(possible & ~certain))", "np.asarray(certain)", suite("test_traced_operators:test_any_and_all_have_three_values")),
    fault("norm-of-sums", "a formula is wrong", "reductions:norm", "s.sum(size, chosen, keep)", "s.sum(x, chosen, keep)", means("linalg_vector_norm.default", 1)),
    fault("convolution-turned", "a formula is wrong", "layers:_spread", "np.flip(w, tuple(range(2, w.ndim)))", "w", means("convolution_backward.default")),
    fault("transposed-roles", "a formula is wrong", "layers:convolution_back", "convolution(run, slope, weight, None,", "convolution(run, slope, each(np.negative, weight), None,", means("convolution_backward.default", 1)),
    fault("pool-shares", "a formula is wrong", "pools:_shares", "1.0 if counted else 0.0", "0.0", means("avg_pool2d.default", 1)),
    fault("users-are-nobody", "an operation is lost", "trace:nobodys", "all(home.startswith(OWN) for home in homes)", "True", suite("test_traced_programs:test_users_lines_are_kept_wherever_there_is_a_user")),
    fault("hooks-are-nobody", "an operation is lost", "trace:nobodys", "not hooked and ", "", suite("test_traced_programs:test_users_lines_are_kept_wherever_there_is_a_user")),
    fault("writes-forgotten", "an operation is lost", "trace:_writes", "schema.is_mutable", "False", suite("test_traced_programs:test_in_place_operations_inside_decompositions_are_kept")),
    fault("graph-attributes", "what differs is taken for equal", "graph:simplified", "key = repr((new.op, new.args, sorted((new.named or {}).items())))", "key = repr((new.op, new.args))", suite("test_traced_operators:test_equal_operations_are_done_once_and_others_are_not")),
    fault("convex-turned", "a sign is forgotten", "convexity:Bend.turned", "Bend(self.concave, self.convex)", "self", bends("concave")),
    fault("convex-multiples", "a sign is forgotten", "convexity:_Bent._multiple", "bend.turned if (signs <= 0).all() else NONE", "bend", bends("shares of two signs")),
    fault("convex-odd-powers", "a formula is wrong", "convexity:_Bent._bend", "power % 2 == 0", "power > 1", bends("third powers")),
    fault("convex-of-convex", "an argument is not looked at", "convexity:_Bent._bend", "(even or cup) and every.affine", "(even or cup) and every.convex", bends("a square of a square less one")),
    fault("convex-gates", "an argument is not looked at", "convexity:_Bent._bend", "not self._varies(args[0]):", "True:", bends("a gate of z")),
    fault("convex-logarithms", "an argument is not looked at", "convexity:_Bent._bend", "every.log and kind in", "kind in", bends("logarithms of squares")),
    fault("convex-summands", "a sign is forgotten", "convexity:_Bent._summand", "bool(((signs == 0) | (signs == 1)).all())", "True", bends("logarithms of less than 1")),
    fault("convex-exponentials", "an argument is not looked at", "convexity:_Bent._bend", 'kind == "exp" and every.convex', 'kind == "exp"', bends("exponentials of concave")),
    fault("convex-labels", "a sign is forgotten", "convexity:_Bent._bend", "Bend(False, every.affine)", "Bend(every.affine, False)", bends("no label")),
    fault("convex-clamps", "a bound is forgotten", "convexity:_clipped", "of.convex and high is None", "of.convex", bends("clamped on both sides")),
    fault("convex-slopes", "a condition is dropped", "convexity:_clipped", "0 <= low <= 1", "True", bends("steep leaky")),
    fault("convex-alpha", "a sign is forgotten", "convexity:_Bent._bend", '== (kind == "add")', "", bends("alpha")),
    fault("window-sums", "a term is left out", "layers:_columns", "axis=2)", "axis=2)[:, :, ::-1]", WINDOWS),
    fault("window-rows", "a term is left out", "layers:_rows", "join.reduce(x, axis=0, keepdims=True)", "x[:1]", ROWS),
    fault("pieces-apart", "a term is left out", "pools:folded", "apart = all(", "apart = True or all(", means("avg_pool2d_backward.default")),
    fault("rounding-sums", "a rounding is left out", "roundings:AnyOrder.sum", "self.form.gamma(count)", "2 * self.form.unit", SUMS),
    fault("rounding-products", "a rounding is left out", "roundings:AnyOrder.product", "product(a, b, gamma, moved)", "product(a, b, 0.0, moved)", SUMS),
    fault("rounding-wide-factors", "a rounding is left out", "roundings:AnyOrder.product", "found.rad * (1 + gamma) * UP", "found.rad", suite("test_roundings:test_wide_factors_are_rounded_too")),
    fault("rounding-begun-sums", "a rounding is left out", "roundings:AnyOrder.joined", "self.form.gamma(terms + 1) * a.size", "0 * a.size", SUMS),
    fault("rounding-constants", "a rounding is left out", "roundings:AnyOrder.of", "if (size * lost > 0).any() else exact", "if False else exact", SINGLE),
    fault("rounding-underflow", "a rounding is left out", "roundings:AnyOrder._rounded", "+ self.form.least * (size + a.rad > 0)", "", SINGLE),
    fault("partial-sums", "a bound is too small", "roundings:_partial", "(terms / 3 + 1) * total**2", "total**2", suite("test_roundings:test_partial_sums_of_all_orders", n=6)),
    fault("small-replays", "a bound is too small", "roundings:confidence", "math.log(4 / alpha) * c", "math.log(4 / alpha)", suite("test_roundings:test_the_chance_is_that_of_both_steps", alpha=1e-6, replays=6)),
    fault("replays-decide", "a decision is not kept", "roundings:Drawn.chosen", "return next(self._taken)", "return signs", suite("test_tolerance:test_a_unit_that_rounding_closes_is_explained")),
    fault("decisions-not-turned", "a right gradient is refused", "roundings:Turned.chosen", "np.where(found.flat[own] == 1, -1, 1)", "found.flat[own]", suite("test_roundings:test_a_decision_that_is_turned_is_taken_the_other_way")),
    fault("every-entry-alike", "an open gate is decided", "alike:_joined", "return _distinct(np.stack([np.broadcast_to(x, shape).ravel() for x in parts]), shape)", "return np.ones(shape, int)", TIE),
    fault("windows-by-their-sums", "an open gate is decided", "alike:_convolved", "_distinct(own,", "_distinct(own.sum(0, keepdims=True),", TIE),
    fault("padding-is-no-zero", "what is equal is taken for different", "alike:numbers", "np.where(value == 0, 0, _distinct(value.reshape(1, -1), value.shape))", "_distinct(value.reshape(1, -1), value.shape)", suite("test_tolerance:test_blank_windows_tie_freely")),
    Fault("traced-doubt-left-out", "it is not said that a dtype cannot tell", "metagap.impl.traced.diagnosing:_said", Edit("alike = tuple(", "alike = () and tuple("), suite("test_tolerance:test_what_a_dtype_cannot_tell_is_said", dtype="float32")),
    Fault("traced-no-tolerance", "a right gradient is refused", "metagap.impl.traced.diagnosing:_turned", Edit("chosen, far = [*chosen, entry], near", "pass"), suite("test_tolerance:test_a_unit_that_rounding_closes_is_explained")),
    Fault("traced-any-distance", "a wrong gradient is called right", "metagap.impl.traced.tolerance:Tolerance.explains", Edit("far <= self.proved and far <= self.expected", "far <= self.proved"), suite("test_tolerance:test_what_no_order_explains_is_unknown_and_so_is_what_is_not_expected")),
    Fault("traced-named-beside-itself", "one candidate is named several times", "metagap.impl.traced.diagnosing:_explained", Edit("once.setdefault(e.one.kind or e.one.words, e)", "once[f'{len(once)}'] = e"), suite("test_tolerance:test_a_rate_is_named_once_and_by_the_roundest_number")),
    Fault("traced-nothing-has-neighbours", "a neighbour at a distance of 1 is named", "metagap.impl.traced.diagnosing:_said", Edit("far.lo >= NEAR", "False"), suite("test_tolerance:test_what_has_no_neighbour_is_given_none")),
    Fault("blas-known-sizes", "a product is not compared", "metagap.impl.blas:product", Edit("size = found.sum(1)", "size = 1e9 * found.sum(1)"), suite("test_roundings:test_known_sizes_hide_no_wrong_entry", known="positive")),
)  # fmt: skip
"""Faults of the rooms `models.traced`."""
