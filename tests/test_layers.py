"""The house rules that keep the bound and the gap from sharing a bug: who imports whom.

Independence is that of what is reachable by imports, from the modules that the families name: a new module needs no
entry here, and a forbidden import is noticed wherever it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from metagap.impl.families import FAMILIES

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("theory", "impl", "reports")
SOURCES = sorted(
    path for layer in LAYERS for path in (ROOT / layer).rglob("*.py") if path.parent != ROOT / "reports" / "example"
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def import_statements(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Anywhere in a file: only statements have statements in them."""
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, name, None)
            left += inner if isinstance(inner, list) else ()


def imports_of(tree: ast.Module, package: Sequence[str]) -> frozenset[str]:
    """The modules of ours that a file of the package imports, as dotted paths from the root (impl.losses), and the
    names taken from them (impl.losses.Loss): at the top of the file or anywhere in it."""
    found = set()
    for node in import_statements(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            stem = [*base, *(node.module.split(".") if node.module else [])]
            found |= {".".join([*stem, alias.name]) for alias in node.names} | {".".join(stem)}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return frozenset(found)


@cache
def imported(path: Path) -> frozenset[str]:
    """The imports of a file."""
    return imports_of(tree_of(path), path.relative_to(ROOT).with_suffix("").parts[:-1])


def module_at(path: Path) -> str:
    """The dotted name of a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def id_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def file_of(module: str) -> Path | None:
    """The file of a dotted name, if it is a module."""
    place = ROOT.joinpath(*module.split("."))
    if place.with_suffix(".py").is_file():
        return place.with_suffix(".py")
    package = place / "__init__.py"
    return package if package.is_file() else None


def reached(
    starts: Iterable[str],
    leaving: Iterable[tuple[str, str]] = (),
    changed: Mapping[str, frozenset[str]] | None = None,
) -> dict[str, str]:
    """Every module that is reachable by imports, with a way there.

    leaving: what a module takes by name from another one, (importer, name): left out, and the other module with it if
    nothing else is taken from it. changed: imports of modules whose text is not that of their file
    """
    allowed, other = set(leaving), changed or {}
    ways: dict[str, str] = {}
    waiting = [(start, start) for start in starts]
    while waiting:
        module, way = waiting.pop()
        path = file_of(module)
        if module in ways or path is None:
            continue
        ways[module] = way
        names = other.get(module) or imported(path)
        kept = {name for name in names if (module, name) not in allowed}
        emptied = {name.rpartition(".")[0] for name in names - kept} - {name.rpartition(".")[0] for name in kept}
        waiting += [(name, f"{way} > {name}") for name in kept - emptied]
    return ways


def module_of(thing: object) -> str:
    """The module of a class, from the root."""
    return str(getattr(thing, "__module__")).removeprefix("metagap.")  # noqa: B009


FACE = Path("reports/face")
"""The folder that is the package `metagap` itself."""
TOLD = Path("reports/documentation.py")
"""Says what is public: it takes it from there."""

NEIGHBOURS = Path("theory/neighbours")
"""Other papers' theorems: claims files, as anyone writes them."""


def test_imports_point_inwards() -> None:
    for path in SOURCES:
        layer = path.relative_to(ROOT).parts[0]
        allowed = {"theory": {"theory"}, "impl": {"theory", "impl"}, "reports": set(LAYERS)}[layer]
        used = {name.split(".")[0] for name in imported(path)} & {*LAYERS, "metagap", "tests"}
        if FACE in path.relative_to(ROOT).parents or path == ROOT / TOLD:
            used -= {"metagap"}
        if path.parent.relative_to(ROOT) == NEIGHBOURS:  # what anyone's own claims take: the face alone
            assert imported(path) <= {"functools", "metagap", "metagap.common"}, id_of(path)
            used -= {"metagap"}
        assert used <= allowed, f"{id_of(path)} imports {sorted(used - allowed)}"


FLOORS = (
    ("arithmetic", "extras", "instances", "shown"),
    ("bracket",),
    (
        "blas",
        "files",
        "floats",
        "midrad",
        "profiles",
        "series",
        "shrink",
        "sources",
        "stacks",
        "tensors",
        "verdicts",
    ),
    ("asked", "elementary", "judgement", "losses"),
    ("balls", "draws", "enclosed", "loss_ranges", "sealed", "task_tables", "vector_losses"),
    ("alike", "rules"),
    ("judge", "models", "stated_tasks"),
    ("batch_judge", "models.traced", "standings", "stated_at", "study"),
    ("stated", "stated_batches"),
    ("answers",),
    ("family", "supervised", "traced"),
    ("optimum", "policies", "regions", "supervised.enclosed", "supervised.relu"),
    ("policies.enclosed", "supervised.smooth"),
    ("optimum.networks", "supervised.enclosed.networks"),
    ("oracles", "real_tasks"),
    ("families", "own_adaptations", "own_checks", "own_losses"),
    ("conditions", "counterexample", "insight", "own_generators", "own_tasks", "strategies"),
    ("falsify", "own_claims"),
    ("leave_one_out",),
    ("unfinished",),
)
"""The rooms of impl/, from the ground: what all stand on, what families share, judging, models, what an answer is,
kinds of learning, the one table of them, and what is done with any of them. A room takes from lower floors alone; one
within another is its own."""
RANK = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def room_of(module: str) -> str | None:
    """The room that a module, or a name taken from one, is in: the innermost."""
    parts = module.split(".")[1:]
    places = (".".join(parts[:k]) for k in range(len(parts), 0, -1))
    return next((place for place in places if place in RANK), None)


def arrows_up(path: Path, names: Iterable[str]) -> set[str]:
    """The rooms of impl, not below that of the file, which it imports."""
    own = room_of(module_at(path))
    assert own is not None, path
    taken = {room_of(name) for name in names if name.split(".")[0] == "impl"} - {own, None}
    return {room for room in taken if room is not None and RANK[room] >= RANK[own]}


def test_no_import_points_up() -> None:
    files = [path for path in (ROOT / "impl").rglob("*.py") if path != ROOT / "impl" / "__init__.py"]
    assert {room_of(module_at(path)) for path in files} == set(RANK)
    folders = {".".join(path.relative_to(ROOT / "impl").parts[:-1]) for path in files} - {""}
    assert folders <= set(RANK)
    for path in files:
        assert not arrows_up(path, imported(path)), id_of(path)


def test_an_import_that_points_up_is_noticed() -> None:
    for module, line in (
        ("impl.files", "from ..supervised.document import READER"),
        ("impl.judge", "from .families import family_of"),
        ("impl.supervised.training", "from ..oracles import network_autograd"),
        ("impl.supervised.batch", "from .. import falsify"),
    ):
        path = file_of(module)
        assert path is not None
        package = module.split(".") if path.stem == "__init__" else module.split(".")[:-1]
        assert arrows_up(path, imports_of(ast.parse(f"def planted():\n    {line}"), package)), module


KINDS = {room for room in RANK if room.split(".")[0] in ("supervised", "policies", "traced")}


def test_no_room_but_the_table_names_the_kinds() -> None:
    """What is done with any family knows none. Of meta-SL alone are a user's own tasks, and where convexity ends."""
    table = next(at for at, floor in enumerate(FLOORS) if "families" in floor)
    above = {room for floor in FLOORS[table + 1 :] for room in floor} - {"own_tasks", "strategies"}
    for path in (ROOT / "impl").rglob("*.py"):
        if path.relative_to(ROOT / "impl").with_suffix("").parts[0] in above and path.stem != "thresholds":
            assert not {room_of(name) for name in imported(path)} & KINDS, id_of(path)


def test_families_are_named_in_one_table() -> None:
    """Elsewhere above the kinds, no text is a family's name."""
    rooms = [path for path in SOURCES if path.relative_to(ROOT).parts[0] == "reports" and path.stem != "check_witness"]
    for path in (*rooms, *(ROOT / "impl" / "falsify").glob("*.py"), *(ROOT / "impl").glob("*.py")):
        if path == ROOT / "impl" / "families.py":
            continue
        texts = {node.value for node in ast.walk(tree_of(path)) if isinstance(node, ast.Constant)}
        assert not texts & set(FAMILIES), id_of(path)


def test_layers_are_never_imported_bare() -> None:
    """A bare `import theory` would make a second copy of every class beside metagap.theory."""
    bare = re.compile(rf"\b(import|from)\s+([\w.]+(\s+as\s+\w+)?\s*,\s*)*({'|'.join(LAYERS)})\b")
    for path in (*SOURCES, *TESTS):
        if not bare.search(path.read_text(encoding="utf-8")):
            continue  # what looks like none is none, and need not be parsed
        for node in import_statements(tree_of(path)):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            assert not {name.split(".")[0] for name in names} & set(LAYERS), (id_of(path), names)


COMPUTED = {
    "reports/cli/__init__.py": "the room of the command that is called",
    "reports/face/__init__.py": "the home of the name that is asked for",
    "impl/own_claims.py": "a user's module, that the command line names",
    "impl/oracles/global_solvers.py": "a solver's module, by the solver's name",
}
"""Who imports what is not written there, and what that is: no engine is behind them."""


def test_nothing_is_imported_by_a_computed_name() -> None:
    """What is reachable is what is written."""
    for path in SOURCES:
        calls = [node.func for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
        names = {f.id for f in calls if isinstance(f, ast.Name)} | {
            f.attr for f in calls if isinstance(f, ast.Attribute)
        }
        computed = names & {"import_module", "__import__", "exec_module"}
        assert computed == ({"import_module"} if id_of(path) in COMPUTED else set()), id_of(path)


def test_theory_calls_no_solver() -> None:
    files = (path for path in (ROOT / "theory").rglob("*.py") if path.parent != ROOT / NEIGHBOURS)
    outside = {name.split(".")[0] for path in files for name in imported(path)}
    assert outside <= {
        "__future__",
        "theory",
        "ast",
        "sympy",
        "dataclasses",
        "enum",
        "functools",
        "textwrap",
        "re",
        "typing",
        "collections",
    }


def test_models_know_no_task_and_no_bound() -> None:
    """Of the engines they take vectors and orthonormal coordinates alone."""
    models = [module_at(path) for path in (ROOT / "impl" / "models").glob("[!_]*.py")]
    rooms = {room_of(module) or module.split(".")[0] for module in reached(models)}
    assert rooms <= {"arithmetic", "balls", "files", "instances", "models", "shrink", "sources"}
    assert {module for module in reached(models) if module.startswith("impl.balls")} <= {
        "impl.balls",
        "impl.balls.dense",
        "impl.balls.span",
    }
