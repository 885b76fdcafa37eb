"""The audit's section on sharpness, as records: constants, thresholds of convexity, which step of the proof loses."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import convert

from ..impl import files
from ..impl.falsify.sharpness import Factor, factors, inequalities, slack
from ..impl.falsify.thresholds import LOSSES, Threshold, threshold
from ..impl.families import FAMILIES, META_SL, Family, load, loads
from ..impl.instances import Instance
from ..theory.claim import Claim, Expression
from ..theory.notation import LETTERS
from .formats import read
from .formats.auditing import AuditRows, FactorRow, SlackRow, ThresholdRow
from .formats.verifying import VerifyRecord
from .own import option
from .records import finite, write_text


def tightest(folder: Path) -> dict[str, str]:
    """The text of the tightest instance of each claim, of the verification run in the folder; {} if there is none."""
    try:
        rows = read(folder / "verify.json", VerifyRecord).claims
        found = {row.claim: load(folder / row.tightest.file) for row in rows if row.tightest}
        return {name: files.dumps(one) for name, one in found.items() if FAMILIES[one.family].claim(name) is not None}
    except files.BadInputError:
        return {}


def sharpness(
    family: Family,
    folder: Path,
    seed: int,
    work: int,
    known: Mapping[str, str],
    progress: Callable[[str], None] = lambda message: None,
    until: float = math.inf,
    claims: Sequence[Claim] | None = None,
) -> AuditRows:
    """How sharp the family's bounds are (or those of these claims); instances are written beside the record.

    `known` are texts of instances that are tight already, by the claim's name.
    `work` is what a search may spend on a term or a threshold, as in `pursue`.
    """
    claims = family.claims if claims is None else claims
    bounds = [claim for claim in inequalities(family) if claim in claims]
    convex = any(a.name == "small-step" for claim in claims for a in claim.assumptions)
    losses = LOSSES if family is META_SL and convex else ()
    tight = {name: loads(text, name) for name, text in known.items() if family.claim(name) is not None}
    found_factors = factors(family, seed=seed, work=work, claims=bounds, known=tight, progress=progress, until=until)
    slacks = slack(family, seed, 8) if family.claim(f"{family.name}-lifted") in claims else []
    found = []
    for loss in losses:
        progress(f"sharpness: threshold of convexity, {loss}")
        found.append(threshold(loss, seed, work))
    return AuditRows(
        sharpness=[_factor(f, folder) for f in found_factors],
        thresholds=[_threshold(one, folder) for one in found if one is not None],
        slack=[convert(one, SlackRow, from_attributes=True) for one in slacks],
    )


def _kept(instance: Instance, folder: Path) -> str:
    name = f"instances/{instance.sha256[:12]}.json"
    write_text(folder / name, files.dumps(instance))
    return name


def _factor(found: Factor, folder: Path) -> FactorRow:
    file = None if found.instance is None else _kept(found.instance, folder)
    return FactorRow(
        claim=found.claim,
        term=Expression(found.term).latex(LETTERS),
        status=found.status,
        below=finite(found.below),
        above=finite(found.above),
        numbers=None if found.instance is None else found.instance.numbers,
        instance=None if found.instance is None else found.instance.sha256,
        file=file,
        origin=found.origin,
        command=None if file is None else f"metagap judge {{folder}}/{file} --claim {found.claim}{option()}",
    )


def _threshold(found: Threshold, folder: Path) -> ThresholdRow:
    file = _kept(found.instance, folder)
    return ThresholdRow(found.loss, found.proved, found.refuted, found.curvature, found.instance.sha256, file)
