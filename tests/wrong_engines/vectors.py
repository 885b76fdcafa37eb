"""Several outputs: components forgotten, exchanged or uncoupled, each with the test that notices it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flint import fmpq
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.vector_losses import VectorLoss

from .planting import Edit, Fault, suite

OWN, OPTIMUM, LOSS = "metagap.impl.supervised", "metagap.impl.optimum", "metagap.impl.vector_losses"
MODELS, PROFILE = "metagap.impl.models", "metagap.impl.profiles:Softmax"
TEST = "test_vectors:test_"
SOFTMAX, TARGETS = VectorLoss("softmax", outputs=3), VectorLoss("squared", outputs=2)


def guard(name: str, **given: Any) -> Any:
    return suite(f"{TEST}{name}", **given)


def optimum(name: str, **given: Any) -> Any:
    return suite(f"test_vector_optima:test_{name}", **given)


def guard_of(name: str, **given: Any) -> Any:
    return suite(f"test_vector_networks:test_{name}", **given)


CONSTANTS = guard("the_constants_of_softmax_bound_and_are_attained_or_approached")
TORCH = guard("softmax_is_torchs_cross_entropy_with_its_derivatives")
DIVERGENCE = guard("the_divergence_is_a_sum_that_is_never_negative", loss=SOFTMAX)
LOGISTIC, BY_HAND = guard("two_classes_are_the_logistic_loss"), guard("targets_by_hand")
CLAIMS, FLOATS = (guard(name, variant="softmax") for name in
                  ("core_claims_hold_and_nothing_is_violated", "both_engines_agree"))  # fmt: skip
FILES = guard("a_file_is_read_as_it_was_written", loss=TARGETS)
BRACKET = optimum("the_optimum_of_softmax_is_certified_where_it_is_convex_and_bracketed_elsewhere")
ENTROPY = optimum("no_functions_do_better_than_the_entropy")
POINTS = guard("the_mirror_agrees", loss=SOFTMAX, adaptation=Gradient(fmpq(1, 4)))
LARGEST = optimum("where_softmax_is_called_convex_it_is", steps=1)
THRESHOLD = optimum("one_point_of_softmax_is_convex_up_to_c8s_threshold")
TANGENT = optimum("the_gradient_of_the_convex_floor_is_that_of_taylor")
LOOPS = optimum("loops_of_coupled_outputs_are_those_of_the_table_where_nothing_couples",
              adaptation=Gradient(fmpq(1, 8), 2), split=False)  # fmt: skip
NEURON, DOUBLE = (
    guard_of("a_neuron_with_two_outputs_by_hand"),
    guard_of("one_output_twice_is_the_squared_loss_twice", kind="relu"),
)
NETWORKS, SMOOTH = (guard_of("core_claims_hold_and_nothing_is_violated", family=f, variant="softmax")
                    for f in ("network", "smooth-network"))  # fmt: skip
MIRROR = guard_of("the_mirror_agrees", loss=SOFTMAX, kind="relu")
HEADS, DEPENDENT = (guard_of(name) for name in
                    ("an_open_sign_is_decided_in_rationals", "dependent_signs_are_dependent_features"))  # fmt: skip

MEANS, STEPS, CLASSES = (
    guard_of("tasks_that_move_neurons_alike_have_dependent_features", case=case)
    for case in ("one mean", "no class 0, two steps", "class 0")
)
BOTH_KINDS = guard_of("two_classes_need_neurons_of_both_kinds", kind="still")

ROWS: tuple[tuple[str, str, str, Any], ...] = (
    # (place, what is right there, what is wrong, what notices it)
    (f"{PROFILE}.constants", "Constants(root, arb(1) / 2,", "Constants(arb(1), arb(1) / 2,", CONSTANTS),
    (f"{PROFILE}.constants", "arb(1) / 2,", "arb(1) / 4,", CONSTANTS),
    (f"{PROFILE}.constants", "root / (3 * arb(3).sqrt())", "1 / (6 * arb(3).sqrt())", CONSTANTS),
    (f"{PROFILE}.constants", "root, arb(0))", "arb(1), arb(0))", CONSTANTS),
    (f"{PROFILE}.d2", "-q[a] * q[b]", "0 * q[b]", TORCH),
    (f"{LOSS}:VectorLoss.label", "y == a", "y + 1 == a", LOGISTIC),
    (f"{LOSS}:VectorLoss.value", "a - own for a in z", "a for a in z", TORCH),
    (f"{LOSS}:VectorLoss.bregman", "q - p)", "p - q)", DIVERGENCE),
    (f"{LOSS}:VectorLoss.bregman", "p.exp()", "q.exp()", DIVERGENCE),
    (f"{LOSS}:_excess", "square(t) / 2", "square(t)", DIVERGENCE),
    (f"{OWN}.maml:Risks._law", "for a in range(c)}", "for a in range(1)}", BY_HAND),
    (f"{OWN}.maml:Risks._law", "x * c + a: p for", "x * c + a: p / c for", FLOATS),
    (f"{OWN}.maml:bent", "t + bend * v", "t + 0 * bend * v", CLAIMS),
    (f"{OWN}.maml:Risks.curvatures", "t + p * bend for", "p * bend for", CLAIMS),
    (f"{OWN}.taylor:slope_rows", "zip(rows[a][1:], z[x][b][1:]", "zip(rows[a][1:], z[x][0][1:]", CLAIMS),
    (f"{OWN}.taylor:slope_rows", "if b == 0 else", "if b >= 0 else", CLAIMS),
    (f"{OWN}.taylor:_lines", "int(a == b)", "int(a <= b)", CLAIMS),
    (f"{OWN}.instance:MetaSLInstance.rows", "fmpq(0),)", "fmpq(1),)", BY_HAND),
    (f"{OWN}.core_quantities:FeatureQuantities._l1_blocks", "x // self.problem.loss.outputs", "x", POINTS),
    (f"{OWN}.core_batch_quantities:CoreBatchQuantities._turned", "bends @", "bends * np.eye(self._c) @", FLOATS),
    (f"{OWN}.vector_batch:VectorQuantities._psi", "-1, -2) @ blocks", "-1, -2) @ blocks[:, ::-1]", FLOATS),
    (f"{OWN}.document:read_label", "return exact_row(given, field)", "return exact_row(given[::-1], field)", FILES),
    (f"{OPTIMUM}.spread:of_one_output", "atom.x * c + a, y,", "atom.x * c + c - 1 - a, y,",
     guard("targets_are_problems_of_their_own", adaptation=Gradient(fmpq(1, 4)))),
    (f"{OPTIMUM}.vector_convexity:_stays", "constants.kappa * eta", "0 * eta", THRESHOLD),
    (f"{OPTIMUM}.vector_convexity:unknown", "adaptation.eta > 0 and", "", LARGEST),
    (f"{OPTIMUM}.vector_convexity:unknown", "if split(instance):", "if False:", BRACKET),
    (f"{OPTIMUM}.vector_convexity:tangent_floor", "- arb(radius) * norm(slope.entries())", "", BRACKET),
    (f"{OWN}.maml:Problem.pulled_back", "reversed(path[:-1])", "path[:0]", TANGENT),
    (f"{OWN}.maml:Problem.pulled_back", "reversed(path[:-1])", "path[1:-1]", LOOPS),
    (f"{OPTIMUM}.ball_loops:BallField._at", "total + slope", "slope", LOOPS),
    (f"{MODELS}.relu:Layer.signed", "[place % c for", "[0 * place for", NEURON),
    (f"{MODELS}.relu:Layer.of", "place // c", "place % (len(self.inputs.rows))", DOUBLE),
    (f"{OWN}.relu.problem:Point._moved_value", "int(signs[x % len(signs)])", "int(signs[0])", HEADS),
    (f"{OWN}.relu.kernel:MetaFeatures._coefficients", "pulls[x - x % len(bends[x]) + b]", "pulls[x]", NETWORKS),
    (f"{OWN}.smooth.taylor:_change", "sum(others, start=first)", "first", SMOOTH),
    (f"{OWN}.smooth.rank:certainly_dependent", "< len(output)", "< 0", DEPENDENT),
    (f"{OWN}.errors:ErrorQuantities._sizes_of", "reduce(arb.max,", "reduce(arb.min,", MIRROR),
    (f"{OWN}.errors:ErrorQuantities._sizes_of", "map(Balls.magnitude, row)", "row[:1]", MIRROR),
    (f"{MODELS}.smooth:SmoothLayer.gates", "for b in signs", "for b in signs[::-1]", SMOOTH),
    (f"{MODELS}.document:read_signs", "in enumerate(rows)", "in enumerate(rows[::-1])",
     guard_of("a_file_is_read_as_it_was_written", loss=SOFTMAX, kind="relu")),
    (f"{OPTIMUM}.networks.floor:functions_floor", "total += task.weight * apart / 2", "total += task.weight * apart",
     guard_of("no_functions_are_below_the_floor_and_its_own_attain_it", loss=TARGETS)),
    (f"{OPTIMUM}.networks.floor:functions_floor", "total -= task.weight * mass", "total -= task.weight",
     guard_of("no_functions_are_below_the_floor_and_its_own_attain_it", loss=SOFTMAX)),
    (f"{OPTIMUM}.exact:_entropy", "total / p", "2 * total / p", ENTROPY),
    (f"{OPTIMUM}.exact:together", "a.p * task.weight", "a.p", BRACKET),
    (f"{OWN}.smooth.rank:_move_alike", "sign * atom.p * t for", "atom.p * t for", MEANS),
    (f"{OWN}.smooth.rank:_move_alike", "alone < loss.outputs and", "", CLASSES),
    (f"{OWN}.smooth.rank:_move_alike", "(instance.adaptation.steps == 1 or not moved)", "True", STEPS),
    (f"{OWN}.smooth.rank:certainly_dependent", "if (b[0] == b[1]) == still", "", BOTH_KINDS),
)  # fmt: skip


def _faults() -> Iterator[Fault]:
    for number, (place, right, wrong, notices) in enumerate(ROWS):
        name = place.split(":")[-1].strip("_").replace("._", ".").replace(".", "-").replace("_", "-").lower()
        yield Fault(f"outputs-{number}-{name}", "components of an output", place, Edit(right, wrong), notices)


VECTORS = tuple(_faults())
