"""The example's notebook runs, and shows what is kept in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).resolve().parent.parent / "reports" / "example" / "own_tasks.ipynb"


def shown(notebook: Any) -> list[str]:
    """What the cells show, without times, numbers that are 0 but for rounding, and digits beyond the sixth."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    texts = [text for output in outputs for _, text in sorted(output.data.items())]
    texts = [re.sub(r"[\d.]+e-(1[5-9]|[2-9]\d|\d{3})|[\d.]+ s\b", "", text) for text in texts]
    return [re.sub(r"\d+\.\d{7,}(e-?\d+)?", lambda found: f"{float(found[0]):.6g}", text) for text in texts]


@pytest.mark.ci
@pytest.mark.filterwarnings("default")
def test_the_notebook_runs_and_shows_what_is_kept_in_it() -> None:
    """To renew it: jupyter execute --inplace reports/example/own_tasks.ipynb."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    kept = shown(notebook)
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    assert shown(notebook) == kept
    assert len(kept) == 15


def test_the_notebook_says_nothing_of_the_machine_that_ran_it() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert '"outputs": []' not in text and '"output_type": "error"' not in text
    assert not re.search(r"/(home|tmp|work|root)/|execution\": \{", text)
