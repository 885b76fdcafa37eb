"""`metagap bundle`: what a run found, as evidence for others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..bundle import bundled
from ..check_bundle import sha256
from ..records import write_bytes
from .ending import fail
from .options import FOLDER, FolderOption
from .outputs import ready
from .shared import input_errors, voice, working


def bundle(
    target: Annotated[Path, typer.Argument(metavar="FILE.zip", help="Where it goes.")],
    certificates: Annotated[
        list[Path] | None, typer.Argument(metavar="[CERT...]", help="Certificates of metagap optimum, to go with it.")
    ] = None,
    out: FolderOption = FOLDER,
) -> None:
    """Put a run's evidence into one zip that the standard library alone can check.

    Of the report in --out: the theorem map, records, counterexamples, certificates, proofs by Coq, both checkers, the
    versions of all packages, and a page. The record of metagap verify must be there; that of audit alone is not enough.
    Who gets it runs `python3 check_bundle.py FILE.zip`.
    """
    if target.suffix != ".zip":
        fail(f"FILE.zip={str(target)!r}: a name that ends in .zip is required")
    given = certificates or []
    ready({"FILE.zip": target}, inputs=[*given, out / "verify.json"])
    with input_errors(), working("bundle") as show:
        content = bundled(out, given, show)
    write_bytes(target, content)
    if not voice.quiet:
        typer.echo("python3 check_bundle.py says what it proves (unzip the three scripts from the bundle)")
    typer.echo(f"{target}: {len(content)} bytes, sha256 {sha256(content)}")
