"""From records to pages: a summary, and what is behind it. Formulas in MathML, figures as inline SVG, nothing fetched.

Every page is whole in its file; `single` is all of them in one.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..impl.families import FAMILIES
from ..impl.files import BadInputError
from ..impl.losses import LOSSES
from ..theory.claim import Verdict
from ..theory.network import RATES
from ..theory.notation import OBJECTS, SYMBOLS
from ..theory.paper import URL as PAPER
from ..theory.smooth_network import RATES as SMOOTH_RATES
from . import answer, figures, filters, overview, regions
from .formats import Kind, read
from .formats.auditing import AuditRecord
from .formats.bundling import TheoremsRecord
from .formats.own import OwnFile
from .formats.searching import MutationRecord
from .formats.shared import latex
from .formats.verifying import VerifyRecord
from .generated import landscape_answer, rate_answers
from .own import shown
from .pages import PAGES, Page
from .places import places, sources
from .proving import current, kept
from .records import clean, in_folder, write_text
from .worked import worked

INSTALL = (
    "python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt -e '.[real]' && .venv/bin/metagap verify"
)
"""The README's main command."""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("metagap.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        name: found
        for module in (answer, figures, filters, overview)
        for name, found in vars(module).items()
        if callable(found) and not isinstance(found, type) and found.__module__ == module.__name__ and name[0] != "_"
    }
    environment.filters |= {
        "stated": lambda of: latex(of.left, of.relation, of.bound),
        "in_folder": in_folder,
        "quoted": shlex.quote,
    }
    environment.globals |= {
        "colours": {name: f"var(--{name.lower()})" for name in figures.COLOURS},
        "palette": [
            Markup(" ".join(f"--{n.lower()}: {c};" for n, c in each.items()))
            for each in (figures.COLOURS, figures.DARK)
        ],
        "verdicts": {v.name: v.value for v in Verdict},
        "families": {family.name: family.title for family in FAMILIES.values()},
        "objects": OBJECTS,
        "losses": list(LOSSES.values()),
        "rate_statements": (*RATES, *SMOOTH_RATES),
        "signs": overview.SIGNS,
        "install": INSTALL,
        "meaning": SYMBOLS,
        "empty": answer.EMPTY,
        "cell_id": overview.cell_id,
        "mutant_id": overview.mutant_id,
        "worked": worked,
        "paper_url": PAPER,
    }
    return environment


def _rendered(template: str, **given: object) -> str:
    return _environment().get_template(template).render(**given)


@dataclass(frozen=True)
class Report:
    """What the pages are made of: the records, and the folder that stands for {folder} in commands."""

    verify: VerifyRecord | None
    audit: AuditRecord | None
    folder: str = "build/reports"
    mutation: MutationRecord | None = None

    @property
    def own(self) -> OwnFile | None:
        """The file of a user's own claims, if the records are of these."""
        record = self.verify or self.audit
        return None if record is None else record.own

    @property
    def shown(self) -> tuple[Page, ...]:
        """The pages that it has: of a user's own claims none about the paper's results."""
        return tuple(page for page in PAGES if self.own is None or page.name != "results")

    def single(self) -> str:
        """All sections on one page."""
        return self._page(None, [name for page in self.shown for name in page.sections])

    def pages(self) -> dict[str, str]:
        """Page name -> page; a link leads to the page that has its target."""
        written = {page.name: self._page(page, page.sections) for page in self.shown}
        home = {target: name for name, text in written.items() for target in TARGET.findall(text)}

        def led(text: str) -> str:
            own = set(TARGET.findall(text))

            def to(link: re.Match[str]) -> str:
                target = link[1]
                return link[0] if target in own or target not in home else f'href="{home[target]}.html#{target}"'

            return LINK.sub(to, text)

        return {name: led(text) for name, text in written.items()}

    def _page(self, page: Page | None, sections: Iterable[str]) -> str:
        verify, audit = self.verify, self.audit
        distances = answer.real_distances(verify)
        script = (Path(__file__).parent / "templates" / "page.js").read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        text = _rendered(
            "report.html.j2",
            page=page,
            pages=self.shown,
            sections=sections,
            script=Markup(script),
            script_hash=f"sha256-{digest}",
            verify=verify,
            audit=audit,
            mutation=self.mutation,
            folder=self.folder,
            summary=_summary(verify, audit),
            sentences=answer.sentences(verify, distances),
            distances=distances,
            comparison=answer.compared(verify),
            landscape_answer=landscape_answer(verify),
            rate_answers=rate_answers(verify.rates if verify else ()),
            uninformative=answer.uninformative(verify),
            results=overview.results(verify, audit),
            shown_claims={row.claim for row in verify.claims} if verify else set(),
            identifiers=overview.identifiers(audit),
            tables=overview.tables(audit) if audit else [],
            details=overview.details(audit) if audit else ([], []),
            shown_cells={overview.cell_id(c.claim, c.assumption) for c in audit.cells} if audit else set(),
            own=self.own,
            symbols=list(SYMBOLS.values()),
            proofs=current(),
            formal=kept(),
            regions=regions.kept(),
            places=places(),
            sources=sources(),
        )  # fmt: skip
        return clean(HEADING.sub(_anchored, text))


HEADING = re.compile(r'<(h[23]) id="([^"]+)"([^>]*)>(.*?)</\1>')
"""A heading that can be linked to."""


def _anchored(found: re.Match[str]) -> str:
    """The heading with a link to itself."""
    tag, id_, rest, said = found.groups()
    link = f'<a class="anchor" href="#{id_}" aria-label="Link to {id_}">#</a>'
    return f'<{tag} id="{id_}"{rest}>{said} {link}</{tag}>'


TARGET, LINK = re.compile(r'\bid="([^"]+)"'), re.compile(r'href="#([^"]+)"')
"""What a link can lead to, and a link within the report as templates write it."""


@dataclass(frozen=True)
class Summary:
    """Judgements by verdict, and the mutants: how many were refuted of those that can be."""

    verdicts: Counter[str]
    refuted: int
    mutants: int


def _summary(verify: VerifyRecord | None, audit: AuditRecord | None) -> Summary:
    counts = [each for row in verify.claims for each in (row.counts.each, row.real_counts.each)] if verify else []
    alive = [m for m in audit.mutants if m.status != "equivalent"] if audit else []
    verdicts = sum(map(Counter, counts), start=Counter[str]())
    return Summary(verdicts, sum(m.status == "refuted" for m in alive), len(alive))


def fuller(audit: AuditRecord | None, kept: AuditRecord | None) -> AuditRecord | None:
    """The one that is shown: an audit that searched says more than what is kept, unless it is of another state of the
    theory."""
    older = kept is not None and audit is not None and audit.environment["sources"] != kept.environment["sources"]
    return kept if audit is None or older else audit


def bundle_page(theorems: TheoremsRecord, verify: VerifyRecord) -> str:
    """The page of an evidence bundle, for who reviews it."""
    against = {row.claim: [w for w in theorems.witnesses if w.claim == row.claim] for row in theorems.claims}
    text = _rendered(
        "bundle.html.j2",
        theorems=theorems,
        verify=verify,
        against=against,
        statements={row.claim: row.statement for row in verify.claims},
    )
    return clean(text)


def theory_page(name: str) -> str:
    """A family's claims as a page of the documentation, in Markdown."""
    family = FAMILIES[name]
    return _rendered(
        "theory.md.j2",
        family=family,
        claims=family.all_claims,
        mutants=family.mutants,
        ablations=family.ablations,
        proofs=current(),
    )


def write_report(
    folder: Path,
    fresh: str | None = None,
    warn: Callable[[BadInputError], None] = lambda error: None,
    *,
    single: bool = False,
) -> Path:
    """Read the records in the folder and write its pages; the path of the first, index.html.

    `single`: report.html instead, which is all of them in one. `fresh` names the record that was just written: another
    one that cannot be read (it may be of an older version) is then left out, and `warn` told. Errors: BadInputError if
    a record is damaged or of another format, or if there is none.
    """

    def found(name: str, kind: type[Kind]) -> Kind | None:
        try:
            return read(folder / name, kind) if (folder / name).exists() else None
        except BadInputError as error:
            if fresh in (None, name):
                raise
            warn(error)
            return None

    verify, audit, kept = (
        found("verify.json", VerifyRecord), found("audit.json", AuditRecord), found("kept.json", AuditRecord)
    )  # fmt: skip
    audit = fuller(audit, kept)
    if verify is None and audit is None:
        raise BadInputError(str(folder), "records", "none", "verify.json or audit.json; run metagap verify first")
    if verify and audit and verify.own != audit.own:
        # One page is of one theory.
        other = "audit.json" if fresh != "audit.json" else "verify.json"
        warn(BadInputError(str(folder / other), "own", "other claims", "the claims of the other record; run it again"))
        verify, audit = (None, audit) if other == "verify.json" else (verify, None)
    report = Report(verify, audit, folder.as_posix(), found("mutation.json", MutationRecord))
    with shown(report.own):
        pages = {"report": report.single()} if single else report.pages()
    for page in () if single else set(PAGES) - set(report.shown):
        (folder / f"{page.name}.html").unlink(missing_ok=True)
    # The first page last: whoever finds it finds all that it links to.
    for name in reversed(pages):
        write_text(folder / f"{name}.html", pages[name])
    return folder / f"{next(iter(pages))}.html"
