"""`metagap bench`, `report` and `schema`: measurements, the page from records, and what records hold."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ...impl.files.faults import nearest
from .. import bench as benching
from ..formats import NAMES
from ..formats import schema as schema_of
from ..processes import apart
from ..records import dumps
from ..render import write_report
from .ending import fail
from .options import FOLDER, FolderOption, JsonOption, number
from .outputs import emit, ready, writing
from .own_tasks import EndOption, in_time
from .shared import input_errors, paper, voice, working


def bench(
    seconds: Annotated[float, typer.Option(parser=number(0.1), metavar="SECONDS", help="Time per row.")] = 2.0,
    large: Annotated[bool, typer.Option("--large", help="Own tasks of a million rows, too: minutes more.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the plots of growth.")] = None,
    max_time: EndOption = 3600.0,
    json: JsonOption = None,
) -> None:
    """Time both engines beside the alternatives, in one run."""
    spoken, begin = ready({"--json": json}, out), time.monotonic()
    with working("bench", "no record was written") as show, in_time(max_time, "no record was written; allow more"):

        def hear(told: str | Table) -> None:
            if isinstance(told, str):
                show(told)
            elif spoken and not voice.quiet:
                paper().print(told)

        record = apart(benching.bench, (seconds, large, out), hear, begin + max_time)
    emit(record, json)
    if spoken:
        typer.echo(f"measured in {time.monotonic() - begin:.0f} s")


def report(
    out: FolderOption = FOLDER,
    single_file: Annotated[bool, typer.Option("--single-file", help="All pages in one: report.html.")] = False,
) -> None:
    """Write the report's pages again from the records in the folder."""
    with input_errors(), writing(out):
        typer.echo(str(write_report(out, single=single_file)))


def schema(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Such as instance; without it, the names.")
    ] = None,
) -> None:
    """Print the JSON schema of a file that other programs read or write."""
    if name is None:
        for known in NAMES:
            described = schema_of(known)
            text = described.get("description") or described["$defs"][described["$ref"].split("/")[-1]]["description"]
            typer.echo(f"{known:<11} metagap/{known}/1: {text}")
        return
    if name not in NAMES:
        fail(f"NAME={name!r}: expected one of {', '.join(NAMES)}{nearest(name, NAMES)}")
    typer.echo(dumps(schema_of(name)), nl=False)
