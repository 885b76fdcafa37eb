"""A law for the other: of a task that adapts on a support of its own, each place where the two could be exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flint import fmpq

from .planting import Edit, Fault, suite

OWN, OPTIMUM = "metagap.impl.supervised", "metagap.impl.optimum"


def guard(name: str, **given: Any) -> Any:
    return suite(f"test_support:test_{name}", **given)


def optimum(name: str) -> Any:
    return suite(f"test_support_optimum:test_{name}")


BY_HAND, CONSTANTS = guard("the_squared_loss_by_hand"), guard("the_constants_of_two_laws")
PROXIMAL = guard("the_proximal_step_of_two_laws")
LINEAR, RELU, SMOOTH = (
    guard("the_steps_that_compare_hold_for_two_laws", family=f) for f in ("meta-sl", "network", "smooth-network")
)
FLOATS = suite("test_engines:test_both_engines_agree_within_the_rounding_unit", loss="log-cosh", name="support-query")
RELU_FLOATS = suite("test_network_engines:test_both_engines_agree", loss="log-cosh", name="support-query")
SMOOTH_FLOATS = suite("test_smooth_network:test_both_engines_agree", loss="log-cosh", name="support-query")
CONVEX = guard("the_meta_objective_is_convex_for_no_step", eta="2/5")
SADDLE = guard("c8_is_refuted_by_a_saddle_and_holds_where_the_support_is_part_of_the_query")
RANK = guard("tasks_that_share_their_queries_have_independent_rows")
FILES = guard("a_support_is_written_and_read_and_one_that_is_the_law_is_none")
EXACT, TABLES = optimum("the_exact_end_of_two_laws"), optimum("tables_of_rows_agree_with_the_definition")
LOOPS = optimum("what_omega_is_stationary_for_knows_both_laws")
LANDSCAPE = optimum("float_and_ball_landscapes_agree_with_the_definition")
BOXES, RADIUS = optimum("boxes_hold_what_the_definition_says"), optimum("the_coercive_radius_by_hand")
CELLS = optimum("cells_of_two_laws")


def one_law(on: str) -> Any:
    return suite("test_split_loops:test_gradients_on_one_law_by_hand", on=on)


def refused(name: str) -> Any:
    return suite("test_split:test_what_is_no_split_or_weight_is_refused_in_one_line", name=name)


NORMAL = suite("test_split:test_the_squared_loss_of_two_laws_is_certified_by_convexity", steps=3, eta=fmpq(1, 8))
STEP = suite("test_split:test_the_default_step_is_that_of_the_support")
READ = suite("test_split:test_every_way_gives_the_instance_by_hand")
DOUBT = suite("test_task_tables:test_a_doubtful_column_is_a_feature_only_if_it_is_said", name="fold")

ROWS: tuple[tuple[str, str, str, Any], ...] = (
    # (place, what is right there, what is wrong, what notices it)
    (f"{OWN}.maml:Problem.adapt", "self.gradient(law.inner,", "self.gradient(law,", BY_HAND),
    (f"{OWN}.maml:Problem.adapt", "self._proximal_point(law.inner,", "self._proximal_point(law,", PROXIMAL),
    (f"{OWN}.maml:Risks.__init__", "task.atoms, task.support", "task.inner, task.atoms", BY_HAND),
    (f"{OWN}.taylor:_adapt", "slope_rows(problem, law.inner,", "slope_rows(problem, law,", BY_HAND),
    (f"{OWN}.taylor:_implicit", "slope_rows(problem, law.inner,", "slope_rows(problem, law,", PROXIMAL),
    (f"{OWN}.taylor:along", "law.inner.atoms", "law.atoms", CONVEX),
    (f"{OWN}.core_quantities:FeatureQuantities._curvatures", "curvatures(law.inner, z)", "curvatures(law, z)", RELU),
    (f"{OWN}.core_quantities:FeatureQuantities._steps", "_pulls_of(law.inner,", "_pulls_of(law,", SMOOTH),
    (f"{OWN}.core_quantities:RowQuantities._set", "law.inner, each", "law, each", BY_HAND),
    (f"{OWN}.core_quantities:FeatureQuantities.margin_joints", "[law.inner for law in self.laws]", "self.laws",
     guard("a_joint_of_the_query_is_none")),
    (f"{OWN}.task_quantities:TaskQuantities._jacobians", "_jacobian(law.inner, steps)", "_jacobian(law, steps)",
     BY_HAND),
    (f"{OWN}.prediction_quantities:PredictionQuantities._points", "in law.rho.items()", "in law.inner.rho.items()",
     BY_HAND),
    (f"{OWN}.prediction_quantities:PredictionQuantities._slopes", "slopes(law, z)", "slopes(law.inner, z)", LINEAR),
    (f"{OWN}.prediction_quantities:PredictionQuantities.gap", "problem.risk(law, z)", "problem.risk(law.inner, z)",
     BY_HAND),
    (f"{OWN}.mixed:classes", "in task.inner:", "in task.atoms:", guard("the_mixed_form_of_two_laws_by_hand")),
    (f"{OWN}.quantities:MetaSLQuantities.support_feature_bound", "law.inner for law", "law for law", CONSTANTS),
    (f"{OWN}.quantities:MetaSLQuantities._bend", "self.support_feature_bound", "self.feature_bound", BY_HAND),
    (f"{OWN}.quantities:MetaSLQuantities.remainder_constant", "fenced(self.support_feature_bound) ** 3",
     "fenced(self.feature_bound) ** 3", CONSTANTS),
    (f"{OWN}.quantities:MetaSLQuantities._smoothness", "square(self.feature_bound)",
     "square(self.support_feature_bound)", CONSTANTS),
    (f"{OWN}.quantities:MetaSLQuantities.jacobian_deviation", "square(self.support_feature_bound)",
     "square(self.feature_bound)", CONSTANTS),
    (f"{OWN}.quantities:MetaSLQuantities.margin_one_law", "law.support is None", "bool(law.rho)", SADDLE),
    (f"{OWN}.quantities:MetaSLQuantities.margin_dominated", "return arb(-1)\n            share",
     "continue\n            share", SADDLE),
    (f"{OWN}.quantities:MetaSLQuantities._certainly_dependent", "fades > 0 or not (law.support is None or still)",
     "fades > 0", RANK),
    (f"{OWN}.quantities:MetaSLQuantities._certainly_dependent", "in law.points}", "in law.rho}", RANK),
    (f"{OWN}.relu.problem:Point.steps", "problem.slopes(law.inner,", "problem.slopes(law,", RELU_FLOATS),
    (f"{OWN}.relu.taylor:_accumulated", "slope_rows(problem, law.inner,", "slope_rows(problem, law,", RELU),
    (f"{OWN}.smooth.problem:SmoothProblem.path", "risk_gradient(law.inner,", "risk_gradient(law,", SMOOTH_FLOATS),
    (f"{OWN}.smooth.taylor:gradient", "_change(problem, law.inner,", "_change(problem, law,", SMOOTH),
    (f"{OWN}.core_batch_quantities:CoreBatchQuantities.adapt", "self._inner(1,", "self._summed(1,", FLOATS),
    (f"{OWN}.batch_quantities:BatchQuantities.jacobians", "self._jacobians_of(self._inner)",
     "self._jacobians_of(self._summed)", FLOATS),
    (f"{OWN}.batch_quantities:BatchQuantities.gradient", "self._inner(2, z)", "self._summed(2, z)", FLOATS),
    (f"{OWN}.batch_quantities:BatchQuantities.gradient", "self._inner(2, self.after)", "self._summed(2, self.after)",
     FLOATS),
    (f"{OWN}.batch_quantities:BatchQuantities._proximal", "slope = self._inner(1, z)", "slope = self._summed(1, z)",
     FLOATS),
    (f"{OWN}.relu.batch_features:FeatureBatchQuantities._bends", "self._inner(2, z)", "self._summed(2, z)",
     RELU_FLOATS),
    (f"{OWN}.relu.batch_features:FeatureBatchQuantities._folded", "self._inner(1,", "self._summed(1,",
     SMOOTH_FLOATS),
    (f"{OWN}.document:read_tasks", "Task(weight, atoms, support)", "Task(weight, atoms)", FILES),
    (f"{OWN}.instance:canonical_tasks", "None if support == atoms else support", "support", FILES),
    (f"{OWN}.instance:split", "task.support is not None and task.weight != 0", "task.support is not None", FILES),
    (f"{OPTIMUM}.exact:squared_minimum", "in law.atoms", "in law.inner.atoms", EXACT),
    ("oracles.polynomials:polynomial_minimum", "in task.inner:", "in task.atoms:",
     optimum("the_polynomial_minimum_of_two_laws")),
    (f"{OPTIMUM}.exact:own_risk_bound", "law.inner,", "law,", optimum("the_reach_is_that_of_the_support")),
    (f"{OPTIMUM}.ends:_adapted_risk", "moments(task.inner), moments(task.atoms)",
     "moments(task.atoms), moments(task.atoms)", EXACT),
    (f"{OPTIMUM}.coercivity:_quartic", "atoms=task.inner", "atoms=task.atoms", RADIUS),
    (f"{OPTIMUM}.coercivity:_longest", "t.inner if inner else t.atoms", "t.atoms", RADIUS),
    (f"{OPTIMUM}.convexity:unknown", "if split(instance) and adaptation.eta != 0 and", "if False and", CONVEX),
    (f"{OPTIMUM}.stack:Stack.row_weights", "self.outer *", "self.masses *", TABLES),
    (f"{OPTIMUM}.convex_check:Prover._in_floats", "gathered(stack.outer *", "gathered(stack.masses *", TABLES),
    (f"{OPTIMUM}.convex_check:Prover._in_balls", "scaled(bent(rows * w, before), inner)",
     "scaled(bent(rows * w, before), outer)", TABLES),
    (f"{OPTIMUM}.descent:downhill", "gathered(stack.outer *", "gathered(stack.masses *",
     optimum("descent_knows_both_laws")),
    (f"{OPTIMUM}.loops:_Field._masses", "return self.stack.masses, self.stack.outer",
     "return self.stack.outer, self.stack.masses", LOOPS),
    (f"{OPTIMUM}.loops:_Field._chained", "part.outer *", "part.masses *", LOOPS),
    (f"{OPTIMUM}.gradients:laws_of", "return law.inner, law", "return law, law", LOOPS),
    (f"{OPTIMUM}.loops:_Field._masses", '"query": self.stack.outer', '"query": self.stack.masses',
     one_law("query")),
    (f"{OPTIMUM}.loops:_Field._everything", "* (1 - shares)", "* shares", one_law("all")),
    (f"{OPTIMUM}.gradients:law_of_all", "(law, 1 - share)", "(law, share)", one_law("all")),
    (f"{OPTIMUM}.convex_check:Prover._hessian", "(stack.masses, stack.outer)", "(stack.masses, stack.masses)", NORMAL),
    (f"{OPTIMUM}.convex_check:Prover._hessian", "product(product(w, y.T), y) if len(y) < y.shape[1] else "
     "product(w, product(y.T, y))", "product(product(y, y.T), w)", NORMAL),
    (f"{OPTIMUM}.convex_check:Prover.hessian_in_balls", "(inner, outer)", "(outer, inner)", NORMAL),
    (f"{OPTIMUM}.convex:derivatives", "stack.outer.mid * loss.d1", "masses * loss.d1", NORMAL),
    ("metagap.impl.own_tasks:from_arrays", "(own[~query[own]], own[query[own]])", "(own[query[own]], own[~query[own]])",
     READ),
    ("metagap.impl.own_tasks:from_arrays", "[inner for inner, _ in sides]", "[outer for _, outer in sides]", STEP),
    ("metagap.impl.own_tasks:from_arrays", "w / whole", "w", READ),
    ("metagap.impl.own_tasks:_task_weights", "[w / whole for w in exact]", "[fmpq(1, len(rows))] * len(rows)", READ),
    ("metagap.impl.task_tables:queries", "if word not in ROLES", "if False", refused("another word")),
    ("metagap.impl.task_tables:from_csv", "if name in DOUBTFUL:", "if False:", DOUBT),
    ("metagap.impl.own_tasks:_weights", "if (found < 0).any():", "if False:", refused("a negative weight")),
    (f"{OPTIMUM}.landscape:Landscape.adapted", "self.inner.at(1, z)", "self.ranges.at(1, z)", LANDSCAPE),
    (f"{OPTIMUM}.landscape:Landscape.derivatives", "self.inner.at(2, z)[", "self.ranges.at(2, z)[", LANDSCAPE),
    (f"{OPTIMUM}.boxes:Box._steps", "task.sums(task.inner, 2, over)", "task.sums(task.outer, 2, over)", BOXES),
    (f"{OPTIMUM}.boxes:Box._steps", "task.point_sums(task.inner,", "task.point_sums(task.outer,", BOXES),
    (f"{OPTIMUM}.boxes:Box._bent", "task.sums(task.inner, 3, over)", "task.sums(task.outer, 3, over)", BOXES),
    (f"{OPTIMUM}.boxes:TaskModel.least", "in self.outer:", "in self.inner:", BOXES),
    (f"{OPTIMUM}.boxes:TaskModel._residual", "self.point_sums(self.inner,", "self.point_sums(self.outer,", BOXES),
    (f"{OPTIMUM}.relaxed_box:_task_floor", "task.sums(task.inner, 3,", "task.sums(task.outer, 3,", BOXES),
    (f"{OPTIMUM}.relaxed_box:_task_floor", "task.sums(task.outer, order,", "task.sums(task.inner, order,", BOXES),
    (f"{OPTIMUM}.leaves:Table.__init__", "MidRad.of(outer, (n, k, most, 1))", "MidRad.of(masses, (n, k, most, 1))",
     BOXES),
    (f"{OPTIMUM}.networks.optima:_cell", "in task.inner:", "in task.atoms:", CELLS),
    (f"{OPTIMUM}.networks.check:_Cell.__init__", "in task.inner:", "in task.atoms:", CELLS),
)  # fmt: skip


def _faults() -> Iterator[Fault]:
    for number, (place, right, wrong, notices) in enumerate(ROWS):
        name = place.split(":")[-1].strip("_").replace("._", ".").replace(".", "-").replace("_", "-").lower()
        yield Fault(f"law-{number}-{name}", "a law for the other", place, Edit(right, wrong), notices)


LAWS = tuple(_faults())
