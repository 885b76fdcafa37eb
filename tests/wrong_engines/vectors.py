"""Several outputs: components forgotten, exchanged or uncoupled, each with the test that notices it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flint import fmpq
from metagap.impl.supervised.adaptation import Gradient
from metagap.impl.vector_losses import VectorLoss

from .planting import Edit, Fault, suite

OWN, OPTIMUM, LOSS = "metagap.impl.supervised", "metagap.impl.optimum", "metagap.impl.vector_losses"
TEST = "test_vectors:test_"
SOFTMAX, TARGETS = VectorLoss("softmax", outputs=3), VectorLoss("squared", outputs=2)


def guard(name: str, **given: Any) -> Any:
    return suite(f"{TEST}{name}", **given)


CONSTANTS = guard("the_constants_of_softmax_bound_and_are_attained_or_approached")
TORCH = guard("softmax_is_torchs_cross_entropy_with_its_derivatives")
DIVERGENCE = guard("the_divergence_is_a_sum_that_is_never_negative", loss=SOFTMAX)
LOGISTIC, BY_HAND = guard("two_classes_are_the_logistic_loss"), guard("targets_by_hand")
CLAIMS, FLOATS = (guard(name, variant="softmax") for name in
                  ("core_claims_hold_and_nothing_is_violated", "both_engines_agree"))  # fmt: skip
FILES = guard("a_file_is_read_as_it_was_written", loss=TARGETS)
BRACKET = guard("the_optimum_of_softmax_is_certified_without_adaptation_and_bracketed_with")
ENTROPY = guard("no_functions_do_better_than_the_entropy")
POINTS = guard("the_mirror_agrees", loss=SOFTMAX, adaptation=Gradient(fmpq(1, 4)))

ROWS: tuple[tuple[str, str, str, Any], ...] = (
    # (place, what is right there, what is wrong, what notices it)
    (f"{LOSS}:Softmax.constants", "Constants(root, arb(1) / 2,", "Constants(arb(1), arb(1) / 2,", CONSTANTS),
    (f"{LOSS}:Softmax.constants", "arb(1) / 2,", "arb(1) / 4,", CONSTANTS),
    (f"{LOSS}:Softmax.constants", "root / (3 * arb(3).sqrt())", "1 / (6 * arb(3).sqrt())", CONSTANTS),
    (f"{LOSS}:Softmax.constants", "root, arb(0))", "arb(1), arb(0))", CONSTANTS),
    (f"{LOSS}:Softmax.d2", "-q[a] * q[b]", "0 * q[b]", TORCH),
    (f"{LOSS}:VectorLoss.label", "y == a", "y + 1 == a", LOGISTIC),
    (f"{LOSS}:VectorLoss.value", "a - own for a in z", "a for a in z", TORCH),
    (f"{LOSS}:VectorLoss.bregman", "q - p)", "p - q)", DIVERGENCE),
    (f"{LOSS}:VectorLoss.bregman", "p.exp()", "q.exp()", DIVERGENCE),
    (f"{LOSS}:_excess", "square(t) / 2", "square(t)", DIVERGENCE),
    (f"{OWN}.vectors:VectorProblem._law", "for a in range(c)}", "for a in range(1)}", BY_HAND),
    (f"{OWN}.vectors:VectorProblem._law", "x * c + a: rho for", "x * c + a: rho / c for", FLOATS),
    (f"{OWN}.vectors:VectorProblem.hessian", "if mixed or a == b", "if a == b", CLAIMS),
    (f"{OWN}.taylor:slope_rows", "zip(rows[a][1:], z[x][b][1:]", "zip(rows[a][1:], z[x][0][1:]", CLAIMS),
    (f"{OWN}.taylor:slope_rows", "if b == 0 else", "if b >= 0 else", CLAIMS),
    (f"{OWN}.taylor:_lines", "int(a == b)", "int(a <= b)", CLAIMS),
    (f"{OWN}.instance:MetaSLInstance.rows", "fmpq(0),)", "fmpq(1),)", BY_HAND),
    (f"{OWN}.task_quantities:TaskQuantities._joined", "x // c", "x", POINTS),
    (f"{OWN}.vector_batch:VectorQuantities._hessians", "curved @", "curved * np.eye(self._c) @", FLOATS),
    (f"{OWN}.vector_batch:VectorQuantities._psi", "-1, -2) @ blocks", "-1, -2) @ blocks[:, ::-1]", FLOATS),
    (f"{OWN}.document:read_label", "return exact_row(given, field)", "return exact_row(given[::-1], field)", FILES),
    (f"{OPTIMUM}.spread:of_one_output", "atom.x * c + a, y,", "atom.x * c + c - 1 - a, y,",
     guard("targets_are_problems_of_their_own", adaptation=Gradient(fmpq(1, 4)))),
    (f"{OPTIMUM}.exact:_entropy", "total / p", "2 * total / p", ENTROPY),
    (f"{OPTIMUM}.exact:together", "a.p * task.weight", "a.p", BRACKET),
)  # fmt: skip


def _faults() -> Iterator[Fault]:
    for number, (place, right, wrong, notices) in enumerate(ROWS):
        name = place.split(":")[-1].strip("_").replace("._", ".").replace(".", "-").replace("_", "-").lower()
        yield Fault(f"outputs-{number}-{name}", "components of an output", place, Edit(right, wrong), notices)


VECTORS = tuple(_faults())
