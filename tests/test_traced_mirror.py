"""Any model beside an evaluation that shares nothing with the engine: operators, quantities, verdicts, by mpmath."""

from __future__ import annotations

import json
from typing import Any

import mirror
import numpy as np
import pytest
from flint import ctx
from independent.evaluate import quantities, read
from independent.graphs import OPERATORS, RELATIONS, Graph, Table
from metagap.impl import files
from metagap.impl.families import FAMILIES, loads
from metagap.impl.instances import Instance
from metagap.impl.models.traced.evaluate import evaluated
from metagap.impl.models.traced.middles import Middles
from metagap.impl.models.traced.systems import Fine, Picks, shape_of
from metagap.impl.sources import RandomSource
from metagap.impl.traced import generate
from metagap.impl.traced.instance import graph_document
from metagap.reports.witnesses import KEPT
from mirror import compare, exactly, names_of
from mpmath import mp, mpf

from .test_mirror import small
from .test_traced_operators import graph_of
from .traced_cases import CASES, Real, ordinary

PROGRAMS = FAMILIES["any-model"]
STORED = sorted(KEPT.glob("mutant-any-model-*.json"))
KNOWN = [(name, k) for name, cases in CASES.items() if name in OPERATORS or name.partition(".")[0] in RELATIONS
         for k in range(len(cases))]  # fmt: skip


def independent_table(value: Any) -> Table:
    """An array of numpy's."""
    kind = {"f": mpf, "i": int, "b": bool}[value.dtype.kind]
    return Table(value.shape, [kind(v) for v in value.ravel().tolist()])


@pytest.mark.parametrize(("name", "k"), KNOWN)
def test_operators_say_what_the_mirrors_say(name: str, k: int) -> None:
    """Shapes, and values at 60 digits; midpoint-radius numbers contain the mirror's."""
    case, rng = CASES[name][k], np.random.default_rng(k + 1)
    graph, inputs = graph_of(name, case)
    drawn = [ordinary(x, rng) if isinstance(x, Real) else x for x in inputs]
    with ctx.workprec(240), mp.workdps(70):
        theirs = Graph(graph_document(graph))(*map(independent_table, drawn))
        ours, rough = (evaluated(graph, drawn, system)[0] for system in (Fine(), Middles()))
        for right, fine, wide in zip(theirs, ours, rough, strict=True):
            assert right.shape == shape_of(fine) == shape_of(wide) and not isinstance(fine, Picks)
            if isinstance(fine, np.ndarray) and fine.dtype != object:
                assert fine.ravel().tolist() == right.entries == wide.ravel().tolist()
                continue
            for value, near, ball in zip(right.entries, Fine().balls(fine), Middles().balls(wide), strict=True):
                low, high = exactly(near)
                assert max(abs(value - low), abs(value - high)) <= mpf(10) ** -55 * (1 + abs(value))
                low, high = exactly(ball)
                assert low <= value + mpf(10) ** -60 * abs(value) and value - mpf(10) ** -60 * abs(value) <= high


def test_the_mirror_knows_what_claims_of_programs_name() -> None:
    instance = loads(json.dumps(json.loads(STORED[0].read_text(encoding="utf-8"))["instance"]))
    program = type(quantities(read(files.dumps(instance)), 60))
    assert {n for n in {*names_of(PROGRAMS.claims), *names_of(PROGRAMS.all_claims)} if not hasattr(program, n)} <= {
        "radius"
    }


@pytest.mark.parametrize("bits", [128, 256])
@pytest.mark.ci(every=2)
def test_kept_programs(bits: int, effort: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In midpoint-radius numbers, and in balls."""
    monkeypatch.setattr(mirror, "BITS", bits)
    named: set[str] = set()
    for path in STORED[:: max(6 // effort, 1)]:
        found = compare(loads(json.dumps(json.loads(path.read_text(encoding="utf-8"))["instance"])))
        assert not found.contradictions, (path.name, found.contradictions)
        named |= {c.rpartition(": ")[2] for c in found.compared}
    assert {"gap", "bregman", "eps", "weight_norm", "misfit", "misfit_l1", "eps_first_order", "misfit_plain", "verdict",
            "direction + inner_product"} <= named  # fmt: skip


def generated(count: int) -> list[tuple[str, Instance]]:
    """That many small instances of the generators, with all losses in turn; of few weights."""
    found: list[tuple[str, Instance]] = []
    k = 0
    while len(found) < count:
        generator = PROGRAMS.wild[k % len(PROGRAMS.wild)]
        variant = generator.variants[k // 2 % len(generator.variants)]
        instance = generator.build(RandomSource((13, k), 1), variant).instance(0)
        if small(instance):
            found.append((f"{generator.name} {variant} {k}", instance))
        k += 1
    return found


@pytest.mark.ci
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_generated_programs(effort: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(generate, "WIDTHS", (1, 2))
    monkeypatch.setattr(generate, "OPEN", 4)
    compared = 0
    for name, instance in generated(5 * effort):
        found = compare(instance)
        assert not found.contradictions, (name, found.contradictions)
        # The shortest solution is defined of independent features alone.
        assert {c.rpartition(": ")[2] for c in found.missing} <= {"min_norm_solution"}, (name, found.missing)
        compared += len(found.compared)
    assert compared > 5 * 40


@pytest.mark.parametrize(
    ("graph", "word"), [("gradient", "eps"), ("features", "chain_rule_defect"), ("plain", "eps_first_order")]
)
@pytest.mark.ci
def test_a_graph_that_is_no_derivative_of_the_values_is_noticed(graph: str, word: str) -> None:
    """A file whose derivatives are of another program: the engine believes its graphs, the mirror differentiates."""
    document = json.loads(STORED[0].read_text(encoding="utf-8"))["instance"]
    own = document["model"]["programs"][0][graph]
    own["nodes"] += [f"aten.mul.Scalar(v{k}, 1.0009765625)" for k in own["outputs"]]
    first = len(own["nodes"]) - len(own["outputs"])
    own["outputs"] = list(range(first, len(own["nodes"])))
    found = compare(loads(json.dumps(document)))
    assert any(sentence.startswith(f"{word}:") for sentence in found.contradictions), found.contradictions
