"""`metagap bench`, `report` and `schema`: measurements, the page from records, and what records hold."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import bench as benching
from ..formats import NAMES
from ..formats import schema as schema_of
from ..records import dumps, nearest
from ..render import write_report
from .ending import fail
from .shared import FOLDER, FolderOption, JsonOption, emit, input_errors, number, paper, ready, screen, writing


def bench(
    seconds: Annotated[float, typer.Option(parser=number(0.1), metavar="SECONDS", help="Time per row.")] = 2.0,
    large: Annotated[bool, typer.Option("--large", help="Own tasks of a million rows, too: minutes more.")] = False,
    json: JsonOption = None,
) -> None:
    """Time both engines beside the alternatives, in one run."""
    spoken = ready({"--json": json})
    with screen.status("benchmarks") as status:
        record = benching.bench(
            seconds,
            lambda message: status.update(message),
            lambda table: paper().print(table) if spoken else None,
            large,
        )
    emit(record, json)


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
