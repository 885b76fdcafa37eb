"""The house rules that keep the bound and the gap from sharing a bug, and the wheel complete."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("theory", "impl", "reports")
SOURCES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The modules of ours that a file imports, as dotted paths from the root (impl.losses)."""
    found = set()
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            stem = [*base, *(node.module.split(".") if node.module else [])]
            found |= {".".join([*stem, alias.name]) for alias in node.names} | {".".join(stem)}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def id_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=id_of)
def test_imports_point_inwards(path: Path) -> None:
    layer = path.relative_to(ROOT).parts[0]
    allowed = {"theory": {"theory"}, "impl": {"theory", "impl"}, "reports": set(LAYERS)}[layer]
    used = {name.split(".")[0] for name in imported(path)} & {*LAYERS, "metagap", "tests"}
    assert used <= allowed, f"{id_of(path)} imports {sorted(used - allowed)}"


@pytest.mark.parametrize("path", [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))], ids=id_of)
def test_layers_are_never_imported_bare(path: Path) -> None:
    """A bare `import theory` would make a second copy of every class beside metagap.theory."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module]
        assert not {name.split(".")[0] for name in names} & set(LAYERS), names


def test_theory_calls_no_solver() -> None:
    outside = {name.split(".")[0] for path in (ROOT / "theory").rglob("*.py") for name in imported(path)}
    assert outside <= {
        "__future__",
        "theory",
        "ast",
        "sympy",
        "dataclasses",
        "enum",
        "functools",
        "re",
        "typing",
        "collections",
    }


DECIDING = [
    *(ROOT / "impl" / "balls").rglob("*.py"),
    *(
        path
        for name in (
            "maml",
            "problem",
            "taylor",
            "task_quantities",
            "quantities",
            "prediction_quantities",
            "network",
            "weights",
            "kernel",
            "flips",
            "core_quantities",
            "errors",
        )
        for path in ROOT.glob(f"impl/*/{name}.py")
    ),
]
SEARCHING = [
    *(ROOT / "impl" / "floats").rglob("*.py"),
    *(
        path
        for name in ("batch", "batch_quantities", "stationary", "training")
        for path in ROOT.glob(f"impl/*/{name}.py")
    ),
]
FAMILY_PACKAGES = (
    "impl.meta_sl",
    "impl.meta_rl",
    "impl.network",
    "impl.smooth_network",
    "impl.meta_rl_network",
    "impl.meta_rl_smooth_network",
)


def modules(*names: str) -> tuple[str, ...]:
    """The modules of those names in every family's package."""
    return tuple(f"{package}.{name}" for package in FAMILY_PACKAGES for name in names)


@pytest.mark.parametrize("path", DECIDING, ids=id_of)
def test_the_deciding_engine_takes_only_proposals_from_floats(path: Path) -> None:
    engines = ("impl.floats", *modules("batch", "stationary", "training", "planning", "generate", "rates"))
    shared = {name for name in imported(path) if name.startswith(engines)}
    proposals = {
        "impl.floats.infimum.l1_active_set",
        "impl.floats.infimum.l1_near",
        "impl.meta_rl.planning.proposed_policy",
    }
    assert shared <= proposals | {name.rsplit(".", 1)[0] for name in proposals}


@pytest.mark.parametrize("path", SEARCHING, ids=id_of)
def test_the_searching_engine_knows_no_balls(path: Path) -> None:
    deciding = ("maml", "problem", "taylor", "task_quantities", "quantities", "network", "kernel", "flips")
    engines = ("impl.balls", *modules(*deciding))
    assert not {name for name in imported(path) if name.startswith(engines)}


@pytest.mark.parametrize("path", sorted(ROOT.glob("impl/*/taylor.py")), ids=id_of)
def test_the_taylor_route_knows_no_meta_feature(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for derivative in (".d2(", "hessian(", ".advantages(", ".evaluate(", ".value_gradient(", "visitations("):
        assert derivative not in text
    assert not {name for name in imported(path) if "quantities" in name or "balls.core" in name}


def test_the_checker_shares_nothing_with_the_finder() -> None:
    """Followed through every module of the package that the checker imports."""
    finder = {f"impl.optimum.{name}" for name in ("landscape", "ranges", "search", "descent", "headline", "answer")}
    seen, waiting = set(), ["impl.optimum.check"]
    while waiting:
        module = waiting.pop()
        path = ROOT / (module.replace(".", "/") + ".py")
        if module in seen or not path.exists():
            continue
        seen.add(module)
        waiting += [name for name in imported(path) if name.startswith("impl.optimum.")]
    assert len(seen) >= 4
    assert not seen & finder


@pytest.mark.parametrize("path", SOURCES, ids=id_of)
def test_the_library_does_not_print(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    assert not [n.lineno for n in calls if n.func.id == "print"]


def test_every_package_is_in_the_wheel() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {path.parent for path in SOURCES}
    assert listed == {"metagap." + ".".join(f.relative_to(ROOT).parts) for f in folders}


PRONOUNCED = {"PROVED", "EQUAL", "VIOLATED"}


@pytest.mark.parametrize("path", SOURCES, ids=id_of)
def test_verdicts_are_made_in_one_place(path: Path) -> None:
    """Elsewhere a verdict is compared with, or looked up, and never made."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
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


@pytest.mark.parametrize("path", [p for p in SOURCES if "impl" in p.parts], ids=id_of)
def test_margins_are_read_by_the_one_rule(path: Path) -> None:
    """An assumption's margin goes to `verdicts`, and to no comparison of another's."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    ruled = {
        id(node)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "standing"
        for node in ast.walk(call)
    }
    compared = [
        node.lineno
        for outer in ast.walk(tree)
        if isinstance(outer, ast.Compare)
        for node in ast.walk(outer)
        if isinstance(node, ast.Attribute) and node.attr == "margin" and isinstance(node.value, ast.Name)
        if node.value.id in ("a", "assumption") and id(node) not in ruled
    ]
    assert not compared
