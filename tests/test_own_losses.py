"""A loss of a user's own: refused where its formulas and constants disagree, and used like ours."""

from __future__ import annotations

import json
from pathlib import Path

import metagap
import numpy as np
import pytest
from flint import arb, fmpq
from metagap.impl.families import FAMILIES, loads
from metagap.impl.files import BadInputError
from metagap.impl.loss_ranges import LossRanges
from metagap.impl.losses import Loss
from metagap.impl.midrad import MidRad
from metagap.impl.own_claims import read, using
from metagap.reports.cli import app
from metagap.theory.claim import Verdict
from typer.testing import CliRunner

from .test_own_claims import SQUARED


def test_a_loss_that_is_not_known_may_be_ones_own(tmp_path: Path) -> None:
    (tmp_path / "instance.json").write_text(json.dumps(SQUARED | {"loss": {"name": "mine"}}))
    done = CliRunner().invoke(app, ["judge", str(tmp_path / "instance.json")])
    assert done.exit_code == 2 and "(one of your own: --claims FILE.py)" in done.output


LOSS = """from metagap import Loss
def of(**given):
    formulas = dict(
        value=lambda m, t: t * t / 2 + m.log_cosh(t), d1=lambda m, t: t + m.tanh(t),
        d2=lambda m, t: 1 + m.sech(t) * m.sech(t), d3=lambda m, t: -2 * m.tanh(t) * m.sech(t) * m.sech(t),
    )
    return Loss("ridge-cosh", **{**formulas, "m2": 2, "m3": "4/5", "mu": 1, "kappa": "1/2", **given})
"""
WRONG_LOSSES = {
    "d2=lambda m, t: 2 + m.sech(t) * m.sech(t)": r"the loss ridge-cosh: d2\(-73/16\) is 2.00043554, .* 1.00043554$",
    "d3=lambda m, t: 0 * t": r"d3\(",
    "value=lambda m, t: t * t / 2 - m.log_cosh(t)": r"d1\(",
    "m2='3/2'": "m2=1.5.*larger about",
    "m3='1/2'": "m3=.*larger about",
    "m1=3": "m1=3.*larger about",
    "mu='11/10'": "mu=.*smaller about",
    "kappa='2/5'": "kappa=.*larger about",
    "link='hinge'": "residual, margin or canonical",
    "value=lambda m, t: m.log(t)": "AttributeError",
    "value=lambda m, t: t**2 / 2 + m.log_cosh(float(t))": "asks the float of a number",
    "value=lambda m, t: t * t / 2 + (m.log_cosh(t) if t == 0 else m.log_cosh(t))": "asks == of a number",
    "d3=lambda m, t: -2.0 * m.tanh(t) * m.sech(t) * m.sech(t)": "-2.0 is no exact constant",
}


@pytest.mark.ci(every=3)
@pytest.mark.parametrize("wrong", WRONG_LOSSES)
def test_a_wrong_loss_is_refused(wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "loss.py"
    file.write_text(f"{LOSS}\nL = of()\n")
    assert [loss.name for loss in read(str(file)).losses] == ["ridge-cosh"]
    file.write_text(f"{LOSS}\nL = of({wrong})\n")
    with pytest.raises(BadInputError, match=WRONG_LOSSES[wrong]):
        read(str(file))


@pytest.mark.ci
def test_our_claims_are_judged_on_a_loss_of_ones_own(tmp_path: Path) -> None:
    """Where it is enclosed as convex, no claim on it is violated; instance files may name it while it stands."""
    file = tmp_path / "loss.py"
    file.write_text(f"{LOSS}\nL = of()\n")
    named = json.dumps(SQUARED | {"loss": {"name": "ridge-cosh"}})
    with pytest.raises(BadInputError, match=r"loss\.name='ridge-cosh'"):
        loads(named)
    with using(read(str(file))) as own:
        assert set(own.families) >= {"meta-sl", "network", "smooth-network"}
        assert all(g.variants == ("ridge-cosh",) for g in FAMILIES["meta-sl"].generators)
        verdicts = {one.claim: one.verdict for one in metagap.judge(loads(named)).claims}
        assert verdicts["meta-sl-lifted"] is verdicts["meta-sl-c2"] is verdicts["meta-sl-c4"] is Verdict.PROVED
        assert Verdict.VIOLATED not in verdicts.values()
        bracket = metagap.minimise(loads(named), fmpq(2))
        assert bracket.lower <= bracket.upper < bracket.lower + 1e-3
    with pytest.raises(BadInputError):
        loads(named)


def test_the_least_curvature_of_a_loss_of_ones_own_is_enclosed_on_the_segments_used(tmp_path: Path) -> None:
    """1 + t^2, least within a segment that crosses t = 0, and t^2 - 1, of a loss that is not convex: C4 takes it where
    it is positive, and no further; what arrays say contains it, too."""
    file = tmp_path / "loss.py"
    file.write_text(
        "from metagap import Loss\ndef of(name, a):\n    return Loss(name, value=lambda m, t: a*t*t/2 + t*t*t*t/12, "
        "d1=lambda m, t: a*t + t*t*t/3, d2=lambda m, t: a + t*t, d3=lambda m, t: 2*t, mu=a)\n"
        "BOWL, WAVE = of('bowl', 1), of('wave', -1)\n"
    )
    with using(read(str(file))):
        for name, a in (("bowl", 1), ("wave", -1)):
            loss, half = Loss(name), arb(1) / 2
            for z, h, least in ((-1, 2, a), (1, 3, a + 1), (-3, -2, a + 4), (0, 0, a)):
                found = loss.least_curvature(z + half, h + half, half)
                ends = LossRanges(loss, [fmpq(1, 2)]).least(2, *(MidRad(np.array([v + 0.5])) for v in (z, h)))
                assert found.contains(arb(least)) and ends.low <= least <= ends.high
        near = SQUARED | {"adaptation": {"name": "gradient", "eta": "1/16", "steps": 1}}
        for name, omega, verdict in (
            ("bowl", [0, "1/4"], Verdict.PROVED),
            ("wave", [0, "1/4"], Verdict.PROVED),  # convex on the segments used
            ("wave", ["1/2", 0], Verdict.OUTSIDE),
        ):
            at = metagap.judge(loads(json.dumps(near | {"loss": {"name": name}, "omega": omega})))
            assert at["meta-sl-c4"].verdict is verdict
