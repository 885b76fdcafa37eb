"""Batches in midpoint-radius numbers: they contain what balls enclose, decide what balls decide, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from metagap.impl import midrad
from metagap.impl.arithmetic import Balls, rational
from metagap.impl.batch_judge import Asked, decided_in_arrays, ends_of, judged_in_arrays
from metagap.impl.enclosed import infimum, linear
from metagap.impl.enclosed.quantities import UnknownError
from metagap.impl.families import META_SL, judge
from metagap.impl.family import Family
from metagap.impl.judgement import ClaimJudgement, Enclosure
from metagap.impl.midrad import MidRad
from metagap.impl.sources import SMALL, RandomSource
from metagap.impl.supervised.batch import Batch
from metagap.impl.supervised.batch_quantities import BatchQuantities
from metagap.impl.supervised.draws import problem
from metagap.impl.supervised.enclosed import taylor
from metagap.impl.supervised.enclosed.quantities import enclosed_quantities
from metagap.impl.supervised.generate import GENERATORS
from metagap.impl.verdicts import fit_ends
from metagap.theory.claim import Claim, UndefinedQuantityError, Verdict
from metagap.theory.meta_sl import CLAIMS

from .samples import escaped

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

NAMES = (
    "gap", "pairing", "eps", "weight_norm", "misfit", "misfit_l1", "direction", "inner_product", "residual_norm",
    "bregman", "function_displacement", "misfit_plain", "eps_first_order", "displacement", "feature_bound",
    "support_feature_bound", "strong_convexity", "margin_differentiability", "mixed_weight_norm", "mixed_misfit",
    "min_norm_solution",
    "mixed_misfit_l1", "remainder_constant", "jacobian_deviation", "smoothness", "descent", "margin_small_step",
    "adapted_displacement", "jacobian_min", "jacobian_inverse",
)  # fmt: skip
"""The quantities that are enclosed."""
DRAWN = (
    ("arbitrary", "log-cosh"), ("tangent", "logistic"), ("independent", "squared"), ("support-query", "huber"),
    ("rates", "logistic"), ("one-task", "poisson"), ("stationary", "exponential"), ("functions", "quartic"),
    ("vector-outputs", "softmax"), ("vector-tangent", "squared"),
)  # fmt: skip
"""Generators, with the losses that they draw."""


def batches(name: str, variant: str, seed: int, count: int, size: int = 4) -> Iterator[Batch]:
    """Batches that a generator draws."""
    generator = next(g for g in GENERATORS if g.name == name)
    for index in range(count):
        yield generator.build(RandomSource((seed, index), size), variant)


def outside(
    batch: Any, names: tuple[str, ...] = NAMES, bits: int = 256, family: Family = META_SL
) -> tuple[list[str], int]:
    """The quantities whose enclosures miss that of balls, and how many were compared."""
    assert family.enclosed_quantities is not None
    at, missed, compared = family.enclosed_quantities(batch), [], 0
    for b in range(len(batch)):
        with ctx.workprec(bits):
            direction = at._along.mid[b] if "direction" in names else np.full(1, np.nan)
            along = tuple(rational(float(v)) for v in direction) if np.isfinite(direction).all() else None
            exact = family.quantities(batch.instance(b), Balls, along)
            for name in names:
                try:
                    right, found = exact(name), at(name)[b]
                except UndefinedQuantityError:
                    continue
                if not fit_ends(ends_of(found)) or not right.is_finite():
                    continue
                compared += 1
                low, high = (arb(float(end)) for end in (found.low, found.high))
                missed += [name] if right < low or right > high else []
    return missed, compared


def contained(found: Iterable[Any], names: tuple[str, ...] = NAMES, family: Family = META_SL) -> int:
    """How many quantities of the batches were compared, all of which contain those of balls."""
    compared = 0
    for batch in found:
        missed, count = outside(batch, names, family=family)
        assert not missed
        compared += count
    return compared


def decided_alike(found: Iterable[Any], family: Family = META_SL) -> int:
    """How many claims arrays decide on the batches, all of them as balls do."""
    decided = 0
    for batch in found:
        wrong, count = disagreements(batch, family)
        assert not wrong
        decided += count
    return decided


@pytest.mark.ci(every=12)
@pytest.mark.parametrize(("name", "variant"), DRAWN)
def test_quantities_contain_those_of_balls(name: str, variant: str, effort: int) -> None:
    assert contained(batches(name, variant, 5, 3 * effort)) >= 100 * effort


def test_implicit_steps_are_enclosed(effort: int) -> None:
    losses = ("log-cosh", "logistic", "poisson")
    found = (
        problem(RandomSource((9, index), 4), losses[index % 3], SMALL, kind="implicit") for index in range(3 * effort)
    )
    assert contained(found, ("gap", "eps", "pairing", "misfit", "bregman", "eps_first_order")) >= 60 * effort


def test_implicit_steps_without_a_positive_strength_are_left_to_balls() -> None:
    batch = problem(RandomSource((9, 0), 4), "log-cosh", SMALL, kind="implicit")
    with pytest.raises(UnknownError):
        enclosed_quantities(replace(batch, rate=-batch.rate))("gap")


def test_poor_proposals_only_widen() -> None:
    right, near, ends = BatchQuantities._proximal, linear.proposed_inverse, infimum.l1_ends
    poor: tuple[tuple[Any, str, Any], ...] = (
        (BatchQuantities, "_proximal", lambda self, theta: right(self, theta) + 1e-7),
        (linear, "proposed_inverse", lambda table: near(table) + 1e-7),
        (taylor, "proposed_inverse", lambda table: near(table) + 1e-7),
        (infimum, "l1_ends", lambda *given: tuple(part * 1.01 for part in ends(*given))),
    )
    for holder, name, proposal in poor:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(holder, name, proposal)
            missed, count = outside(problem(RandomSource((10, 1), 4), "log-cosh", SMALL, kind="implicit"))
        assert not missed
        assert count >= 40


def test_joints_are_left_to_balls() -> None:
    """omega at a joint of Huber's loss: no margin is certified, and no claim of differentiable steps decided."""
    batch = next(batches("arbitrary", "huber", 4, 1))
    width = float(batch.loss.parameter.p) / float(batch.loss.parameter.q) if batch.loss.parameter else 1.0
    z = (batch.features @ batch.omega[..., None])[..., 0]
    at_joint = replace(
        batch, steps=1, rate=np.full(len(batch), 0.5), labels=z[:, None, :, None] - width + 0 * batch.labels
    )
    for known in META_SL.judged_in_arrays(at_joint, CLAIMS):
        assert "meta-sl-lifted" not in known or known["meta-sl-lifted"].verdict is Verdict.OUTSIDE
    assert not disagreements(at_joint)[0]


AT_V = ("-s3", "-s4")
"""Claims along a direction, which may be another where the infimum hardly depends on it: that of balls may attain what
another does not."""
ALONG = (*AT_V, "-t3d-smooth", "-c9-curvature")
"""Claims whose sides are along a direction: that of the gradient is any where L is stationary."""


def meet(said: Enclosure | None, other: Enclosure | None) -> bool:
    """Whether two enclosures of one number, if both are given, may be of it."""
    return said is None or other is None or max(said.lo, other.lo) <= min(said.hi, other.hi)


def _signed(said: ClaimJudgement) -> bool:
    """Whether the sides are on two sides of 0: of roots that may be 0 arrays know that they are not below it, and balls
    do not."""
    return said.side is not None and said.bound is not None and said.side.hi <= 0 <= said.bound.lo


def agree(said: ClaimJudgement, balls: ClaimJudgement) -> bool:
    """Whether arrays say of a claim what balls say: the verdict, what decides, and enclosures of the same sides."""
    proved = (said.verdict, balls.verdict) == (Verdict.PROVED, Verdict.EQUAL)
    if proved and (said.claim.endswith(AT_V) or _signed(said)):
        return True
    same = said.verdict is balls.verdict and said.reason.split(":")[0] == balls.reason.split(":")[0]
    return same and (said.claim.endswith(ALONG) or all(map(meet, (said.side, said.bound), (balls.side, balls.bound))))


def disagreements(batch: Any, family: Family = META_SL) -> tuple[list[str], int]:
    """Claims of which arrays say another thing than balls, and how many they decide."""
    decided = family.judged_in_arrays(batch, family.claims)
    wrong, count = [], 0
    for b, known in enumerate(decided):
        judged = judge(batch.instance(b), [claim for claim in family.claims if claim.name in known])
        wrong += [one.claim for one in judged.claims if not agree(known[one.claim], one)]
        count += len(known)
    return wrong, count


@pytest.mark.ci(every=12)
@pytest.mark.parametrize(("name", "variant"), [*reversed(DRAWN), ("no-adaptation", "huber"), ("cancelling", "quartic")])
def test_arrays_say_what_balls_say(name: str, variant: str, effort: int) -> None:
    assert decided_alike(batches(name, variant, 11, 3 * effort)) >= 60 * effort


def test_equalities_and_attained_bounds_are_left_to_balls() -> None:
    batch = next(batches("tangent", "logistic", 2, 1))
    for known in META_SL.judged_in_arrays(batch, CLAIMS):
        assert not {"meta-sl-identity", "meta-sl-s2", "meta-sl-refined-l1"} & set(known)


def test_what_functions_have_no_value_for_is_said_as_balls_say_it() -> None:
    batch = next(batches("functions", "quartic", 3, 1))
    for at in (enclosed_quantities(batch), META_SL.quantities(batch.instance(0))):
        with pytest.raises(UndefinedQuantityError, match="given by functions, not by a parameter"):
            at("displacement")


def test_kinks_are_left_to_balls() -> None:
    kinked = next(batches("arbitrary", "absolute", 1, 1, size=2))
    assert META_SL.judged_in_arrays(kinked, CLAIMS) == [{}, {}]


@pytest.mark.parametrize(("name", "variant"), DRAWN[::4])
def test_how_batches_lie_in_memory_is_no_matter(name: str, variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(midrad, "LONG", 2)
    assert contained(batches(name, variant, 5, 1)) >= 50


def test_shares_are_those_of_the_instance() -> None:
    batch = next(batches("support-query", "squared", 7, 1))
    tilted = replace(batch, weights=batch.weights * 0.3, masses=batch.masses / 3)
    at = enclosed_quantities(tilted)
    for b in range(len(batch)):
        given = tilted.instance(b)
        weights = at.batch.weights[b]
        assert escaped(weights, [task.weight for task in given.tasks]) == 0
        for i, task in enumerate(given.tasks):
            mass: dict[int, fmpq] = {}
            for atom in task.atoms:
                mass[atom.x] = mass.get(atom.x, fmpq(0)) + atom.p
            rho = at.rho[b][i]
            assert escaped(rho, [mass.get(x, fmpq(0)) for x in range(batch.shape[1])]) == 0


# --- nothing decides but finite enclosures ----------------------------------------------------------------------


@dataclass
class Said:
    """Quantities by name: what a test says they are."""

    values: dict[str, MidRad]

    def __call__(self, name: str) -> Any:
        return self.values.get(name, MidRad(np.ones(max((v.shape[0] for v in self.values.values()), default=1))))


WRONG = (
    {"gap": MidRad([np.inf], [np.inf])},
    {"gap": MidRad([0.0], [np.nan])},
    {"gap": MidRad([-np.inf])},
    {"pairing": MidRad([np.inf])},
    {"pairing": MidRad([np.inf], [np.inf])},
    {"pairing": MidRad([1e308], [1e308])},
    {"margin_outer_convexity": MidRad([np.inf])},
    {"margin_outer_convexity": MidRad([np.nan])},
    {"margin_outer_convexity": MidRad([1.0], [1.0])},
    {"gap": MidRad([1.0], [2.0**-50])},
    {"pairing": MidRad([1.0], [0.25])},
)
"""One quantity that is not finite, that overlaps, or that is enclosed too wide to be shown."""


def test_no_verdict_of_what_is_not_finite_or_overlaps() -> None:
    claim = next(c for c in CLAIMS if c.name == "meta-sl-s1")
    right = {"gap": MidRad([0.5])}
    assert judged_in_arrays([claim], Said(right), 1)[0][claim.name].verdict is Verdict.PROVED
    for wrong in WRONG:
        assert judged_in_arrays([claim], Said(right | wrong), 1) == [{}], wrong
    lifted = next(c for c in CLAIMS if c.name == "meta-sl-lifted")
    assert judged_in_arrays([lifted], Said(right), 1) != [{}]
    shown = {"function_displacement": MidRad([1.0], [np.inf])}
    assert judged_in_arrays([lifted], Said(right | shown), 1) == [{}]


def test_sides_that_are_alike_or_0_are_met() -> None:
    claim, wide = next(c for c in CLAIMS if c.name == "meta-sl-s1"), [2.0**-45] * 3
    said = Said({"gap": MidRad([3.0, 0.0, 0.5], wide), "pairing": MidRad([3.0, 0.0, 0.5 - 2.0**-30], wide)})
    met = decided_in_arrays(claim, Asked(said), 3).met
    assert met is not None and met.tolist() == [True, True, False]


def test_of_margins_the_sign_alone_is_known() -> None:
    """They may enter no side: what arrays and balls take the least of need not be the same."""
    said = Said({"margin_joints": MidRad([2.0])})
    claim = Claim("meta-sl-m", "m", left="eps", bound="radius*margin_joints")
    assert judged_in_arrays([replace(claim, bound="2*radius"), claim], said, 1)[0].keys() == {claim.name}
    assert judged_in_arrays([claim], said, 1) == [{}]


def test_sums_of_what_is_not_below_0_are_not() -> None:
    """Against a gap of 0, or less: not where an end is below 0, or something is subtracted."""
    size, wide = MidRad.between(np.zeros(3), np.full(3, 1e-9)), MidRad(np.zeros(3), 1e-9)
    values = {"gap": MidRad([0.0, -1.0, 1e-12]), "weight_norm": MidRad([1.0] * 3), "misfit": size, "bregman": size}
    lifted, refined = (next(c for c in CLAIMS if c.name == f"meta-sl-{name}") for name in ("lifted", "refined"))
    for claim, eps, proved in (
        (lifted, size, [True, True, False]), (lifted, wide, [False, True, False]), (refined, size, [False, True, False])
    ):  # fmt: skip
        assert decided_in_arrays(claim, Asked(Said(values | {"eps": eps})), 3).proved.tolist() == proved


def test_an_assumption_that_fails_is_named_if_those_before_it_hold() -> None:
    claim = next(c for c in CLAIMS if c.name == "meta-sl-c8")
    fails = {"margin_one_law": MidRad([-1.0, -1.0]), "margin_small_step": MidRad([1.0, 0.0], [0.0, 1.0])}
    found, open_ = judged_in_arrays([claim], Said(fails), 2)
    assert found[claim.name].verdict is Verdict.OUTSIDE
    assert found[claim.name].reason.startswith("one-law:")
    assert open_ == {}


@pytest.mark.ci(every=4)
@pytest.mark.parametrize("scale", [1e160, 1e300, 1e-160, 1e-310])
def test_extreme_numbers_decide_nothing_wrong(scale: float) -> None:
    drawn = (("arbitrary", "squared"), ("arbitrary", "logistic"), ("tangent", "poisson"), ("vector-outputs", "softmax"))
    for name, variant in drawn:
        batch = next(batches(name, variant, 3, 1, size=2))
        for field in ("features", "omega", "radius"):
            extreme = replace(batch, **{field: getattr(batch, field) * scale})
            assert not disagreements(extreme)[0]
            assert not outside(extreme, ("gap", "eps", "misfit", "weight_norm", "misfit_l1"))[0]
