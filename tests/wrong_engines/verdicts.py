"""Wrong verdicts: infinite or nan enclosures that decide, margins that are ignored, statuses that say too much."""

from __future__ import annotations

from typing import Any

from flint import arb
from metagap.theory.claim import Relation, Verdict

from .numbers import bare, then
from .planting import Around, Edit, Fault, Value, suite

VERDICTS, JUDGE, JUDGEMENT = "metagap.impl.verdicts", "metagap.impl.judge", "metagap.impl.judgement"
BRACKET, TALLY, RECORDS = "metagap.impl.bracket", "metagap.reports.tally", "metagap.reports.records"

NAN, INFINITE = arb("nan"), arb(0, float("inf"))


def sides(relation: Relation, left: arb, bound: arb, verdict: Verdict) -> Any:
    return suite("test_decisions:test_sides_decide", relation=relation, left=left, bound=bound, verdict=verdict)


def nothing(bad: arb) -> Any:
    return suite("test_decisions:test_what_is_not_finite_decides_nothing", bad=bad)


OPEN = suite("test_decisions:test_a_margin_that_is_open_leaves_everything_open", margin=arb(1, 1.5), holds=None)
FAILS = suite("test_decisions:test_a_margin_that_is_open_leaves_everything_open", margin=arb(0), holds=False)
UNBOUNDED = suite("test_decisions:test_a_margin_that_is_open_leaves_everything_open", margin=NAN, holds=None)
FLUSHED = suite("test_decisions:test_nothing_is_decided_where_subnormal_numbers_are_lost")
ATTAINED = suite("test_decisions:test_what_is_attained_is_equal_far_beyond_float64_only")
APART = suite("test_decisions:test_refutations_need_sides_apart")
SAME = suite("test_decisions:test_sides_are_the_same_relative_to_themselves")
ASKED = suite("test_decisions:test_assumptions_are_asked")
EXACT = suite("test_decisions:test_exact_rationals_decide_equalities_alone")
ENCLOSED = suite("test_decisions:test_an_enclosure_holds_its_ball")
OVERLAP = sides(Relation.AT_MOST, arb(0, 1), arb(0, 1), Verdict.UNDECIDED)
OVERLAPPING = sides(Relation.EQUAL, arb(1, 1e-20), arb(1), Verdict.UNDECIDED)
BRACKETS = suite("test_brackets_by_hand:test_statuses_say_what_was_done")
ORDER = suite("test_bracket:test_ends_in_the_wrong_order_are_a_defect", ends=(2.0, 1.0))
CONTRADICTED = suite("test_bracket:test_a_value_beyond_an_accepted_end_is_a_defect")


def fault(name: str, kind: str, place: str, wrong: Around | Edit | Value, guard: Any) -> Fault:
    return Fault(f"verdict-{name}", kind, place, wrong, guard)


VERDICT_FAULTS = (
    fault("zero-at-any-precision", "a search that does not end", f"{JUDGE}:Evaluator.begin",
          Edit('claim.bound.names == ("zero",)', "False"),
          suite("test_judge:test_precisions_that_decide_nothing_are_not_tried", loss="logistic", bits=512)),
    fault("begun-later-proved-less", "a status that depends on what was asked before", f"{JUDGE}:_sharper",
          Edit("bits <= outcome.bits", "True"),
          suite("test_meta_rl_by_hand:test_what_bits_at_hand_separate_is_proved_wherever_an_instance_begins")),
    fault("equal-taken-for-proved", "a status that says too much", f"{JUDGE}:_sharper",
          Edit("if found.verdict in (Verdict.PROVED, Verdict.VIOLATED) else outcome", "if True else outcome"),
          suite("test_judge:test_what_more_bits_leave_open_stays_equal", told=Verdict.UNDECIDED)),
    fault("rationals-are-not-asked", "a search that does not end", f"{JUDGE}:Evaluator.begin",
          Edit(" and not self.rational", ""),
          suite("test_judge:test_precisions_that_decide_nothing_are_not_tried", loss="squared", bits=256)),
    fault("direction-on-the-sphere", "a radius is too small", "metagap.impl.balls.core:CoreQuantities.along",
          Edit(" * (1 - arb(2) ** -WITHIN)", ""),
          suite("test_judge:test_the_direction_is_strictly_within_the_ball", bits=512)),
    fault("everything-fits", "infinite balls are accepted", f"{VERDICTS}:fit", then(lambda fits: True),
          nothing(INFINITE)),
    fault("nan-fits", "nan balls compared as true", f"{VERDICTS}:fit",
          Around(lambda right: lambda ball: ball.is_nan() or right(ball)), nothing(NAN)),
    fault("beyond-float64-fits", "infinite balls are accepted", f"{VERDICTS}:LARGEST", Value(arb("inf")),
          nothing(arb(10) ** 400)),
    fault("subnormal-numbers-may-be-lost", "rounding that is not what was proved", "metagap.impl.arithmetic:as_proved",
          Edit("_LEAST * 0.5 * 2.0 == _LEAST", "True"), FLUSHED),
    fault("arrays-round-as-they-please", "rounding that is not what was proved", f"{VERDICTS}:fit_ends",
          Edit(" & as_proved()", ""), FLUSHED),
    fault("numbers-round-as-they-please", "rounding that is not what was proved", "metagap.impl.midrad:MidRad.of",
          Edit("if as_proved()", "if True"), FLUSHED),
    fault("checkers-round-as-they-please", "rounding that is not what was proved", f"{BRACKET}:Check.__post_init__",
          Edit("not as_proved()", "False"), FLUSHED),
    fault("unfit-terms-pass", "infinite balls are accepted", f"{VERDICTS}:unfit", then(lambda name: ""),
          nothing(INFINITE)),
    fault("terms-not-asked", "infinite balls are accepted", f"{VERDICTS}:decide", Edit("*terms.items(), ", ""),
          nothing(INFINITE)),
    fault("shown-not-asked", "infinite balls are accepted", f"{VERDICTS}:decide", Edit("unfit(shown.items()) if",
          "'' if"),
          suite("test_decisions:test_what_is_shown_beside_a_proof_is_finite")),
    fault("margins-ignored", "margins ignored (an open assumption taken as holding)", f"{VERDICTS}:decide",
          Edit("if not (fit(margin) and standing(margin)):", "if False:"), OPEN),
    fault("open-margin-holds", "margins ignored (an open assumption taken as holding)", f"{VERDICTS}:standing",
          Edit("False if margin <= 0 else None", "margin > -2"), OPEN),
    fault("margin-of-0-holds", "margins ignored (an open assumption taken as holding)", f"{VERDICTS}:standing",
          Edit("True if margin > 0", "True if margin >= 0"), FAILS),
    fault("margin-of-nan-holds", "nan balls compared as true", f"{VERDICTS}:standing", Edit("return None\n",
          "return True\n"), UNBOUNDED),
    fault("margin-of-the-centre", "an enclosure's radius is dropped", f"{VERDICTS}:standing",
          Around(lambda right: lambda margin: right(bare(margin))), OPEN),
    fault("overlap-is-proved", "PROVED for everything undecided", f"{VERDICTS}:at_most",
          Edit("False if left > bound else None", "not left > bound"), OVERLAP),
    fault("overlap-is-violated", "VIOLATED for everything undecided", f"{VERDICTS}:at_most",
          Edit("False if left > bound else None", "False"), OVERLAP),
    fault("inequality-reversed", "a relation reversed", f"{VERDICTS}:at_most",
          Edit("True if left <= bound else False if left > bound", "True if bound <= left else False if bound > left"),
          sides(Relation.AT_MOST, arb(2), arb(1), Verdict.VIOLATED)),
    fault("sides-in-float64", "a verdict through a bare float", f"{VERDICTS}:at_most",
          Around(lambda right: lambda left, bound: right(arb(float(left.mid())), arb(float(bound.mid())))),
          OVERLAP),
    fault("apart-one-way", "a relation reversed", f"{VERDICTS}:apart", Edit("left < bound or left > bound",
          "left < bound"), APART),
    fault("overlap-is-apart", "VIOLATED for everything undecided", f"{VERDICTS}:apart",
          Edit("bool(left < bound or left > bound)", "not left == bound"), OVERLAPPING),
    fault("refuted-when-open", "VIOLATED for everything undecided", f"{VERDICTS}:refutes",
          Edit("at_most(left, bound) is False", "at_most(left, bound) is not True"), APART),
    fault("equal-when-open", "EQUAL for everything undecided", f"{VERDICTS}:same", then(lambda found: True),
          OVERLAPPING),
    fault("equal-of-the-centres", "an enclosure's radius is dropped", f"{VERDICTS}:same",
          Edit("(left - bound).abs_upper()", "(left - bound).mid().abs_upper()"), OVERLAPPING),
    fault("equal-to-the-sums", "a rounding unit that is too large", f"{VERDICTS}:_open",
          Edit("same(left, bound, one, shared) and same(left, bound, sums().min(one), shared)",
               "same(left, bound, sums(), shared)"), ATTAINED),
    fault("equal-at-any-bits", "a rounding unit that is too large", f"{VERDICTS}:cancelling", then(lambda bits: 0),
          ATTAINED),
    fault("attained-at-any-bits", "a rounding unit that is too large", f"{VERDICTS}:ATTAINED", Value(0), ATTAINED),
    fault("equal-to-float64", "a rounding unit that is too large", f"{VERDICTS}:SHARE", Value(0.2), OVERLAPPING),
    fault("inequality-by-rationals", "PROVED for everything undecided", f"{VERDICTS}:_decided",
          Edit("found = at_most(left, bound)", "found = at_most(left, bound) or exact()"), EXACT),
    fault("equality-is-proved", "EQUAL counted as PROVED", f"{VERDICTS}:_open",
          Edit("Decision(Verdict.EQUAL", "Decision(Verdict.PROVED"),
          sides(Relation.EQUAL, arb(1), arb(1), Verdict.EQUAL)),
    fault("different-rationals-are-equal", "a relation reversed", f"{VERDICTS}:_decided",
          Edit("if known else (Verdict.VIOLATED", "if True else (Verdict.VIOLATED"), EXACT),
    fault("open-is-equal", "EQUAL for everything undecided", f"{VERDICTS}:_open",
          Edit("return Decision(Verdict.UNDECIDED", "return Decision(Verdict.EQUAL"), OVERLAPPING),
    fault("open-is-proved", "PROVED for everything undecided", f"{VERDICTS}:_open",
          Edit("return Decision(Verdict.UNDECIDED", "return Decision(Verdict.PROVED"), OVERLAP),
    fault("assumptions-not-asked", "margins ignored (an open assumption taken as holding)", f"{JUDGE}:_attempt",
          Edit("for assumption in claim.assumptions:", "for assumption in ():"), ASKED),
    fault("failing-assumption-goes-on", "margins ignored (an open assumption taken as holding)", f"{JUDGE}:_attempt",
          Edit("if standing(margins[assumption.name]) is False:", "if False:"), ASKED),
    fault("enclosure-swapped", "lower and upper end swapped", f"{JUDGEMENT}:Enclosure.of",
          then(lambda found: type(found)(found.hi, found.lo)), ENCLOSED),
    fault("enclosure-narrowed", "outward rounding turned inward", f"{JUDGEMENT}:Enclosure.widened",
          Edit("self.lo - margin, self.hi + margin", "self.lo + margin, self.hi - margin"), ENCLOSED),
    fault("judged-beside-the-claim", "a side of the claim for the other", f"{JUDGE}:_exactly",
          Edit("claim.left(exact), claim.bound(exact)", "claim.left(exact), claim.left(exact)"),
          suite("test_supervised_by_hand:test_a_wrong_equality_is_refuted_in_rationals")),
    # --- brackets ---
    fault("bracket-checked-by-itself", "certified without the checker", f"{BRACKET}:Bracket.proved",
          then(lambda proved: True), BRACKETS),
    fault("bracket-not-asked-is-proved", "certified without the checker", f"{BRACKET}:Bracket.proved",
          Edit("self.check is not None and self.check.accepted", "self.check is None or self.check.accepted"),
               BRACKETS),
    fault("bracket-rejected-is-proved", "certified without the checker", f"{BRACKET}:Bracket.proved",
          Edit("and self.check.accepted", ""), BRACKETS),
    fault("bracket-always-narrow", "complete though boxes are left", f"{BRACKET}:Bracket.narrow",
          then(lambda narrow: True), BRACKETS),
    fault("bracketed-is-certified", "certified without the checker", f"{BRACKET}:Bracket.status",
          Edit("if self.proved else Status.BRACKETED", "if True else Status.BRACKETED"), BRACKETS),
    fault("bracket-infinite-is-narrow", "infinite balls are accepted", f"{BRACKET}:Bracket.narrow",
          Edit("math.isfinite(self.width) and self.width <= self.resolution",
               "self.width <= math.inf or self.width <= self.resolution"), BRACKETS),
    fault("bracket-swapped-passes", "lower and upper end swapped", f"{BRACKET}:Bracket.__post_init__",
          Edit("if not self.lower <= self.upper or", "if"), ORDER),
    fault("bracket-sure-of-the-search", "certified without the checker", f"{BRACKET}:Bracket.sure",
          Edit("if self.proved:", "if True:"), BRACKETS),
    fault("bracket-value-beyond-passes", "a contradiction passes", f"{BRACKET}:Bracket.holds",
          Edit("if self.proved and (", "if False and ("), CONTRADICTED),
    fault("bracket-supremum-swapped", "lower and upper end swapped", f"{BRACKET}:Bracket.holds",
          Edit("value > self.upper if self.supremum else value < self.lower",
               "value > self.upper if not self.supremum else value < self.lower"), CONTRADICTED),
    # --- counts ---
    fault("tally-equal-is-proved", "records that count EQUAL as PROVED", f"{TALLY}:Tally.add",
          Edit("name = judged.verdict.name", "name = judged.verdict.name.replace('EQUAL', 'PROVED')"),
          suite("test_brackets_by_hand:test_equal_is_counted_apart")),
    fault("record-equal-is-proved", "records that count EQUAL as PROVED",
          "metagap.reports.formats.shared:verdict_name",
          Edit("verdict.name", "verdict.name.replace('EQUAL', 'PROVED')"),
          suite("test_brackets_by_hand:test_equal_is_counted_apart")),
    fault("record-infinity-is-a-number", "infinite balls are accepted", f"{RECORDS}:finite",
          Edit("if value is not None and math.isfinite(value) else None",
               "if value is not None and value == value else None"),
          suite("test_brackets_by_hand:test_infinite_ends_are_null")),
)  # fmt: skip
