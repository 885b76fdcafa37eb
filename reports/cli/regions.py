"""`metagap prove --region FILE`: claims over a region of instances."""

from __future__ import annotations

from pathlib import Path

import typer

from ...impl.files.faults import nearest
from .. import regions
from ..formats.proving import RegionsRecord
from .ending import fail
from .outputs import emit, ready, save
from .shared import input_errors, listing, paper, voice, working


def prove_over(
    path: Path, wanted: list[str] | None, seconds: float, certificate: Path | None, json_target: Path | None
) -> None:
    """Prove what is wanted (by default every claim and statement); status 1 if anything is false, 3 if it is open."""
    known = regions.names()
    for name in wanted or ():
        if name not in known:
            fail(f"--claim={name!r}: a claim or mutant of meta-SL, convex or minima is required{nearest(name, known)}")
    if certificate is not None and len(wanted or ()) != 1:
        fail(f"--certificate={str(certificate)!r}: one --claim is required with it; name it")
    spoken = ready({"--json": json_target, "--certificate": certificate}, inputs=[path])
    with input_errors(), working("prove") as tell:
        record, texts = regions.proved(path, wanted or regions.usual(), seconds, tell)
    if spoken:
        _show(record)
    emit(record, json_target)
    if certificate is not None:
        save("--certificate", certificate, texts[0])
    if any(row.violated > 0 for row in record.rows):
        raise typer.Exit(1)
    if not all(row.whole for row in record.rows):
        raise typer.Exit(3)


def _show(record: RegionsRecord) -> None:
    places = sum(row.whole for row in record.rows)
    if not voice.quiet:
        headings = ("proved", "outside", "false", "boxes")
        table = listing(f"{record.loss} loss, {record.seconds:g} s for each", "over the region", headings)
        table.add_column("by")
        for row in record.rows:
            parts = (f"{100 * part:.2f} %" if part else "" for part in (row.proved, row.outside, row.violated))
            table.add_row(
                row.what, *parts, str(row.boxes), "enclosures" if row.lemmas is None else ", ".join(row.lemmas)
            )
        paper().print(table)
    typer.echo(f"{places} of {len(record.rows)} are decided on the whole region")
