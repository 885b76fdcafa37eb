"""Wrong bundles believed: bytes, counts, statements, proofs and counterexamples that nobody compares."""

from __future__ import annotations

from .planting import Edit, Fault, Guard, suite

CHECKER = "metagap.reports.check_bundle"
NOT_ZIPPED = suite("test_bundle:test_any_byte_that_changes_is_noticed")
NOT_REFUTED = suite("test_bundle:test_a_counterexample_that_refutes_nothing_counts")


def forged(kind: str) -> Guard:
    return suite("test_bundle:test_a_forged_map_is_noticed_though_the_manifest_fits", kind=kind)


def fault(name: str, function: str, old: str, new: str, guard: Guard) -> Fault:
    return Fault(f"bundle-{name}", "a forged bundle is believed", f"{CHECKER}:{function}", Edit(old, new), guard)


BUNDLE_FAULTS = (
    fault("hashes-not-compared", "whole", "said[name] == has", "True",
          suite("test_bundle:test_a_file_that_changes_is_noticed", name="index.html")),
    fault("more-in-the-zip", "opened", "packed(members) == content", "True", NOT_ZIPPED),
    fault("any-path", "_plain", "bool(NAME.fullmatch(name))", "True",
          suite("test_bundle:test_a_path_that_leads_out_is_no_name")),
    fault("counts-not-compared", "_check_claims", '(row["counts"], row["real_counts"]) == judged[row["claim"]]', "True",
          forged("better counts")),
    fault("statements-not-hashed", "_check_claims", 'row["sha256"] == digest', "True", forged("another statement")),
    fault("claims-left-out", "_check_claims", "sorted(names) == sorted(judged)", "True", forged("a claim twice")),
    fault("formal-by-word", "_check_claims", 'row["standing"] == "argued" or formal', "True",
          forged("formal, without its record")),
    fault("any-proof", "_check_claims", "formal = same and", "formal =", forged("formal, by another proof")),
    fault("another-statement-proved", "_check_claims", 'proved[row["claim"]] in stated', "True",
          forged("a proof that was not checked")),
    fault("witnesses-not-listed", "_check_witnesses", "if name.startswith", "if 0 and name.startswith",
          forged("a witness left out")),
    fault("shows-not-compared", "_check_witnesses", 'rows[name]["shows"] == SHOWS[void]', "True",
          forged("a refutation that has no sides")),
    fault("files-of-records", "_check_records", "sha256(members[name]) == digest", "True",
          forged("other hashes of a run")),
    fault("not-refuted-is-fine", "proved_again", "every[name] or name", "name", NOT_REFUTED),
)  # fmt: skip
