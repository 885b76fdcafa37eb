"""Leave-one-out search: finds what matters, says what it searched, and notices assumptions that exclude each other."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from metagap.impl import leave_one_out
from metagap.impl.falsify.mutants import batches
from metagap.impl.families import FAMILIES, META_RL, META_RL_NETWORK, META_RL_SMOOTH_NETWORK, META_SL, Family, family_of
from metagap.impl.instances import Instance
from metagap.impl.judge import judge_claim
from metagap.impl.leave_one_out import HUNTERS, Found, Survey, alone, cells_of, survey
from metagap.impl.sources import RandomSource
from metagap.impl.standings import conclusion
from metagap.impl.unfinished import document, restored
from metagap.reports.records import dumps
from metagap.theory.claim import Assumption, Claim, Expression, Source, Standing, Verdict
from metagap.theory.meta_rl import CLAIMS as META_RL_CLAIMS
from metagap.theory.meta_rl import KL_STEP, POSITIVE_POLICY, RATIONAL_STEP
from metagap.theory.meta_sl import CLAIMS, NO_ADAPTATION, PARAMETER_COMPARATOR, SINGLE_TASK
from metagap.theory.stationarity import DIFFERENTIABLE, OUTER_CONVEXITY


def claim(name: str, claims: tuple[Claim, ...] = CLAIMS) -> Claim:
    return next(c for c in claims if c.name == name)


LIFTED = claim("meta-sl-lifted")


def wild(family: Family, seed: int, count: int) -> list[Instance]:
    """Instances of all generators, four of each."""
    drawn = itertools.islice(batches(family, seed, 4, wild=True), -(-count // 4))
    return [batch.instance(b) for _, _, batch in drawn for b in range(4)][:count]


@pytest.mark.ci
def test_the_needed_assumption_is_found_from_scratch_and_the_witness_breaks_it_alone() -> None:
    found = survey(META_SL, 600, claims=[LIFTED, claim("meta-sl-c5")])
    for key in (("meta-sl-lifted", OUTER_CONVEXITY.name), ("meta-sl-c5", NO_ADAPTATION.name)):
        cell = found.cells[key]
        assert cell.found is not None
        assert cell.found.judged.verdict is Verdict.VIOLATED
        again = alone(cell, cell.found.instance)
        assert again is not None
        assert again.verdict is Verdict.VIOLATED
    built_in = found.cells["meta-sl-lifted", "one-radius"]
    assert built_in.found is not None and "misfit_free" in built_in.claim.bound.text


def test_an_assumption_that_nothing_needs_stays_open_with_a_count() -> None:
    """The lifted form does not need a single task; claimed as if it did, the search finds nothing, and says how much
    it searched."""
    planted = replace(LIFTED, name="planted", assumptions=(*LIFTED.assumptions, SINGLE_TASK))
    cell = survey(META_SL, 100, claims=[planted]).cells["planted", SINGLE_TASK.name]
    assert cell.found is None
    assert cell.searched > 30
    assert cell.held >= 0.98 * cell.searched


def test_what_a_claim_does_not_assume_fails_while_the_claim_is_proved() -> None:
    cell = survey(META_SL, 60, claims=[LIFTED]).cells["meta-sl-lifted", SINGLE_TASK.name]
    assert not cell.assumed
    assert cell.found is None
    assert cell.searched > 10
    assert cell.held >= 0.98 * cell.searched


def test_assumptions_that_exclude_each_other_are_noticed() -> None:
    base = claim("meta-rl-t3a", META_RL_CLAIMS)
    vacuous = replace(base, name="vacuous", assumptions=(KL_STEP, RATIONAL_STEP))
    found = survey(META_RL, 40, claims=[base, vacuous])
    assert found.met["vacuous"] == 0
    assert found.conflicts(vacuous) == [(KL_STEP.name, RATIONAL_STEP.name)]
    assert found.met[base.name] > 0
    assert found.conflicts(base) == []


@pytest.mark.ci
def test_a_conclusion_without_a_value_is_no_counterexample_if_there_is_a_false_one() -> None:
    """m2 is infinite for the quartic loss: C6 loses its constant there."""
    c6 = claim("meta-sl-c6")
    cell = survey(META_SL, 600, claims=[c6]).cells["meta-sl-c6", "bounded-curvature"]
    assert cell.found is not None
    assert cell.found.meaningless
    assert "m2" in cell.found.judged.reason


@pytest.mark.ci
def test_a_value_that_is_missing_under_all_assumptions_is_no_reason_for_one() -> None:
    """The smoothness of L has no value for several losses, one task or not; the displacement needs a parameter."""
    planted = replace(
        LIFTED,
        name="meta-sl-planted",
        left=Expression("zero"),
        bound=Expression("smoothness*displacement**2"),
        assumptions=(PARAMETER_COMPARATOR, SINGLE_TASK),
        source=Source.OWN,
    )
    found = survey(META_SL, 160, claims=[planted])
    assert 0 < found.void[planted.name] < found.met[planted.name]
    assert set(found.lacking[planted.name]) == {"smoothness"}
    cell, of_task = (found.cells[planted.name, a.name] for a in planted.assumptions)
    assert of_task.first is None and of_task.found is None and of_task.searched > of_task.held > 10
    assert cell.found is not None and cell.found.meaningless
    assert "functions" in cell.found.judged.reason
    again = restored(json.loads(dumps(document(found))), META_SL, [planted])
    assert (again.void, again.lacking) == (found.void, found.lacking)


@pytest.mark.ci
def test_the_search_is_a_function_of_its_seed() -> None:
    one, two = (survey(META_SL, 50, seed=3, claims=[LIFTED]) for _ in range(2))
    assert one.met == two.met
    assert {k: (c.searched, c.held) for k, c in one.cells.items()} == {
        k: (c.searched, c.held) for k, c in two.cells.items()
    }


def test_margins_decide_in_which_cell_an_instance_counts() -> None:
    never = Assumption("never", "never holds", "zero")
    planted = replace(LIFTED, name="planted", assumptions=(never,))
    found = survey(META_SL, 20, claims=[planted])
    assert found.met["planted"] == 0
    assert found.cells["planted", "never"].searched == 20


@pytest.mark.ci
def test_what_generated_instances_do_not_show_is_hunted() -> None:
    """Where the mixed weight vanishes its numerator must, too: rare among generated instances, climbed to from them."""
    key = ("meta-sl-mixed", "numerator-vanishes")
    mixed = claim(key[0])
    plain = replace(META_SL, breaking=())
    assert survey(plain, 30, claims=[mixed]).cells[key].first is None
    cell = survey(plain, 30, claims=[mixed], hunted=[key], work=200_000).cells[key]
    assert cell.first is not None
    assert cell.first.origin in HUNTERS
    again = alone(cell, cell.first.instance)
    assert again is not None
    assert again.verdict is Verdict.VIOLATED


@pytest.mark.ci
def test_probabilities_of_zero_are_found_in_every_family_of_policies() -> None:
    for family in (META_RL, META_RL_NETWORK, META_RL_SMOOTH_NETWORK):
        key = (f"{family.name}-lifted", POSITIVE_POLICY.name)
        cell = survey(family, 200, claims=[c for c in family.claims if c.name == key[0]]).cells[key]
        assert cell.first is not None
        assert cell.first.judged.verdict is Verdict.VIOLATED


def needed(family: Family) -> set[tuple[str, str]]:
    return {(a.claim, a.assumption) for a in family.ablations if a.standing is Standing.NEEDED}


REWRITTEN = {
    name: {(a.claim, a.assumption) for a in family.ablations if a.reading and family.claim(a.claim) in family.claims}
    for name, family in FAMILIES.items()
}
UNFOUND = {(a.claim, a.assumption): a.unfound for f in FAMILIES.values() for a in f.ablations if a.unfound}


@pytest.mark.ci
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", [name for name in FAMILIES if REWRITTEN[name]])
def test_every_rewritten_claim_is_refuted_from_scratch(name: str, seed: int) -> None:
    """By generators alone, without the theory's instances; each witness breaks what is left out and nothing else."""
    family = FAMILIES[name]
    narrow = replace(family, generators=(family.generators[0], *family.breaking), breaking=())
    keys = REWRITTEN[name]
    chosen = [c for c in family.claims if c.name in {claim for claim, _ in keys}]
    found = survey(narrow, 48 * len(narrow.generators), seed=seed, claims=chosen, settled=keys)
    assert keys <= set(found.cells)
    for key in keys - set(UNFOUND):
        cell = found.cells[key]
        assert cell.first is not None, key
        assert cell.first.judged.verdict is Verdict.VIOLATED, key
        again = alone(cell, cell.first.instance)
        assert again is not None and again.verdict is Verdict.VIOLATED, key


@pytest.mark.ci
def test_what_search_does_not_find_is_needed_and_says_why() -> None:
    assert set(UNFOUND) <= set().union(*(needed(family) for family in FAMILIES.values()))
    assert all(len(reason) > 40 for reason in UNFOUND.values())


@pytest.mark.ci
@pytest.mark.parametrize("name", ["meta-sl", "network", "smooth-network", "meta-rl-network"])
def test_a_reading_is_no_straw_man(name: str) -> None:
    """Off kinks and joints what stands for a missing derivative is the derivative, so that no reading fails there."""
    family = FAMILIES[name]
    readings = [a for a in family.ablations if a.reading is not None and a.assumption == DIFFERENTIABLE.name]
    cells, judged = cells_of(family, family.claims), Counter[Verdict]()
    beside = [
        replace(batch, omega=batch.omega + 1 / 64).instance(b)
        for generator in family.breaking
        if generator.name == "joints"
        for batch in [generator.build(RandomSource(5, 32), "huber")]
        for b in range(32)
    ]
    for instance in (*beside, *wild(family, 5, 160)):
        evaluator = family_of(instance).evaluator(instance)
        for reading in readings:
            own = family.claim(reading.claim)
            assert own is not None
            if judge_claim(own, evaluator).verdict in (Verdict.PROVED, Verdict.EQUAL):
                verdict = conclusion(cells[reading.claim, reading.assumption].claim, evaluator).verdict
                assert verdict is not Verdict.VIOLATED, reading.claim
                judged[verdict] += 1
    assert judged[Verdict.PROVED] + judged[Verdict.EQUAL] > 10


def test_a_claim_whose_other_assumptions_lose_their_meaning_is_meaningless_at_most() -> None:
    """Two steps make the mixed form undefined, and hypothesis (D) with it."""
    key = ("meta-sl-mixed", "one-gradient-step")
    cell = survey(META_SL, 60, claims=[claim(key[0])]).cells[key]
    assert cell.first is not None
    assert cell.first.meaningless
    again = alone(cell, cell.first.instance)
    assert again is not None and again.verdict is Verdict.OUTSIDE


def outcome(found: Survey) -> object:
    """What a survey found, but for the time that it took."""

    def kept(one: Found | None) -> tuple[str, str] | None:
        return None if one is None else (one.instance.sha256, one.origin)

    return (
        found.looked,
        found.examples,
        found.met,
        found.together,
        {
            key: (
                cell.searched,
                cell.held,
                *(one and (one.instance.sha256, one.origin) for one in (cell.first, cell.found)),
            )
            for key, cell in found.cells.items()
        },
    )


@pytest.mark.ci
def test_an_interrupted_survey_goes_on_from_its_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C after each chunk in turn, and in the hunt: what is found is what an uninterrupted one finds."""
    monkeypatch.setattr(leave_one_out, "CHUNK", 20)
    monkeypatch.setattr(leave_one_out, "_hunt", lambda found, *_: setattr(found, "examples", found.examples + 1))
    chosen = [claim("meta-sl-c1"), LIFTED]
    hunted = [("meta-sl-lifted", "population-risk"), ("meta-sl-c1", "squared-loss")]
    known = [("known", instance) for instance in wild(META_SL, 9, 5)]
    looked: list[int] = []

    def go_on(begun: Survey | None, keep: Callable[[Survey], None]) -> Survey:
        return survey(META_SL, 70, claims=chosen, known=known, hunted=hunted, work=20_000, begun=begun, keep=keep)

    def stopping(found: Survey) -> None:
        looked.append(found.looked)
        nonlocal text
        text = dumps(document(found))
        raise KeyboardInterrupt

    text, last = "", None
    while last is None:
        begun = restored(json.loads(text), META_SL, chosen) if text else None
        try:
            last = go_on(begun, stopping)
        except KeyboardInterrupt:
            continue
    assert looked[:3] == [20, 40, 60]
    assert len(looked) > 3, "no hunt was kept"
    assert outcome(last) == outcome(go_on(None, lambda found: None))
