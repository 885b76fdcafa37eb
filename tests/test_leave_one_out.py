"""Leave-one-out search: finds what matters, says what it searched, and notices assumptions that exclude each other."""

from __future__ import annotations

from dataclasses import replace

from metagap.impl.families import META_RL, META_RL_NETWORK, META_RL_SMOOTH_NETWORK, META_SL
from metagap.impl.leave_one_out import HUNTERS, alone, survey
from metagap.theory.claim import Assumption, Claim, Verdict
from metagap.theory.meta_rl import CLAIMS as META_RL_CLAIMS
from metagap.theory.meta_rl import KL_STEP, POSITIVE_POLICY, RATIONAL_STEP
from metagap.theory.meta_sl import CLAIMS, NO_ADAPTATION, SINGLE_TASK
from metagap.theory.stationarity import OUTER_CONVEXITY


def claim(name: str, claims: tuple[Claim, ...] = CLAIMS) -> Claim:
    return next(c for c in claims if c.name == name)


LIFTED = claim("meta-sl-lifted")


def test_the_needed_assumption_is_found_from_scratch_and_the_witness_breaks_it_alone() -> None:
    found = survey(META_SL, 600, claims=[LIFTED, claim("meta-sl-c5")])
    for key in (("meta-sl-lifted", OUTER_CONVEXITY.name), ("meta-sl-c5", NO_ADAPTATION.name)):
        cell = found.cells[key]
        assert cell.found is not None
        assert cell.found.judged.verdict is Verdict.VIOLATED
        again = alone(cell.claim, cell.assumption, cell.found.instance)
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


def test_a_conclusion_without_a_value_is_no_counterexample_if_there_is_a_false_one() -> None:
    """m2 is infinite for the quartic loss: C6 loses its constant there."""
    c6 = claim("meta-sl-c6")
    cell = survey(META_SL, 150, claims=[c6]).cells["meta-sl-c6", "bounded-curvature"]
    assert cell.found is not None
    assert cell.found.meaningless
    assert "m2" in cell.found.judged.reason


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


def test_what_generated_instances_do_not_show_is_hunted() -> None:
    """Where the mixed weight vanishes its numerator must, too: rare among generated instances, climbed to from them."""
    key = ("meta-sl-mixed", "numerator-vanishes")
    mixed = claim(key[0])
    assert survey(META_SL, 30, claims=[mixed]).cells[key].first is None
    cell = survey(META_SL, 30, claims=[mixed], hunted=[key], seconds=20).cells[key]
    assert cell.first is not None
    assert cell.first.origin in HUNTERS
    again = alone(mixed, key[1], cell.first.instance)
    assert again is not None
    assert again.verdict is Verdict.VIOLATED


def test_probabilities_of_zero_are_found_in_every_family_of_policies() -> None:
    for family in (META_RL, META_RL_NETWORK, META_RL_SMOOTH_NETWORK):
        key = (f"{family.name}-lifted", POSITIVE_POLICY.name)
        cell = survey(family, 200, claims=[c for c in family.claims if c.name == key[0]]).cells[key]
        assert cell.first is not None
        assert cell.first.judged.verdict is Verdict.VIOLATED
