"""Claims are data: complete, consistent with the notation, and typeset as they are evaluated."""

from __future__ import annotations

import inspect
import random
from dataclasses import replace
from pathlib import Path

import pytest
import sympy
from latex2mathml.converter import convert
from metagap.impl.families import FAMILIES, all_claims, family_of
from metagap.impl.leave_one_out import cells_of
from metagap.impl.policies.headline import HeadlineQuantities as MetaRLHeadline
from metagap.theory.claim import Assumption, Claim, Expression, Mutant, Relation, Source, Standing
from metagap.theory.notation import LETTERS, OBJECTS, SYMBOLS
from metagap.theory.paper import RESULTS, Outcome
from metagap.theory.without.hypotheses import HYPOTHESES

CLAIMS = all_claims()
MUTANTS = [m for family in FAMILIES.values() for m in family.mutants]
ABLATIONS = [a for family in FAMILIES.values() for a in family.ablations]
EXPRESSIONS = [e for c in CLAIMS for e in (c.left, c.bound)] + [e for m in MUTANTS for e in (m.left, m.bound)]
REWRITTEN = [c for f in FAMILIES.values() for c in cells_of(f, f.claims).values() if c.rewritten]


ROOT = Path(__file__).resolve().parent.parent
HEADLINES = {"meta-rl-headline": MetaRLHeadline}
WORDS = ("reading", "proof", "citation", "difference")


def test_names_are_unique() -> None:
    for names in (
        [c.name for c in CLAIMS],
        [m.name for m in MUTANTS],
        [a.name for a in ABLATIONS if a.instance],
    ):
        assert len(names) == len(set(names))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.name)
def test_a_claim_has_all_that_it_needs(claim: Claim) -> None:
    """Or what is missing, and where it goes: the steps to add a claim, from the top."""
    missing = lacking(claim)
    assert not missing, "\n".join(("", *missing))


def lacking(claim: Claim) -> list[str]:
    """What the claim lacks, a line each, with the file where it goes."""
    family = family_of(claim)
    evaluator = HEADLINES.get(claim.name, family.quantities)
    rooms = [Path(inspect.getfile(one)).relative_to(ROOT) for one in (evaluator, family.quantities)]
    wanted = [f"{family.home.relative_to(ROOT)}: the claim's {word}" for word in WORDS if not getattr(claim, word)]
    for name in dict.fromkeys((*claim.terms, *claim.left.names, *claim.bound.names)):
        if name not in SYMBOLS:
            wanted.append(f"theory/notation.py: a row of {name}: its letter, its meaning")
        if not hasattr(evaluator, name):
            wanted.append(f"{rooms[0]}: {name}, a property of {evaluator.__name__}")
    for assumption in claim.assumptions:
        if not hasattr(family.quantities, assumption.margin):
            what = f"{assumption.margin}, a property of {family.quantities.__name__}: > 0 where {assumption.name} holds"
            wanted.append(f"{rooms[1]}: {what}")
    thought_of = {mutant.claim for mutant in family.mutants if not mutant.generated}
    if claim in family.claims and claim.name not in thought_of:
        wanted.append(f"theory/mutants/: a mutant of {claim.name} that somebody could believe, one row")
    return wanted


def test_what_a_claim_lacks_is_told_with_its_place() -> None:
    claim = next(c for c in CLAIMS if c.name == "meta-sl-c1")
    assert lacking(claim) == []
    assumption = Assumption("odd", "The number of tasks is odd.", "margin_odd")
    bare = replace(claim, bound="eps*nearness", proof="", assumptions=(assumption,))
    places = [line.split(": ")[0] for line in lacking(bare)]
    quantities = "impl/supervised/quantities.py"
    assert places == ["theory/meta_sl.py", "theory/notation.py", quantities, quantities]
    unbelieved = replace(family_of(claim), mutants=())
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(FAMILIES, claim.name.rpartition("-")[0], unbelieved)
        assert [line.split(": ")[0] for line in lacking(claim)] == ["theory/mutants/"]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_a_mutant_distorts_a_known_claim(mutant: Mutant) -> None:
    claim = next(c for c in CLAIMS if c.name == mutant.claim)
    assert set(mutant.drops) <= {a.name for a in claim.assumptions}
    changed = (mutant.left, mutant.bound, mutant.relation) != (claim.left, claim.bound, claim.relation)
    assert changed or mutant.drops
    evaluator = family_of(claim).quantities
    unknown = {name for name in (*mutant.left.names, *mutant.bound.names) if not hasattr(evaluator, name)}
    assert not unknown, f"{Path(inspect.getfile(evaluator)).relative_to(ROOT)}: {unknown} of {evaluator.__name__}"


def test_no_symbol_is_explained_in_vain() -> None:
    used = {name for e in EXPRESSIONS for name in e.names}
    used |= {name for a in ABLATIONS if a.bound for e in (a.bound, a.left) for name in e.names}
    used |= {name for a in ABLATIONS for name in a.exact}
    used |= {name for c in CLAIMS for name in c.extras}
    used |= {name for cell in REWRITTEN for e in (cell.claim.left, cell.claim.bound) for name in e.names}
    assert not set(SYMBOLS) - used, "theory/notation.py: rows that nothing names"
    assert not used - set(SYMBOLS), "theory/notation.py: rows of these are missing"


@pytest.mark.parametrize("expression", dict.fromkeys(EXPRESSIONS), ids=lambda e: e.text)
def test_what_is_typeset_is_what_is_evaluated(expression: Expression) -> None:
    rng = random.Random(expression.text)
    values = {name: rng.uniform(0.5, 2) for name in expression.names}
    symbolic = expression.symbolic.subs({sympy.Symbol(n): v for n, v in values.items()})
    assert expression(values.__getitem__) == pytest.approx(float(symbolic), rel=1e-14)
    typeset = expression.latex(LETTERS)
    assert all(LETTERS[name] in typeset for name in expression.names)
    assert "<math" in convert(typeset)


def test_letters_are_unique_and_typeset() -> None:
    letters = [s.latex for s in SYMBOLS.values()]
    assert len(letters) == len(set(letters))
    for latex in (*letters, *(row[0] for row in OBJECTS)):
        assert "<math" in convert(latex)


def test_an_ablation_of_a_needed_assumption_has_a_counterexample_or_a_reason() -> None:
    built_in = {hypothesis.name for hypothesis in HYPOTHESES}
    for family in FAMILIES.values():
        known = {a.name for c in family.claims for a in c.assumptions}
        for ablation in family.ablations:
            assert ablation.reason
            assert ablation.assumption in known | built_in
            if ablation.standing is Standing.NEEDED and ablation.undefined is None:
                assert ablation.instance is not None and ablation.bound is not None and ablation.step


def test_the_core_assumptions_are_all_audited() -> None:
    audited = {(a.claim, a.assumption) for a in ABLATIONS}
    own = {
        (c.name, a.name)
        for c in CLAIMS
        for a in c.assumptions
        if a.name in ("outer-convexity", "differentiable-adaptation")
    }
    assert {
        ("meta-sl-lifted", "outer-convexity"),
        ("meta-sl-lifted", "differentiable-adaptation"),
    } <= audited & own


def test_equalities_are_marked() -> None:
    equalities = {c.name for c in CLAIMS if c.relation is Relation.EQUAL}
    assert {n for n in equalities if n.startswith("meta-sl")} == {"meta-sl-identity", "meta-sl-s2"}
    core = {
        f"{name}-{step}"
        for name in ("meta-rl", "meta-rl-network", "meta-rl-smooth-network")
        for step in ("identity", "s1", "s2")
    }
    assert {n for n in equalities if n.startswith("meta-rl")} == core | {"meta-rl-t3a", "meta-rl-t3a-rational"}
    assert {n for n in equalities if n.startswith("network")} == {"network-identity", "network-s2"}


def test_the_papers_results_speak_of_what_there_is() -> None:
    claims = {c.name: c for c in CLAIMS}
    standings = {(a.claim, a.assumption): a.standing for a in ABLATIONS}
    mutants = {m.name: m for m in MUTANTS}
    for result in RESULTS:
        assert result.title and result.reading and result.needs and result.claims
        assert set(result.claims) <= set(claims)
        assert set(result.shown) <= set(standings)
        assert not any(mutants[name].equivalent for name in result.refuted)
        # What is said to be needed or to fail is shown: by a counterexample, a refuted reading, or a reason.
        assert result.shown
        if result.outcome is not Outcome.AS_READ and not result.refuted:
            assert {standings[pair] for pair in result.shown} & {Standing.NEEDED, Standing.NOT_NEEDED}
    assert len({r.title for r in RESULTS}) == len(RESULTS)


def test_every_optimality_gap_of_the_paper_is_among_the_results() -> None:
    """The steps of the proof are not results of their own."""
    carried = {name for result in RESULTS for name in result.claims}
    steps = ("-s1", "-s2", "-s3", "-s4")
    assert {c.name for c in CLAIMS if c.source is Source.PAPER and not c.name.endswith(steps)} <= carried
