"""Wrong readers and witnesses: what must be refused is read, and what refutes nothing is called refuted."""

from __future__ import annotations

from typing import Any

from .numbers import then
from .planting import Around, Edit, Fault, Value, suite

TEXT, NUMBERS, DOCUMENT = "metagap.impl.files.text", "metagap.impl.files.numbers", "metagap.impl.supervised.document"
CHECKER, WITNESSES, CERTIFICATE = (
    "metagap.reports.check_witness", "metagap.reports.witnesses", "metagap.impl.optimum.certificate"
)  # fmt: skip
TABLES, ROWS = "metagap.impl.files.tables", "metagap.impl.task_tables"
FORMATS, OPTIONS = "metagap.reports.formats", "metagap.reports.cli.options"


def refused(name: str) -> Any:
    return suite("test_readers_by_hand:test_a_bad_instance_is_refused", name=name)


def certificate(name: str) -> Any:
    return suite("test_readers_by_hand:test_a_bad_certificate_is_refused", name=name)


def table(name: str) -> Any:
    return suite("test_readers_by_hand:test_a_bad_table_is_refused", name=name)


def archive(name: str) -> Any:
    return suite("test_readers_by_hand:test_a_bad_archive_is_refused", name=name)


def part(name: str) -> Any:
    return suite("test_readers_by_hand:test_a_bad_part_of_a_record_is_refused", name=name)


def numbers(name: str) -> Any:
    return suite("test_readers_by_hand:test_the_checkers_own_numbers_contain", name=name)


def void(stem: str) -> Any:
    return suite("test_check_witness:test_a_statement_without_a_value_is_one_of_its_own_kind", stem=stem)


ROOTS = suite("test_check_witness:test_roots_are_enclosed_with_their_derivatives")


def bent(family: str, generator: str, variant: str) -> Any:
    return suite("test_check_witness:test_curvatures_are_those_of_the_engine_that_decides", family=family,
                 generator=generator, variant=variant)  # fmt: skip


SAID = suite("test_readers_by_hand:test_a_witness_that_refutes_nothing_is_said_to")
REPLAYED = suite("test_readers_by_hand:test_a_witness_that_refutes_nothing_is_not_replayed_as_one")
READ = suite("test_readers_by_hand:test_options_are_refused_where_they_must_be")
TWICE = suite("test_readers_by_hand:test_the_checker_of_witnesses_refuses_files", name="a field given twice")


def fault(name: str, kind: str, place: str, wrong: Around | Edit | Value, guard: Any) -> Fault:
    return Fault(f"read-{name}", kind, place, wrong, guard)


def narrowed(found: Any) -> Any:
    """The range's middle, for both ends."""
    middle = (found.a + found.b) // 2
    return type(found)(middle, middle)


READER_FAULTS = (
    fault("repeated-field", "a reader that drops a duplicate key", f"{TEXT}:parsed", Edit("if repeated:", "if False:"),
          refused("a field given twice")),
    fault("rows-of-fields-cut", "another text is written", f"{TEXT}:laid_out", Edit(' and "{" not in text', ""),
          suite("test_files:test_rows_are_laid_out_as_they_are")),
    fault("deeper-rows-cut", "another text is written", f"{TEXT}:laid_out",
          Edit('text.count("[") == len(items) + 1 and ', ""), suite("test_files:test_rows_are_laid_out_as_they_are")),
    fault("letters-hashed-as-they-are", "another name of the same instance", "metagap.impl.instances:_sorted",
          Edit("text if plain else", "text if True else"),
          suite("test_instances:test_what_is_hashed_is_the_text_of_json")),
    fault("sums-not-asked", "task weights unnormalised", f"{NUMBERS}:normalised", Edit("if total == 1:", "if True:"),
          refused("weights that sum to 4/3")),
    fault("masses-not-asked", "masses are left out", f"{NUMBERS}:normalised",
          Edit("if fractions or abs(excess) > TOLERANCE:", "if False:"),
          refused("masses that sum to 1/2")),
    fault("negative-masses", "a reader that is too lax", f"{NUMBERS}:normalised", Edit("if value < 0:", "if False:"),
          refused("a negative mass")),
    fault("huge-numbers", "a reader that is too lax", f"{NUMBERS}:fits", then(lambda fits: True),
          suite("test_files:test_numbers_beyond_the_bound_are_not_written")),
    fault("radius-of-0", "a reader that is too lax", f"{DOCUMENT}:_instance",
          Edit('positive(record.radius, "radius")', 'exact(record.radius, "radius")'), refused("a radius of 0")),
    fault("short-parameters", "a reader that is too lax", f"{DOCUMENT}:_instance",
          Edit('exact_row(record.omega, "omega", size, advice)', 'exact_row(record.omega, "omega")'),
          refused("a parameter that is too short")),
    fault("delta-of-0", "a reader that is too lax", f"{DOCUMENT}:read_loss",
          Edit('(parameter == 0 and name == "delta")', "False"), refused("delta = 0")),
    fault("no-steps", "a reader that is too lax", f"{DOCUMENT}:read_steps", Edit("if not 1 <= record.steps <= STEPS:",
          "if not 0 <= record.steps <= STEPS:"),
          refused("no steps")),
    # --- certificates, tables, parts of an audit, options ---
    fault("certificate-repeated-field", "a reader that drops a duplicate key", f"{TEXT}:parsed",
          Edit("if repeated:", "if False:"),
          suite("test_readers_by_hand:test_a_field_of_a_certificate_that_is_given_twice_is_refused",
                name="lower")),
    fault("certificate-of-another-instance", "a reader that is too lax", f"{CERTIFICATE}:_instance",
          Edit("if held.sha256 != record.sha256:", "if False:"), certificate("hash")),
    fault("certificate-of-other-coordinates", "a reader that is too lax", f"{CERTIFICATE}:_read",
          Edit("if len(at) != (count := instance.dimension if whole else len(basis(instance))):", "if False:"),
          certificate("length of at")),
    fault("certificate-cut", "a reader that is too lax", "metagap.impl.files.packed:unpacked",
          Edit("unpacker.eof and not", "not"), certificate("tree")),
    fault("rows-of-any-length", "a reader that is too lax", f"{ROWS}:from_csv",
          Edit("if len(row) != len(header):", "if len(row) < len(header):"), table("a row that is too long")),
    fault("columns-given-twice", "a reader that drops a duplicate key", f"{ROWS}:from_csv",
          Edit("if first.setdefault(name, j) < j:", "if False:"), table("a feature given twice")),
    fault("columns-without-names", "a reader that is too lax", f"{ROWS}:from_csv",
          Edit("if not name:", "if False:"), table("a column without a name")),
    fault("rows-of-no-task", "a reader that is too lax", f"{ROWS}:from_csv",
          Edit("if not row[at_task].strip():", "if False:"), table("a row of no task")),
    fault("infinite-entries", "a reader that is too lax", f"{NUMBERS}:decimals",
          Edit("return values if all(map(math.isfinite, values)) else None", "return values"),
          table("an infinite number")),
    fault("digits-of-any-script", "a reader that is too lax", f"{NUMBERS}:decimals",
          Edit("not joined.isascii() or ", ""), table("digits of another script")),
    fault("underscored-digits", "a reader that is too lax", f"{NUMBERS}:decimals",
          Edit(' or "_" in joined', ""), table("an underscore in a number")),
    fault("control-characters", "a reader that is too lax", f"{TABLES}:csv_lines",
          Edit('if controls("".join(row)):', "if False:"), table("a null character")),
    fault("archive-with-more", "a reader that is too lax", f"{TABLES}:arrays",
          Edit(" or data[-22:-18] != _END", ""), archive("something after it")),
    fault("archive-after-more", "a reader that is too lax", f"{TABLES}:arrays",
          Edit("or (members and min(m.header_offset for m in members)) ", ""), archive("something before it")),
    fault("arrays-of-any-kind", "a reader that is too lax", f"{TABLES}:array",
          Edit("if dtype.kind not in KINDS or dtype.shape:", "if False:"), archive("dates")),
    fault("part-without-a-list", "a reader that is too lax", f"{FORMATS}:rows",
          Edit("typed(record, kind", "typed({n: record[n] for n in kind.__struct_fields__}, kind"),
          part("a list of another kind")),
    fault("part-of-any-numbers", "a reader that is too lax", f"{FORMATS}:rows",
          Edit("if isinstance(value, float) and not math.isfinite(value):", "if False:"), part("not a number")),
    fault("options-of-any-size", "a reader that is too lax", f"{OPTIONS}:exact_option",
          Edit("if value is None or not allowed(value):", "if value is None:"), READ),
    fault("decimals-of-any-size", "a reader that is too lax", f"{OPTIONS}:number",
          Edit("or not least <= value <= most", "or not least <= value"), READ),
    fault("integers-of-any-size", "a reader that is too lax", f"{OPTIONS}:whole",
          Edit("and least <= int(given) <= most", "and least <= int(given)"), READ),
    fault("checker-repeated-field", "a reader that drops a duplicate key", f"{CHECKER}:loads",
          Edit("if len(dict(pairs)) < len(pairs):", "if False:"), TWICE),
    # --- the checker beside the report, and replays ---
    fault("refutes-everything", "a checker that says refuted for everything", f"{CHECKER}:check",
          then(lambda said: ("refuted", said[1])), SAID),
    fault("refutes-what-is-open", "undecided is taken for proved", f"{CHECKER}:compare", Edit("left.low > bound.high",
          "left.high > bound.low"), SAID),
    fault("sides-of-the-file-not-asked", "a checker that says refuted for everything", f"{CHECKER}:compare",
          Edit("for name, low, high in ends:", "for name, low, high in ():"), SAID),
    fault("true-statements-fall", "a checker that says refuted for everything", f"{CHECKER}:compare",
          Edit("if not (left.low > bound.high or", "if not (True or"), SAID),
    fault("one-direction-alone", "a search that ends at once", f"{CHECKER}:tried",
          Edit("not ALONG.isdisjoint(names)", "False"),
          suite("test_check_witness:test_where_the_best_direction_leaves_nothing_another_is_tried")),
    fault("no-value-of-anything", "a checker that says no value for everything", f"{CHECKER}:empty",
          Edit('witness["kind"] in WITHOUT', "True"), void("meta-rl-t3f-without-parameter-comparator")),
    fault("no-value-by-word", "a checker that says no value for everything", f"{CHECKER}:empty",
          Edit('return "not refuted", f"the file', 'return "no value", f"the file'),
          void("meta-sl-c6-without-bounded-curvature")),
    fault("mixed-after-any-step", "what is undefined has a value", f"{CHECKER}:Supervised.one_step",
          Edit('self.step != "gradient" or self.steps != 1', "False"),
          void("meta-sl-mixed-l1-without-one-gradient-step")),
    fault("mixed-after-a-parameter-step", "what is undefined has a value", f"{CHECKER}:Policies.mixed",
          Edit('self.step == "gradient"', "False"), void("meta-rl-mixed-l1-without-policy-step")),
    fault("bounded-by-nothing", "what is undefined has a value", f"{CHECKER}:Supervised.constants",
          Edit("if self.loss in UNBOUNDED:", "if False:"),
          suite("test_check_witness:test_the_checker_knows_every_loss", name="quartic")),
    fault("roots-are-what-is-proposed", "an error is left out", f"{CHECKER}:strong_root",
          Edit("far = best / strength", "far = 0"), ROOTS),
    fault("roots-have-no-slopes", "a derivative is left out", f"{CHECKER}:strong_root",
          Edit("for k in keys}", "for k in keys[:0]}"), ROOTS),
    fault("roots-of-dual-numbers-once", "a derivative is left out", f"{CHECKER}:levels_of",
          Edit("[*levels_of(inside), ", "["), ROOTS),
    fault("formulas-of-other-steps", "a formula is wrong", f"{CHECKER}:Supervised.rates",
          Edit('if self.step != "gradient":', "if False:"),
          suite("test_check_witness:test_the_checker_agrees_with_the_engine_that_decides", family="meta-sl")),
    fault("curvature-of-any-length", "a scale is left out", f"{CHECKER}:Quantities.curvature",
          Edit(" / dot(along, along)", ""), bent("meta-sl", "arbitrary", "log-cosh")),
    fault("curvature-with-the-slope", "a derivative of another order", f"{CHECKER}:bend",
          Edit("Dual(v, {})", "Dual(v, {0: v})"),
          suite("test_check_witness:test_second_derivatives_are_those_of_polynomials")),
    fault("first-policy-is-optimal", "a search that ends at once", f"{CHECKER}:Process.optimum",
          Edit("if not any(row[b].low > 0", "if not any(row[b].low > 2**99"), bent("meta-rl", "arbitrary", "kl-step")),
    fault("smoothness-without-span", "a constant is too small", f"{CHECKER}:Policies.smoothness",
          Edit("process.span * squared(own)", "squared(own)"), bent("meta-rl", "policies", "rational-step")),
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
