"""The evidence bundle: what a run found, with all that a reader needs who trusts nothing else, in one zip.

The theorem map (`theorems.json`), the records and the files they name, counterexamples, certificates, the proofs that
Coq checked, the checkers, the versions (`constraints.txt`), a page, and `manifest.json` with everything's hash. What is
whole is said in one place, `check_bundle`, which needs the standard library alone: a bundle that it refuses is not
written. The same records give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path

from msgspec import convert, to_builtins

from ..impl.families import all_claims
from ..impl.files import BadInputError
from ..impl.files.text import document
from ..impl.optimum import check, minimise
from ..impl.optimum.certificate import Certificate, load
from ..theory.claim import Ablation, Mutant
from . import check_bundle, formats
from . import witnesses as witness_files
from .certifying import bracket_of
from .formats.auditing import AuditRecord
from .formats.bundling import (
    AssumptionText,
    BundledCertificate,
    BundledRun,
    BundledWitness,
    Shows,
    Theorem,
    TheoremsRecord,
)
from .formats.shared import StatementText
from .formats.verifying import VerifyRecord
from .own import shown
from .proving import current
from .records import content_of, dumps, environment
from .render import bundle_page, fuller
from .statements import FOLDER as FORMAL
from .worked import FILE, the_instance

Tell = Callable[[str], None]

OF_THE_MACHINE = {"platform", "machine"}
"""Of a record's environment, what may differ where it is bundled."""


def bundled(folder: Path, certificates: Sequence[Path], tell: Tell) -> bytes:
    """The zip of the report in the folder, and of certificates of `metagap optimum`, each of which is checked again.

    Errors: BadInputError: no record, one of another version of metagap, a file that is not what its record says, a
    certificate that is rejected.
    """
    runs = _runs(folder)
    verify = runs["verify.json"]
    assert isinstance(verify, VerifyRecord)
    members: dict[str, bytes] = {}
    for name, record in runs.items():
        tell(f"reading {folder / name}")
        members[name] = content_of(folder / name)
        for file, digest in record.files.items():
            members[file] = content_of(folder / file)
            if check_bundle.sha256(members[file]) != digest:
                required = f"the file that {name} names, with the sha256 {digest}; run {record.command} again"
                raise BadInputError(str(folder / file), "sha256", check_bundle.sha256(members[file]), required)
    proofs = [_certificate(name, certificate, members, tell) for name, certificate in _certificates(certificates)]
    for path in sorted([*FORMAL.glob("*.v"), FORMAL / "record.json"]):
        members[f"formal/{path.name}"] = content_of(path)
    for path in (*witness_files.CHECKERS, Path(check_bundle.__file__)):
        members[path.name] = content_of(path)
    if verify.own is not None:
        members[OWN] = verify.own.text.encode()
    with shown(verify.own):
        theorems = TheoremsRecord(
            version=verify.version,
            sources=verify.environment["sources"],
            runs=[BundledRun(name, record.command, record.status) for name, record in runs.items()],
            claims=list(_theorems(verify)),
            witnesses=[witness for name in sorted(members) for witness in _witness(folder, name)],
            certificates=proofs,
        )
        members["index.html"] = bundle_page(theorems, verify).encode()
    members[check_bundle.THEOREMS] = dumps(theorems).encode()
    members["constraints.txt"] = "".join(f"{line}\n" for line in _versions(verify)).encode()
    members[check_bundle.MANIFEST] = check_bundle.manifest(members).encode()
    check_bundle.whole(members)
    return check_bundle.packed(members)


OWN = "claims.py"
"""The file of a user's own claims, whose verdicts the bundle holds."""


def _runs(folder: Path) -> dict[str, VerifyRecord | AuditRecord]:
    """The records by their names: of `verify`, and of the audit that the page shows."""
    if not (folder / "verify.json").exists():
        raise BadInputError(str(folder), "verify.json", "none", "a record; run metagap verify first")
    found: dict[str, VerifyRecord | AuditRecord] = {"verify.json": formats.read(folder / "verify.json", VerifyRecord)}
    audits = {
        name: formats.read(folder / name, AuditRecord)
        for name in ("audit.json", "kept.json")
        if (folder / name).exists()
    }
    chosen = fuller(audits.get("audit.json"), audits.get("kept.json"))
    found |= {name: record for name, record in audits.items() if record is chosen}
    now = environment()
    for name, record in found.items():
        for part, value in now.items():
            if part not in OF_THE_MACHINE and record.environment.get(part) != value:
                required = f"{value!r}, as it is here; run {record.command} again, or bundle where it ran"
                raise BadInputError(str(folder / name), f"environment.{part}", record.environment.get(part), required)
    return found


def _theorems(verify: VerifyRecord) -> Iterator[Theorem]:
    claims, standings = {claim.name: claim for claim in all_claims()}, current()
    own = "" if verify.own is None else f" --claims {OWN}"
    for row in verify.claims:
        claim, standing = claims[row.claim], standings[row.claim]
        statement = StatementText.of(claim.left, claim.relation, claim.bound)
        assumptions = [AssumptionText(a.name, a.statement) for a in claim.assumptions]
        yield Theorem(
            claim=row.claim,
            family=row.family,
            title=row.title,
            source=row.source,
            statement=statement,
            assumptions=assumptions,
            sha256=check_bundle.statement_hash(row.claim, to_builtins(statement), to_builtins(assumptions)),
            standing="formal" if standing.formal else "argued",
            why=standing.why,
            counts=row.counts,
            real_counts=row.real_counts,
            instance=None if row.tightest is None else row.tightest.file,
            command=f"metagap verify --profile {verify.profile} --seed {verify.seed} --claim {row.claim}{own}",
        )


def _witness(folder: Path, name: str) -> Iterator[BundledWitness]:
    """The file's row in the map, if it is a counterexample."""
    path = folder / name
    content = document(path) if name.startswith(f"{witness_files.FOLDER}/") else {}
    if content.get("format") != check_bundle.WITNESS:
        return
    kind, subject, _ = witness_files.read(path)
    found = witness_files.statement(kind, subject)
    if found is None:
        raise BadInputError(str(path), "name", subject, f"a {kind} of this version; run metagap verify again")
    of, assumption = found.subject, "" if found.without is None else found.without.assumption
    if isinstance(of, Ablation):
        assumption = of.assumption
    claim = of.claim if isinstance(of, Mutant | Ablation) else of.name
    shows = convert(check_bundle.SHOWS[check_bundle.checker.nothing_said(content)], Shows)
    yield BundledWitness(name, kind, subject, shows, claim, assumption, f"metagap replay {name}")


def _certificates(paths: Sequence[Path]) -> Iterator[tuple[str, Certificate]]:
    """That of the page's example, and those given, under the names of their files."""
    found = minimise(the_instance())
    assert found.certificate is not None
    names = {f"{FILE.stem}.cert"}
    yield f"{FILE.stem}.cert", found.certificate
    for path in paths:
        if not re.fullmatch(check_bundle.STEP, path.name) or path.name in names:
            raise BadInputError(str(path), "CERT", path.name, "another name, of letters, digits, '_', '-' and '.'")
        names.add(path.name)
        yield path.name, load(path)


def _certificate(name: str, given: Certificate, members: dict[str, bytes], tell: Tell) -> BundledCertificate:
    """The certificate's row in the map; its file goes to the members."""
    tell(f"checking {name}")
    found = check(given)
    if not found.accepted:
        raise BadInputError(name, "CERT", "rejected", f"a certificate that metagap check accepts ({found.reason})")
    file = f"certificates/{name}"
    members[file] = given.dumps().encode()
    return BundledCertificate(file, bracket_of(given), f"metagap check {file}")


def _versions(verify: VerifyRecord) -> Iterator[str]:
    """Every package that metagap uses, with what these use in turn, in the version that is installed here."""
    yield f"# Python {verify.environment['python']}; metagap {verify.version} itself has sha256 of its sources"
    yield f"# {verify.environment['sources']}"
    known, waiting = dict[str, str](), ["metagap"]
    while waiting:
        name = re.sub("[-_.]+", "-", waiting.pop()).lower()
        if name in known:
            continue
        try:
            needs, known[name] = metadata.requires(name) or [], metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        extras = {"real", "cluster"} if name == "metagap" else set()
        for need in needs:
            extra = re.search(r"""extra == ['"]([^'"]+)""", need)
            if extra is None or extra[1] in extras:
                waiting.append(re.split(r"[^A-Za-z0-9._-]", need)[0])
    del known["metagap"]
    yield from (f"{name}=={version.partition('+')[0]}" for name, version in sorted(known.items()))
