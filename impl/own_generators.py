"""Generators of what a claims file states: instances of its losses and adaptations, its own tasks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from .families import FAMILIES
from .family import Family
from .files import BadInputError
from .instances import Instance
from .losses import LOSSES, VECTOR_LOSSES
from .sealed import fault
from .sources import Generator, Listed, RandomSource, Tasks

PLAIN = frozenset(name for name, row in LOSSES.items() if row.profile.convex and not row.profile.kinked)
"""The losses of the table that a generator of all losses takes."""


def takes(generator: Generator) -> bool:
    """Whether the generator takes any loss."""
    return set(generator.variants) >= PLAIN


def generating(family: Family, losses: tuple[str, ...], rules: tuple[str, ...], place: str, *, alone: bool) -> Family:
    """The family with instances of a file's losses and adaptations, by name; `alone`: of no others. Errors:
    BadInputError, which names the place."""
    free = [g for g in family.generators if takes(g)]
    ruled = tuple(_ruled(family, rules, free[0].variants + losses)) if free else ()
    if not free or not (losses or ruled):
        return family
    taken = {g.name for g in (*family.wild, *family.attaining)}
    for generator in ruled:
        if generator.name in taken:
            raise BadInputError(place, "the adaptation", generator.name, "a name that no generator has")
    searching = (*family.searching, *(g.name for g in ruled))
    if not alone:
        more = (replace(g, variants=(*g.variants, *losses)) if takes(g) else g for g in family.generators)
        return replace(family, generators=(*more, *ruled), searching=searching)
    own = (*(replace(g, variants=losses) for g in free if losses), *ruled)
    searching = tuple(name for name in searching if any(g.name == name for g in own))
    return replace(family, generators=own, searching=searching, landscapes=None, rates=None, real_tasks={})


def _ruled(family: Family, rules: tuple[str, ...], losses: tuple[str, ...]) -> Iterator[Generator]:
    """Of each adaptation, with one output and with several; none of a family that takes none."""
    if family.ruled is None:
        return
    for rule in rules:
        build = partial(family.ruled, rule=rule)
        yield Generator(rule, f"the adaptation {rule}", build, losses, 3)
        several = f"the adaptation {rule}, several outputs"
        yield Generator(f"{rule}-outputs", several, partial(build, several=True), tuple(VECTOR_LOSSES), 1)


def add(tasks: Tasks, place: str) -> None:
    """A file's tasks among the generators of their family. Errors: BadInputError with the line of what fails."""

    def made(source: RandomSource, variant: str, *_: object) -> Listed:
        try:
            return Listed(tasks.make(source.rng) for _ in range(source.size))
        except BadInputError:
            raise
        except Exception as error:
            raise fault(error, place, f"the tasks {tasks.name}") from error

    first = made(RandomSource(0, 1), "own")[0]
    if not isinstance(first, Instance):
        line = f"line {tasks.make.__code__.co_firstlineno}, {tasks.name}"
        raise BadInputError(place, line, type(first).__name__, "a metagap.Instance: metagap.problem makes one")
    family = FAMILIES[first.family]
    if any(tasks.name == g.name for g in (*family.wild, *family.attaining, *family.own)):
        raise BadInputError(place, "tasks", tasks.name, "a name that no other generator has")
    generator = Generator(tasks.name, tasks.title, made, ("own",), 2)
    FAMILIES[first.family] = replace(family, own=(*family.own, generator))
