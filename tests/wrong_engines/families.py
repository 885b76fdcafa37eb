"""Wrong checkers of networks and policies: ranges that are too narrow, cells and boxes that are left out."""

from __future__ import annotations

from typing import Any

from .numbers import then
from .planting import Around, Edit, Fault, Value, suite

NETWORKS, POLICIES = "metagap.impl.optimum.networks.check", "metagap.impl.policies.check"
BEST = suite("test_family_checkers_by_hand:test_best_predictions_are_proved_and_no_others")
CELLS = suite("test_family_checkers_by_hand:test_cells_are_proved_and_no_others")
SUPREMA = suite("test_family_checkers_by_hand:test_suprema_are_proved_and_no_others")


def fault(name: str, kind: str, place: str, wrong: Around | Edit | Value, guard: Any) -> Fault:
    return Fault(f"check-{name}", kind, place, wrong, guard)


FAMILY_FAULTS = (
    fault("predictions-open", "undecided is taken for proved", f"{NETWORKS}:check_predictions",
          Edit("total >= arb(rational(lower))", "not total < arb(rational(lower)) - 1e-3"), BEST),
    fault("predictions-without-weights", "task weights are left out", f"{NETWORKS}:check_predictions",
          Edit("total += weight * _least", "total += _least"), BEST),
    fault("predictions-of-the-proposal", "a proposal is trusted", f"{NETWORKS}:_least",
          Edit("value - steep * step", "value"), BEST),
    fault("predictions-of-any-slope", "a proof is skipped", f"{NETWORKS}:_least",
          Edit("slope(left) < 0\n", "True\n"), BEST),
    fault("predictions-of-one-sign", "a range is too narrow", f"{NETWORKS}:_Kind.__init__",
          Edit("None if -1 in instance.signs else arb(0)", "arb(0)"), BEST),
    fault("predictions-of-tanh", "a range is too narrow", f"{NETWORKS}:_Kind.__init__",
          Edit("limit = root(arb(instance.width))", "limit = root(arb(instance.width)) / 2"), BEST),
    fault("predictions-of-each-input", "tasks share what they do not", f"{NETWORKS}:_Kind.place",
          Edit("tuple(str(v / abs(first)) for v in x), abs(first)", "'ray', abs(first)"),
          suite("test_family_checkers_by_hand:test_inputs_share_a_slope_along_their_ray_alone")),
    fault("predictions-shared-with-steps", "tasks share what they do not", f"{NETWORKS}:_tasks",
          Edit("if instance.adaptation.eta != 0:", "if False:"), BEST),
    fault("predictions-apart-without-steps", "tasks share what they do not", f"{NETWORKS}:_tasks",
          Edit("if instance.adaptation.eta != 0:", "if True:"), BEST),
    fault("cells-of-one-sign", "a checker that skips a leaf", f"{NETWORKS}:check_cells",
          Edit("itertools.product((1, -1), repeat=len(outputs))", "itertools.product((1,), repeat=len(outputs))"),
          suite("test_family_checkers_by_hand:test_cells_of_every_sign_are_asked")),
    fault("cells-not-asked", "a checker that skips a leaf", f"{NETWORKS}:_cell_is_above", then(lambda above: True),
          CELLS),
    fault("cells-of-any-multiplier", "a proof is skipped", f"{NETWORKS}:_cell_is_above",
          Edit("and all(f >= 0 for f in multipliers)", ""), CELLS),
    fault("cells-value-below", "a proof is skipped", f"{NETWORKS}:_cell_is_above",
          Edit("or cell.value(found[0]) < least", ""), CELLS),
    fault("cells-are-empty", "a proof is skipped", f"{NETWORKS}:_excludes",
          Edit("all(f >= 0 for f in factors) and constant <= 0", "constant <= 0"), CELLS),
    fault("cells-without-step", "the adaptation is left out", f"{NETWORKS}:_Cell.__init__",
          Edit("instance.adaptation.eta / instance.width", "0 * instance.adaptation.eta / instance.width"),
          suite("test_family_checkers_by_hand:test_cells_know_the_step")),
    fault("suprema-any-bound", "a checker that skips a leaf", f"{POLICIES}:check",
          Edit("if bound <= upper:", "if True:"), SUPREMA),
    fault("suprema-truncated", "a checker that accepts a truncated tree", f"{POLICIES}:check",
          Edit('return Check(False, "the tree ends before it covers the parameters")', "break"), SUPREMA),
    fault("suprema-more-tree", "a checker that accepts a truncated tree", f"{POLICIES}:check",
          Edit("if place != len(tree):", "if False:"), SUPREMA),
    fault("suprema-too-deep", "a checker that skips a leaf", f"{POLICIES}:check",
          Edit("if depth + 1 >= EXTRA_DEPTH:",
               "if depth + 1 >= EXTRA_DEPTH:\n                continue\n            if False:"), SUPREMA),
    fault("suprema-out-of-time", "a checker that skips a leaf", f"{POLICIES}:check",
          Edit('return Check(False, "out of time", done, extra)', "break"), SUPREMA),
    fault("suprema-one-half", "a checker that skips a leaf", f"{POLICIES}:check",
          Edit("for half in halves(box)]", "for half in halves(box)[:1]]"), SUPREMA),
)  # fmt: skip
