"""General proofs are bound to the claims: what changes and is not proved again is argued. Coq runs if it is there."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from metagap.impl.families import FAMILIES, all_claims
from metagap.reports import proving
from metagap.reports import statements as coq
from metagap.reports.cli import app
from metagap.reports.cli import proving as command
from metagap.theory.claim import Claim, Expression, Relation
from metagap.theory.notation import SYMBOLS, Symbol
from typer.testing import CliRunner

runner = CliRunner()
CLAIMS = {claim.name: claim for claim in all_claims()}
LIFTED, IDENTITY, C4 = CLAIMS["meta-sl-lifted"], CLAIMS["meta-sl-identity"], CLAIMS["meta-sl-c4"]
MIXED, C1, POLICIES = CLAIMS["meta-sl-mixed"], CLAIMS["meta-sl-c1"], CLAIMS["meta-rl-lifted"]


def standing(claim: Claim) -> proving.Standing:
    return proving.standings([claim], proving.kept(), proving.written())[claim.name]


def test_the_core_is_formal_in_every_family() -> None:
    stems = ("identity", "s1", "s2", "s3", "s4", "lifted", "l1")
    for name, family in FAMILIES.items():
        for stem in (*stems, *(() if family.returns else ("first-order", "c3"))):
            # At kinks a network's features are those of a convention: that form is argued.
            assert proving.current()[f"{name}-{stem}"].formal is ((name, stem) != ("network", "first-order"))
    assert all(standing(claim).why for claim in CLAIMS.values() if not standing(claim).formal)


def test_the_generated_files_are_current() -> None:
    for file, text in coq.generated(all_claims(), proving.all_mutants()).items():
        renew = f"theory/formal/{file}: python -m metagap.reports.readme, in the repository's folder, renews it"
        assert (coq.FOLDER / file).read_text(encoding="utf-8") == text, renew


def test_the_files_are_those_that_were_checked() -> None:
    assert proving.written() == proving.kept().files


def _halved(claim: Claim) -> Claim:
    return replace(claim, bound=Expression("radius*eps + weight_norm*misfit/2"))


DRIFT: dict[str, tuple[Claim, Callable[[Claim], Claim]]] = {
    "a hypothesis dropped": (LIFTED, lambda c: replace(c, assumptions=c.assumptions[1:])),
    "w swapped": (LIFTED, lambda c: replace(c, bound=c.bound.substitute({"weight_norm": "residual_norm"}))),
    "the constant halved": (LIFTED, _halved),
    "an equality for a bound": (LIFTED, lambda c: replace(c, relation=Relation.EQUAL)),
    "a summand left out": (IDENTITY, lambda c: replace(c, left=Expression("gap"))),
    "a quantity that Coq does not know": (C4, lambda c: replace(c, bound=Expression("eps*outputs"))),
    "an assumption that says something else": (
        LIFTED,
        lambda c: replace(c, assumptions=(replace(c.assumptions[0], statement="Inner convexity."), *c.assumptions[1:])),
    ),
    "(D) dropped": (MIXED, lambda c: replace(c, assumptions=c.assumptions[:-1])),
    "the comparator of C1 dropped": (C1, lambda c: replace(c, assumptions=c.assumptions[:-1])),
    "the constant halved, of policies": (POLICIES, _halved),
    "positive policies dropped": (POLICIES, lambda c: replace(c, assumptions=())),
    "a reading that says something else": (LIFTED, lambda c: replace(c, reading="At stationary points the gap is 0.")),
}  # fmt: skip


@pytest.mark.parametrize("drift", DRIFT)
def test_a_claim_that_changes_is_argued_again(drift: str) -> None:
    claim, change = DRIFT[drift]
    assert standing(claim).formal
    found = standing(change(claim))
    assert not found.formal and found.why


def test_a_symbol_that_means_something_else_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SYMBOLS, "weight_norm", Symbol("weight_norm", "w", "norm of the slope with labels in the atom"))
    assert standing(LIFTED).why == "the claim has changed since its statement was proved"


def test_another_proof_than_the_one_that_was_checked_is_noticed() -> None:
    changed = proving.written() | {"Core.v": "0" * 64}
    found = proving.standings(CLAIMS.values(), proving.kept(), changed)
    assert not any(one.formal for one in found.values())


def test_the_statement_is_the_claims_expression_and_assumptions() -> None:
    """Read back from the Coq text, with other code than wrote it."""
    for name, (kind, statement) in coq.stated(all_claims()).items():
        claim = CLAIMS[name]
        body = statement.split("*)\n", 1)[1].split(f"forall P : {kind.record} R,", 1)[1].strip().removesuffix(".")
        *premises, conclusion = (part.strip() for part in body.split("->"))
        assert premises == [f"assume_{a.name.replace('-', '_')} P" for a in claim.assumptions]
        words = conclusion.replace("<=", "=") if claim.relation is Relation.AT_MOST else conclusion
        assert ("<=" in conclusion) == (claim.relation is Relation.AT_MOST)
        left, bound = words.replace(" P", "").replace("%:R", "").replace(" ^+ ", "**").split(" = ")
        numbers = {n: j + 2 for j, n in enumerate(dict.fromkeys(claim.left.names + claim.bound.names))}
        for text, side in ((left, claim.left), (bound, claim.bound)):
            assert eval(text, {}, numbers) == side(numbers.__getitem__), name


def test_definitions_have_no_proof_and_proofs_no_escape() -> None:
    for module in {module for kind in coq.KINDS for module in kind.modules}:
        definitions = (coq.FOLDER / f"{module}.v").read_text(encoding="utf-8")
        assert not re.search(r"^(Lemma|Theorem|Fact|Proof)", definitions, re.MULTILINE), module
    for module in coq.MODULES:
        text = (coq.FOLDER / f"{module}.v").read_text(encoding="utf-8")
        assert not re.search(r"\b(Admitted|admit|Axiom|Conjecture|Abort|Unset Guard|bypass_check)\b", text), module
        assert text.count("\n") <= 400, module


def test_every_refutation_that_is_stated_is_proved() -> None:
    now = coq.refutations(all_claims(), proving.all_mutants())
    kept = {one.name: one.statement for one in proving.kept().refuted}
    new = [
        f"theory/formal/{str(kind.mutants).replace('Mutants', 'Refuted')}.v: a proof of {name}, then metagap prove "
        "--check --json theory/formal/record.json (or a counterexample that Coq cannot state: of two inputs)"
        for name, (kind, text) in now.items()
        if kept.get(name) != text
    ]
    assert not new, "\n".join(("", *new))
    assert set(kept) == set(now), "refutations that are no longer stated"
    assert {kind for kind, _ in now.values()} == {kind for kind in coq.KINDS if kind.mutants}


def test_the_assumptions_of_every_formal_claim_are_satisfied_together() -> None:
    """By a problem of its kind: read from what is proved there."""
    satisfied = [
        (re.search(r"exists P : (?:\w+\.)?(\w+) R", one.statement)[1], set(re.findall(r"assume_(\w+)", one.statement)))  # type: ignore[index]
        for one in proving.kept().satisfied
    ]
    assert {one.name: one.statement for one in proving.kept().satisfied} == coq.theorems("Satisfied")
    for name, (kind, _) in coq.stated(all_claims()).items():
        needs = {coq.identifier(a.name) for a in CLAIMS[name].assumptions}
        assert any(record == kind.record and needs <= held for record, held in satisfied), name


def test_a_claim_is_proved_by_its_own_theorem_or_by_one_that_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = CLAIMS["network-lifted"]
    theorems = {one.name: one.theorem for one in proving._asked()}
    assert theorems[shared.name] == theorems[LIFTED.name] == "Proofs.meta_sl_lifted"
    monkeypatch.setattr(proving, "all_claims", lambda: [LIFTED, _halved(shared)])
    assert [one.name for one in proving._asked() if one.what == "claim"] == [LIFTED.name]


def test_each_proof_has_its_own_axioms_in_the_record() -> None:
    record = proving.kept()
    assert all(one.axioms and set(one.axioms) <= proving.AXIOMS for one in record.proofs)
    assert record.seconds.keys() == {*(f"{module}.v" for module in coq.MODULES), proving.AUDIT}


def test_a_witness_that_changes_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = json.loads((coq.WITNESSES / "mutant-half-constant-simplest.json").read_text())
    kept["instance"]["omega"] = [-2.0]
    (tmp_path / "mutant-half-constant-simplest.json").write_text(json.dumps(kept))
    monkeypatch.setattr(coq, "WITNESSES", tmp_path)
    _, statement = coq.refutations(all_claims(), FAMILIES["meta-sl"].mutants)["half-constant"]
    assert statement not in {one.statement for one in proving.kept().refuted}


def test_without_coq_it_says_that_nothing_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = runner.invoke(app, ["prove", "--check"])
    assert found.exit_code == 3 and found.stdout.count("\n") == 1
    assert found.stdout.startswith("the proofs were not checked: coqc is not installed")


def test_an_axiom_too_many_is_noticed() -> None:
    shown = (
        "together : ...\nAxioms:\nboolp.propositional_extensionality : forall P\nMine.too_good\n  : forall x, False\n"
    )
    with pytest.raises(proving.RejectedError, match="too_good"):
        proving._axioms(shown)
    with pytest.raises(proving.RejectedError, match="not shown"):
        proving._axioms("together : ...\n")


def test_a_record_of_other_proofs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    other = proving.kept().claims[1:]
    record = proving.FormalRecord(
        **{f: getattr(proving.kept(), f) for f in proving.FormalRecord.__struct_fields__} | {"claims": other}
    )
    monkeypatch.setattr(command.proving, "check", lambda tell: record)
    found = runner.invoke(app, ["prove", "--check", "-q"])
    assert found.exit_code == 1 and "was formal" in found.stderr and "is not of these proofs" in found.stderr


@pytest.mark.ci
@pytest.mark.parametrize("fault", ["Core.v", "Statements.v"])
def test_coq_refuses_a_wrong_proof_and_a_wrong_statement(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("coqc") is None:
        assert runner.invoke(app, ["prove", "--check"]).exit_code == 3  # said there, in one line: not checked
        return
    made = coq.generated(all_claims(), proving.all_mutants())
    if fault == "Core.v":
        monkeypatch.setattr(coq, "MODULES", ("Definitions", "Core"))  # its lemmas of Calculus are not there
    else:
        halved = made["Statements.v"].replace("weight_norm P * misfit P.", "weight_norm P * misfit P / 2%:R.")
        assert halved != made["Statements.v"]
        monkeypatch.setattr(coq, "generated", lambda claims, mutants: made | {"Statements.v": halved})
        monkeypatch.setattr(coq, "MODULES", coq.MODULES[: coq.MODULES.index("Proofs") + 1])
    with pytest.raises(proving.RejectedError, match=r"Core\.v|Proofs\.v"):
        proving.check()


def test_a_claim_of_other_words_has_no_proof_of_another_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it is said how its words are read."""
    before = {one.name for one in proving._asked() if one.what == "claim"}
    monkeypatch.setattr(coq, "READ_AS", {})
    after = {one.name for one in proving._asked() if one.what == "claim"}
    assert {"network-s2", "smooth-network-lifted", "any-model-c3"} <= before - after
    assert {"meta-sl-s2", "any-model-s2", "network-s1"} <= after
    assert "network-first-order" not in before
