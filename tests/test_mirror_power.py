"""The mirror notices: faults that are planted in the engine make the two disagree."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from brackets import ends_of, of_ends
from extremes import AHEAD, TABLE, decision, gradient, relu, smooth, supervised
from flint import arb
from independent.evaluate import quantities
from independent.numbers import exact
from metagap.impl.balls.infimum import Infimum
from metagap.impl.families import FAMILIES, loads
from metagap.impl.optimum.headline import LINEAR
from metagap.impl.sources import RandomSource
from mirror import compare
from mpmath import mp, mpf


def noticed(document: dict[str, Any], *names: str) -> None:
    """One of these quantities contradicts the mirror."""
    found = compare(loads(json.dumps(document)), judged=False)
    wrong = {sentence.partition(":")[0] for sentence in found.contradictions}
    assert wrong & set(names), (wrong, found.contradictions)


TASKS = [("1/4", [(0, 1, "1/3"), (1, "-1/2", "2/3")]), ("3/4", [(1, 2, "1/2"), (0, 0, "1/2")])]
SUPERVISED = supervised({"name": "log-cosh"}, gradient("3/4", 2), [[1, 2], ["1/2", -1]], TASKS, ["1/3", "1/4"], [1, -1])
WEIGHTS = [[1, "1/2"], ["-1/4", 2]]
RELU = {**SUPERVISED, "model": relu([1, -1], [[1, -2], [3, "1/2"]]), "omega": WEIGHTS, "comparator": [[1, 1], [0, 1]]}
TANH = {**RELU, "model": smooth("tanh", [1, -1], [[1, -2], [3, "1/2"]])}
UNIFORM = [["1/2", "1/2"], ["1/3", "2/3"]]
POLICIES = decision("kl-step", 2, 1, TABLE, AHEAD, ["1/2", -1], {"policies": [UNIFORM, UNIFORM]})
POLICY_NETWORK = {
    **decision("rational-step", "1/8", 1, TABLE, AHEAD, WEIGHTS, [[1, 1], [0, 1]]),
    "model": smooth("tanh", [1, -1], [[1, -2], [3, "1/2"]]),
}


def test_without_a_fault_nothing_is_noticed() -> None:
    for document in (SUPERVISED, RELU, TANH, POLICIES, POLICY_NETWORK):
        assert compare(loads(json.dumps(document)), judged=False).contradictions == []


def of_loss(patch: pytest.MonkeyPatch) -> None:
    from metagap.impl.profiles import LogCosh

    right = LogCosh.d2
    patch.setattr(LogCosh, "d2", lambda self, m, t, p: -right(self, m, t, p))


def of_order(patch: pytest.MonkeyPatch) -> None:
    """The Jacobian transposed: its factors are symmetric, so they come in the other order."""
    from metagap.impl.supervised.task_quantities import TaskQuantities

    right = TaskQuantities._jacobian
    patch.setattr(TaskQuantities, "_jacobian", lambda self, *given: right(self, *given).transpose())


def of_second_step(patch: pytest.MonkeyPatch) -> None:
    """The second step without its step size."""
    from metagap.impl.supervised.maml import Problem

    right = Problem.adapt

    def adapt(self: Any, law: Any, theta: Any) -> Any:
        path = right(self, law, theta)
        return [*path[:2], path[1] - self.gradient(law, self.predictions(path[1]))]

    patch.setattr(Problem, "adapt", adapt)


def of_visitation(patch: pytest.MonkeyPatch) -> None:
    """Visitations that are not normalised."""
    from metagap.impl.policies.problem import Evaluation, Problem

    right = Problem.evaluate

    def evaluate(self: Any, process: Any, policy: Any) -> Evaluation:
        at = right(self, process, policy)
        return Evaluation(at.visitation, at.value, [nu / (1 - process.gamma) for nu in at.frequencies])

    patch.setattr(Problem, "evaluate", evaluate)


def of_lookahead(patch: pytest.MonkeyPatch) -> None:
    """grad Q without the discount."""
    from metagap.impl.policies.task_quantities import TaskQuantities

    right = TaskQuantities._lookahead_of
    patch.setattr(
        TaskQuantities, "_lookahead_of", lambda self, i, slope: right(self, i, slope) * (1 / self.processes[i].gamma)
    )


def of_advantage(patch: pytest.MonkeyPatch) -> None:
    from metagap.impl.policies.problem import Problem

    right = Problem.advantages
    patch.setattr(Problem, "advantages", lambda self, steps, pi: [[2 * a for a in r] for r in right(self, steps, pi)])


def of_fold(patch: pytest.MonkeyPatch) -> None:
    """The step's Hessian without the network's second derivative."""
    from metagap.impl.supervised.smooth.quantities import SmoothQuantities

    patch.setattr(SmoothQuantities, "_folded", lambda self, rows, xs, at, pulls: rows * 0)


def of_bends(patch: pytest.MonkeyPatch) -> None:
    """ell'' at the predictions that the steps lead to."""
    from metagap.impl.supervised.relu.quantities import NetworkQuantities

    patch.setattr(
        NetworkQuantities,
        "_bends",
        property(lambda self: self._curvatures([[h.predictions for h in path[1:]] for path in self._paths])),
    )


def of_count(patch: pytest.MonkeyPatch) -> None:
    """One neuron too few may flip."""
    from metagap.impl.models import flips

    right = flips.budget_counts
    patch.setattr(flips, "budget_counts", lambda *given, **more: [c - 1 for c in right(*given, **more)])


def of_infimum(patch: pytest.MonkeyPatch) -> None:
    """An enclosure that misses its value by 2^-100 of it."""
    from metagap.impl.balls import core

    right = core.misfit

    def misfit(*given: Any) -> Infimum:
        found = right(*given)
        return Infimum(found.value * (1 + arb(2) ** -100), found.direction)

    patch.setattr(core, "misfit", misfit)


def of_radius(patch: pytest.MonkeyPatch) -> None:
    """A dropped radius: the middle of every ball, as if it were the value."""
    from metagap.impl.balls.core import CoreQuantities

    right = CoreQuantities.pairing.func
    patch.setattr(CoreQuantities, "pairing", property(lambda self: arb(right(self).mid()) * (1 + arb(2) ** -120)))


def of_weights(patch: pytest.MonkeyPatch) -> None:
    """A norm whose masses are squared."""
    from metagap.impl.balls.core import CoreQuantities

    right = CoreQuantities._root_sum
    patch.setattr(CoreQuantities, "_root_sum", lambda self, terms: right(self, [(m * m, v) for m, v in terms]))


FAULTS: tuple[tuple[Callable[[pytest.MonkeyPatch], None], dict[str, Any], tuple[str, ...]], ...] = (
    (of_loss, SUPERVISED, ("residual_norm", "strong_convexity")),
    (of_order, SUPERVISED, ("residual_norm", "misfit", "chain_rule_defect")),
    (of_second_step, SUPERVISED, ("gap", "weight_norm")),
    (of_visitation, POLICIES, ("weight_norm", "pairing")),
    (of_lookahead, POLICIES, ("residual_norm", "chain_rule_defect")),
    (of_advantage, POLICIES, ("weight_norm", "pairing")),
    (of_fold, TANH, ("residual_norm", "misfit", "chain_rule_defect")),
    (of_bends, RELU, ("residual_norm", "misfit", "eps_formal")),
    (of_count, RELU, ("error_count",)),
    (of_infimum, SUPERVISED, ("misfit",)),
    (of_radius, SUPERVISED, ("pairing",)),
    (of_weights, POLICY_NETWORK, ("weight_norm", "function_displacement")),
)


@pytest.mark.ci(every=4)
@pytest.mark.parametrize(("fault", "document", "names"), FAULTS, ids=lambda v: getattr(v, "__name__", ""))
def test_a_planted_fault_is_noticed(
    fault: Callable[[pytest.MonkeyPatch], None],
    document: dict[str, Any],
    names: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fault(monkeypatch)
    noticed(document, *names)


def test_a_certified_end_that_is_wrong_is_noticed() -> None:
    generator = FAMILIES["meta-sl"].landscapes
    assert generator is not None
    with np.errstate(all="ignore"):
        instance = generator.build(RandomSource((7, 1), 1), "log-cosh").instance(0)
    ends = ends_of(LINEAR.study(instance))
    assert of_ends(instance, ends, 0, 0)[1] == []
    width = ends.reached - ends.certified
    assert of_ends(instance, replace(ends, certified=ends.reached + width), 0, 0)[1]
    assert of_ends(instance, replace(ends, reached=ends.certified - width), 0, 0)[1]


def test_the_mirror_knows_a_value_by_hand() -> None:
    """Quartic loss, two tasks with labels -1/2 and 1/2, eta 1/4, omega 0: L(0) = 262449/4194304 exactly."""
    atoms = [("1/2", [(0, "-1/2", 1)]), ("1/2", [(0, "1/2", 1)])]
    document = supervised({"name": "quartic", "c": "1/4"}, gradient("1/4"), [[1]], atoms, [0], [1])
    with mp.workdps(60):
        found: Any = quantities(document, 60)
        value = exact("262449/4194304")
        assert abs(found.objective([mpf(0)]) - mpf(value.numerator) / value.denominator) < mpf(10) ** -50
        assert found("eps") < mpf(10) ** -20
