"""Wrong bindings: a claim that counts as formal though what was proved is another statement, or was another proof."""

from __future__ import annotations

from .planting import Around, Edit, Fault, Guard, suite

PROVING, STATEMENTS = "metagap.reports.proving", "metagap.reports.statements"


def drift(kind: str) -> Guard:
    return suite("test_formal:test_a_claim_that_changes_is_argued_again", drift=kind)


PROOF_FAULTS = (
    Fault("formal-by-name", "statements are not compared", f"{PROVING}:standings",
          Edit("proved[claim.name].statement != statement", "False"), drift("w swapped")),
    Fault("formal-whatever-the-proof", "hashes are not compared", f"{PROVING}:standings",
          Edit("files != record.files", "False"),
          suite("test_formal:test_another_proof_than_the_one_that_was_checked_is_noticed")),
    Fault("statement-without-assumptions", "assumptions are left out of statements", f"{STATEMENTS}:placed",
          Edit("[*premises, conclusion]", "[conclusion]"),
          suite("test_formal:test_the_statement_is_the_claims_expression_and_assumptions")),
    Fault("statement-without-words", "words are left out of statements", f"{STATEMENTS}:_parts",
          Edit("a.statement", "a.name"), suite("test_formal:test_the_generated_files_are_current")),
    Fault("proved-by-another", "claims of a kind share a proof, whatever they say", f"{PROVING}:_asked",
          Edit('text.partition(" : Prop := ")[2]', '""'),
          suite("test_formal:test_a_claim_is_proved_by_its_own_theorem_or_by_one_that_says_the_same")),
    Fault("axioms-not-read", "axioms are not read", f"{PROVING}:_axioms", Around(lambda right: lambda said: []),
          suite("test_formal:test_an_axiom_too_many_is_noticed")),
)  # fmt: skip
