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

ROWS: tuple[tuple[str, str, str, Any], ...] = (
    # (place, what is right there, what is wrong, what notices it)
    (f"{OWN}.maml:Problem.paced", "if self._alike:", "if True:", RATES),
    (f"{OWN}.maml:Problem.stepped", "slope if self.decay == 0 else slope + theta * self.decay", "slope", DECAY),
    (f"{OWN}.taylor:along", "(g + problem.decay * t)", "g", LINE),
    (f"{OWN}.taylor:along", "t - rate *", "t - problem.eta *", LINE),
    (f"{OWN}.adaptation:Gradient.canonical", "eta * rates[0], None", "eta, None", SAME),
    (f"{OWN}.quantities:MetaSLQuantities._stretch", "alike + half * (h + decay)", "alike", EXPANDS),
    (f"{OWN}.quantities:MetaSLQuantities._stretch", "1 - middle * decay", "arb(1)", DECAY),
    (f"{OWN}.quantities:MetaSLQuantities.jacobian_deviation", "self._bend + self.problem.decay", "self._bend", DECAY),
    (f"{FLOAT}._factor", "self._pace[:, None, :, None] * h", "self._pace[:, None, None] * h", FLOATS),
    (f"{FLOAT}._left", "self.features * self._shrunk[:, None]", "self.features", FLOATS),
    (f"{FLOAT}._moved", "self._pace[:, :, None]", "self.batch.rate[:, None, None]", FLOATS),
    (f"{OWN}.core_batch_quantities:CoreBatchQuantities.adapt", "shrunk * here -", "here -", FLOATS),
    (f"{OWN}.tensors:TorchProblem.adapt", "+ decay * theta", "", TORCH),
    (f"{OWN}.adaptation:adaptation_field", 'if adaptation.decay != 0 else {}', "if False else {}", FILES),
    (f"{OWN}.document:read_adaptation", "len(given) != size", "len(given) > size", BAD),
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
    (f"{OPTIMUM}.loops:_Field._taylor", "paces * (slope + moved * decay)", "(slope + moved * decay)", LOOPS),
    (f"{OPTIMUM}.loops:_Field._taylor", "slope + moved * decay", "slope", FADING),
    (f"{OPTIMUM}.stack:Stack.without", "None if decay else self.decay", "self.decay", NAMED),
    ("metagap.impl.own_tasks:_rates", "eta * (size // columns)", "eta", ARRAYS),
)  # fmt: skip


def _faults() -> Iterator[Fault]:
    for number, (place, right, wrong, notices) in enumerate(ROWS):
        name = place.split(":")[-1].strip("_").replace("._", ".").replace(".", "-").replace("_", "-").lower()
        yield Fault(f"rates-{number}-{name}", "rates and decay of a step", place, Edit(right, wrong), notices)


RATED = tuple(_faults())
