"""Wrong opinions: solvers that are given another problem, or that are heard wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .planting import Edit, Fault, suite

HERE, TEST = "metagap.impl.oracles.global_solvers", "test_global_solvers:test_"
SIGN, TERM, BALL = "a wrong sign", "a term is left out", "another ball"
ENDS, STATUS = "ends of a bracket swapped", "no answer is taken for one"
LOSSES = ("squared", "quartic", "logistic", "pseudo-huber", "log-cosh", "steps", "split")
"""The instances of the test."""


def given(case: str) -> Any:
    return suite(f"{TEST}solvers_are_given_the_meta_objective", index=LOSSES.index(case))


def heard(name: str) -> Any:
    return suite(f"{TEST}a_solver_is_given_the_problem_and_heard", name=name)


BOXES = suite(f"{TEST}boxes_are_halved_until_they_enclose_the_minimum", loss="quartic")
REFUSED = suite(f"{TEST}what_solvers_are_not_given_is_refused")

ROWS: tuple[tuple[str, str, str, str, Any], ...] = (
    # (place, kind, what is right there, what is wrong, what notices it)
    ("meta_objective", SIGN, "t - eta *", "t + eta *", given("squared")),
    ("meta_objective", TERM, "eta * sum(pull * rows[x][j]", "eta * sum(pull", given("quartic")),
    ("meta_objective", TERM, "(a.x, to_float(a.p) * loss.d1(", "(a.x, loss.d1(", given("logistic")),
    ("meta_objective", TERM, "to_float(a.p) * loss.value(", "loss.value(", given("squared")),
    ("meta_objective", TERM, "to_float(task.weight) * risk", "risk", given("squared")),
    ("meta_objective", TERM, "total = total +", "total =", given("squared")),
    ("meta_objective", TERM, "range(adaptation.steps)", "range(1)", given("steps")),
    ("meta_objective", "one law for another", "task.inner", "task.atoms", given("split")),
    ("meta_objective", "one law for another", "in task.atoms", "in task.inner", given("split")),
    ("meta_objective", TERM, "or adaptation.decay != 0", "", REFUSED),
    ("meta_objective", TERM, "or adaptation.rates is not None", "", REFUSED),
    ("Elementary.softplus", TERM, "self.log(1 + ", "self.log(", given("logistic")),
    ("Elementary.sigmoid", SIGN, "exp(-t)", "exp(t)", given("logistic")),
    ("Elementary.log_cosh", TERM, " - math.log(2)", "", given("log-cosh")),
    ("Elementary.tanh", TERM, "exp(2 * t)", "exp(t)", given("log-cosh")),
    ("_scip", SIGN, "objective(theta) <= top", "objective(theta) >= top", heard("SCIP")),
    ("_scip", BALL, "model.addCons(sum(t * t for t in theta) <= radius**2)", "pass", heard("SCIP")),
    ("_scip", BALL, "lb=-radius", "lb=0", heard("SCIP")),
    ("_scip", BALL, "addVar(lb=None)", "addVar()", heard("SCIP")),
    ("_scip", ENDS, "Opinion(value, model.getDualbound()", "Opinion(model.getDualbound(), value", heard("SCIP")),
    ("_scip", STATUS, 'in ("optimal", "gaplimit")', '!= "infeasible"', heard("SCIP")),
    ("_discopt", BALL, "radius**2", "radius", heard("discopt")),
    ("_discopt", BALL, "lb=-radius, ub=radius", "lb=-radius, ub=1", heard("discopt")),
    ("_discopt", ENDS, "float(found.bound), found", "float(found.objective), found", heard("discopt")),
    ("_discopt", STATUS, 'found.status == "optimal"', "True", heard("discopt")),
    ("_maingo", SIGN, "- radius**2", "+ radius**2", heard("MAiNGO")),
    ("_maingo", BALL, "module.Bounds(-radius, radius)", "module.Bounds(0, radius)", heard("MAiNGO")),
    ("_maingo", TERM, "found.objective = objective(theta)", "found.objective = objective(theta[:1] * len(theta))",
     heard("MAiNGO")),
    ("_maingo", ENDS, "solver.get_final_LBD()", "solver.get_objective_value()", heard("MAiNGO")),
    ("_maingo", STATUS, "== module.GLOBALLY_OPTIMAL", "!= module.LOGGING_NONE - 1", heard("MAiNGO")),
    ("_codac", BALL, "box[j].mig() ** 2", "max(abs(box[j].lb()), abs(box[j].ub())) ** 2", BOXES),
    ("_codac", BALL, "if sum(middle[j] ** 2 for j in range(d)) <= radius**2:", "if False:", BOXES),
    ("_codac", ENDS, "function.eval(box).lb()", "function.eval(box).ub()", BOXES),
    ("_codac", ENDS, "Opinion(best, boxes[0][0], False)", "Opinion(boxes[0][0], best, False)", BOXES),
    ("_codac", STATUS, "boxes[0][0], False)", "boxes[0][0], True)", BOXES),
    ("_codac", "boxes are forgotten", "if low <= best:", "if best < math.inf and low <= best / 2:", BOXES),
)  # fmt: skip


def _faults() -> Iterator[Fault]:
    for number, (place, kind, right, wrong, notices) in enumerate(ROWS):
        name = place.strip("_").replace("_", "-").replace(".", "-").lower()
        yield Fault(f"solvers-{number}-{name}", kind, f"{HERE}:{place}", Edit(right, wrong), notices)


SOLVER_FAULTS = tuple(_faults())
