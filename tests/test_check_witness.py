"""The checker beside the report: independent of the engine, agrees with it, and is not taken in by altered files."""

from __future__ import annotations

import ast
import json
import math
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flint import ctx, fmpq
from metagap.impl import files
from metagap.impl.arithmetic import Balls, IrrationalError
from metagap.impl.families import FAMILIES
from metagap.impl.losses import LOSSES, Loss
from metagap.impl.models.activation import ACTIVATIONS
from metagap.impl.sources import RandomSource
from metagap.reports import check_witness as checker
from metagap.reports.witnesses import CHECKER, KEPT
from metagap.theory.claim import UndefinedQuantityError

ONE_OF_EACH = {
    "meta-sl": "mutant-half-constant-simplest",
    "network": "mutant-network-half-constant-simplest",
    "smooth-network": "mutant-smooth-network-half-constant-simplest",
    "meta-rl": "mutant-rl-half-constant-simplest",
    "meta-rl-network": "mutant-rl-network-half-constant-simplest",
    "meta-rl-smooth-network": "mutant-rl-smooth-half-constant-simplest",
}
OF_A_DIRECTION = {
    "inner_product",
    "residual_norm",
    "mean_residual_norm",
    "residual_l1",
    "direction",
    "curvature_size",
    "eps_largest_entry",
}
"""At a direction that each proposes for itself (the last one: in coordinates that each chooses for itself)."""
GENERATORS = ("arbitrary", "functions", "policies", "tangent", "vector-outputs")


def content(stem: str) -> dict[str, Any]:
    return dict(json.loads((KEPT / f"{stem}.json").read_text()))


def test_the_checker_imports_the_standard_library_and_its_neighbour_alone() -> None:
    tree = ast.walk(ast.parse(CHECKER.read_text()))
    nodes = [node for node in tree if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [
        n for node in nodes for n in ([a.name for a in node.names] if isinstance(node, ast.Import) else [node.module])
    ]
    relative = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.level]
    assert [alias.name for node in relative for alias in node.names] == ["check_graph"]
    assert {name.split(".")[0] for name in names if name} - {"check_graph"} <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("stem", ONE_OF_EACH.values(), ids=ONE_OF_EACH)
def test_a_witness_of_each_family_is_refuted_and_altered_it_is_not(stem: str) -> None:
    assert checker.check(content(stem))[0] == "refuted"
    for alter in (true_statement, other_sides, another_comparator, another_model_or_loss):
        altered = content(stem)
        alter(altered)
        assert checker.check(altered)[0] != "refuted", alter.__name__


def true_statement(witness: dict[str, Any]) -> None:
    witness["statement"]["bound"] = "radius*eps + weight_norm*misfit"


def other_sides(witness: dict[str, Any]) -> None:
    witness["judged"]["left"] = {"lo": 1000.0, "hi": 1000.0}


def another_comparator(witness: dict[str, Any]) -> None:
    """That of omega itself, which leaves no gap."""
    witness["instance"]["comparator"] = witness["instance"]["omega"]


def another_model_or_loss(witness: dict[str, Any]) -> None:
    instance = witness["instance"]
    if instance["problem"] == "meta-sl":
        instance["loss"] = {"name": "quartic", "c": 1.0}
    else:
        for task in instance["tasks"]:
            task["r"] = [[7 * float(Fraction(r)) for r in row] for row in task["r"]]


@pytest.mark.ci
@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.batch_quantities])
def test_the_checker_agrees_with_the_engine_that_decides(family: str, effort: int) -> None:
    """Every quantity of both: enclosures meet; an infimum is at most what the checker has, and hardly less."""
    compared, size = 0, 160 if family.startswith("meta-rl") else 60
    engine = FAMILIES[family].quantities
    for generator in (g for g in FAMILIES[family].generators if g.name in GENERATORS):
        for variant in generator.variants[: 1 + effort]:
            with np.errstate(all="ignore"):
                batch = generator.build(RandomSource((11, len(variant)), 8), variant)
            instances = sorted((batch.instance(b) for b in range(8)), key=lambda instance: instance.numbers)
            for instance in (one for one in instances[:effort] if one.numbers <= size):
                compared += agreements(engine(instance), json.loads(files.dumps(instance)))
    assert compared >= 60


def agreements(engine: Any, document: dict[str, Any]) -> int:
    compared = 0
    checker.Digits.count = checker.Digits.TRIED[0]
    own = checker.readings(document)[0]
    for name in {**checker.COMMON, **own.names}.keys() - OF_A_DIRECTION:
        with ctx.workprec(128):
            try:
                theirs, ours = engine(name), own(name)
            except (checker.NotCheckedError, UndefinedQuantityError, IrrationalError, AttributeError, TypeError):
                continue
            if not theirs.is_finite():
                continue
            low, high = float(theirs.lower()), float(theirs.upper())
        unit = 1e-9 * max(abs(low), abs(high)) + 1e-25
        assert ours.low <= Fraction(high) + Fraction(unit) or "misfit" in name, name
        assert ours.high >= Fraction(low) - Fraction(unit), name
        if "misfit" in name and "l1" not in name:
            assert ours.high <= Fraction(high) + Fraction(unit) + Fraction(1e-12), name
        compared += 1
    return compared


@pytest.mark.ci
@pytest.mark.parametrize(("family", "generator", "variant"), [
    ("meta-sl", "arbitrary", "log-cosh"), ("meta-sl", "arbitrary", "quartic"), ("meta-sl", "functions", "logistic"),
    ("meta-rl", "arbitrary", "kl-step"), ("meta-rl", "policies", "rational-step"),
])  # fmt: skip
def test_curvatures_are_those_of_the_engine_that_decides(family: str, generator: str, variant: str) -> None:
    """Along the gradient, where it is not so small that its direction is rounding; and what is optimal, exactly."""
    checker.Digits.count, compared = checker.Digits.TRIED[0], 0
    for index in range(5):
        batch = FAMILIES[family].generator(generator).build(RandomSource((31, index), 4), variant)
        for instance in sorted((batch.instance(b) for b in range(4)), key=lambda instance: instance.numbers)[:2]:
            document, engine = json.loads(files.dumps(instance)), FAMILIES[family].quantities(instance)
            own = checker.readings(document)[0]
            if document["adaptation"]["name"] == "implicit":
                continue
            with ctx.workprec(256):
                names = ["curvature_size"] * bool(engine("eps") > 1e-6 or len(own.omega) == 1)
                names += ["optimal_return", "smoothness"] * (family == "meta-rl")
                for name in names:
                    theirs, ours = engine(name), own(name)
                    room = Fraction(1, 10**12) * (1 + abs(ours.low))
                    low, high = (Fraction(float(end)) for end in (theirs.lower(), theirs.upper()))
                    assert low - room <= ours.low <= ours.high <= high + room, name
                    compared += 1
    assert compared >= 3


NO_VALUE = {"absolute"}
"""Losses that the checker reads and does not evaluate: no kept counterexample that it can check has one."""
NO_CONSTANTS = {"absolute", "pseudo-huber"}
"""Losses with finite suprema that no kept counterexample needs."""


@pytest.mark.parametrize("name", LOSSES)
def test_the_checker_knows_every_loss(name: str) -> None:
    """How a file gives it, whether steps on it may be implicit, its value, and its suprema where they are finite."""
    profile, record = LOSSES[name].profile, {"name": name, "c": "3/2", "delta": "3/2"}
    assert [set(row) for row in checker.LOSSES if row["name"] == name] == [{"name", profile.parameter} - {None}]
    assert (name in checker.IMPLICIT) == (profile.convex and not profile.joints)
    assert (name in NO_VALUE) != known(lambda: checker.loss_of(record))
    slope = None if name in NO_VALUE else checker.loss_of(record)[1]
    own = SimpleNamespace(instance={"loss": record}, loss=name, slopes_at=lambda z, y: [slope(z[0], y)])
    own.bend_at = partial(checker.Supervised.bend_at, own)
    suprema = Loss(name, None if profile.parameter is None else fmpq(3, 2)).constants()
    if name in checker.UNBOUNDED:
        assert suprema.m2 is None and infinite(lambda: checker.Supervised.constants.func(own))
    elif known(lambda: checker.Supervised.constants.func(own)):
        for ours, theirs in zip(
            checker.Supervised.constants.func(own), (suprema.m1, suprema.m2, suprema.m3), strict=True
        ):
            if ours is not None and theirs is not None:
                assert abs(float(checker.ranged(ours).low) - float(theirs)) < 1e-12
    else:
        assert suprema.m1 is None or name in NO_CONSTANTS


def infinite(ask: Callable[[], Any]) -> bool:
    try:
        ask()
    except checker.UndefinedError as reason:
        return "sup |ell''| is infinite" in str(reason)
    except checker.NotCheckedError:
        pass
    return False


def known(ask: Callable[[], Any]) -> bool:
    with suppress(checker.NotCheckedError):
        ask()
        return True
    return False


def test_derivatives_of_losses_and_activations_are_those_of_their_values() -> None:
    one = checker.exactly(1)
    for name in LOSSES.keys() - NO_VALUE:
        value, slope = checker.loss_of({"name": name, "c": 0.75, "delta": 1.5})
        for z in (Fraction(-7, 3), Fraction(1, 5), Fraction(4)):
            dual = value(checker.Dual(checker.exactly(z), {0: one}), Fraction(-1))
            difference = checker.slope_of(dual, 0) - slope(checker.exactly(z), Fraction(-1))
            assert abs(difference.low) < Fraction(1, 2**200) and abs(difference.high) < Fraction(1, 2**200), name
    assert checker.ACTIVATIONS.keys() == ACTIVATIONS.keys()
    for name, activation in checker.ACTIVATIONS.items():
        assert abs(float(activation.curvature().low) - float(ACTIVATIONS[name].curvature(Balls))) < 1e-15
        for z in (Fraction(-7, 3), Fraction(0), Fraction(40)):
            difference = checker.slope_of(activation.value(checker.Dual(checker.exactly(z), {0: one})), 0)
            difference = difference - activation.slope(checker.exactly(z))
            assert abs(difference.low) < Fraction(1, 2**200) and abs(difference.high) < Fraction(1, 2**200)


@pytest.mark.parametrize("x", [-300.0, -3.0, -1e-9, 0.0, 2.0**-60, 0.5, 1.0, 64.0, 65.0, 300.0])
def test_elementary_functions_are_enclosed_narrowly(x: float) -> None:
    at = checker.exactly(Fraction(x))
    known = [(checker.exp, math.exp(x)), (checker.tanh, math.tanh(x)), (checker.sigmoid, 1 / (1 + math.exp(-x)))]
    known += [(checker.erf, math.erf(x)), (checker.bell, 2 / math.sqrt(math.pi) * math.exp(-x * x))]
    known.append((checker.softplus, max(x, 0.0) + math.log1p(math.exp(-abs(x)))))
    known += [(checker.log, math.log(x)), (checker.root, math.sqrt(x))] if x > 0 else []
    for function, value in known:
        found = function(at)
        assert found.low <= found.high
        assert abs(float(found.low) - value) <= 1e-14 * abs(value) + 1e-70
        assert found.high - found.low <= max(found.high, 1) / 2**220


VOID = [path.stem for path in sorted(KEPT.glob("*.json")) if checker.nothing_said(content(path.stem))]
"""Kept witnesses that say that a statement has no value."""
MEANT: dict[str, Callable[[dict[str, Any]], Any]] = {
    "policy-step": lambda i: i.update(adaptation={"name": "kl-step"}),
    "one-gradient-step": lambda i: i.update(adaptation={"name": "gradient", "eta": "1/4", "steps": 1}),
    "parameter-comparator": lambda i: i.update(comparator=i["omega"]),
    "bounded-curvature": lambda i: i.update(loss={"name": "log-cosh"}),
}
"""What gives the statement a value: the assumption."""


@pytest.mark.parametrize("stem", VOID)
def test_a_statement_without_a_value_is_one_of_its_own_kind(stem: str) -> None:
    """It names what is undefined, and why; not so where the assumption holds, or where nothing was left out."""
    outcome, detail = checker.check(content(stem))
    statement = content(stem)["statement"]
    named = [name for name in (statement["left"], statement["bound"]) if f" {name} is undefined: " in detail]
    assert outcome == "no value" and (named or "jacobian_deviation is undefined: sup" in detail), detail
    meant, mutant = content(stem), content(stem)
    MEANT[stem.partition("-without-")[2]](meant["instance"])
    assert checker.check(meant)[0] == "not refuted" and "it has one" in checker.check(meant)[1]
    mutant["kind"] = "mutant"
    assert checker.check(mutant)[0] == "not refuted"


def test_a_statement_with_a_value_is_not_said_to_have_none() -> None:
    assert len(VOID) >= 4
    for stem in ONE_OF_EACH.values():
        silent = content(stem)
        silent["judged"] = {"left": None, "bound": None}
        assert checker.check(silent)[0] == "not refuted"
    told = content(VOID[0])
    told["judged"] = {"left": {"lo": 0.0, "hi": 0.0}, "bound": {"lo": 0.0, "hi": 0.0}}
    assert checker.check(told)[0] == "not refuted"


def test_where_the_best_direction_leaves_nothing_another_is_tried() -> None:
    """One point: along the best v both sides are 0 but for roundings, along v = 0 the left one is twice the bound."""
    witness = content("mutant-half-constant-simplest")
    witness["statement"] = {"left": "inner_product", "relation": "<=", "bound": "weight_norm*residual_norm/2"}
    witness["instance"] = {
        "format": "metagap/instance/1", "problem": "meta-sl", "loss": {"name": "log-cosh"}, "model": {"name": "linear"},
        "adaptation": {"name": "gradient", "eta": 0.5, "steps": 1}, "features": [[1.0]], "omega": [1.0],
        "tasks": [{"weight": 1.0, "atoms": [{"x": 0, "y": 0.0, "p": 1.0}]}], "comparator": [0.0], "radius": 2.0,
    }  # fmt: skip
    assert checker.check(witness)[0] == "refuted"


def test_an_equality_is_refuted_from_the_side_that_is_too_small() -> None:
    outcome, detail = checker.check(content("meta-rl-t3a-rational-without-rational-step"))
    assert (outcome, detail) == ("refuted", "improvement <= 0, step_size*tilted_variance >= 0.166666667")


def test_second_derivatives_are_those_of_polynomials() -> None:
    """x^2 y + y^3 at (2, 3) along (1, -2): 2 y v1^2 + 4 x v1 v2 + 6 y v2^2; and e^x as its own."""
    at, along = [checker.exactly(2), checker.exactly(3)], [checker.exactly(1), checker.exactly(-2)]
    assert checker.bend(lambda p: p[0] * p[0] * p[1] + p[1] * p[1] * p[1], at, along).known == 6 - 16 + 72
    found = checker.bend(lambda p: checker.exp(p[0]) / p[1], at, along)
    value = math.exp(2) * (1 / 3 + 2 * 2 / 9 + 2 * 4 / 27)
    assert abs(float(found.low) - value) < 1e-12


def test_roots_are_enclosed_with_their_derivatives() -> None:
    """t + e^t = 1/3 + e + f, whose parts are 1/(1 + e^t) and -e^t/(1 + e^t)^3; and a root that no decimal is."""
    checker.Digits.count = checker.Digits.TRIED[0]
    one, third = checker.exactly(1), checker.exactly(Fraction(1, 3))
    right = checker.Dual(checker.Dual(third, {0: one}), {0: checker.Dual(one, {})})
    levels, near = checker.levels_of([right]), [checker.exactly(Fraction(-3, 8))]
    assert levels == [[0], [0]]
    found = checker.strong_root(
        lambda t: [t[0] + checker.exp(t[0]) - right], near, levels, Fraction(1), [[Decimal("1.69")]]
    )[0]
    root = checker.at(found)
    below, above = (end + checker.exp(checker.exactly(end)) - third for end in (root.low, root.high))
    assert below.low <= 0 <= above.high
    power = checker.exp(root)
    slope = 1 / (1 + power)
    expected = (slope, slope, -power * slope * slope * slope)
    inner, outer = checker.slope_of(found.value, 0), checker.slope_of(found, 0)
    for own, right_one in zip((inner, checker.at(outer), checker.slope_of(outer, 0)), expected, strict=True):
        assert own.low <= right_one.high and right_one.low <= own.high
        assert own.high - own.low < Fraction(1, 10**12)
    ninth = checker.strong_root(lambda t: [3 * t[0] - third], [checker.ZERO], [], Fraction(3), [[Decimal(3)]])[0]
    assert ninth.low <= Fraction(1, 9) <= ninth.high and ninth.high - ninth.low < Fraction(1, 10**60)


def test_a_dual_number_of_value_0_is_not_dropped_from_a_linear_system() -> None:
    """A probability that crosses 0 has a derivative."""
    zero, one = checker.exactly(0), checker.exactly(1)
    moving = checker.Dual(zero, {0: one})
    x, y = checker.solve([[one, moving], [zero, one]], [one, one])
    assert checker.slope_of(x, 0).known == -1
    assert checker.at(y).known == 1


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", CHECKER, *arguments], capture_output=True, text=True, check=False
    )


def test_help_is_help() -> None:
    told = run("--help")
    assert told.returncode == 0
    assert "usage: check_witness.py" in told.stdout and "not refuted" in told.stdout
    assert run().returncode == 2
    for wrong in ("0", "nan"):
        told = run(f"--max-time={wrong}", KEPT)
        assert (told.returncode, told.stdout) == (2, "") and "a number of seconds above 0 is required" in told.stderr


def test_instances_are_counted_in_one_line(tmp_path: Path) -> None:
    for k in range(3):
        (tmp_path / f"{k}.json").write_text(json.dumps(content(ONE_OF_EACH["meta-sl"])["instance"]))
    told = run(tmp_path)
    assert told.stdout.splitlines() == [
        "3 instances in which nothing is claimed to be refuted: nothing to check there",
        "no witness",
    ]
    assert (told.returncode, told.stderr) == (3, "")


def test_the_summary_counts_by_family(tmp_path: Path) -> None:
    for family in ("meta-sl", "network", "meta-rl"):
        (tmp_path / f"{family}.json").write_text(json.dumps(content(ONE_OF_EACH[family])))
    harmless = content(ONE_OF_EACH["meta-rl"])
    true_statement(harmless)
    (tmp_path / "true.json").write_text(json.dumps(harmless))
    told = run(tmp_path)
    last = "refuted 3 of 4, 1 not refuted: meta-rl linear 1 of 2, meta-sl linear 1 of 1, meta-sl relu-network 1 of 1"
    assert told.stdout.splitlines()[-1] == last
    assert told.returncode == 1
