"""The mixed form in fewer points than triples: the same numbers, and a refusal by name where too many are left."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import pytest
from flint import arb, ctx
from metagap.impl.conditions import conditions
from metagap.impl.families import judge, loads
from metagap.impl.supervised import mixed, task_quantities
from metagap.impl.supervised.instance import MetaSLInstance
from metagap.impl.supervised.quantities import MetaSLQuantities
from metagap.theory.claim import Verdict

LOSSES: dict[str, dict[str, Any]] = {
    "log-cosh": {"name": "log-cosh"},
    "squared": {"name": "squared"},
    "pseudo-huber": {"name": "pseudo-huber", "delta": 0.5},
    "logistic": {"name": "logistic"},
}


def large_instance(tasks: int, atoms: int, d: int, loss: str = "log-cosh", inputs: int | None = None) -> dict[str, Any]:
    """Every task has `atoms` atoms in turn on `inputs` inputs (as many, if None is given), all of the same mass."""
    draw, inputs = random.Random(f"{tasks} {atoms} {d} {loss}"), inputs or atoms

    def label() -> float:
        return draw.choice([-1, 1]) if loss == "logistic" else round(draw.uniform(-1, 1), 4)

    def vector(size: float) -> list[float]:
        return [round(draw.uniform(-size, size), 3) for _ in range(d)]

    return {
        "format": "metagap/instance/1",
        "problem": "meta-sl",
        "loss": LOSSES[loss],
        "adaptation": {"name": "gradient", "eta": 0.1, "steps": 1},
        "model": {"name": "linear"},
        "features": [vector(1) for _ in range(inputs)],
        "tasks": [
            {
                "weight": f"1/{tasks}",
                "atoms": [{"x": a % inputs, "y": label(), "p": f"1/{atoms}"} for a in range(atoms)],
            }
            for _ in range(tasks)
        ],
        "omega": vector(0.5),
        "comparator": vector(0.5),
        "radius": 1,
    }


def loaded(*arguments: Any, **options: Any) -> MetaSLInstance:
    instance = loads(json.dumps(large_instance(*arguments, **options)))
    assert isinstance(instance, MetaSLInstance)
    return instance


def by_triples(at: MetaSLQuantities, v: list[arb]) -> tuple[arb, arb, arb]:
    """||W/M||^2, ||T/W - psi'v||^2 and <|T - W psi'v|>, triple by triple from the definition."""
    problem, loss = at.problem, at.problem.loss
    u = {(i, x): value for (i, x, _), value in zip(at._points, at._u, strict=True)}
    features = problem.features.tolist()
    sums: dict[Any, list[arb]] = {}
    labels = {}
    for i, (law, task) in enumerate(zip(at.laws, at.instance.tasks, strict=True)):
        for (x, y, p), atom in zip(law.atoms, task.atoms, strict=True):
            labels[atom.y] = y
            for other, rho in law.rho.items():
                share = law.weight * p
                own = (share * rho, share * at._slopes[i][other], share * at._slopes[i][other] * u[i, other])
                old = sums.get((x, atom.y, other), [arb(0)] * 3)
                sums[x, atom.y, other] = [a + b for a, b in zip(old, own, strict=True)]
    weight_norm = misfit = undivided = arb(0)
    for (x, y, other), (mass, weight, target) in sums.items():
        bend = problem.eta * loss.d2(at.m, at._before[x], labels[y])
        inner = sum((a * b for a, b in zip(features[x], features[other], strict=True)), start=arb(0))
        pull = sum(
            (c * (b - bend * inner * a) for a, b, c in zip(features[x], features[other], v, strict=True)), start=arb(0)
        )
        weight_norm += weight * weight / mass
        misfit += mass * (target / weight - pull) ** 2
        undivided += abs(target - weight * pull)
    return weight_norm, misfit, undivided


@pytest.mark.ci(every=4)
@pytest.mark.parametrize(("loss", "condensing"), [*itertools.product(LOSSES, (False, True))])
def test_points_give_the_sums_over_triples(loss: str, condensing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all atoms of a class or with the columns of their factor: with few inputs that is singular."""
    for inputs, d in ((3, 1), (2, 2), (8, 2)):
        instance = loaded(3, 24, d, loss, inputs)
        with ctx.workprec(256):
            at = MetaSLQuantities(instance)
            rows = at._mixed_rows(list(range(len(at._mixed.weight))), at._parts)
            if condensing:
                monkeypatch.setattr(task_quantities, "LARGEST", 0)
            system = at._mixed_system(list(range(len(at._mixed.weight))))
            monkeypatch.undo()
            # Labels that are drawn from two leave classes of few atoms.
            assert condensing is (system[0].nrows() < len(rows)) or loss == "logistic"
            v = [arb(1) / (k + 3) for k in range(d)]
            weight_norm, misfit, undivided = by_triples(at, v)
            assert weight_norm.overlaps(at("mixed_weight_norm") ** 2)

            def left(rows: Any, target: Any, v: list[arb] = v) -> list[arb]:
                table = rows.tolist()
                return [
                    t - sum((a * b for a, b in zip(row, v, strict=True)), start=arb(0))
                    for row, t in zip(table, target, strict=True)
                ]

            own = sum((m * r * r for m, r in zip(system[2], left(system[0], system[1]), strict=True)), start=arb(0))
            assert misfit.overlaps(own) and own.rad() < 1e-30
            own = sum(map(abs, left(*at._mixed_l1_system())), start=arb(0))
            assert undivided.overlaps(own) and own.rad() < 1e-60


@pytest.mark.ci
@pytest.mark.parametrize("loss", ["log-cosh", "logistic"])
def test_a_thousand_atoms_are_few_points(loss: str) -> None:
    """Two tasks: their own atoms, and those that they share, are three classes at most."""
    instance = loaded(2, 1000, 2, loss)
    with ctx.workprec(128):
        assert len(MetaSLQuantities(instance)._mixed.weight) <= 3 * 1000
    verdicts = {c.claim.removeprefix("meta-sl-"): c for c in judge(instance).claims}
    assert verdicts["mixed"].verdict is Verdict.PROVED
    assert verdicts["mixed-l1"].verdict is Verdict.UNDECIDED
    assert f"at most {mixed.LARGEST} are taken" in verdicts["mixed-l1"].reason
    assert verdicts["l1"].verdict is Verdict.PROVED


def test_what_is_too_large_is_undecided_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = loaded(2, 6, 1)
    before = {c.claim: c.verdict for c in judge(instance).claims}
    monkeypatch.setattr(mixed, "LARGEST", 11)
    after = {c.claim: c for c in judge(instance, complete=True).claims}
    reason = "the mixed form has 12 products of a class and a point here; at most 11 are taken"
    assert after["meta-sl-mixed"].reason == f"numerator-vanishes: {reason}"
    assert after["meta-sl-mixed-l1"].reason == reason
    changed = {name for name, verdict in before.items() if after[name].verdict is not verdict}
    assert changed == {"meta-sl-mixed", "meta-sl-mixed-l1"}
    assert {after[name].verdict for name in changed} == {Verdict.UNDECIDED}
    (found,) = (c for c in conditions(instance).conditions if c.assumption.name == "numerator-vanishes")
    assert found.holds is None and found.why == f"not examined: {reason}"
