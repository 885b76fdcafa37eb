"""Hypothesis strategies for tests of your own: instances of every family, valid by construction.

from hypothesis import given
import metagap

@given(metagap.strategies.instances("meta-sl", tasks=2, loss="log-cosh"))
def test_the_lifted_bound(instance):
    metagap.assert_proved("meta-sl-lifted", instance)

A failure shrinks to the textbook case: one task, one point, one dimension, small numbers.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from hypothesis.strategies import SearchStrategy
from metagap.impl.families import FAMILIES
from metagap.impl.files.faults import nearest
from metagap.impl.instances import Instance
from metagap.impl.sources import SMALL
from metagap.impl.strategies import instances as generated
from metagap.reports import asserting  # noqa: F401  so that no example waits for it: Hypothesis has a deadline

__all__ = ["instances"]


def instances(
    family: str = next(iter(FAMILIES)),
    *,
    generator: str | None = None,
    loss: str | Sequence[str] | None = None,
    **largest: int,
) -> SearchStrategy[Instance]:
    """Instances of a family, from one of its generators (by default the first, which draws anything).

    loss      of these losses alone (meta-RL: adaptations), or other variants of the generator
    largest   the most tasks, points (inputs), labels of one input, dimension, states, actions: tasks=2; those that the
              family has

    Errors: ValueError, which says what is known.
    """
    chosen = _one_of("family", family, FAMILIES)
    known = {one.name: one for one in FAMILIES[chosen].wild}
    named = _one_of("generator", generator or next(iter(known)), known)
    variants = FAMILIES[chosen].all_variants(known[named])
    wanted = [loss] if isinstance(loss, str) else loss
    for name in wanted or ():
        _one_of("loss", name, variants)
    sizes = FAMILIES[chosen].sizes
    for name, size in largest.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{_one_of('size', name, sizes)}={size!r}: an integer of at least 1 is required")
        _one_of("size", name, sizes)
    return generated(named, wanted, replace(SMALL, **largest), FAMILIES[chosen])


def _one_of(what: str, name: str, known: Collection[str]) -> str:
    if name in known:
        return name
    raise ValueError(f"{what}={name!r}: one of {', '.join(known)} is required{nearest(str(name), known)}")
