"""Wrong readers and witnesses: what must be refused is read, and what refutes nothing is called refuted."""

from __future__ import annotations

from typing import Any

from .numbers import then
from .planting import Around, Edit, Fault, Value, suite

TEXT, NUMBERS, DOCUMENT = "metagap.impl.files.text", "metagap.impl.files.numbers", "metagap.impl.meta_sl.document"
CHECKER, WITNESSES, CERTIFICATE = (
    "metagap.reports.check_witness", "metagap.reports.witnesses", "metagap.impl.optimum.certificate"
)  # fmt: skip


def refused(name: str) -> Any:
    return suite("test_readers_by_hand:test_a_bad_instance_is_refused", name=name)


def certificate(name: str) -> Any:
    return suite("test_readers_by_hand:test_a_bad_certificate_is_refused", name=name)


def numbers(name: str) -> Any:
    return suite("test_readers_by_hand:test_the_checkers_own_numbers_contain", name=name)


SAID = suite("test_readers_by_hand:test_a_witness_that_refutes_nothing_is_said_to")
REPLAYED = suite("test_readers_by_hand:test_a_witness_that_refutes_nothing_is_not_replayed_as_one")


def fault(name: str, kind: str, place: str, wrong: Around | Edit | Value, guard: Any) -> Fault:
    return Fault(f"read-{name}", kind, place, wrong, guard)


def narrowed(found: Any) -> Any:
    """The range's middle, for both ends."""
    middle = (found.a + found.b) // 2
    return type(found)(middle, middle)


READER_FAULTS = (
    fault("repeated-field", "a reader that drops a duplicate key", f"{TEXT}:parsed", Edit("if repeated:", "if False:"),
          refused("a field given twice")),
    fault("sums-not-asked", "task weights unnormalised", f"{NUMBERS}:normalised", Edit("if total == 1:", "if True:"),
          refused("weights that sum to 4/3")),
    fault("masses-not-asked", "masses are left out", f"{NUMBERS}:normalised",
          Edit("if fractions or abs(excess) > TOLERANCE:", "if False:"),
          refused("masses that sum to 1/2")),
    fault("negative-masses", "a reader that is too lax", f"{NUMBERS}:normalised", Edit("if value < 0:", "if False:"),
          refused("a negative mass")),
    fault("huge-numbers", "a reader that is too lax", f"{NUMBERS}:fits", then(lambda fits: True),
          suite("test_files:test_numbers_beyond_the_bound_are_not_written")),
    fault("radius-of-0", "a reader that is too lax", f"{DOCUMENT}:_instance", Edit("if radius <= 0:",
          "if radius < 0:"), refused("a radius of 0")),
    fault("short-parameters", "a reader that is too lax", f"{DOCUMENT}:_instance",
          Edit("if len(record.omega) != len(features[0]):", "if False:"),
          refused("a parameter that is too short")),
    fault("delta-of-0", "a reader that is too lax", f"{DOCUMENT}:read_loss",
          Edit('(parameter == 0 and name == "delta")', "False"), refused("delta = 0")),
    fault("no-steps", "a reader that is too lax", f"{DOCUMENT}:read_gradient", Edit("if not 1 <= steps <= STEPS:",
          "if not 0 <= steps <= STEPS:"),
          refused("no steps")),
    # --- the checker beside the report, and replays ---
    fault("refutes-everything", "a checker that says refuted for everything", f"{CHECKER}:check",
          then(lambda said: ("refuted", said[1])), SAID),
    fault("refutes-what-is-open", "undecided is taken for proved", f"{CHECKER}:compare", Edit("left.low > bound.high",
          "left.high > bound.low"), SAID),
    fault("sides-of-the-file-not-asked", "a checker that says refuted for everything", f"{CHECKER}:compare",
          Edit("for name, low, high in ends:", "for name, low, high in ():"), SAID),
    fault("true-statements-fall", "a checker that says refuted for everything", f"{CHECKER}:compare",
          Edit("if not (left.low > bound.high or", "if not (True or"), SAID),
    fault("not-checked-is-refuted", "a checker that says refuted for everything", f"{CHECKER}:check",
          Edit('outcome, detail = "not checked", str(reason)', 'outcome, detail = "refuted", str(reason)'), SAID),
    *(fault(f"checker-{name}-bare", "an enclosure's radius is dropped", f"{CHECKER}:{place}", then(narrowed),
    numbers(name))
      for name, place in (("exp", "exp_of"), ("log", "log_of"), ("root", "root"), ("product", "Range.__mul__"),
                          ("quotient", "Range.__truediv__"), ("tanh", "tanh"), ("sigmoid", "sigmoid"), ("softplus",
                          "softplus"))),
    fault("replayed-whatever", "a checker that says refuted for everything", f"{WITNESSES}:replay",
          then(lambda found: type(found)("still violated", found.detail if hasattr(found, "detail") else "")),
               REPLAYED),
)  # fmt: skip
