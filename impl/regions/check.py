"""The checker of what is proved over a region: every box of the tree again, with more bits.

Nothing of the search is used but the file. Verified: that the claim is the theory's, to the letter; that the lemmas add
up to it, exactly; their identities, as polynomials; that the boxes are halves of halves of the region (by
construction), what each leaf says, and the shares of the volume.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from flint import ctx, fmpq

from ..bracket import Check
from .certificate import Certificate, Shares, TreeError, boxes, text_of
from .leaves import OPEN, OUTSIDE, PROVED, VIOLATED, Prover
from .region import share

PRECISION = 128
OUT_OF_TIME = "out of time"


def check(
    certificate: Certificate,
    progress: Callable[[int], None] = lambda boxes: None,
    deadline: float | None = None,
) -> Check:
    """Whether the certificate proves what it claims; not accepted at a time.monotonic() of `deadline`."""
    region, count = certificate.region, 0
    if certificate.statement != text_of(certificate.what):
        return Check(False, f"statement={certificate.statement!r} is not what {certificate.what.name} says now")
    found = {"proved": fmpq(0), "outside": fmpq(0), "violated": fmpq(0)}
    with ctx.workprec(PRECISION):
        prover = Prover(region, certificate.what, certificate.weights)
        if certificate.weights is not None and prover.lemmas is None:
            return Check(False, "the lemmas with these weights do not add up to the claim")
        try:
            for box, letter in boxes(certificate.tree, region.box):
                if letter == OPEN:
                    continue
                kind = "proved" if letter in PROVED else "outside" if letter == OUTSIDE else "violated"
                wanted = PROVED if letter in PROVED else (OUTSIDE,) if letter == OUTSIDE else (VIOLATED,)
                count += 1
                progress(count)
                if prover.leaf(box).letter not in wanted:
                    ends = zip(region.places, box, strict=True)
                    where = ", ".join(f"{place} in [{low}, {high}]" for place, (low, high) in ends)
                    return Check(False, f"the box {where} is not {kind}", count)
                found[kind] += share(box, region.box)
                if deadline is not None and time.monotonic() > deadline:
                    return Check(False, OUT_OF_TIME, count)
        except TreeError as error:
            return Check(False, str(error), count)
    if Shares(**found) != certificate.shares:
        said = ", ".join(f"{name} {value.p}/{value.q}" for name, value in found.items())
        return Check(False, f"the shares of the volume are {said}", count)
    return Check(True, "every box that it claims is proved", count)
