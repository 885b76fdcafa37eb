"""Own quantities on whole batches: enclosed, proposed, and the instances parted where own code tells them apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import metagap
import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl.alike import Alike, PartingError, Several, agreed, alike
from metagap.impl.batch_judge import judged_in_arrays, standings_in_arrays
from metagap.impl.enclosed.quantities import UnknownError
from metagap.impl.falsify import pursuit
from metagap.impl.families import FAMILIES, judge
from metagap.impl.family import Family
from metagap.impl.leave_one_out import survey
from metagap.impl.losses import Loss
from metagap.impl.midrad import MidRad
from metagap.impl.own_claims import read, using
from metagap.impl.sealed import Sealed
from metagap.impl.sources import RandomSource
from metagap.impl.standings import standings
from metagap.impl.stated_batches import Enclosed, Enclosing
from metagap.reports import audit as audits
from metagap.reports.executing import Workers
from metagap.theory.claim import UndefinedQuantityError, Verdict

FOLDER = Path(__file__).resolve().parent.parent / "theory" / "neighbours"


def stating(value: Callable[[metagap.At], Any]) -> Family:
    """Meta-SL with a quantity `own`."""
    value.__name__ = "own"
    made = metagap.quantity("x", "own")(value)
    return FAMILIES["meta-sl"].stating((metagap.Claim("meta-sl-own", "own", "own", "eps", quantities=(made,)),))


def outside(family: Family, batch: Any, names: list[str]) -> tuple[list[str], int]:
    """What arrays say of the quantities that balls do not bear out, and how much they said."""
    wrong, said = list[str](), 0
    with np.errstate(all="ignore"):
        assert family.enclosed_quantities is not None and family.batch_quantities is not None
        enclosed, proposed = family.enclosed_quantities(batch), family.batch_quantities(batch)
        for name in names:
            ball = [ball_of(family, batch.instance(b), name) for b in range(len(batch))]
            try:
                found = enclosed(name)
            except UnknownError:
                continue
            except UndefinedQuantityError:
                wrong += [f"{name} has a value"] if any(value is not None for value in ball) else []
                continue
            places = np.flatnonzero(np.isfinite(found.low) & np.isfinite(found.high))
            near = proposed(name) if len(places) else []
            for b in places:
                value, said = ball[b], said + 1
                inside = value is not None and value.overlaps(arb(float(found.low[b])).union(float(found.high[b])))
                wide = inside and not value.rad() < 1e-9  # at a joint
                close = wide or (inside and abs(float(value.mid()) - near[b]) <= 1e-6 * (1 + abs(near[b])))
                wrong += [] if close else [f"{name}, {b}: {value}, [{found.low[b]}, {found.high[b]}], {near[b]}"]
    return wrong, said


def ball_of(family: Family, instance: Any, name: str) -> arb | None:
    with ctx.workprec(128):
        try:
            value = family.quantities(instance)(name)
        except UndefinedQuantityError:
            return None
        return arb(value)


GENERATORS = ("arbitrary", "support-query", "two-laws", "joints", "rates", "functions", "one-task", "independent")


@pytest.mark.ci
@pytest.mark.parametrize("file", sorted(path.name for path in FOLDER.glob("*.py")))
def test_quantities_of_claims_files_are_enclosed_in_arrays(file: str, effort: int) -> None:
    """Of other papers' theorems, on supports of their own, at joints, with several rates, with losses of all kinds."""
    said = 0
    with using(read(str(FOLDER / file))) as own:
        family = FAMILIES["meta-sl"]
        names = [quantity.name for quantity in own.quantities]
        for k, name in enumerate(GENERATORS * effort):
            generator = family.generator(name)
            batch = generator.build(RandomSource((5, k), 6), generator.variants[(3 * k) % len(generator.variants)])
            wrong, count = outside(family, batch, names)
            assert not wrong, (name, batch.loss.name, wrong[:3])
            said += count
    assert said > 60


QUANTITIES: dict[str, Callable[[metagap.At], Any]] = {
    "lengths": lambda at: len(at.tasks) + 10 * len(at.tasks[0].support.atoms) + at.number(0),
    "parted": lambda at: at("gap") + len(at.tasks[0].query.atoms),
    "branches": lambda at: 1 if at.instance.radius > fmpq(1, 2) else 2,
    "exact": lambda at: at.number((at.instance.radius + 1) ** 2 / 3 - at.instance.omega[0]),
    "beside": lambda at: at.instance.radius * at("eps") - at.instance.omega[0] / 3 * at.number("1/3"),
    "spanning": lambda at: sum((1 if task.query.spanning else 0) for task in at.tasks),
    "words": lambda at: {"gradient": 1, "implicit": 2}[at.instance.adaptation.name],
    "exchanged": lambda at: at.exchanged()("eps") + at.dot(at.gradient, at.exchanged().gradient),
    "kernel": lambda at: at.eigenvalues(at.gram)[0] + at.eigenvalues([[at.number(-3)]])[1] + sum(at.masses),
    "ranges": lambda at: sum(
        at.between(order, y, *risk.predictions(end)[:1], at.number(k))[k]
        for task in at.tasks
        for risk in (task.query,)
        for _, y, _ in risk.atoms[:1]
        for order in (1, 2, 3)
        for k in (0, 1)
        for end in (at.omega,)
    ),
    "hessians": lambda at: sum(t.weight * at.eigenvalues(t.query.hessian(at.comparator))[1] for t in at.tasks),
    "constants": lambda at: at.instance.loss.constants().m2 * at.magnitude(at("gap")) + at.constant("m2"),
}


@pytest.mark.ci(every=9)
@pytest.mark.parametrize("name", QUANTITIES)
def test_instances_are_asked_together_where_they_are_alike(name: str) -> None:
    """What depends on lengths, words, exact numbers and ranks is that of each instance; most is said in arrays."""
    said = 0
    family = stating(QUANTITIES[name])
    for k, loss in enumerate(("log-cosh", "huber", "geman-mcclure", "squared")):
        for kind in ("arbitrary", "one-task"):
            batch = family.generator(kind).build(RandomSource((8, k), 24), loss)
            wrong, count = outside(family, batch, ["own"])
            assert not wrong, (loss, wrong[:3])
            said += count
    assert said >= 24


def test_instances_that_differ_part() -> None:
    numbers = Several([fmpq(1), fmpq(2), fmpq(2)])
    assert bool(numbers > 0) and bool(1 / numbers + 1 <= 2) and bool(abs(-numbers) == numbers)
    with pytest.raises(PartingError) as parting:
        _ = 3 * numbers - 1 > fmpq(2)
    assert [list(part) for part in parting.value.parts(np.array([4, 7, 9]))] == [[4], [7, 9]]
    with pytest.raises(PartingError):
        bool(numbers - 1)
    assert agreed(["a", "a"]) == "a" and alike([fmpq(1, 2), fmpq(1, 2)], Sealed) == fmpq(1, 2)
    with pytest.raises(PartingError):
        alike([(fmpq(1),), ()], Sealed)
    losses = [Loss("huber", fmpq(k)) for k in (1, 2)]
    both = alike(losses, Sealed)
    assert isinstance(both, Alike) and both.name == "huber" and list(both.parameter.values) == [1, 2]
    assert alike([losses[0]] * 2, Sealed) == losses[0]
    for asked in (lambda: both == alike(losses[::-1], Sealed), lambda: both in set(losses[1:]),
                  lambda: alike([fmpq(1), None], Sealed), lambda: alike([(fmpq(1),), None], Sealed)):  # fmt: skip
        with pytest.raises(PartingError):
            asked()
    with pytest.raises(AttributeError, match="there is no nme"):
        _ = both.nme
    assert float(Enclosed.lifted(Several([fmpq(1, 3), fmpq(1, 2)])).rad.max()) > 0
    assert Enclosed.lifted(Several([fmpq(3), fmpq(1, 2)])).rad.shape == ()


def test_a_name_of_something_else_in_arrays_is_ones_own() -> None:
    """`after` is a table of the engine for arrays."""
    value = metagap.quantity("x", "own")(lambda at: at.number(7))
    named = replace(value, name="after")
    family = FAMILIES["meta-sl"].stating((metagap.Claim("meta-sl-own", "own", "after", "8", quantities=(named,)),))
    batch = family.generator("arbitrary").build(RandomSource(1, 4), "squared")
    decided = family.judged_in_arrays(batch, family.claims[-1:])
    assert [judged.verdict for one in decided for judged in one.values()] == [Verdict.PROVED] * 4
    assert family.judged_in_arrays(batch, [replace(family.claims[-1], bound="6")]) == [{}] * 4  # type: ignore[arg-type]


def test_own_claims_are_decided_in_arrays_as_in_balls() -> None:
    decided = 0
    with using(read(str(FOLDER / "multi_step_maml.py"))) as own:
        family = FAMILIES["meta-sl"]
        for k, name in enumerate(("one-task", "arbitrary", "two-laws", "functions")):
            generator = family.generator(name)
            batch = generator.build(RandomSource((2, k), 8), "log-cosh")
            for b, known in enumerate(family.judged_in_arrays(batch, own.claims)):
                judged = judge(batch.instance(b), own.claims)
                decided += len(known)
                assert {one.claim: one.verdict for one in judged.claims if one.claim in known} == {
                    claim: one.verdict for claim, one in known.items()
                }
    assert decided > 24


def test_what_has_no_value_in_a_part_is_said_of_that_part_alone() -> None:
    """Decayed steps have no rate, plain ones of the same batch do."""

    def decayed(at: metagap.At) -> Any:
        return at.undefined("decay") if at.instance.adaptation.decay > 0 else at.instance.radius

    family = stating(decayed)
    batch = family.generator("arbitrary").build(RandomSource(3, 9), "squared")
    for plain, said in ((6, 6), (2, 0)):  # of two alone arrays say nothing
        decay = np.where(np.arange(9) < plain, 0.0, 0.25)
        batch = replace(batch, steps=1, rate=np.full(9, 0.5), decay=decay)
        assert outside(family, batch, ["own"]) == ([], said)


def test_how_assumptions_stand_is_as_balls_say() -> None:
    """Signs that balls certify, or nothing: also of margins that are enclosed badly."""
    family = FAMILIES["meta-sl"]
    assumptions = {a.name: a for claim in family.claims for a in claim.assumptions}
    said = 0
    for k, (name, wide) in enumerate((("arbitrary", 0.0), ("two-laws", 2.0), ("small-step", 0.5))):
        generator = family.generator(name)
        batch = generator.build(RandomSource((4, k), 8), generator.variants[-2])
        at = family.in_arrays(batch)

        def blurred(margin: str, at: Callable[[str], Any] = at, wide: float = wide) -> Any:
            value = at(margin)
            return value if margin.endswith(("law", "task")) else MidRad(value.mid, value.rad + wide)

        with np.errstate(all="ignore"):
            told = standings_in_arrays(assumptions.values(), blurred, len(batch))
        for b, known in enumerate(told):
            stand = standings(assumptions, family.evaluator(batch.instance(b)))
            of = {True: stand.holds, False: stand.fails, None: stand.void}
            assert all(one in of[holds] for one, holds in known.items())
            said += len(known)
    assert said > 60


def test_hits_that_break_an_assumption_are_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lifted form against convex losses, where half of a batch breaks it and comes first."""
    family = FAMILIES["meta-sl"]
    claim = next(c for c in family.claims if c.name == "meta-sl-c1")
    batch = family.generator("squared").build(RandomSource(1, 8), "squared")
    broken = replace(batch, loss=Loss("log-cosh"))
    judged = list[Any]()
    monkeypatch.setattr(pursuit, "refute", lambda subject, instance: judged.append(instance))
    for one, count in ((broken, 0), (batch, 1)):
        values = pursuit._certified(pursuit.Found(claim, "random"), one, np.linspace(1.1, 2, 8))
        assert len(judged) == count and (values == -np.inf).all()
    quiet = np.linspace(0, 1, 8)
    assert pursuit._certified(pursuit.Found(claim, "random"), batch, quiet) is quiet


def test_eigenvalues_of_any_sign_are_enclosed() -> None:
    family = stating(lambda at: at.number(1))
    batch = family.generator("arbitrary").build(RandomSource(1, 5), "squared")
    assert family.enclosed_quantities is not None
    at: Enclosing = family.enclosed_quantities(batch).together(np.arange(5))
    rng = np.random.default_rng(7)
    tables = rng.standard_normal((5, 3, 3))
    tables = tables + tables.swapaxes(1, 2)
    rows = [[MidRad(tables[:, i, j]) for j in range(3)] for i in range(3)]
    for end, right in zip(at.eigenvalues(rows), np.linalg.eigvalsh(tables)[:, [0, -1]].T, strict=True):
        assert (end.low <= right + 1e-12).all() and (end.high >= right - 1e-12).all()
        assert (end.high - end.low < 1e-12).all()


# --- in time --------------------------------------------------------------------------------------------------


def test_a_survey_whose_time_is_out_looks_at_nothing_and_says_so() -> None:
    family, told = FAMILIES["meta-sl"], list[str]()
    claim = next(c for c in family.claims if c.name == "meta-sl-lifted")
    hunted = [(claim.name, a.name) for a in claim.assumptions]
    found = survey(
        family, 64, claims=[claim], hunted=hunted, work=1e4, progress=told.append, until=time.monotonic() - 1
    )
    assert found.looked == 0 and not found.hunted and not told


def test_parts_of_an_audit_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that wait as much each; what one leaves, the next ones have; as many at a time as work."""
    jobs = tuple(audits.audit_jobs(["meta-sl"], 0, audits.EFFORTS["quick"], False, {}))
    assert [job.part for job in jobs] == ["matrix", "sharpness", "mutants"]
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    alone, two = (audits.Share(190.0, jobs, workers) for workers in (0, 2))
    assert [alone(job) for job in jobs] == [130.0, 145.0, 190.0]
    assert [two(job) for job in jobs] == [160.0, 190.0, 190.0]


def test_a_part_whose_time_is_out_is_in_the_record_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it found is told; the same audit does it again, and then it is complete."""
    found = audits.Audited(cut=True)
    monkeypatch.setattr(audits, "audit_part", lambda job, **options: replace(found))
    job = audits.AuditJob("meta-sl", "mutants", 0, audits.EFFORTS["quick"])
    store = audits.audit_store(tmp_path)
    for status in ("out of time", "complete", "complete"):
        audit = audits.Audit([job], 0, "metagap audit")
        audit.execute(Workers(0), time.monotonic() + 3600, store)
        assert audit.status == status and list(audit.parts) == [job]
        found.cut = False
    assert store.get(job) is not None


def test_quantities_without_arrays_are_left_to_balls_and_asked_by_call_alone() -> None:
    """An own loss's batch has no arrays: whatever is asked of its quantities raises UnknownError."""

    class Nothing:
        def __call__(self, name: str) -> Any:
            raise UnknownError(name)

        def __getattr__(self, name: str) -> Any:
            raise UnknownError(name)

    (decided,) = judged_in_arrays([FAMILIES["meta-sl"].claims[5]], Nothing(), 1)
    assert decided == {}
