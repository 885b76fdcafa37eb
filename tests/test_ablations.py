"""Every counterexample of the audit is confirmed: exact values reproduced, conclusion certified false, claim intact;
and an audit of some claims says of them what the whole one does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from flint import ctx, fmpq
from metagap.impl.counterexample import Opinion, confirm, instance_of
from metagap.impl.families import FAMILIES, all_claims, family_of, judge
from metagap.reports import audit as audits
from metagap.reports.cli import app
from metagap.reports.matrix import matrix
from metagap.reports.witnesses import replay
from metagap.theory.claim import Ablation, Relation, Verdict
from typer.testing import CliRunner

WITH_INSTANCE = [a for family in FAMILIES.values() for a in family.ablations if a.instance is not None]


@pytest.mark.parametrize("ablation", WITH_INSTANCE, ids=lambda a: a.name)
def test_the_conclusion_fails_without_the_assumption(ablation: Ablation) -> None:
    found = confirm(ablation)
    assert found.confirmed
    if ablation.meaningless:
        assert found.why
    else:
        assert found.gap is not None and found.bound is not None
        assert found.gap.lo > found.bound.hi
    assert dict(ablation.exact).keys() <= found.exact.keys()
    claim = next(c for c in all_claims() if c.name == ablation.claim)
    if any(a.name == ablation.assumption for a in claim.assumptions):
        judged = judge(found.instance, (claim,)).claims[0]
        assert judged.verdict is Verdict.OUTSIDE
        assert judged.reason.startswith(ablation.assumption)


TOGETHER = {
    # At a joint or a kink the rank, the curvature and the Jacobian have two one-sided values: see the reasons.
    ("meta-sl-c3", "differentiable-adaptation"),
    ("meta-sl-c7", "differentiable-adaptation"),
    ("network-c3", "differentiable-adaptation"),
    ("smooth-network-c3", "differentiable-adaptation"),
    ("meta-rl-network-c3", "differentiable-adaptation"),
    # Assumptions on a quantity that has no value without this one.
    ("meta-sl-mixed", "one-gradient-step"),
    ("meta-sl-c7", "single-task"),
    ("meta-rl-mixed", "policy-step"),
    # The condition under which the adaptation is regular.
    ("meta-rl-t3e", "regular-adaptation"),
}
"""Cells whose counterexample breaks a second assumption of the claim."""


def test_counterexamples_break_one_assumption_alone() -> None:
    broken = {(a.claim, a.assumption) for a in WITH_INSTANCE if confirm(a).others}
    assert broken == TOGETHER


AT_JOINTS = [
    a
    for a in WITH_INSTANCE
    if a.assumption == "differentiable-adaptation" and not a.meaningless and len(a.instance["omega"]) == 1  # type: ignore[index]
]


@pytest.mark.parametrize("ablation", AT_JOINTS, ids=lambda a: a.name)
def test_at_a_joint_no_direction_leads_down(ablation: Ablation) -> None:
    """ "Stationary" must not be had by calling a peak so: L rises, or stays, to both sides of omega."""
    assert ablation.instance is not None
    (omega,) = ablation.instance["omega"]
    for step in (fmpq(1, 2**k) * sign for k in (6, 10, 20) for sign in (1, -1)):
        beside = [str(int(omega) + step)] if isinstance(omega, str) else [[str(int(omega[0]) + step)]]
        instance = instance_of({**ablation.instance, "comparator": beside})
        with ctx.workprec(128):
            assert not family_of(instance).quantities(instance)("gap") > 0


def test_a_wrong_exact_value_is_noticed() -> None:
    ablation = WITH_INSTANCE[0]
    assert not confirm(replace(ablation, exact={**ablation.exact, "gap": "2"})).confirmed


def test_a_conclusion_that_holds_is_not_confirmed() -> None:
    ablation = next(a for a in WITH_INSTANCE if a.title == "unconstrained infimum")
    claim = next(c for c in all_claims() if c.name == ablation.claim)
    assert not confirm(replace(ablation, bound=claim.bound)).confirmed


@pytest.mark.ci
def test_witness_files_replay(tmp_path: Path) -> None:
    found = [matrix(family, tmp_path, 0, 20).cells for family in FAMILIES.values()]
    rows = [row for cells in found for row in cells if row.witness]
    assert len(rows) >= len(WITH_INSTANCE)
    for row in rows:
        assert replay(tmp_path / str(row.witness)).outcome == "still violated"
    path = tmp_path / str(rows[0].witness)
    content = json.loads(path.read_text())
    content["name"] = "from-another-version"
    path.write_text(json.dumps(content))
    assert replay(path).outcome == "error"


@pytest.mark.parametrize(
    ("left", "bound", "relation", "agrees"),
    [
        (2.0, 1.0, Relation.AT_MOST, True),
        (1.0, 2.0, Relation.AT_MOST, False),
        (1.0, 2.0, Relation.EQUAL, True),
        (1.0, 1.0 + 1e-12, Relation.EQUAL, None),
        (float("inf"), 1.0, Relation.AT_MOST, None),
    ],
)
def test_a_second_opinion_knows_what_float64_cannot_tell(
    left: float, bound: float, relation: Relation, agrees: bool | None
) -> None:
    assert Opinion(left, bound, relation).agrees is agrees


ASKED = ("meta-sl-s1", "meta-sl-headline")


def test_an_audit_of_some_claims_is_of_them_alone() -> None:
    jobs = audits.audit_jobs(["network", "meta-sl"], 0, audits.Effort(1, 10, 0, 0), False, {}, ASKED)
    assert [(job.family, job.part) for job in jobs] == [("meta-sl", part) for part in get_args(audits.PART)]
    rows = [audits.audit_part(job).rows for job in jobs]
    said = ([row.claim for part in rows for row in getattr(part, name)] for name in ("cells", "mutants", "sharpness"))
    assert [set(claims) for claims in said] == [set(ASKED), {"meta-sl-s1"}, {"meta-sl-s1"}]
    assert [row.claim for part in rows for row in part.joint] == ["meta-sl-s1"]
    assert not any(part.slack or part.thresholds for part in rows)
    for given, said in (
        (["--claim", "meta-sl-s"], "did you mean"),
        (["--claim", "meta-sl-s1", "--family", "network"], "a claim of network is required"),
        (["iris.csv", "--claim", "meta-sl-s1"], "without TASKS only"),
    ):
        done = CliRunner().invoke(app, ["audit", *given])
        assert done.exit_code == 2 and not done.stdout and done.stderr.count("\n") == 1 and said in done.stderr


@pytest.mark.ci
@pytest.mark.usefixtures("short_audit")
def test_what_an_audit_says_of_a_claim_is_what_the_whole_one_says(tmp_path: Path) -> None:
    """Its record and its page say that there are others."""
    command = ["audit", "--workers", "0", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, [*command, *(word for name in ASKED for word in ("--claim", name))])
    record = json.loads((tmp_path / "audit.json").read_text())
    assert done.exit_code == 0 and record["claims"] == sorted(ASKED) and "--claim meta-sl-s1" in record["command"]
    assert f"of these claims alone: {', '.join(sorted(ASKED))}." in (tmp_path / "index.html").read_text()
    whole = matrix(FAMILIES["meta-sl"], tmp_path, 0, audits.EFFORTS["quick"].examples)
    told = [(c.claim, c.assumption, c.status, c.searched, c.confirmed) for c in whole.cells if c.claim in ASKED]
    names = ("claim", "assumption", "status", "searched", "confirmed")
    assert [tuple(cell[name] for name in names) for cell in record["cells"]] == told
