"""Many rows: arrays that are what tuples are, the headline from their table, a hundred thousand of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from flint import ctx, fmpq
from metagap.impl.optimum import many_rows, minimise
from metagap.impl.optimum.headline import judge_headline
from metagap.impl.optimum.many_rows import ManyRows
from metagap.impl.optimum.stack import Stack
from metagap.impl.own_tasks import from_arrays
from metagap.impl.supervised.instance import Atom, Atoms
from metagap.impl.supervised.quantities import MetaSLQuantities
from metagap.impl.supervised.tables import Rows, distinct_rows
from metagap.theory.claim import Verdict
from metagap.theory.meta_sl import HEADLINE

from .test_convex import FOUR, HALF, ONE, problem

# --- the headline of many rows ---


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("loss", ["squared", "logistic", "log-cosh"])
@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("count", [1, 2])
def test_quantities_of_many_rows_hold_those_of_few(loss: str, steps: int, count: int) -> None:
    """Enclosures of the same numbers: of misfit an upper end, of weights too where points repeat."""
    exact = 0
    for seed in range(6):
        instance = problem(loss, fmpq(1, 5), seed=seed, steps=steps)
        if seed % 2:  # each point of a task once
            once = [{a.x: a for a in task.atoms}.values() for task in instance.tasks]
            laws = [tuple(replace(a, p=fmpq(1, len(atoms))) for a in atoms) for atoms in once]
            tasks = tuple(replace(t, atoms=atoms) for t, atoms in zip(instance.tasks, laws, strict=True))
            instance = replace(instance, tasks=tasks)
        if count == 2:  # each task adapts on the next one's rows
            supports = [task.atoms for task in (*instance.tasks[1:], instance.tasks[0])]
            split = tuple(replace(t, support=law) for t, law in zip(instance.tasks, supports, strict=True))
            instance = replace(instance, tasks=split)
        omega, at = (fmpq(1, 3), fmpq(-1, 2)), (fmpq(3, 4), fmpq(1, 8))
        against = replace(instance, omega=omega, comparator=at, radius=ONE)
        with ctx.workprec(128), np.errstate(all="ignore"):
            few, more = MetaSLQuantities(against).above(0.01), ManyRows(against, 0.01)
            names = (*HEADLINE.left.names, *HEADLINE.bound.names, *HEADLINE.extras, "gap", "zero")
            for name in (*names, *(assumption.margin for assumption in HEADLINE.assumptions)):
                assert more(name).overlaps(few(name)), (name, more(name), few(name))
                if name not in ("misfit", "weight_norm"):
                    assert more(name).rad() < 1e-11, name
            assert not few("misfit") > more("misfit") and not few("weight_norm") > more("weight_norm")
            assert more("misfit").upper() < 0.1 and more("weight_norm").upper() < 3
            exact += more("weight_norm").rad() < 1e-9
    assert 3 <= exact < 6 or count == 2


def test_many_rows_are_judged_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = replace(problem("logistic", fmpq(1, 8), seed=1), omega=(fmpq(1, 3), fmpq(-1, 2)))
    optimum = minimise(instance, FOUR)
    few = judge_headline(instance, optimum)
    monkeypatch.setattr(many_rows, "MANY", 0)
    more = judge_headline(instance, optimum)
    assert few.judged.verdict is more.judged.verdict is Verdict.PROVED
    assert abs(more.judged.terms["misfit"].lo) < 1e-9 and few.judged.terms["misfit"].lo > 0
    for end in ("lo", "hi"):
        assert abs(getattr(few.above, end) - getattr(more.above, end)) < 1e-12
    assert few.judged.bound is not None and more.judged.bound is not None
    assert few.judged.bound.hi <= more.judged.bound.hi < 1.1 * few.judged.bound.hi


def test_a_hundred_thousand_rows_are_answered() -> None:
    """Labels that are linear in the features but for a known part, orthogonal to them: the minimum is that part's."""
    rng, count = np.random.default_rng(8), 100_000
    half = rng.integers(-8, 9, (count // 2, 3)) / 8.0
    table = np.concatenate([half, half])  # each point twice, with labels 1/4 above and below
    labels = table @ [1.0, -0.5, 0.25] + np.repeat([0.25, -0.25], count // 2)
    instance = from_arrays(table, labels, [0] * count, eta=fmpq(1, 4))
    found = minimise(instance)
    assert found.certified and found.lower <= 1 / 32 <= found.upper
    assert found.upper - found.lower < 1e-15 and sum(len(t.atoms) for t in instance.tasks) <= 2 * 17**3


# --- rows that stay arrays ---------------------------------------------------------------------------------------


def test_rows_and_atoms_are_what_tuples_are() -> None:
    table = np.array([[0.5, -0.0], [1.0, 3.0], [0.5, 0.0], [0.5, 0.0]])
    made = from_arrays(table, [1.0, 2.0, 1.0, 3.0], ["a", "a", "a", "b"], eta=HALF)
    plain = replace(
        made, features=tuple(made.features), tasks=tuple(replace(t, atoms=tuple(t.atoms)) for t in made.tasks)
    )
    assert isinstance(made.features, Rows) and isinstance(made.tasks[0].atoms, Atoms)
    assert tuple(made.features) == ((HALF, fmpq(0)), (ONE, fmpq(3)))
    assert tuple(made.tasks[0].atoms) == (Atom(0, ONE, fmpq(2, 3)), Atom(1, fmpq(2), fmpq(1, 3)))
    assert made == plain and hash(made) == hash(plain) and made.sha256 == plain.sha256 and made.bits == plain.bits
    assert made != replace(plain, features=((HALF, ONE), (ONE, fmpq(3))))
    assert made.canonical == plain.canonical
    assert made.features[1] == plain.features[1] and made.features[:1] == plain.features[:1]
    assert made.tasks[0].atoms[1] == plain.tasks[0].atoms[1] and made.tasks[0].atoms[1:] == plain.tasks[0].atoms[1:]
    first, second = Stack(made), Stack(plain)
    assert (first.x == second.x).all() and (first.masses.mid == second.masses.mid).all()
    assert (first.masses.rad == second.masses.rad).all() and (first.labels.mid == second.labels.mid).all()


def test_distinct_rows_are_numpys() -> None:
    rng = np.random.default_rng(6)
    for shape in ((1, 1), (40, 1), (60, 3), (500, 7)):
        table = rng.integers(0, 3, shape).astype(float)
        rows, place = distinct_rows(table)
        expected = np.unique(table, axis=0)
        assert (rows == expected).all() and (rows[place] == table).all()


def test_features_that_are_no_float64_are_rounded_once() -> None:
    stack = Stack(problem("squared", HALF, denominator=3))
    assert stack.error > 0 and Stack(problem("squared", HALF)).error == 0
