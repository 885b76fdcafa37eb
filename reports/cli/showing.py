"""`metagap bench` and `report`: measurements, and the page from records."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from .. import bench as benching
from ..render import write_report
from .shared import FOLDER, FolderOption, JsonOption, emit, input_errors, screen, writing


def bench(
    seconds: Annotated[float, typer.Option(min=0.1, help="Time per row.")] = 2.0,
    json: JsonOption = None,
) -> None:
    """Time both engines beside the alternatives, in one run."""
    record = benching.bench(seconds, lambda message: screen.print(f"[dim]{message}[/dim]"))
    emit(record, json)
    if json is None or str(json) != "-":
        for table in benching.tables(record):
            Console().print(table)


def report(out: FolderOption = FOLDER) -> None:
    """Write the page again from the records in the folder."""
    with input_errors(), writing(out):
        typer.echo(str(write_report(out)))
