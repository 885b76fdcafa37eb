"""Quality: a planted false bound shrinks to the textbook case, and nothing in the code is used by nobody."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from flint import fmpq
from hypothesis import HealthCheck, Phase, find, settings
from metagap.impl.falsify import refute
from metagap.impl.shrink import shrink
from metagap.impl.strategies import instances
from metagap.impl.supervised.instance import MetaSLInstance
from metagap.impl.supervised.smaller import smaller
from metagap.theory.mutants.meta_sl import MUTANTS

HALF = next(m for m in MUTANTS if m.name == "half-constant")
DROPPED = next(m for m in MUTANTS if m.name == "no-stationarity-term")


def small(instance: MetaSLInstance) -> None:
    assert len(instance.tasks) == len(instance.features) == instance.dimension == 1
    assert len(instance.tasks[0].atoms) == 1
    numbers = [*instance.omega, instance.features[0][0], instance.tasks[0].atoms[0].y]
    assert all(abs(v) <= 4 and v.q <= 4 for v in numbers)


@pytest.mark.ci
@pytest.mark.parametrize("mutant", [HALF, DROPPED], ids=lambda m: m.name)
def test_hypothesis_shrinks_a_planted_falsehood_to_one_task_point_and_dimension(mutant: object) -> None:
    quiet = settings(
        max_examples=2000,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    found = find(instances("arbitrary"), lambda i: refute(mutant, i) is not None, settings=quiet)  # type: ignore[arg-type]
    small(found)


def test_the_greedy_shrinker_keeps_the_property_and_ends_small() -> None:
    quiet = settings(max_examples=500, database=None, derandomize=True, deadline=None, phases=[Phase.generate])
    start = find(
        instances("arbitrary", variants=("squared", "log-cosh")),
        lambda i: len(i.tasks) >= 2 and i.dimension >= 2 and refute(DROPPED, i) is not None,
        settings=settings(quiet, suppress_health_check=list(HealthCheck)),
    )
    ended = shrink(start, lambda i: refute(DROPPED, i) is not None, smaller)
    assert refute(DROPPED, ended) is not None
    assert ended.numbers < start.numbers
    small(ended)


def test_shrinking_never_leaves_the_valid_instances() -> None:
    quiet = settings(max_examples=50, database=None, derandomize=True, deadline=None, phases=[Phase.generate])
    start = find(
        instances("functions"),
        lambda i: len(i.tasks) >= 2,
        settings=settings(quiet, suppress_health_check=list(HealthCheck)),
    )
    seen = []

    def keeps(candidate: MetaSLInstance) -> bool:
        seen.append(candidate)
        assert sum((t.weight for t in candidate.tasks), start=fmpq(0)) == 1
        assert all(sum((a.p for a in t.atoms), start=fmpq(0)) == 1 for t in candidate.tasks)
        assert candidate.radius > 0
        return len(seen) % 3 == 0

    shrink(start, keeps, smaller)
    assert len(seen) > 10


ROOT = Path(__file__).resolve().parent.parent
CALLED = {"_repr_html_"}
"""By others: IPython."""
OF_TESTS = {"graph_in"}
"""By tests alone."""


def test_nothing_is_defined_that_nobody_uses() -> None:
    """Constants, functions, classes and methods: each is named outside tests, in code, a claim, a page or a job."""
    trees = [ast.parse(p.read_text(encoding="utf-8")) for d in ("theory", "impl", "reports") for p in modules(d)]
    own = [node for tree in trees for node in named(tree)]
    texts = [ROOT / "pyproject.toml", *(ROOT / ".ci").iterdir(), *(ROOT / "reports/templates").iterdir()]
    used = {word for p in texts if p.is_file() for word in re.findall(r"\w+", p.read_text(encoding="utf-8"))}
    for tree in trees:
        used |= uses(tree)
    assert {name for name in own if not name.startswith("__")} - used <= CALLED | OF_TESTS


def modules(folder: str) -> list[Path]:
    """What is used: oracles are there for the tests."""
    return [path for path in (ROOT / folder).rglob("*.py") if "oracles" not in path.parts]


def named(tree: ast.Module) -> list[str]:
    """What a file defines, but for rows of tables that a decorator fills."""
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    kept = ("cached_property", "property", "staticmethod", "classmethod", "dataclass", "cache", "contextmanager")
    found = []
    for node in (node for body in bodies for node in body):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if all(ast.unparse(d).partition("(")[0] in kept for d in node.decorator_list):
                found.append(node.name)
        elif isinstance(node, ast.Assign) and node in tree.body:
            found += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return found


def uses(tree: ast.Module) -> set[str]:
    """Names that are read, and words of strings that are no docstrings."""
    found: set[str] = set()
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias) and node.asname:
            found.add(node.name)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            found |= set(re.findall(r"\w+", node.value))
    return found
