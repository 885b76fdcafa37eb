"""Wrong answers: distances from the wrong end, gradients of another objective, ends that nobody proved."""

from __future__ import annotations

from typing import Any

from .planting import Edit, Fault, suite

STAGES = "metagap.impl.answers.stages"
NETWORKS, POLICIES = "metagap.impl.optimum.networks.answer", "metagap.impl.policies.answer"


def fault(name: str, kind: str, place: str, old: str, wrong: str, guard: str) -> Fault:
    return Fault(f"answer-{name}", kind, place, Edit(old, wrong), suite(f"test_staged_answers:{guard}"))


DISTANCE = "test_the_distance_is_from_the_value_and_from_what_is_proved"
NEURON, BANDIT = "test_gradients_of_a_neuron_by_hand", "test_gradients_of_a_bandit_by_hand"
UNCHECKED = "test_a_search_that_was_not_checked_is_no_upper_end"

UNCERTIFIED = suite(
    "test_answers_on_the_page:test_where_no_optimum_is_certified_nothing_is_said_of_the_distance_but_what_the_loss_says"
)
PROMISED = suite("test_answer:test_nothing_is_promised_by_what_is_not_proved")

ANSWER_FAULTS: tuple[Any, ...] = (
    Fault("answer-promised-whatever-its-verdict", "a bound is told that nothing decided",
          "metagap.impl.judgement:smallest",
          Edit("if one.verdict in (Verdict.PROVED, Verdict.EQUAL) and one.bound is not None",
               "if one.bound is not None"), PROMISED),
    Fault("answer-page-bounds-another-gap", "a bound of something else", "metagap.reports.answer:_farthest",
          Edit('Known(low, top(row.trivial), None, "", None, limit)',
               "Known(low, top(row.gap), _bound(row.smallest), form_of(row.smallest), None, limit)"), UNCERTIFIED),
    Fault("answer-page-bound-rounded-down", "outward rounding turned inward", "metagap.impl.shown:rounded_up",
          Edit("ROUND_CEILING", "ROUND_FLOOR"), suite("test_answers_on_the_page:test_ends_are_rounded_outwards")),
    Fault("answer-page-end-rounded-up", "outward rounding turned inward", "metagap.impl.shown:rounded_down",
          Edit("ROUND_FLOOR", "ROUND_CEILING"), suite("test_answers_on_the_page:test_ends_are_rounded_outwards")),
    Fault("answer-near-a-tiny-value", "what is not said is guessed", "metagap.impl.optimum.advice:advice",
          Edit("if relative else", "if True else"),
          suite("test_answer:test_of_a_tiny_value_no_part_is_said_to_be_left")),
    Fault("answer-convexity-not-tried", "what is not said is guessed", "metagap.impl.optimum.advice:advice",
          Edit("optimum.unproved and not", "not"), suite("test_answer:test_of_what_was_not_tried_nothing_is_said")),
    Fault("answer-flat-solution-read", "what is not said is guessed", "metagap.impl.supervised.instance:shape_of",
          Edit("(outputs, columns)", "(outputs * columns,)"),
          suite("test_parameters:test_a_solution_with_several_outputs_is_a_row_for_each")),
    fault("from-the-wrong-end-above", "outward rounding turned inward", f"{STAGES}:distance",
          "more(optimum.sure, value.lo)", "more(optimum.sure, value.hi)", DISTANCE),
    fault("from-the-wrong-end-below", "outward rounding turned inward", f"{STAGES}:distance",
          "less(value.lo, optimum.upper)", "less(value.hi, optimum.upper)", DISTANCE),
    fault("from-the-search", "certified without the checker", f"{STAGES}:distance",
          "more(value.hi, optimum.sure)", "more(value.hi, optimum.lower)", DISTANCE),
    fault("of-a-minimum", "lower and upper end swapped", f"{STAGES}:distance",
          "if optimum.supremum:", "if False:", DISTANCE),
    fault("gradient-at-a-kink", "an assumption is not asked for", f"{STAGES}:Staged.eps",
          "if not all(standing(at(one.margin)) for one in needed):", "if False:",
          "test_at_a_kink_there_is_no_gradient"),
    fault("first-order-is-full", "the wrong quantity", f"{STAGES}:Staged.eps",
          '"eps_first_order" if plain else "eps"', '"eps"', NEURON),
    fault("network-first-task-weighted", "the wrong quantity", f"{NETWORKS}:NetworkAnswerer.variants",
          "replace(live[0], weight=fmpq(1))", "live[0]", NEURON),
    fault("network-adapted-all-the-same", "the wrong quantity", f"{NETWORKS}:NetworkAnswerer.variants",
          "stepped(fmpq(0), 1)", "stepped(eta, 1)", NEURON),
    fault("network-steps-of-its-own", "the wrong quantity", f"{NETWORKS}:NetworkAnswerer.variants",
          "**stepped(eta, k)", "**stepped(eta, steps)", NEURON),
    fault("network-floor-rejected", "certified without the checker", f"{NETWORKS}:NetworkAnswerer.brackets",
          "made.lower if made.check is None else lowest", "made.lower",
          "test_a_floor_that_the_checker_rejects_is_not_trusted"),
    fault("policy-last-task", "the wrong quantity", f"{POLICIES}:PolicyAnswerer.variants",
          "replace(live[0], weight", "replace(live[-1], weight", BANDIT),
    fault("policy-rate-twice", "the wrong quantity", f"{POLICIES}:PolicyAnswerer.variants",
          "eta=eta * multiple)", "eta=eta)", BANDIT),
    fault("policy-boxes-unproved", "certified without the checker", f"{POLICIES}:PolicyAnswerer._searched",
          "found.proved and found.upper < standing.upper", "found.upper < standing.upper", UNCHECKED),
    fault("policy-bracket-forgotten", "a term is left out", f"{POLICIES}:PolicyAnswerer._judged",
          "max(more(above.hi, judged.gap.lo), 0.0)", "0.0",
          "test_what_is_left_of_the_distance_is_a_term_of_the_bound"),
)  # fmt: skip
