"""Balls that are infinite, or about infinity: what Arb makes of them, what the engines ask of it, and that they decide
nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from flint import arb, ctx
from metagap.impl.arithmetic import Balls
from metagap.impl.families import family_of, loads
from metagap.impl.verdicts import apart, at_most, decide, fit, unfit
from metagap.theory.claim import Relation, Verdict


def test_arb_and_the_infinite() -> None:
    """What `verdicts` says of Arb, as it is."""
    nan, inf, whole, one = arb("nan"), arb("inf"), arb(0, arb("inf")), arb(1)
    for x in (nan, inf, -inf, whole, one):
        assert not (x <= nan or x >= nan or x < nan or x > nan or x == nan or x != nan)
        assert all(y.is_nan() for y in (x.max(nan), x.min(nan), x.union(nan), nan.max(x), nan.min(x), nan * x, x - nan))
    assert whole <= inf and one <= whole.upper() and -inf <= one and whole.contains(0)
    assert not (whole <= one or whole > one or whole == whole)
    assert 1 / inf == 0 and (-inf).exp() == 0 and inf.tanh() == 1 and (-inf).max(one) == 1 and inf.min(one) == 1
    assert max(one, nan) is one and max(nan, one) is nan
    assert all(y.is_nan() for y in (nan.abs_upper(), nan.lower(), nan.nonnegative_part(), whole.nonnegative_part()))
    big = arb("1e400").exp()
    assert not big.is_exact() and not big.is_finite() and not fit(big), "an overflow is no exact infinity"
    assert float(arb(2) ** 2000) == np.inf and float(arb(2) ** -2000) == 0.0


def test_quantities_about_infinity_are_unbounded_about_0() -> None:
    """A power of the ball [inf +/- inf], which a sum may be, crashes the process: no claim is given one."""
    far = {
        "format": "metagap/instance/1", "problem": "meta-sl", "loss": {"name": "quartic", "c": 1},
        "adaptation": {"name": "implicit", "lambda": 1}, "model": {"name": "linear"}, "features": [[-1], [1]],
        "tasks": [{"weight": 1, "atoms": [{"x": 0, "y": "1/2", "p": "1/2"}, {"x": 1, "y": -1, "p": "1/2"}]}],
        "omega": ["1e150"], "comparator": {"functions": [["1e300", -3]]}, "radius": "1/8",
    }  # fmt: skip
    instance = loads(json.dumps(far), "far")
    at = family_of(instance).evaluator(instance)
    with ctx.workprec(128), np.errstate(all="ignore"):
        gap = at.balls(128)("gap")
        assert not gap.is_finite() and gap.mid() == 0
        assert not ((gap + 1) ** 2).is_finite()


@pytest.mark.ci
@pytest.mark.parametrize("bits", [53, 512])
def test_flint_bears_what_the_engines_ask_of_it(bits: int) -> None:
    """Each operation on balls that are infinite, about infinity, or of huge and tiny exponents, in a process of its
    own; powers of the fenced."""
    done = subprocess.run([sys.executable, "-c", ASKED, str(bits)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and int(done.stdout) > 5000, (done.returncode, done.stdout, done.stderr[-500:])


ASKED = """
import sys
from flint import arb, arb_mat, arb_series, ctx
from metagap.impl.arithmetic import Balls, bounds, fenced, norm, quotient, root, solved, square
from metagap.impl.series import BallSeries
ctx.prec, ctx.cap, inf, count = int(sys.argv[1]), 3, arb("inf"), 0
far = arb(2) ** 2**60
balls = [inf, -inf, arb("nan"), arb(0, inf), arb("inf", inf), -arb("inf", inf), arb("1e300", inf), arb("inf", 1), far,
         1 / far, arb(0, far), arb("1e40"), arb(0), arb(1), arb(-1), arb(1, 2), arb(1, 1 / far)]
one = [arb.exp, arb.log, arb.log1p, arb.sqrt, arb.tanh, arb.sech, arb.sinh, arb.lower, arb.upper, arb.abs_upper,
       arb.abs_lower, arb.nonnegative_part, arb.mid, arb.rad, arb.rel_accuracy_bits, abs, str, float, bounds, square,
       root, Balls.log_cosh, Balls.softplus, Balls.sigmoid, *(lambda x, k=k: fenced(x) ** k for k in (2, 3, 4, 7))]
two = [lambda x, y: (x + y, x - y, x * y, x / y), arb.max, arb.min, arb.union, lambda x, y: (x < y, x <= y, x == y),
       arb.contains, arb.overlaps, Balls.clip, Balls.inside, lambda x, y: norm([x, y])]
matrix = [lambda a, b: a.det(), lambda a, b: a.inv(), lambda a, b: a * b, solved, lambda a, b: a.mid().solve(b.mid()),
          lambda a, b: a.transpose() * b]
series = [*(getattr(BallSeries, name) for name in ("exp", "sqrt", "tanh", "sech", "log_cosh", "softplus", "sigmoid")),
          lambda t: t * t, lambda t: quotient(t, t)]
def ask(f, *given):
    global count
    count += 1
    try:
        f(*given)
    except (ArithmeticError, ValueError):
        pass
for x in balls:
    for f in one:
        ask(f, x)
    for y in balls:
        for f in two:
            ask(f, x, y)
        for f in matrix:
            ask(f, arb_mat([[x, y], [y, x]]), arb_mat([[y], [x]]))
            ask(f, arb_mat([[x, y, 1], [y, x, 2], [1, y, 3]]), arb_mat([[y], [x], [1]]))
        for f in series:
            ask(f, arb_series([x, y, 1]))
print(count)
"""


@pytest.mark.parametrize("ball", [arb("nan"), arb("inf"), arb("-inf"), arb(0, arb("inf")), arb("1e309")])
def test_nothing_is_decided_with_what_is_unfit(ball: arb) -> None:
    assert not fit(ball) and unfit([("x", arb(1)), ("y", ball)]).startswith("the enclosure of y is ")
    assert at_most(ball, arb(1)) is at_most(arb(1), ball) is at_most(ball, ball) is None
    assert not apart(ball, arb(1)) and not apart(arb(1), ball)
    sides = {"left": arb(0), "bound": arb(1), "margins": {"m": arb(1)}, "terms": {"t": arb(1)}, "shown": {"s": arb(1)}}
    for place in ("left", "bound", "margins", "terms", "shown"):
        given = sides | {place: ball if place in ("left", "bound") else {"z": ball}}
        for relation in Relation:
            found = decide(relation, sums=lambda: arb("inf"), digits=1, **given)
            allowed = (Verdict.UNDECIDED, Verdict.VIOLATED) if place == "shown" else (Verdict.UNDECIDED,)
            assert found.verdict in allowed and (found.verdict is Verdict.VIOLATED or "enclosure of" in found.reason)
    assert decide(Relation.AT_MOST, sums=lambda: arb(1), digits=1, **sides).verdict is Verdict.PROVED


def test_functions_of_unbounded_balls_enclose_or_refuse() -> None:
    for ball in (arb("nan"), arb(0, arb("inf")), arb("1e400").exp(), arb("-1e400").exp() * arb(0, arb("inf"))):
        for name in ("exp", "tanh", "sech", "sqrt", "log_cosh", "softplus", "sigmoid", "sign", "magnitude"):
            value = getattr(Balls, name)(ball)
            limits = {"tanh": 1, "sech": 1, "sigmoid": 1, "sign": 1}.get(name)
            assert not value.is_finite() or (limits is not None and value.contains(arb(-1).union(1) if name == "sign"
                                                                                  else arb(limits))), name  # fmt: skip
        assert Balls.inside(ball, arb(1)).contains(arb(0).union(1))
        assert not Balls.clip(ball, arb(1)).is_finite() or Balls.clip(ball, arb(1)).contains(arb(-1).union(1))
