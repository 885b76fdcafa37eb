"""Who decides takes nothing of who searches; two routes, a checker and its finder share nothing, by any imports."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

import pytest
from metagap.impl.families import FAMILIES

from .test_layers import ROOT, file_of, imported, imports_of, module_at, module_of, reached, tree_of

PROPOSALS = {
    ("impl.balls.infimum", "impl.floats.infimum.l1_active_set"): "residuals that may vanish: any set gives a bound",
    ("impl.policies.quantities", "impl.policies.planning.proposed_policy"): "a policy: its Bellman residual decides",
    ("impl.optimum.networks.linearised", "impl.supervised.batch.laws_of"): "arrays for descent: they propose a point",
    ("impl.optimum.networks.linearised", "impl.floats.infimum.ball_least_squares"): "a point: any gives a bound",
}
"""(who takes it, what): proposals that deciding modules ask for, and why a bad one does no harm."""

DECIDING = tuple(dict.fromkeys(module_of(family.quantities) for family in FAMILIES.values()))
LOWER_BOUNDS = (
    "impl.optimum.networks.floor",
    "impl.optimum.networks.programs",
    "impl.optimum.networks.cells",
    "impl.optimum.networks.linearised",
    "impl.optimum.networks.optima",
    "impl.policies.optimum",
)
"""Modules that prove lower (meta-RL: upper) bounds of optima. Those that put brackets together know every family."""
SEARCHING = tuple(
    dict.fromkeys(module_of(family.batch_quantities) for family in FAMILIES.values() if family.batch_quantities)
)

SEARCHERS = (
    "batch", "batch_quantities", "breaking", "core_batch_quantities", "descent", "draws", "falsify", "families",
    "floats", "generate", "interpolant", "network_batch_quantities", "network_generate", "oracles", "planning",
    "rates", "real_tasks", "search", "smaller", "sources", "stationary", "strategies", "tensors", "training",
    "batch_features", "vector_batch",
)  # fmt: skip
"""Modules and packages that only propose."""

SHARED = {
    "impl.arithmetic": "the number systems; each engine evaluates in its own",
    "impl.losses": "a loss is written once, over any number system; sympy and torch check each row",
    "impl.profiles": "as losses",
    "impl.instances": "what an instance is",
    "impl.supervised.tables": "what an instance is, of many rows",
    "impl.supervised.written": "what an instance is, in its file",
    "impl.supervised.adaptation": "what an instance is: how it adapts",
    "impl.asked": "own code is asked again, before a violation is said",
    "impl.rules": "an adaptation of one's own is written once; each engine runs it over its own numbers",
    "impl.sealed": "what own code sees of numbers",
    "impl.files.faults": "how a fault of own code is told",
    "impl.models.weights": "weights as arrays; float64 takes the arrays, the deciding engine their exact sums",
    "impl.models.activation": "as losses",
    "theory.claim": "claims as data",
    **{f"impl.{room}.instance": "what an instance is"
       for room in ("supervised", "policies")},
}  # fmt: skip
"""All that the engine that decides and the engine that searches may share, and why."""


def searchers_reached(starts: Iterable[str], changed: Mapping[str, frozenset[str]] | None = None) -> list[str]:
    """The ways from deciding modules to modules that only propose, but for the named proposals."""
    ways = reached(starts, PROPOSALS, changed)
    return [way for module, way in ways.items() if set(module.split(".")) & set(SEARCHERS)]


def test_the_deciding_engine_takes_only_named_proposals() -> None:
    assert searchers_reached(DECIDING) == []
    assert searchers_reached(LOWER_BOUNDS) == []
    assert all(file_of(module) for module in (*DECIDING, *LOWER_BOUNDS))
    assert len(reached(DECIDING)) >= 40


def test_named_proposals_are_asked_for() -> None:
    for module, name in PROPOSALS:
        path = file_of(module)
        assert path is not None
        assert name in imported(path), f"{module} does not take {name}"


ENCLOSED = (
    "impl.batch_judge",
    *dict.fromkeys(module_of(family.enclosed_quantities) for family in FAMILIES.values() if family.enclosed_quantities),
)
"""What decides of whole batches."""
TEXT = {
    "impl.supervised.batch": "what a batch is",
    "impl.supervised.batch_quantities": "the text of the quantities, here in numbers that enclose",
    "impl.supervised.core_batch_quantities": "the same",
    "impl.supervised.vector_batch": "the same",
    "impl.supervised.relu.batch": "what a batch is",
    "impl.supervised.relu.batch_features": "the text of the quantities",
    "impl.supervised.relu.batch_quantities": "the same",
    "impl.supervised.smooth.batch_quantities": "the same",
    "impl.policies.batch": "what a batch is",
    "impl.models.batch": "which of a network's numbers a batch has",
    "impl.policies.batch_quantities": "the text of the quantities",
    "impl.policies.network_batch_quantities": "the same",
    "impl.sources": "what a batch's numbers are",
    "impl.floats.quantities": "the text of what quantities of every kind share",
    "impl.floats.infimum": "directions: `enclosed.infimum` encloses their values",
    "impl.floats.l1_ends": "directions and weights: the same",
    "impl.floats": "the package of that",
    "impl.floats.rank": "coordinates and shortest solutions, which enclosed quantities have otherwise",
}
"""All that it takes from the searching engine, and why that does no harm."""


def test_batches_are_decided_by_the_text_of_the_searching_engine_and_its_proposals() -> None:
    ways = reached(ENCLOSED)
    assert {module for module in ways if set(module.split(".")) & set(SEARCHERS)} == set(TEXT)
    places = {module: file_of(module) for module in ways}
    for proposer in ("impl.floats.infimum", "impl.floats.l1_ends"):
        takers = {module for module, path in places.items() if path and proposer in imported(path)}
        assert takers - set(TEXT) == {"impl.enclosed.infimum"}


def test_the_searching_engine_shares_only_foundations() -> None:
    floats = [f"impl.floats.{path.stem}" for path in (ROOT / "impl" / "floats").glob("[!_]*.py")]
    trained = [module_at(path) for path in ROOT.glob("impl/*/stationary.py")]
    deciding = set(reached(DECIDING, PROPOSALS))
    for start in (*SEARCHING, *floats, *trained):
        ways = reached([start])
        assert not [way for module, way in ways.items() if module.startswith("impl.balls")]
        assert not [way for module, way in ways.items() if module in deciding - set(SHARED)]


def test_what_the_engines_share_is_shared() -> None:
    assert set(SHARED) == set(reached(DECIDING, PROPOSALS)) & set(reached(SEARCHING))


TAYLOR = tuple(module_at(path) for path in sorted(ROOT.glob("impl/**/taylor.py")))
DEFINITIONS = {
    *SHARED,
    *TAYLOR,
    "impl.supervised.maml",
    "impl.supervised.rule_steps",
    "impl.policies.problem",
    "impl.supervised.relu.problem",
    "impl.supervised.relu.scales",
    "impl.models.combination",
    "impl.models.relu",
    "impl.supervised.smooth.problem",
    "impl.models.smooth",
    "impl.midrad",
    "impl.elementary",
    "impl.series",
    "impl.enclosed",
    "impl.enclosed.duals",
    "impl.enclosed.linear",
}
"""What the route may reach: numbers, instances, and L by its definition."""
FORMULAS = {"d2", "d3", "hessian", "curvatures", "folds", "rows", "advantages", "evaluate", "value_gradient",
            "visitations", "visitation", "frequencies"}  # fmt: skip
"""Derivatives and visitations by formula, which definitions have for others."""


def test_the_taylor_route_knows_no_meta_feature() -> None:
    assert len(TAYLOR) == 7
    ways = reached(TAYLOR)
    assert not [way for module, way in ways.items() if module not in DEFINITIONS]
    for module in TAYLOR:
        path = file_of(module)
        assert path is not None
        attributes = {node.attr for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute)}
        assert not attributes & FORMULAS, (module, attributes & FORMULAS)


def planted(module: str, line: str, *, inside: bool) -> dict[str, frozenset[str]]:
    """The imports of a copy of the module with one line more, at its end or in a function there."""
    path = file_of(module)
    assert path is not None
    indented = f"def planted() -> None:\n    {line}" if inside else line
    text = f"{path.read_text(encoding='utf-8')}\n\n{indented}\n"
    return {module: imports_of(ast.parse(text), module.split(".")[:-1])}


FAULTS: tuple[tuple[str, str], ...] = (
    ("impl.supervised.start_quantities", "from .relu.batch_quantities import NetworkBatchQuantities"),
    ("impl.supervised.rank_quantities", "from ..floats import rank"),
    ("impl.balls.spanned", "from ..floats.infimum import l1_active_set"),
    ("impl.models.coordinates", "from . import batch"),
    ("impl.models.activation", "from ..families import FAMILIES"),
    ("impl.models.smooth_coordinates", "from ..oracles import network_autograd"),
    ("impl.balls.infimum", "from ..floats.infimum import misfits"),
)
"""Forbidden imports in deciding modules, some of which no earlier guard looked at."""


@pytest.mark.ci(every=2)
@pytest.mark.parametrize("inside", [False, True], ids=["at the top", "in a function"])
def test_a_forbidden_import_is_noticed(inside: bool) -> None:
    for module, line in FAULTS:
        assert module in reached(DECIDING)
        assert searchers_reached(DECIDING, planted(module, line, inside=inside)), module


def test_a_meta_feature_in_the_taylor_route_is_noticed() -> None:
    changed = planted("impl.supervised.relu.problem", "from .kernel import MetaFeatures", inside=True)
    assert "impl.supervised.relu.kernel" in reached(TAYLOR, changed=changed)


FINDER = ("answer", "headline", "landscape", "ranges", "reach")
"""Further modules of the room of the optimum that the checker may not reach."""


def test_the_checker_of_regions_does_not_reach_their_search() -> None:
    """Nor a linear program: what adds up to a claim is proposed. It decides by the engine of instances."""
    seen = reached(["impl.regions.check"], PROPOSALS)
    assert {"impl.regions.leaves", "impl.regions.formal", "impl.supervised.quantities", "impl.verdicts"} <= set(seen)
    guilty = {module: way for module, way in seen.items() if set(module.split(".")) & {*SEARCHERS, *FINDER}}
    assert not guilty, guilty
    paths = [path for module in seen if (path := file_of(module)) is not None]
    assert not [path for path in paths if any(name.split(".")[0] == "scipy" for name in imported(path))]


def test_the_checker_shares_nothing_with_the_finder() -> None:
    seen = reached(["impl.optimum.check"])
    shared = {
        "impl.arithmetic",
        "impl.losses",
        "impl.profiles",
        "impl.midrad",
        "impl.supervised.maml",
        "impl.optimum.certificate",
    }
    assert shared <= set(seen)
    guilty = {module: way for module, way in seen.items() if set(module.split(".")) & {*SEARCHERS, *FINDER}}
    assert not guilty, guilty
