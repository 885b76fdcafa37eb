"""The documentation site's pages that nobody writes: theory from claims, API from docstrings, commands from their help.

`mkdocs build --strict -f reports/site/mkdocs.yml -d ../../build/site` (extra `docs`) builds it; this is its plugin.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterator
from html import escape
from types import ModuleType

import metagap
import metagap.strategies
import metagap.torch
from mkdocs.config.base import Config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, Files
from typer.testing import CliRunner

from ..impl.families import FAMILIES
from .cli import COMMANDS, app
from .records import SOURCES
from .render import theory_page

TUTORIALS = {
    "Verify a bound": "verify_a_bound.md",
    "Certify your own tasks": "own_tasks.md",
    "Write your own theorem": "own_theorem.md",
    "Check a PyTorch model": "pytorch.md",
    "Read a counterexample": "counterexample.md",
    "Test your theory with pytest": "pytest.md",
    "Evidence for others": "evidence.md",
    "Continuous integration": "integration.md",
}
OWN = "Your own theorem"
TEXTS = {
    OWN: "reports/face/README.md",
    "Other papers": "theory/neighbours/README.md",
    "Instance files": "impl/files/README.md",
    "Changes": "CHANGELOG.md",
}
"""Pages that are files of the sources."""
LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]+\)")
"""A link to another file of the sources."""


class Options(Config):
    """None."""


class Pages(BasePlugin[Options]):
    """Adds the pages that are made, and the order of all."""

    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        made = {title: path for title, path, _ in texts()}
        own = [{OWN: made.pop(OWN)}] if OWN in made else []
        config.nav = [
            {"metagap": "index.md"},
            {"Tutorials": [*({title: path} for title, path in TUTORIALS.items()), *own]},
            {"Theory": [{family.title: f"theory/{name}.md"} for name, family in FAMILIES.items()]},
            {"Reference": [{"Python": "api.md"}, {"Commands": "commands.md"}, *({t: p} for t, p in made.items())]},
        ]
        return config

    def on_files(self, files: Files, config: MkDocsConfig) -> Files:
        for path, text in pages():
            files.append(File.generated(config, path, content=text))
        return files


def pages() -> Iterator[tuple[str, str]]:
    """(path, Markdown) of the pages that are made."""
    for name in FAMILIES:
        yield f"theory/{name}.md", theory_page(name)
    yield "api.md", "\n".join(["# Python", *_api(metagap), *_api(metagap.strategies), *_api(metagap.torch)])
    yield "commands.md", "\n".join(["# Commands", *_commands()])
    for _, path, text in texts():
        yield path, text


def texts() -> Iterator[tuple[str, str, str]]:
    """(title, path, Markdown) of the files of the sources that are pages; what they link to is not on the site."""
    for title, file in TEXTS.items():
        if (SOURCES / file).is_file():
            text = (SOURCES / file).read_text(encoding="utf-8")
            yield title, f"{title.lower().replace(' ', '_')}.md", LINK.sub(r"\1", text)


def _api(module: ModuleType) -> Iterator[str]:
    """Each public name: its signature and docstring; modules are chapters of their own."""
    for name in module.__all__:
        found = getattr(module, name)
        if isinstance(found, ModuleType) or name == "__version__":
            continue
        spelled = f"{module.__name__}.{name}"
        try:
            signature = re.sub(r"(: |-> )'([^']+)'", r"\1\2", str(inspect.signature(found)))
        except (TypeError, ValueError):
            signature = ""
        first, _, rest = (inspect.getdoc(found) or "").partition("\n\n")
        yield f"\n## {spelled} {{: #{spelled} }}\n"
        said = re.sub("`([^`]+)`", r"<code>\1</code>", escape(" ".join(first.split())))
        yield f'<pre class="text"><code>{escape(name + signature)}</code></pre>\n<p>{said}</p>'
        if rest:
            yield f'<pre class="text">{escape(rest)}</pre>'


def _commands() -> Iterator[str]:
    """Each command's help, as a terminal shows it."""
    plain = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "GITHUB_ACTIONS")}
    runner = CliRunner(env=plain | {"COLUMNS": "88", "TERMINAL_WIDTH": "88", "NO_COLOR": "1", "TERM": "dumb"})
    for name in COMMANDS:
        shown = runner.invoke(app, [name, "--help"], prog_name="metagap").output
        text = "\n".join(line.rstrip() for line in shown.strip("\n").splitlines())
        yield f"\n## metagap {name} {{: #{name} }}\n\n<pre>{escape(text)}</pre>"
