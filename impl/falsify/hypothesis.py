"""The structured driver: Hypothesis draws structure and grid integers, every example is perturbed 255 times.

Hypothesis is good at shapes, losses and special numbers; arrays are good at continuous neighbourhoods. `target` tells
Hypothesis how far an example's neighbourhood got.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings, target
from hypothesis import strategies as st

from ..families import Family
from ..sources import Limits
from ..strategies import batches
from .evolution import Visit
from .fields import joined, repeated
from .perturb import perturb


def by_hypothesis(
    family: Family,
    visit: Visit,
    rng: np.random.Generator,
    count: int,
    limits: Limits,
    generators: Sequence[str],
    wild: bool,
) -> None:
    """Examples of all searching generators (or those given), each with `count` - 1 perturbations around it.

    `wild`: of all generators in all variants, assumptions of the claims broken or not.
    """
    if wild:
        chosen = [batches(g.name, family.all_variants(g), limits, family) for g in family.wild]
    else:
        chosen = [batches(name, limits=limits, family=family) for name in generators or family.searching]
    strategy = st.one_of(chosen)

    @seed(int(rng.integers(2**31)))
    @settings(
        max_examples=2**31 - 1,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.target],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def search(example: object) -> None:
        around = perturb(repeated(example, count - 1), rng, 2.0 ** rng.uniform(-12, 0, count - 1))
        best = float(visit(joined(example, around)).max())
        if np.isfinite(best):
            target(best)

    search()
