"""What the source may say, wherever it stands: one place for verdicts, fenced powers, nothing that nobody uses."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from .test_layers import FACE, ROOT, SOURCES, id_of, tree_of


def test_the_library_does_not_print() -> None:
    for path in SOURCES:
        calls = [n for n in ast.walk(tree_of(path)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
        assert not [(id_of(path), n.lineno) for n in calls if n.func.id == "print"]  # type: ignore[attr-defined]


def test_every_package_is_in_the_wheel() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {path.parent.relative_to(ROOT) for path in SOURCES} - {FACE}
    assert listed == {"metagap", *("metagap." + ".".join(f.parts) for f in folders)}


NO_BALLS = {
    "(vectors.T @ pull)", "(1 - s * bend)", "phi[:, None]", "total", "optimum.ball", "to_float(distance)", "_at(r, v)",
    "math.isqrt(instance.width)", "abs(weights.dot(int(r), row))", "(_near(start, x, members) / reach)",
    "instance.width", "problem.width", "rows[x, j]", "shares[x, j]", "_nearest(c, r)", "(abs(c) + r)",
    "(found[place[a.x]] - a.y)", "(constant / leading)", "unit", "fmpz(base)",
}  # fmt: skip
"""What powers are taken of in modules that know balls: floats, arrays and rationals."""


@pytest.mark.parametrize("path", [p for p in SOURCES if "impl" in p.parts], ids=id_of)
def test_powers_of_balls_are_of_fenced_ones(path: Path) -> None:
    """flint's own powers of balls about infinity crash the process (`test_infinities` tries)."""
    tree = tree_of(path)
    flint = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "flint"]
    if not any(alias.name.startswith("arb") for node in flint for alias in node.names):
        return
    powers = [node.left for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)]
    for base in powers:
        made = isinstance(base, ast.Call) and isinstance(base.func, ast.Name) and base.func.id
        exact = made in ("arb", "fmpq", "fmpz") and all(isinstance(a, ast.Constant) for a in base.args)
        text = ast.unparse(base)
        known = isinstance(base, ast.Constant) or exact or made == "fenced"
        assert known or {text, f"({text})"} & NO_BALLS, (base.lineno, text)
    calls = {n.func.attr for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)}
    assert "pow" not in calls


PRONOUNCED = {"PROVED", "EQUAL", "VIOLATED"}


@pytest.mark.parametrize("path", SOURCES, ids=id_of)
def test_verdicts_are_made_in_one_place(path: Path) -> None:
    """Elsewhere a verdict is compared with, or looked up, and never made."""
    tree = tree_of(path)
    passive = {
        id(node)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.Compare | ast.Dict)
        for part in ([outer.left, *outer.comparators] if isinstance(outer, ast.Compare) else outer.keys)
        if part is not None
        for node in ast.walk(part)
    }
    made = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in PRONOUNCED and id(node) not in passive
        if isinstance(node.value, ast.Name) and node.value.id == "Verdict"
    ]
    assert bool(made) == (id_of(path) == "impl/verdicts.py"), made


ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


@pytest.mark.parametrize("path", [p for p in SOURCES if "impl" in p.parts], ids=id_of)
def test_margins_are_read_by_the_one_rule(path: Path) -> None:
    """An assumption's margin goes to `verdicts`, and to no comparison of another's."""
    tree = tree_of(path)
    ruled = {
        id(node)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "standing"
        for node in ast.walk(call)
    }
    compared = [
        node.lineno
        for outer in ast.walk(tree)
        if isinstance(outer, ast.Compare) and any(isinstance(op, ORDER) for op in outer.ops)
        for node in ast.walk(outer)
        if isinstance(node, ast.Attribute) and node.attr == "margin" and isinstance(node.value, ast.Name)
        if node.value.id in ("a", "assumption") and id(node) not in ruled
    ]
    assert not compared


CALLED = {"_repr_html_", "get_variables", "on_config", "on_files"}
"""By others: IPython, MkDocs, MAiNGO."""
OF_TESTS = {"graph_in"}
"""By tests alone."""


@pytest.mark.ci
def test_nothing_is_defined_that_nobody_uses() -> None:
    """Constants, functions, classes and methods: each is named outside tests, in code, a claim, a page or a job."""
    # Whatever a claims file defines is read.
    trees = [tree_of(path) for path in SOURCES if "neighbours" not in path.parts]
    own = [node for tree in trees for node in named(tree)]
    texts = [ROOT / "pyproject.toml", *(ROOT / ".ci").iterdir(), *(ROOT / "reports/templates").iterdir()]
    used = {word for p in texts if p.is_file() for word in re.findall(r"\w+", p.read_text(encoding="utf-8"))}
    for path in SOURCES:
        used |= uses(tree_of(path))
    assert {name for name in own if not name.startswith("__")} - used <= CALLED | OF_TESTS


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
