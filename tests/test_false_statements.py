"""False statements, on ordinary and on extreme instances: nothing of them may be PROVED or EQUAL.

A statement is called false only for a reason that needs no enclosure:

    size       x >= 0 by definition (a norm, an infimum or a maximum of sizes), so x + 1 = 0, x + 1 <= 0, x <= -1, and
               the same with c*zero added, c another quantity of the claim, however large
    algebra    1 + s^2 > 0 for every real s, so s + 1 + s^2 <= s and s + 1 + s^2 = s, for either side s of a claim
    theorem    l <= b under the claim's assumptions, which are kept, so b + 2^-40 (1 + b^2) <= l; of an equality
               l + 2^-40 (1 + l^2) = b
    exact      gap and eps of one task with one point are rational functions of the data, computed here in fractions:
               gap <= a smaller number (half of it, 0, 1 less, 2^-40 of it less), gap = another number
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from metagap.impl.counterexample import confirm
from metagap.impl.falsify import refute
from metagap.impl.families import FAMILIES, family_of, judge, loads
from metagap.impl.files import BadInputError
from metagap.impl.instances import Instance
from metagap.impl.judge import judge_claim
from metagap.impl.judgement import Judgement
from metagap.impl.losses import LOSSES
from metagap.impl.sources import RandomSource
from metagap.reports.cli import app
from metagap.reports.formats.judging import Judgement as Record
from metagap.theory.claim import Claim, Expression, Mutant, Relation, Verdict
from typer.testing import CliRunner

HOPELESS = (Verdict.PROVED, Verdict.EQUAL)
SIZE = re.compile(
    r"eps(?!_projected).*|(mixed_)?(weight_norm|misfit).*|.*displacement|residual_norm|chain_rule_defect"
    r"|min_norm_solution|error_.*"
)
"""Quantities that are norms (eps_projected has a sign)."""

Statement = tuple[str, Claim]
"""Its kind and itself."""


def _said(claim: Claim, left: str, relation: Relation, bound: str, assumed: bool = False) -> Claim:
    sides = {"left": Expression(left), "bound": Expression(bound), "extras": ()}
    return replace(claim, relation=relation, **sides, assumptions=claim.assumptions if assumed else ())


def about_claims(claims: tuple[Claim, ...]) -> Iterator[Statement]:
    """Statements that are false on every instance of the family."""
    most, equal = Relation.AT_MOST, Relation.EQUAL
    seen = set()
    for claim in claims:
        for x in claim.terms:
            if SIZE.fullmatch(x) and x not in seen:
                seen.add(x)
                yield "size", _said(claim, f"{x} + 1", equal, "zero")
                yield "size", _said(claim, f"{x} + 1", most, "zero")
                yield "size", _said(claim, x, most, "zero - 1")
                yield "size", _said(claim, f"{x} + 1 + radius*zero", equal, "gap*zero")
        for s in dict.fromkeys((claim.left.text, claim.bound.text)):
            yield "algebra", _said(claim, f"{s} + 1 + ({s})**2", equal, s)
            yield "algebra", _said(claim, f"{s} + 1 + ({s})**2", most, s)
        left, bound = claim.left.text, claim.bound.text
        if claim.relation is equal:
            false = f"({left})*1099511627776 + 1 + ({left})**2"
            yield "theorem", _said(claim, false, equal, f"({bound})*1099511627776", True)
        else:
            false = f"({bound})*1099511627776 + 1 + ({bound})**2"
            yield "theorem", _said(claim, false, most, f"({left})*1099511627776", True)


def about_numbers(claim: Claim, known: dict[str, Fraction]) -> Iterator[Statement]:
    """Statements that are false because the quantities are those numbers."""
    most, equal = Relation.AT_MOST, Relation.EQUAL
    for name, value in known.items():
        grain = abs(value) / 2**40
        less = [value - 1 - grain]
        less += [value - grain] if value else []
        less += [value / 2, Fraction(0)] if value > 0 else []
        for low in less:
            top, bottom = hex(low.numerator), hex(low.denominator)  # decimal integers may have too many digits
            yield "exact", _said(claim, f"{name}*{bottom}", most, f"zero + {top}")
            yield "exact", _said(claim, f"{name}*{bottom}", equal, f"zero + {top}")
            yield "exact", _said(claim, f"zero - {top}", most, f"zero - {name}*{bottom}")


# --- instances ------------------------------------------------------------------------------------------------

POOL = (
    "0", "1", "-1", "1/2", "-3", "5/4", "1/3", "1e200", "-1e200", "1e-200", "1e150", "-1e-150", "1e-300", "1e300",
    "1e16", "1e-16", 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1,
)  # fmt: skip
RATES = ("0", "1/4", "-1", "1e200", "-1e200", "1e-200", "1", 5e-324)
RADII = ("1", "1/8", "1e-300", "1e300", 5e-324)


def _loss(rng: random.Random, regression: bool = False) -> tuple[dict[str, Any], bool]:
    name = rng.choice([n for n, f in LOSSES.items() if not regression or f.link.value == "a real number"])
    parameter = LOSSES[name].profile.parameter
    return {"name": name, **({parameter: rng.choice(("1", "1/4", "1e-150", "1e150"))} if parameter else {})}, (
        LOSSES[name].link.value == "-1 or 1"
    )


def supervised(rng: random.Random) -> dict[str, Any]:
    """A document of meta-SL, of any model: numbers of all sizes, up to seven steps."""
    loss, signs = _loss(rng)
    model = rng.choice(("linear", "linear", "relu-network", "softplus", "tanh"))
    d, points, tasks = rng.choice((1, 1, 2)), rng.choice((1, 2)), rng.choice((1, 1, 2))

    def draw() -> Any:
        return rng.choice(POOL if rng.random() < 0.5 else POOL[:7])

    def parameter() -> Any:
        return [draw() for _ in range(d)] if model == "linear" else [[draw() for _ in range(d)] for _ in range(2)]

    def atoms() -> list[dict[str, Any]]:
        label = (lambda: rng.choice((-1, 1))) if signs else draw
        return [{"x": x, "y": label(), "p": f"1/{points}"} for x in range(points)]

    implicit = model == "linear" and rng.random() < 0.2
    steps = rng.choice((1, 1, 2, 7))
    document: dict[str, Any] = {
        "format": "metagap/instance/1", "problem": "meta-sl", "loss": loss,
        "adaptation": {"name": "implicit", "lambda": rng.choice(("1", "1e150", "1e-150"))} if implicit
        else {"name": "gradient", "eta": rng.choice(RATES), "steps": steps},
        "model": {"name": "linear"}, "features": [[draw() for _ in range(d)] for _ in range(points)],
        "tasks": [{"weight": f"1/{tasks}", "atoms": atoms()} for _ in range(tasks)],
        "omega": parameter(), "comparator": parameter(), "radius": rng.choice(RADII),
    }  # fmt: skip
    if model != "linear":
        start = {"b": [1, -1], "W0": parameter()}
        named = {"name": model} if model == "relu-network" else {"name": "smooth-network", "activation": model}
        document["model"] = {**named, **start}
    elif rng.random() < 0.3:
        document["comparator"] = {"functions": [[draw() for _ in range(points)] for _ in range(tasks)]}
    return document


def reinforced(rng: random.Random) -> dict[str, Any]:
    """A document of meta-RL, of any model."""
    model = rng.choice(("linear", "linear", "relu-network", "tanh"))
    step = rng.choice(("kl-step", "gradient", "rational-step") if model == "linear" else ("kl-step", "rational-step"))
    d = rng.choice((1, 2))

    def draw() -> Any:
        return rng.choice(POOL if rng.random() < 0.4 else POOL[:7])

    def parameter() -> Any:
        return [draw() for _ in range(d)] if model == "linear" else [[draw() for _ in range(d)] for _ in range(2)]

    document: dict[str, Any] = {
        "format": "metagap/instance/1", "problem": "meta-rl", "features": [[[draw() for _ in range(d)] for _ in "ab"]],
        "tasks": [{"weight": 1, "gamma": rng.choice((0, "1/2", "99/100")), "P": [[[1], [1]]],
                   "r": [[draw(), draw()]], "start": [1]}],
        "tau": rng.choice(("1", "1e-150", "1e150")), "eta": rng.choice(RATES), "adaptation": {"name": step},
        "omega": parameter(), "comparator": parameter(), "radius": rng.choice(RADII),
    }  # fmt: skip
    if model != "linear":
        named = {"name": model} if model == "relu-network" else {"name": "smooth-network", "activation": model}
        document["model"] = {**named, "b": [1, -1], "W0": parameter()}
    elif rng.random() < 0.4:
        document["comparator"] = {"policies": [[["1/3", "2/3"]]]}
    return document


def extreme(rng: random.Random) -> Iterator[Instance]:
    """An endless stream; what the reader refuses is drawn again."""
    while True:
        try:
            yield loads(json.dumps((supervised if rng.random() < 0.7 else reinforced)(rng)), "extreme")
        except BadInputError:
            continue


def ordinary(seed: int) -> Iterator[Instance]:
    """One instance of each generator and variant."""
    for family in FAMILIES.values():
        for place, generator in enumerate(family.generators):
            for kind, variant in enumerate(generator.variants):
                with np.errstate(all="ignore"):
                    yield generator.build(RandomSource((seed, place, kind), 1), variant).instance(0)


def solved(rng: random.Random) -> tuple[Instance, dict[str, Fraction]]:
    """One task with one point in one dimension, and its gap and eps in fractions, by definition.

    h_theta(x) = x theta; theta' = theta - eta x l'(x theta - y), K times; L = l(x theta_K - y), of which the derivative
    is l'(x theta_K - y) x prod (1 - eta x^2 l''(x theta_k - y)); l = t^2/2 + c t^4.
    """
    c = rng.choice((Fraction(0), Fraction(0), Fraction(1), Fraction(1, 4)))
    steps = rng.choice((1, 2, 7)) if not c else rng.choice((1, 2))
    x, y, omega, rival, eta = (Fraction(rng.choice(POOL if rng.random() < 0.6 else POOL[:7])) for _ in range(5))

    def at(theta: Fraction) -> tuple[Fraction, Fraction]:
        slope = x
        for _ in range(steps):
            t = x * theta - y
            slope *= 1 - eta * x * x * (1 + 12 * c * t * t)
            theta -= eta * x * (t + 4 * c * t**3)
        t = x * theta - y
        return t * t / 2 + c * t**4, (t + 4 * c * t**3) * slope

    (here, slope), (there, _) = at(omega), at(rival)
    document = {
        "format": "metagap/instance/1", "problem": "meta-sl",
        "loss": {"name": "quartic", "c": str(c)} if c else {"name": "squared"},
        "adaptation": {"name": "gradient", "eta": str(eta), "steps": steps}, "model": {"name": "linear"},
        "features": [[str(x)]], "tasks": [{"weight": 1, "atoms": [{"x": 0, "y": str(y), "p": 1}]}],
        "omega": [str(omega)], "comparator": [str(rival)], "radius": rng.choice(RADII),
    }  # fmt: skip
    return loads(json.dumps(document), "solved"), {"gap": here - there, "eps": abs(slope)}


# --- what they are judged ---------------------------------------------------------------------------------------


def accepted(instance: Instance, statements: Iterator[Statement], counts: Counter[tuple[str, str]]) -> list[str]:
    """The false statements that come out PROVED or EQUAL; every verdict is counted by kind."""
    evaluator, found = family_of(instance).evaluator(instance), []
    with np.errstate(all="ignore"):
        for kind, statement in statements:
            judged = judge_claim(statement, evaluator)
            counts[kind, judged.verdict.name] += 1
            if judged.verdict in HOPELESS:
                relation = statement.relation.value
                what = f"{statement.left.text[:200]} {relation} {statement.bound.text[:200]}"
                found.append(f"{judged.verdict.name}: {kind}: {what} | {json.dumps(instance.document(str))}")
    return found


def campaign(seed: int, instances: int) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Random false statements on that many instances, of which some are ordinary or solved: a dozen of each."""
    rng = random.Random(seed)
    counts: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    stream = extreme(rng)
    for _ in range(instances):
        instance = next(stream)
        statements = list(about_claims(family_of(instance).claims))
        wrong += accepted(instance, iter(rng.sample(statements, 12)), counts)
        known, values = solved(rng)
        claim = family_of(known).claims[0]
        chosen = list(about_numbers(claim, values))
        wrong += accepted(known, iter(rng.sample(chosen, min(6, len(chosen)))), counts)
    return counts, wrong


@pytest.mark.ci
def test_no_false_statement_is_accepted_at_extreme_scales(effort: int) -> None:
    counts, wrong = campaign(0, 40 * effort * effort)
    assert not wrong, wrong[:3]
    assert all(counts[kind, "VIOLATED"] > 20 for kind in ("size", "algebra", "exact")), counts


@pytest.mark.ci
def test_no_false_statement_is_accepted_on_ordinary_instances(effort: int) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    rng = random.Random(1)
    for seed in range(effort):
        for instance in islice(ordinary(seed), 0, None, 4 if effort == 1 else 1):
            statements = rng.sample(list(about_claims(family_of(instance).claims)), 4 * effort)
            wrong = accepted(instance, iter(statements), counts)
            assert not wrong, wrong[:3]
    assert counts["size", "VIOLATED"] > 9 * counts["size", "UNDECIDED"], counts


CASES = {
    "exponential": {"loss": {"name": "exponential"}, "eta": -1, "steps": 2, "x": 3, "y": -1},
    "quartic": {"loss": {"name": "quartic", "c": 1}, "eta": 1, "steps": 7, "x": 2, "y": 5},
    "log-cosh": {"loss": {"name": "log-cosh"}, "eta": "1e200", "steps": 7, "x": "1e160", "y": 1},
    "softplus": {"loss": {"name": "logistic"}, "eta": "-1e200", "steps": 2, "x": "1e200", "y": 1},
}  # fmt: skip


def overflowing(case: dict[str, Any]) -> Instance:
    """One task with one point, whose values no enclosure bounds, or none within float64."""
    return loads(json.dumps({
        "format": "metagap/instance/1", "problem": "meta-sl", "loss": case["loss"],
        "adaptation": {"name": "gradient", "eta": case["eta"], "steps": case["steps"]}, "model": {"name": "linear"},
        "features": [[case["x"]]], "tasks": [{"weight": 1, "atoms": [{"x": 0, "y": case["y"], "p": 1}]}],
        "omega": [1], "comparator": [0], "radius": 1,
    }), "overflowing")  # fmt: skip


def bounded(judgement: Judgement) -> None:
    """Nothing PROVED or EQUAL is written with an infinite end."""
    for row in Record.of(judgement).claims:
        ends = [row.gap, row.bound, *row.terms.values(), *row.assumptions.values()]
        open_ended = [e for e in ends if e is not None and None in (e.lo, e.hi)]
        assert row.verdict not in ("PROVED", "EQUAL") or not open_ended, row


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_infinite_balls_decide_nothing(case: dict[str, Any]) -> None:
    instance = overflowing(case)
    judgement = judge(instance, complete=True)
    bounded(judgement)
    counts: Counter[tuple[str, str]] = Counter()
    assert not accepted(instance, about_claims(family_of(instance).claims), counts)
    if case["loss"]["name"] in ("exponential", "quartic"):
        for name in ("identity", "s1", "s2", "s3", "s4", "lifted", "l1", "first-order"):
            one = judgement[f"meta-sl-{name}"]
            assert one.verdict is Verdict.UNDECIDED and "beyond float64" in one.reason, one


def test_no_proof_is_written_with_an_infinite_end(effort: int) -> None:
    stream = extreme(random.Random(2))
    for _ in range(15 * effort):
        with np.errstate(all="ignore"):
            bounded(judge(next(stream), complete=True))


def test_the_command_names_the_term_and_ends_with_status_3(tmp_path: Path) -> None:
    path = tmp_path / "infinite.json"
    path.write_text(json.dumps(overflowing(CASES["exponential"]).document(str)), encoding="utf-8")
    done = CliRunner().invoke(app, ["judge", str(path)])
    assert done.exit_code == 3 and "PROVED" not in done.output and "EQUAL" not in done.output
    assert "UNDECIDED: the enclosure of chain_rule_defect is beyond float64" in " ".join(done.output.split())
    rows = json.loads(CliRunner().invoke(app, ["judge", str(path), "--json", "-"]).stdout)["claims"]
    lifted = next(row for row in rows if row["claim"] == "meta-sl-lifted")
    assert lifted["verdict"] == "UNDECIDED" and lifted["gap"]["hi"] is None and lifted["ratio"] is None


def test_searches_take_nothing_from_infinite_balls() -> None:
    instance = overflowing(CASES["exponential"])
    wrong = Mutant("m", "meta-sl-lifted", "", Expression("zero - 1"), "", left=Expression("eps"))
    assert refute(wrong, instance) is None
    for ablation in FAMILIES["meta-sl"].ablations:
        if ablation.instance is not None and not (
            ablation.population or ablation.exact or ablation.direction or ablation.meaningless
        ):
            assert not confirm(ablation, instance).confirmed
