"""Enclosed singular values, and coordinates of a span: in closed form, against numpy, and after poor proposals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flint import arb, arb_mat, ctx
from hypothesis import given
from hypothesis import strategies as st
from metagap.impl.balls.singular import largest_eigenvalue, positive_definite, singular_above, smallest_singular_value
from metagap.impl.balls.span import span

from .test_infimum import as_balls


@given(st.integers(1, 4), st.data())
def test_the_smallest_singular_value_is_enclosed(size: int, data: st.DataObject) -> None:
    whole = st.integers(-8, 8)
    table = np.array([[data.draw(whole) / 4 for _ in range(size)] for _ in range(size)])
    with ctx.workprec(128):
        found = smallest_singular_value(as_balls(table.tolist()))
        assert float(found.lower()) <= np.linalg.svd(table)[1][-1] + 1e-12
        assert float(found.upper()) >= np.linalg.svd(table)[1][-1] - 1e-12
        if np.linalg.svd(table)[1][-1] > 1e-6:
            assert found.rad() < 1e-12
        gram = as_balls((table.T @ table).tolist())
        assert not positive_definite(gram, square_above(found))


def square_above(value: arb) -> arb:
    top = arb(value.upper()) + arb(2) ** -40
    return top * top


def test_poor_proposals_only_widen_singular_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors that are no singular vectors, which a few powers do not mend."""

    def poor(table: np.ndarray, compute_uv: bool = True, **more: bool) -> Any:
        return (None, None, np.ones_like(table)) if compute_uv else np.ones(2)

    monkeypatch.setattr(np.linalg, "svd", poor)
    monkeypatch.setattr(np.linalg, "eigh", lambda table: (None, np.ones_like(table)))
    test_singular_values_in_closed_form_are_contained()


def test_singular_values_in_closed_form_are_contained() -> None:
    """((a, 0), (0, b)) and rotations of it; ((1, 1), (0, 1)): the golden ratio and its inverse."""
    with ctx.workprec(1000):
        golden = (1 + arb(5).sqrt()) / 2
        close = 1 + arb(2) ** -200
        cases = [
            (arb_mat([[1, 1], [0, 1]]), 1 / golden, golden),
            (arb_mat([[arb(1) / 3, 0], [0, arb(1) / 7]]), arb(1) / 7, arb(1) / 3),
            (arb_mat([[3, -4 * close], [4, 3 * close]]) / 5, arb(1), close),
            (arb_mat([[1, 1], [1, 1]]), arb(0), arb(2)),
        ]
    for matrix, least, most in cases:
        with ctx.workprec(128):
            table = arb_mat(2, 2, [+v for v in matrix.entries()])
            assert smallest_singular_value(table).contains(least)
            assert not singular_above(table) > least
            gram = table.transpose() * table
            with ctx.workprec(1000):
                square = most * most
            assert largest_eigenvalue(gram).contains(square)
            assert not positive_definite(gram, arb((square + 1).upper()))
            assert positive_definite(gram + arb_mat([[1, 0], [0, 1]]), arb(0))


def test_a_bound_of_a_singular_value_is_within_a_factor_of_two() -> None:
    for table in ([[1.0, 1.0], [0.0, 1.0]], [[3.0, 0.0], [0.0, 1e-7], [0.0, 0.0]]):
        least = np.linalg.svd(np.array(table))[1][-1]
        assert least / 2.001 <= float(singular_above(as_balls(table))) <= least


def test_an_open_pivot_proves_nothing() -> None:
    assert not positive_definite(arb_mat([[arb(1, 2)]]), arb(0))
    assert not positive_definite(arb_mat([[arb("nan")]]), arb(0))
    assert not positive_definite(arb_mat([[1, 0], [0, arb(1, 1)]]), arb(0))
    assert smallest_singular_value(arb_mat([[arb("nan")]])).is_nan()


def test_coordinates_of_a_span_have_the_inner_products() -> None:
    """Independent vectors and dependent ones: C C' + slack^2 is the Gram matrix, on the diagonal and off it."""
    rng = np.random.default_rng(5)
    with ctx.workprec(128):
        for count, rank in ((3, 3), (4, 2), (4, 4)):
            rows = rng.integers(-4, 5, (count, rank)) @ (rng.integers(-4, 5, (rank, 4)) / 4)
            table = as_balls(rows.tolist())
            gram = table * table.transpose()
            found = span(gram)
            assert len(found.pivots) == np.linalg.matrix_rank(rows)
            back = found.rows * found.rows.transpose()
            for a in range(count):
                for b in range(count):
                    room = found.slack[a] * found.slack[b]
                    assert (back[a, b] + (-room).union(room)).contains(gram[a, b]) or back[a, b].overlaps(gram[a, b])
                if a not in found.pivots:
                    assert not found.slack[a] < (gram[a, a] - back[a, a]).nonnegative_part().sqrt()
            wide = span(
                gram + arb_mat(count, count, [arb(2) ** -40 * (a == b) for a in range(count) for b in range(count)])
            )
            assert len(wide.pivots) == count or all(
                s > 2.0**-21 for a, s in enumerate(wide.slack) if a not in wide.pivots
            )
            near = span(gram + arb_mat([[arb(2) ** -100 * (a == b) for b in range(count)] for a in range(count)]))
            assert all(near.slack[a] > 2.0**-51 for a in range(count) if a not in near.pivots)
            vector = as_balls(rng.integers(-4, 5, (4, 1)).tolist())
            pairings = (table * vector).entries()
            again = (found.rows * arb_mat([[g] for g in found.coordinates(pairings)])).entries()
            for a in found.pivots:
                assert again[a].overlaps(pairings[a])
            wanted = [arb(int(v)) for v in rng.integers(-4, 5, len(found.pivots))]
            combined = (arb_mat([found.coefficients(wanted)]) * found.rows).entries()
            assert all(c.overlaps(w) and c.rad() < 1e-20 for c, w in zip(combined, wanted, strict=True))
