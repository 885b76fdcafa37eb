"""A rate for each parameter and weight decay: forgotten, exchanged or half done, each with the test that notices it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flint import fmpq

from .planting import Edit, Fault, suite

OWN, OPTIMUM = "metagap.impl.supervised", "metagap.impl.optimum"
FLOAT = f"{OWN}.batch_quantities:BatchQuantities"
TEST = "test_rates:test_"


def guard(name: str, **given: Any) -> Any:
    return suite(f"{TEST}{name}", **given)


RATES, DECAY, SAME = guard("rates_by_hand"), guard("decay_by_hand"), guard("rates_that_do_nothing_are_none")
EXPANDS = guard("no_step_expands_by_more_than_its_bound", rates=(fmpq(1), fmpq(0)), decay=fmpq(0))
FLOATS, TORCH = guard("both_engines_agree", variant="log-cosh"), guard("torch_says_the_same")
LINE = guard("taylor_along_a_line_has_the_gradient", kind="both")
FILES, BAD = (
    guard("a_file_is_read_as_it_was_written", kind="both"),
    suite(f"{TEST}bad_rates_are_refused_in_one_line", name="too few"),
)
HOLDS, FADES = (guard("what_encloses_the_objective_holds_its_value", kind=kind) for kind in ("two steps", "both"))
CONVEX, CONVEX_DECAY = (guard("the_squared_loss_is_certified_by_convexity", kind=kind) for kind in ("rates", "decay"))
REACH = guard("a_step_with_decay_reaches_no_farther_than_its_bound")
LOOPS, FADING = (guard("both_routes_of_loops_hold_the_gradient", kind=kind) for kind in ("two steps", "both"))
NAMED = suite(f"{TEST}the_loop_is_named", kind="decay", name="no-decay", changes={"still": True})
ARRAYS = guard("arrays_take_rates_and_decay")
BACK = suite("test_engines:test_the_gradient_back_through_the_steps_is_that_of_the_features", loss="log-cosh")
RELU, SMOOTH = f"{OWN}.relu", f"{OWN}.smooth"
NETWORK_FEATURES = f"{RELU}.batch_features:FeatureBatchQuantities"
NETWORK_FLOAT = f"{RELU}.batch_quantities:NetworkBatchQuantities"


def networks(name: str, **given: Any) -> Any:
    return suite(f"test_rated_networks:test_{name}", **given)


RATED_BY_HAND, DECAYED_BY_HAND = networks("rates_by_hand"), networks("decay_by_hand")
LINEAR, LINEAR_DECAY = (
    networks("neurons_that_stay_active_are_a_linear_model", kind=kind) for kind in ("both", "decay")
)
TORCH_RELU, TORCH_TANH = (
    networks("torch_says_the_same", kind="both", activation=activation) for activation in ("relu", "tanh")
)
RELU_FLOATS, SMOOTH_FLOATS = (
    networks("both_engines_agree", family=family, loss="log-cosh") for family in ("network", "smooth-network")
)
MIRROR = networks("the_mirror_agrees", kind="both", activation="relu")
PLAIN = networks("what_follows_plain_steps_alone_is_not_asked_of_others")

ROWS: tuple[tuple[str, str, str, Any], ...] = (
    # (place, what is right there, what is wrong, what notices it)
    (f"{OWN}.maml:Problem.paced", "if self._alike:", "if True:", RATES),
    (f"{OWN}.maml:Problem.stepped", "slope if self.decay == 0 else slope + theta * self.decay", "slope", DECAY),
    (f"{OWN}.taylor:along", "(g + problem.decay * t)", "g", LINE),
    (f"{OWN}.taylor:along", "t - rate *", "t - problem.eta *", LINE),
    (f"{OWN}.adaptation:Gradient.canonical", "eta * rates[0], None", "eta, None", SAME),
    (f"{OWN}.quantities:MetaSLQuantities._expansion", "alike + half * (h + decay)", "alike", EXPANDS),
    (f"{OWN}.quantities:MetaSLQuantities._expansion", "1 - middle * decay", "arb(1)", DECAY),
    (f"{OWN}.quantities:MetaSLQuantities.jacobian_deviation", "self._bend + self._decay", "self._bend", DECAY),
    (f"{FLOAT}._factor", "self._pace[:, None, :, None] * h", "self._pace[:, None, None] * h", FLOATS),
    (f"{FLOAT}.gradient", "(self._pace[:, None] * back) @", "(self.batch.rate[:, None, None] * back) @", FLOATS),
    (f"{FLOAT}.gradient", "self._shrunk[:, None] * back", "back", FLOATS),
    (f"{FLOAT}.gradient", "in reversed(self._on_the_way if self.batch.steps else [])",
     "in self._on_the_way if self.batch.steps else []", BACK),
    (f"{FLOAT}._left", "self.features * self._shrunk[:, None]", "self.features", FLOATS),
    (f"{FLOAT}._moved", "self._pace[:, :, None]", "self.batch.rate[:, None, None]", FLOATS),
    (f"{OWN}.core_batch_quantities:CoreBatchQuantities.adapt", "shrunk * here -", "here -", FLOATS),
    (f"{OWN}.tensors:TorchTasks.adapt", "+ decay * theta", "", TORCH),
    (f"{OWN}.tensors:law_tensors", "replace(law[0], p=fmpq(0))", "law[0]", TORCH),
    (f"{OWN}.adaptation:adaptation_field", 'if adaptation.decay != 0 else {}', "if False else {}", FILES),
    (f"{OWN}.document:read_adaptation", "size, f\"give", "min(size, len(given)), f\"give", BAD),
    (f"{OPTIMUM}.boxes:turned", "v * r for", "v for", HOLDS),
    (f"{OPTIMUM}.landscape:_reduced", "arb(1 if rates is None else rates[j])", "arb(1)", HOLDS),
    (f"{OPTIMUM}.stack:Stack.paced", "if self.rates is None", "if True", HOLDS),
    (f"{OPTIMUM}.stack:Stack.back", "turned = self.paced(v)", "turned = v", HOLDS),
    (f"{OPTIMUM}.stack:Stack.back", "less(change, turned, -self.decay)", "change", FADES),
    (f"{OPTIMUM}.stack:Stack.adapted", "less(gradient, here, -self.decay)", "gradient", FADES),
    (f"{OPTIMUM}.stack:Stack.adapted", "here = less(here, gradient, rate)", "here = start", FADES),
    (f"{OPTIMUM}.convex_check:Prover._stepped", "slope + theta * self._decay", "slope", FADES),
    (f"{OPTIMUM}.convex_check:Prover._in_balls", "- w * self._decay", "", FADES),
    (f"{OPTIMUM}.convex_check:Prover._paced", "rate * e for", "e for", HOLDS),
    (f"{OPTIMUM}.convex_check:Prover._hessian", "w = stack.turned(v)", "w = v", CONVEX),
    (f"{OPTIMUM}.convex_check:Prover._hessian", "pulled + stack.fading * w", "pulled", CONVEX_DECAY),
    (f"{OPTIMUM}.many_rows:ManyRows._moved", "[stack.paced(stack.gathered(", "[(stack.gathered(", HOLDS),
    (f"{OPTIMUM}.exact:_reach", "kept * reach +", "reach +", REACH),
    (f"{OPTIMUM}.ball_loops:_adaptation", "None if loop.alike else own.rates", "None", LOOPS),
    (f"{OWN}.maml:Problem.pulled_back", " - moved * self.decay", "", FADING),
    (f"{OPTIMUM}.stack:Stack.without", "None if decay else self.decay", "self.decay", NAMED),
    ("metagap.impl.own_tasks:_rates", "eta * (size // columns)", "eta", ARRAYS),
    # networks
    (f"{RELU}.scales:Scales._factors", "self._adaptation.eta * self._adaptation.decay", "self._adaptation.decay",
     LINEAR),
    (f"{RELU}.scales:ScaledLayer.kernel", "scale + other", "other", LINEAR),
    (f"{RELU}.scales:ScaledLayer.totals", "self.scales.times(weights, scale)", "weights", TORCH_RELU),
    (f"{RELU}.scales:ScaledLayer.kept", "c * self.share", "c", LINEAR_DECAY),
    (f"{RELU}.problem:Point.kept", "KEPT * count", "KEPT", LINEAR),
    (f"{RELU}.problem:Point._scaled_in_floats", "factor * inputs[x]", "inputs[x]", RELU_FLOATS),
    (f"{RELU}.kernel:MetaFeatures.pulling", "else MOVED", "else 0", RATED_BY_HAND),
    (f"{RELU}.kernel:MetaFeatures.of", "MOVED * problem.turned", "0", RATED_BY_HAND),
    (f"{RELU}.kernel:MetaFeatures._coefficients", "j + ahead: c", "j: c", LINEAR),
    (f"{RELU}.kernel:MetaFeatures.confined", "sum(one <= part", "1 + sum(one <= part",
     networks("features_that_share_few_patterns_are_dependent", count=2, wanted=False)),
    (f"{RELU}.taylor:_accumulated", "problem.paced(later)", "later", RATED_BY_HAND),
    (f"{RELU}.taylor:_accumulated", "problem.kept(later)", "later", TORCH_RELU),
    (f"{RELU}.errors:ReluErrors._size_of", "shrunk + pulled", "pulled", DECAYED_BY_HAND),
    (f"{RELU}.smaller:smaller", "for r in keep", "for r in range(len(keep))",
     networks("smaller_networks_keep_the_rates_of_their_neurons")),
    (f"{RELU}.document:read_network", "table.row(r)", "table.row(0)",
     networks("a_file_is_read_as_it_was_written", kind="both", activation="relu")),
    (f"{OWN}.errors:ErrorQuantities._expansion", "+ half * (fade + total)", "", DECAYED_BY_HAND),
    (f"{OWN}.errors:ErrorQuantities._expansion", "abs(1 - middle * fade)", "arb(1)", DECAYED_BY_HAND),
    (f"{OWN}.errors:ErrorQuantities._pointwise", "fastest * self._sum(2", "self._sum(2", MIRROR),
    (f"{OWN}.errors:ErrorQuantities._misfit_with", "update(changes)", "update({})", DECAYED_BY_HAND),
    (f"{SMOOTH}.problem:SmoothProblem.path", "self.kept(here.weights)", "here.weights", TORCH_TANH),
    (f"{SMOOTH}.problem:SmoothProblem.path", "self.paced(pull)", "pull", TORCH_TANH),
    (f"{SMOOTH}.taylor:gradient", "problem.paced(pull)", "pull", TORCH_TANH),
    (f"{SMOOTH}.taylor:gradient", "problem.kept(pull)", "pull", TORCH_TANH),
    (f"{SMOOTH}.quantities:SmoothQuantities._stepped", "problem.kept(rows)", "rows", SMOOTH_FLOATS),
    (f"{SMOOTH}.quantities:SmoothQuantities._stepped", "problem.paced(change) if problem.turned else change", "change",
     SMOOTH_FLOATS),
    (f"{SMOOTH}.rank:_room", "len(set(own)) > 1 and fade != 0", "False",
     networks("rates_and_decay_turn_features_out_of_the_span_of_their_inputs")),
    (f"{NETWORK_FEATURES}._paced", "flat.shape[3]) * flat)", "flat.shape[3]) * 1.0)", RELU_FLOATS),
    (f"{NETWORK_FEATURES}._kept", "rows - fade * self._paced(rows)", "rows - fade * rows", RELU_FLOATS),
    (f"{NETWORK_FLOAT}._expansion", "alike + half * (fade + total)", "alike", RELU_FLOATS),
    (f"{OWN}.tensors:TorchTasks.adapt", "decay * theta", "0.0 * theta", TORCH_TANH),
    (f"{OPTIMUM}.networks.floor:reach", "kept * radius + lost", "radius", DECAYED_BY_HAND),
    (f"{OPTIMUM}.networks.linearised:linearised_optimum", "if not instance.adaptation.plain:", "if False:", PLAIN),
    (f"{OPTIMUM}.networks.check:check_cells", "instance.adaptation.plain and ", "", PLAIN),
    (f"{OPTIMUM}.networks.optima:infimum", "adaptation.plain and ", "", PLAIN),
)  # fmt: skip


def _faults() -> Iterator[Fault]:
    for number, (place, right, wrong, notices) in enumerate(ROWS):
        name = place.split(":")[-1].strip("_").replace("._", ".").replace(".", "-").replace("_", "-").lower()
        yield Fault(f"rates-{number}-{name}", "rates and decay of a step", place, Edit(right, wrong), notices)


RATED = tuple(_faults())
