"""The drivers find what is false, call nothing true false, and shrink what they find."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from metagap.impl import files
from metagap.impl.extras import MissingExtraError
from metagap.impl.falsify import refute
from metagap.impl.falsify.certify import tightness
from metagap.impl.falsify.fields import fields, normalised, without
from metagap.impl.falsify.gradient import NoGradientError
from metagap.impl.falsify.mutants import batches
from metagap.impl.falsify.perturb import perturb
from metagap.impl.falsify.pursuit import SHAPES, pursue, simplest
from metagap.impl.falsify.ratio import HIT, ROUNDING, BallValues, objective
from metagap.impl.falsify.shrinker import shrink_batch
from metagap.impl.families import FAMILIES, META_RL, META_SL, NETWORK, Family, family_of, loads
from metagap.impl.sources import Kind, Limits
from metagap.reports.cli import app
from metagap.theory.claim import Claim, Expression, Mutant
from typer.testing import CliRunner

from .kinds import families, searched

HARD = {
    "limits": Limits(3, 4, 1, 3),
    "full": True,
    "generators": ("arbitrary",),
    "fits": lambda batch: batch.steps == 1 and batch.loss.name in ("log-cosh", "logistic"),
}
"""Random problems without the generators that sit on the bound."""


def mutant(name: str) -> Mutant:
    return next(m for family in FAMILIES.values() for m in family.mutants if m.name == name)


def claim(name: str) -> Claim:
    return next(c for family in FAMILIES.values() for c in family.claims if c.name == name)


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("driver", ["evolution", "gradient", "hypothesis"])
@pytest.mark.parametrize("name", ["no-hessian", "half-constant", "w-at-omega"])
def test_every_driver_refutes_wrong_theorems_without_tangent_comparators(driver: str, name: str) -> None:
    found = pursue(mutant(name), driver, seed=1, seconds=120, **HARD)  # type: ignore[arg-type]
    assert found.refutations, found
    for one in found.refutations:
        assert one.gap.lo > one.bound.hi
        assert refute(mutant(name), one.instance) is not None


@pytest.mark.ci
@pytest.mark.parametrize("name", ["rl-no-horizon", "rl-largest-entry", "network-no-hessian", "network-half-reach"])
def test_evolution_serves_every_family(name: str) -> None:
    found = pursue(mutant(name), seed=2, seconds=120)
    assert found.refutations
    assert refute(mutant(name), found.refutations[0].instance) is not None


@pytest.mark.ci
@pytest.mark.parametrize("driver", ["evolution", "gradient", "hypothesis"])
def test_no_driver_refutes_the_theorem(driver: str) -> None:
    found = pursue(claim("meta-sl-lifted"), driver, seed=3, seconds=1.0)
    assert found.evaluations > 100
    assert not found.refutations
    assert found.value <= 1 + HIT
    certified = found.certified()
    assert certified is not None
    instance, enclosed = certified
    assert 0.9 < enclosed.lo <= enclosed.hi <= 1 + 1e-15
    assert enclosed.lo == pytest.approx(found.value, abs=1e-6)
    assert loads(files.dumps(instance)).sha256 == instance.sha256


@pytest.mark.ci
def test_large_instances_are_nearly_tight() -> None:
    found = pursue(claim("meta-sl-lifted"), seed=0, seconds=30, limits=SHAPES["L"], full=True, goal=0.9995)
    certified = found.certified()
    assert certified is not None
    instance, enclosed = certified
    assert (len(instance.tasks), len(instance.features), len(instance.features[0])) == (8, 16, 16)  # type: ignore[attr-defined]
    assert enclosed.lo >= 0.999


def test_a_subject_without_a_fitting_start_ends_in_time() -> None:
    assert pursue(claim("meta-rl-t3f"), seed=0, seconds=0.5, fits=lambda batch: False).best is None


def test_gradients_are_for_what_torch_knows() -> None:
    with pytest.raises(NoGradientError, match="meta-sl"):
        pursue(claim("meta-rl-lifted"), "gradient")
    with pytest.raises(NoGradientError, match="misfit_l1"):
        pursue(claim("meta-sl-l1"), "gradient")


def test_a_missing_torch_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metagap.impl.extras.importlib.util.find_spec", lambda package: None)
    with pytest.raises(MissingExtraError, match="torch is not installed"):
        pursue(claim("meta-sl-lifted"), "gradient")


@pytest.mark.ci(every=6)
@families(searched)
def test_the_ratio_agrees_with_the_balls(family: Family) -> None:
    """On grid instances and on moved ones, wherever balls enclose it."""
    lifted, rng, compared = claim(f"{family.name}-lifted"), np.random.default_rng(0), 0
    for _, _, batch in itertools.islice(batches(family, 5, 4), 2 * len(family.searching)):
        for other in (batch, perturb(batch, rng, np.full(len(batch), 0.3))):
            values, at = objective(lifted)(other), family.batch_quantities(other)
            with np.errstate(all="ignore"):
                room = ROUNDING * at("scale") / lifted.bound(at)
            for b in np.flatnonzero(values > 0.01)[:2]:
                enclosed = tightness(lifted, other.instance(int(b)))
                if enclosed is not None:
                    assert abs(values[b] + room[b] - enclosed.middle) <= 1e-6 + room[b]
                    compared += 1
    assert compared >= 10


def test_balls_stand_in_where_floats_know_less() -> None:
    _, _, batch = next(iter(batches(META_SL, 0, 4)))
    what = objective(claim("meta-sl-lifted"))
    assert what(batch) == pytest.approx(what(batch, BallValues(META_SL, batch)), abs=1e-6)
    assert not objective(claim("meta-sl-c9")).fast
    assert np.isfinite(objective(claim("meta-sl-c9"))(batch)).any() or batch.steps != 1


@pytest.mark.ci(every=3)
@families()
def test_moved_instances_are_valid(family: Family) -> None:
    """They survive their file, whose reader checks shares, labels, positive numbers and shapes."""
    rng = np.random.default_rng(1)
    for _, _, batch in itertools.islice(batches(family, 3, 3), len(family.searching)):
        for scale in (1e-3, 0.3, 3.0):
            moved = perturb(batch, rng, np.full(len(batch), scale))
            for field, value in fields(moved):
                before = getattr(batch, field.name)
                assert value.shape == before.shape
                if field.kind in (Kind.SHARES, Kind.FACTOR):
                    assert (np.sign(value) == np.sign(before)).all()
                if field.kind is Kind.SHARES:
                    assert normalised(value, field.span) == pytest.approx(value)
            instance = moved.instance(0)
            assert loads(files.dumps(instance)).sha256 == instance.sha256
            assert any(not np.array_equal(value, getattr(batch, field.name)) for field, value in fields(moved))


def test_the_field_table_names_every_array() -> None:
    fixed = {"signs"}
    for family in (META_SL, META_RL, NETWORK):
        _, _, batch = next(iter(batches(family, 0, 2)))
        arrays = {name for name, value in vars(batch).items() if isinstance(value, np.ndarray)}
        assert arrays - {field.name for field in batch.fields} <= fixed


def test_cutting_keeps_shares() -> None:
    _, _, batch = next(iter(batches(META_SL, 0, 1, SHAPES["M"], full=True)))
    less = without(batch, "point", 1)
    assert less.shape == (4, 7, 1, 8)
    assert less.masses.sum((2, 3)) == pytest.approx(1)
    only = replace(batch, weights=np.array([[1.0, 0.0, 0.0, 0.0]]))
    assert without(only, "task", 0) is None


@pytest.mark.ci
@pytest.mark.parametrize("name", ["no-hessian", "rl-no-horizon", "network-half-reach"])
def test_shrunk_witnesses_are_refuted_and_small(name: str) -> None:
    subject = mutant(name)
    found = pursue(subject, seed=4, seconds=120, enough=3)
    asked = []

    def keeps(instance: object) -> bool:
        asked.append(instance)
        return refute(subject, instance) is not None  # type: ignore[arg-type]

    shrunk = shrink_batch(found.rows[0], objective(subject), keeps).instance(0)
    assert refute(subject, shrunk) is not None
    assert asked
    assert shrunk.numbers <= found.refutations[0].instance.numbers
    small = simplest(found)
    assert small is not None
    assert small.instance.numbers <= min(r.instance.numbers for r in found.refutations)
    assert small.instance.numbers <= 40
    assert small.gap.lo > small.bound.hi


def test_summands_add_up_to_the_bound() -> None:
    for family in FAMILIES.values():
        for one in family.claims:
            values = {name: float(j + 2) for j, name in enumerate(one.bound.names)}
            total = sum(term(values.__getitem__) for term in one.bound.summands)
            assert total == pytest.approx(one.bound(values.__getitem__))
    assert [t.text for t in Expression("a*b - c/2 + d").summands] == ["a * b", "-(c / 2)", "d"]
    assert family_of(mutant("rl-no-horizon")) is META_RL


def test_the_command_writes_witnesses_that_replay_reads(tmp_path: Path) -> None:
    runner, folder = CliRunner(), str(tmp_path)
    found = runner.invoke(app, ["falsify", "half-constant", "--seed", "1", "--out", folder])
    assert found.exit_code == 1, found.output
    assert found.output.splitlines()[-1].startswith("half-constant: refuted")
    kept = sorted(str(path) for path in (tmp_path / "counterexamples").iterdir())
    assert len(kept) == 2 and (tmp_path / "check_witness.py").is_file()
    again = runner.invoke(app, ["replay", *kept])
    assert again.exit_code == 0
    assert again.output.splitlines()[-1] == "2 counterexamples: 2 still violated"
    true = runner.invoke(app, ["falsify", "meta-sl-lifted", "--max-time", "0.5", "--out", folder])
    assert true.exit_code == 0, true.output
    assert "not refuted" in true.output
    for arguments, word in (
        (["nope"], "NAME='nope'"),
        (["meta-rl-lifted", "--driver", "gradient"], "--driver='gradient'"),
    ):
        wrong = runner.invoke(app, ["falsify", *arguments, "--out", folder])
        assert wrong.exit_code == 2
        assert word in wrong.output
        assert len(wrong.output.strip().splitlines()) == 1
