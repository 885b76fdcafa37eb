"""`metagap prove`: which claims are proved in general, and the proofs again; claims over a region of instances."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...impl.families import all_claims
from .. import proving
from ..formats.proving import FormalRecord
from .ending import fail
from .options import JsonOption, until
from .outputs import emit, ready
from .shared import voice, working


def prove(
    check: Annotated[
        bool, typer.Option("--check", help="Compile the proofs again, from clean, and show their axioms.")
    ] = False,
    region: Annotated[
        Path | None,
        typer.Option("--region", metavar="FILE", help="Prove meta-SL claims for all instances of a box at once."),
    ] = None,
    claim: Annotated[
        list[str] | None,
        typer.Option(
            "--claim",
            metavar="NAME",
            help="Of a region: only this claim, mutant or statement (convex, minima); may be repeated.",
        ),
    ] = None,
    max_time: Annotated[float, until("Of a region: for each claim.")] = 10.0,
    certificate: Annotated[
        Path | None,
        typer.Option(
            "--certificate", metavar="CERT", help="Of a region and one claim: write what metagap check proves."
        ),
    ] = None,
    json_target: JsonOption = None,
) -> None:
    """Show which claims Coq proves in general, and which are argued; or check the proofs; or prove over a region.

    A claim is formal if the statement that is made from it is, to the letter, one that Coq checked. --check needs coqc
    and mathcomp-analysis; without them it says so, with status 3. --region: an instance file in which numbers may be
    intervals; the share of its volume is shown on which each claim is proved.
    """
    if region is not None:
        if check:
            fail("--check: no --region beside it is required; give one of the two")
        from .regions import prove_over  # its rooms are imported where they are asked for

        prove_over(region, claim, max_time, certificate, json_target)
        return
    for option, value in (("--claim", claim), ("--certificate", certificate)):
        if value is not None:
            fail(f"{option}: --region FILE is required with it; give both, or none")
    if json_target is not None and not check:
        fail(f"--json={str(json_target)!r}: the record is that of a check; give --check too")
    spoken = ready({"--json": json_target})
    record = _checked() if check else proving.kept()
    found = proving.standings(all_claims(), record, proving.written())
    if spoken:
        _show(found, record, check)
    emit(record, json_target)
    lost = [name for name, one in proving.current().items() if one.formal and not found[name].formal]
    for name in lost:
        typer.echo(f"metagap: {name} was formal: {found[name].why}", err=True)
    if check and json_target is None and not proving.same(record, proving.kept()):
        renew = "metagap prove --check --json theory/formal/record.json"
        typer.echo(f"metagap: the record that is kept is not of these proofs; {renew} renews it", err=True)
        raise typer.Exit(1)
    if lost:
        raise typer.Exit(1)


def _checked() -> FormalRecord:
    """The record of a check; where there is none, one line and the status."""
    try:
        with working("prove", "the record is as it was") as tell:
            return proving.check(tell)
    except proving.NotCheckedError as error:
        typer.echo(f"the proofs were not checked: {error}")
        raise typer.Exit(3) from None
    except proving.RejectedError as error:
        typer.echo(f"rejected: {error}")
        raise typer.Exit(1) from None


def _show(found: dict[str, proving.Standing], record: FormalRecord, check: bool) -> None:
    formal = sum(one.formal for one in found.values())
    when = f"checked now in {record.spent:.0f} s of processor time" if check else f"last checked on {record.date}"
    verdict = f"{formal} of {len(found)} claims are formal: proved in general, {when} ({record.compiler})"
    if not voice.quiet:
        for name, one in found.items():
            typer.echo(f"{name:45} {one.word}{f': {one.why}' if one.why else ''}")
        typer.echo("\naxioms of each proof:")
        for axioms, names in _alike(record).items():
            typer.echo(f"  {', '.join(axioms)}: {', '.join(names)}")
        typer.echo(f"refuted at exact instances: {', '.join(one.name for one in record.refuted)}")
        typer.echo(f"seconds: {', '.join(f'{file} {spent:.1f}' for file, spent in record.seconds.items())}")
    typer.echo(verdict)


def _alike(record: FormalRecord) -> dict[tuple[str, ...], list[str]]:
    """The proofs that rest on the same axioms."""
    found: dict[tuple[str, ...], list[str]] = {}
    for one in record.proofs:
        found.setdefault(tuple(one.axioms), []).append(one.name)
    return found
