"""Claims are data: complete, consistent with the notation, and typeset as they are evaluated."""

from __future__ import annotations

import random

import pytest
import sympy
from latex2mathml.converter import convert
from metagap.impl.meta_sl.batch_quantities import BatchQuantities
from metagap.impl.meta_sl.quantities import MetaSLQuantities
from metagap.theory.ablations import ABLATIONS
from metagap.theory.claim import Claim, Expression, Mutant, Relation, Standing
from metagap.theory.meta_sl import CLAIMS, HEADLINE
from metagap.theory.mutants import MUTANTS
from metagap.theory.notation import LETTERS, OBJECTS, SYMBOLS

EXPRESSIONS = [e for c in (*CLAIMS, HEADLINE) for e in (c.left, c.bound)] + [m.bound for m in MUTANTS]


def test_names_are_unique() -> None:
    for names in (
        [c.name for c in CLAIMS],
        [m.name for m in MUTANTS],
        [a.name for a in ABLATIONS if a.instance],
    ):
        assert len(names) == len(set(names))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.name)
def test_every_term_and_margin_has_a_meaning_and_an_evaluator(claim: Claim) -> None:
    for name in (*claim.terms, *claim.left.names):
        assert name in SYMBOLS
        assert hasattr(MetaSLQuantities, name)
    for assumption in claim.assumptions:
        assert hasattr(MetaSLQuantities, assumption.margin)
    assert claim.reading and claim.proof and claim.citation and claim.difference


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_a_mutant_distorts_a_known_claim(mutant: Mutant) -> None:
    claim = next(c for c in CLAIMS if c.name == mutant.claim)
    assert set(mutant.drops) <= {a.name for a in claim.assumptions}
    assert mutant.bound.text != claim.bound.text or mutant.drops
    assert all(hasattr(BatchQuantities, name) for name in mutant.bound.names)


def test_no_symbol_is_explained_in_vain() -> None:
    used = {name for e in EXPRESSIONS for name in e.names}
    used |= {name for a in ABLATIONS if a.bound for e in (a.bound, a.left) for name in e.names}
    used |= {name for a in ABLATIONS for name in a.exact}
    assert set(SYMBOLS) == used


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
    known = {a.name for c in CLAIMS for a in c.assumptions}
    for ablation in ABLATIONS:
        assert ablation.reason
        assert ablation.assumption in known or ablation.identifier
        if ablation.standing is Standing.NEEDED:
            assert ablation.instance is not None and ablation.bound is not None and ablation.step


def test_the_core_assumptions_are_all_audited() -> None:
    audited = {(a.claim, a.assumption) for a in ABLATIONS}
    own = {
        (c.name, a.name)
        for c in CLAIMS
        for a in c.assumptions
        if not c.name.startswith("meta-sl-s") and a.name in ("outer-convexity", "differentiable-adaptation")
    }
    assert {
        ("meta-sl-lifted", "outer-convexity"),
        ("meta-sl-lifted", "differentiable-adaptation"),
    } <= audited & own


def test_equalities_are_marked() -> None:
    assert {c.name for c in CLAIMS if c.relation is Relation.EQUAL} == {"meta-sl-identity", "meta-sl-s2"}
