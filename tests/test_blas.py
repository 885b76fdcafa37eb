"""Products of proofs: integers first, then each along random signs; a wrong one stops, a right one never."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from metagap.impl import blas
from metagap.impl.bracket import DefectError
from metagap.impl.midrad import MidRad
from metagap.impl.optimum.convexity import gram, least_eigenvalue
from metagap.impl.optimum.stack import PIECE, Balls2, Stack
from metagap.impl.own_tasks import from_arrays

Array = np.ndarray


def wrong_at(shape: tuple[int, int]) -> Callable[[Array, Array], Array]:
    """Multiplication that errs in one entry of one shape, by one unit of the last but ten bits."""

    def multiplied(a: Array, b: Array) -> Array:
        found = np.array(a @ b)
        if found.shape == shape:
            found[-1, 0] *= 1 + 2.0**-42
        return found

    return multiplied


def test_integers_are_multiplied_right() -> None:
    assert blas.tried()


@pytest.mark.parametrize("shape", [(31, 33), (130, 97), (33, 17)])
def test_wrong_products_of_integers_stop(shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a kernel that forgets a remainder of its blocks."""
    monkeypatch.setattr(blas, "_multiplied", wrong_at(shape))
    with pytest.raises(DefectError, match="does not multiply right on this machine"):
        blas.tried.__wrapped__()


def test_right_products_are_never_refused() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        m, k, n = rng.integers(1, 40, 3)
        a = rng.standard_normal((m, k)) * 10.0 ** rng.integers(-160, 150, (m, k))
        b = rng.standard_normal((k, n)) * (rng.random((k, n)) < 0.5)
        assert np.array_equal(blas.product(a, b), a @ b)
    with np.errstate(all="ignore"):
        assert not np.isfinite(blas.product(np.full((2, 2), 1e200), np.full((2, 2), 1e200))).any()


def test_a_wrong_entry_is_seen_every_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """At least: one of two signs of its column does not hide it; an entry beyond what rounding explains."""
    rng, seen = np.random.default_rng(1), 0
    a, b = rng.standard_normal((30, 50)), rng.standard_normal((50, 20))
    assert blas.tried()  # now, with the right one
    monkeypatch.setattr(blas, "_multiplied", lambda a, b: a @ b + 1e-9 * np.eye(30, 20) / 5)
    for _ in range(60):
        try:
            blas.product(a, b)
        except DefectError:
            seen += 1
    assert seen >= 30


@pytest.mark.parametrize("prove", [
    lambda x: gram(x, np.ones(len(x)), 0.0),
    lambda x: least_eigenvalue(x.T @ x, 0.0),
])  # fmt: skip
def test_what_proves_compares(prove: Callable[[Array], object], monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(2).standard_normal((40, 12))
    prove(x)
    monkeypatch.setattr(blas, "_multiplied", lambda a, b: (a @ b) * (1 + 1e-6))
    with pytest.raises(DefectError):
        prove(x)


def rows(count: int = 2 * PIECE + 7) -> Stack:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((3 * count, 5))
    return Stack(from_arrays(x, rng.standard_normal(3 * count), np.repeat([0, 1, 2], count).tolist()))


@pytest.mark.parametrize("name", ["times", "pulled"])
def test_wrong_products_with_vectors_stop(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = rows()
    theta = Balls2(np.ones((1, 5)), np.zeros(1))
    own = Balls2(np.arange(15.0).reshape(3, 5), np.zeros(3))
    for start in (theta, own):
        stack.gathered(stack.predictions(start))
    right = getattr(Stack, name)

    def wrong(stack: Stack, given: Array) -> Array:
        found = np.array(right(stack, given))
        found[(-1,) * found.ndim] *= 1 + 1e-6
        return found

    monkeypatch.setattr(Stack, name, wrong)
    for start in (theta, own):
        with pytest.raises(DefectError, match="of features and"):
            stack.gathered(stack.predictions(start))


def test_vectors_of_any_size_pass() -> None:
    """Beyond float64 there is no verdict, and no defect."""
    stack = rows(40)
    for size in (0.0, 1e-300, 1e150, 1e308, np.inf, np.nan):
        with np.errstate(all="ignore"):
            found = stack.gathered(stack.predictions(Balls2(np.full((1, 5), size), np.zeros(1))))
            assert found.mid.shape == (3, 5)
            stack.gathered(MidRad(np.full(stack.count, size)))
    one = replace(from_arrays([[1.0]], [1.0], [0]))
    assert Stack(one).predictions(Balls2(np.ones((1, 1)), np.zeros(1))).mid == 1
