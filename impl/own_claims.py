"""A user's own claims: from a Python file that the command line names to rows of the table of families.

    --claims FILE.py    or the name of an entry point in the group `metagap.claims`

The file is run, with the user's rights: only ever because a command line (or a resumed command line) names it, never
from a record or an instance. Every process runs it for itself, and the text must have the hash that the first one saw.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from hashlib import sha256
from importlib import import_module
from importlib.metadata import entry_points
from keyword import iskeyword
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, ParamSpec, TypeVar

from msgspec import UNSET
from numpy.random import default_rng

from ..theory.claim import Claim, Mutant, Quantity, Source, Verdict
from ..theory.mutants import generated
from ..theory.notation import LETTERS, SYMBOLS, Symbol
from .asked import AFRESH
from .families import FAMILIES, all_claims, family_of, judge
from .family import Family
from .files import BadInputError
from .files.text import reported
from .losses import LOSSES, TABLE
from .own_adaptations import Adaptation, simplest
from .own_adaptations import faults as flaws
from .own_checks import mistyped, slips, unread, unsaid, untypeset
from .own_generators import add, generating, takes
from .own_losses import Loss, faults
from .rules import RULES
from .sealed import fault
from .sources import Tasks

GROUP = "metagap.claims"
"""The entry points of packages that state claims: modules."""

NAME = re.compile("[a-z0-9]+(-[a-z0-9]+)*")
WORDS = "words of lower-case letters and digits, with hyphens between them"
"""What claims, mutants and adaptations are called: also in names of files."""

Given = ParamSpec("Given")
Found = TypeVar("Found")


@dataclass(frozen=True)
class OwnClaims:
    """What a file states.

    place   what the command line names; path, sha256, text   of the file that was run
    """

    place: str
    path: Path
    sha256: str
    text: str
    claims: tuple[Claim, ...]
    mutants: tuple[Mutant, ...]
    losses: tuple[Loss, ...] = ()
    tasks: tuple[Tasks, ...] = ()
    adaptations: tuple[Adaptation, ...] = ()
    again: Callable[[], ModuleType] | None = field(default=None, compare=False)
    """Runs the file once more, apart; None: what is read from a record is not run."""

    @property
    def judged(self) -> tuple[Claim, ...]:
        """Its claims; without any, ours of the families that take its losses and tasks."""
        if self.claims:
            return self.claims
        kinds = {family_of(tasks.make(default_rng(0))).name for tasks in self.tasks}
        own = {loss.name for loss in self.losses}
        for name, family in FAMILIES.items():
            if own and any(takes(g) or own <= set(g.variants) for g in family.generators):
                kinds.add(name)
            if self.adaptations and family.ruled:
                kinds.add(name)
        found = tuple(claim for name in FAMILIES if name in kinds for claim in FAMILIES[name].claims)
        return tuple(claim for claim in found if claim.name not in self.refused)

    @cached_property
    def refused(self) -> dict[str, str]:
        """Where the file states adaptations alone: our claims that say nothing of any of them, and why.

        Each is judged on the simplest instance: what it needs of an adaptation is in its assumptions and quantities.
        """
        if self.claims or self.losses or self.tasks:
            return {}
        reasons: dict[str, str] = {}
        applying: set[str] = set()
        for adaptation in self.adaptations:
            judged = judge(simplest(adaptation.name)).claims
            outside = {one.claim: one.reason for one in judged if one.verdict is Verdict.OUTSIDE}
            applying |= {one.claim for one in judged} - set(outside)
            reasons |= outside
        return {name: why for name, why in reasons.items() if applying and name not in applying}

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """Those that the claims bring with them, once each."""
        return tuple(dict.fromkeys(quantity for claim in self.claims for quantity in claim.quantities))

    @property
    def families(self) -> tuple[str, ...]:
        """The names of the families that the claims are of."""
        return tuple(dict.fromkeys(family_of(claim).name for claim in self.judged))

    def line(self, name: str) -> int:
        """The line on which a claim or a mutant is named; 1 if its name is computed."""
        texts = (node for node in ast.walk(ast.parse(self.text)) if isinstance(node, ast.Constant))
        return next((node.lineno for node in texts if node.value == name), 1)

    def of(self, family: Family) -> tuple[Claim, ...]:
        """The claims of a family."""
        return tuple(claim for claim in self.claims if _family(claim.name) == family.name)


def _family(name: str) -> str | None:
    """The family that a claim's name begins with: of several the longest."""
    return max((f for f in FAMILIES if name.startswith(f"{f}-")), key=len, default=None)


# --- reading ------------------------------------------------------------------------------------------------


def read(place: str, path: Path | None = None) -> OwnClaims:
    """Runs the file (or imports the entry point) of that name, and takes what it states; `path`: where the file is, if
    the name is relative to another folder than this process's.

    Errors: BadInputError with the file, and the line where there is one.
    """
    installed = () if place.endswith(".py") else tuple(entry_points(group=GROUP, name=place))
    if not installed and not (path or Path(place)).is_file():
        raise BadInputError(place, "--claims", place, f"a Python file that is there, or an entry point of {GROUP}")
    if installed:
        module = _imported(installed[0].value)
        path = Path(str(module.__file__)).resolve()
    else:
        path = (path or Path(place)).resolve()
    with reported(place):
        text = path.read_text(encoding="utf-8")
    digest = sha256(text.encode()).hexdigest()
    if not installed:
        module = _run(place, path, text, digest)
    found = _stated(module)
    for thing in found:
        if isinstance(thing, Claim | Mutant) and (wrong := mistyped(thing)):
            field, required = wrong
            constants = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
            line = next((node.lineno for node in constants if node.value == thing.name), 1)
            raise BadInputError(place, f"line {line}, {thing.name}.{field}", getattr(thing, field), required)
    claims = tuple(dict.fromkeys(thing for thing in found if isinstance(thing, Claim)))
    mutants = tuple(dict.fromkeys(thing for thing in found if isinstance(thing, Mutant)))
    losses = tuple(dict.fromkeys(thing for thing in found if isinstance(thing, Loss)))
    tasks = tuple(dict.fromkeys(thing for thing in found if isinstance(thing, Tasks)))
    adaptations = tuple(dict.fromkeys(thing for thing in found if isinstance(thing, Adaptation)))
    again = partial(_run, str(path) if installed else place, path, text, digest, module.__package__)
    own = OwnClaims(place, path, digest, text, claims, mutants, losses, tasks, adaptations, again)
    _check(own, {thing.name for thing in found if isinstance(thing, Quantity)})
    return own


def _stated(module: ModuleType) -> list[object]:
    """All that its names are, and what is in lists and tuples of them."""
    values = list(vars(module).values())
    return [thing for value in values for thing in (value if isinstance(value, list | tuple) else (value,))]


def _imported(module: str) -> ModuleType:
    try:
        return import_module(module.partition(":")[0])
    except Exception as error:
        raise fault(error, module) from error


def _functions(again: Callable[[], ModuleType]) -> dict[str, Any]:
    """What the file states when it is run afresh, as `asked` calls it."""
    things = _stated(again())
    quantities = [quantity for thing in things if isinstance(thing, Claim) for quantity in thing.quantities]
    return {
        **{f"the quantity {quantity.name}": quantity for quantity in quantities},
        **{f"the adaptation {one.name}": one.adapt for one in things if isinstance(one, Adaptation)},
        **{f"the loss {one.name}": one for one in things if isinstance(one, Loss)},
    }


def _run(place: str, path: Path, text: str, digest: str, package: str | None = None) -> ModuleType:
    """The module that the text is, of a package. Errors: BadInputError with its line."""
    module = ModuleType(f"metagap_claims_{digest[:12]}")
    module.__file__, module.__package__ = str(path), package
    sys.modules.setdefault(module.__name__, module)  # dataclasses look it up
    sys.path.insert(0, str(path.parent))
    try:
        exec(compile(text, place, "exec"), module.__dict__)
    except BadInputError:
        raise
    except Exception as error:
        raise fault(error, place) from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def _check(own: OwnClaims, defined: Collection[str]) -> None:
    """Errors: BadInputError for a file without claims, and for one that cannot be judged; `defined`: the names of all
    quantities in the file."""

    def bad(of: Claim | Mutant, field: str, given: object, required: str) -> BadInputError:
        return BadInputError(own.place, f"line {own.line(of.name)}, {of.name}.{field}", given, required)

    if not (own.claims or own.losses or own.tasks or own.adaptations):
        what = "a file that states at least one: a metagap.Claim (or Loss, Adaptation, tasks), as a name of the module"
        raise BadInputError(own.place, "claims", 0, what)
    for loss in own.losses:
        try:
            wrong = faults(loss)
        except Exception as error:
            raise fault(error, own.place, f"the loss {loss.name}") from error
        if wrong:
            raise BadInputError(own.place, f"line {own.line(loss.name)}, the loss {loss.name}", UNSET, wrong)
        if loss.latex and (wrong := untypeset(loss.latex)):
            raise BadInputError(own.place, f"line {own.line(loss.name)}, the loss {loss.name}.latex", loss.latex, wrong)
    for adaptation in own.adaptations:
        place = f"line {own.line(adaptation.name)}, the adaptation {adaptation.name}"
        if not isinstance(adaptation.name, str) or not NAME.fullmatch(adaptation.name):
            raise BadInputError(own.place, f"{place}.name", adaptation.name, WORDS)
        if wrong := flaws(adaptation):
            raise BadInputError(own.place, place, UNSET, wrong)
    taken = {claim.name for claim in all_claims()} | {m.name for f in FAMILIES.values() for m in f.mutants}
    everything: tuple[Claim | Mutant, ...] = (*own.claims, *own.mutants)
    for stated in everything:
        if not NAME.fullmatch(stated.name):
            raise bad(stated, "name", stated.name, WORDS)
        if stated.name in taken:
            raise bad(stated, "name", stated.name, "a name that nothing else has")
        taken.add(stated.name)
        for name, side in (("left", stated.left), ("bound", stated.bound)):
            wrong = unread(side.text)
            if wrong:
                raise bad(stated, name, side.text, wrong)
    named = {claim.name: claim for claim in own.claims}
    for quantity in own.quantities:
        if not quantity.name.isidentifier() or quantity.name.startswith("_") or iskeyword(quantity.name):
            line = f"line {quantity.value.__code__.co_firstlineno}"
            raise BadInputError(own.place, line, quantity.name, "a quantity that is a function with a name of its own")
        for name, wrong in (("latex", untypeset(quantity.latex)), ("meaning", unsaid(quantity.meaning))):
            if wrong:
                line = f"line {quantity.value.__code__.co_firstlineno}, the quantity {quantity.name}.{name}"
                raise BadInputError(own.place, line, getattr(quantity, name), wrong)
    for slip in slips(own.place, own.text):
        raise slip
    for claim in own.claims:
        if _family(claim.name) is None:
            raise bad(claim, "name", claim.name, f"a name that begins with its family's: {', '.join(FAMILIES)}")
        if claim.source is not Source.OWN:
            raise bad(claim, "source", claim.source.name, "none: it is of a claims file")
    for mutant in own.mutants:
        if mutant.claim not in named:
            raise bad(mutant, "claim", mutant.claim, f"a claim of this file: {', '.join(named)}")
    for family in FAMILIES.values():
        for claim in own.of(family):
            try:
                extended = family.stating((claim,))
            except BadInputError as error:
                if error.file != claim.name:
                    raise
                listed = f"quantities=({error.given},) in the claim: the file defines it, the claim does not list it"
                required = listed if error.given in defined else error.required
                raise bad(claim, error.field, error.given, required) from error
            sides = [m for m in own.mutants if m.claim == claim.name]
            names = [name for m in sides for name in (*m.left.names, *m.bound.names)]
            missing = next((name for name in names if not extended.has(name)), None)
            if missing:
                raise bad(claim, "mutant", missing, f"a quantity of {family.name}, or one of its own")


# --- standing -----------------------------------------------------------------------------------------------

_standing: list[OwnClaims] = []
_PROCESS = ExitStack()
"""What stands for as long as the process lives: in those that share a run's work."""


def standing() -> OwnClaims | None:
    """The file whose claims stand in the table of families, in this process."""
    return _standing[0] if _standing else None


@contextmanager
def using(own: OwnClaims) -> Iterator[OwnClaims]:
    """Within the block the file's claims, quantities and mutants, the generated ones too, stand in the table.

    Errors: BadInputError.
    """
    tables: tuple[dict[str, Any], ...] = (FAMILIES, SYMBOLS, LETTERS, TABLE, LOSSES, RULES)
    before, afresh = [dict(table) for table in tables], list(AFRESH)
    try:
        if own.again is not None:
            AFRESH.append(partial(_functions, own.again))
        for loss in own.losses:
            TABLE[loss.name] = LOSSES[loss.name] = loss.family
        for adaptation in own.adaptations:
            RULES[adaptation.name] = adaptation.rule
        losses, rules = (tuple(one.name for one in things) for things in (own.losses, own.adaptations))
        for name, family in before[0].items():
            FAMILIES[name] = generating(family, losses, rules, own.place, alone=not (own.claims or own.tasks))
        for tasks in own.tasks:
            add(tasks, own.place)
        for name, family in dict(FAMILIES).items():
            if claims := own.of(family):
                named = {claim.name for claim in claims}
                mutants = tuple(mutant for mutant in own.mutants if mutant.claim in named)
                FAMILIES[name] = family.stating(claims, (*mutants, *generated.mutants(name, claims, ())))
        for quantity in own.quantities:
            SYMBOLS[quantity.name] = Symbol(quantity.name, quantity.latex, quantity.meaning)
            LETTERS[quantity.name] = quantity.latex
        _standing.append(own)
        yield own
    finally:
        _standing[:] = [one for one in _standing if one is not own]
        for table, old in zip(tables, before, strict=True):
            table.clear()
            table.update(old)
        AFRESH[:] = afresh


def asked(family: Family) -> Family:
    """The family with the user's own claims alone, where such stand; else as it is."""
    own = standing()
    if own is None or not own.claims:
        return family
    claims = own.of(family)
    named = {claim.name for claim in claims}
    mutants = tuple(mutant for mutant in family.mutants if mutant.claim in named)
    return replace(family, claims=claims, mutants=mutants, ablations=(), headline=None)


@dataclass(frozen=True)
class Stating(Generic[Given, Found]):
    """Work that is done where the file's claims stand, whatever process does it."""

    place: str
    path: Path
    sha256: str
    work: Callable[Given, Found]

    def __call__(self, *args: Given.args, **kwargs: Given.kwargs) -> Found:
        """The work. Errors: those of it; BadInputError where the file is not there, or is another by now."""
        found = standing()
        if found is None:
            found = read(self.place, self.path)
            _PROCESS.enter_context(using(found))
        if found.sha256 != self.sha256:
            raise BadInputError(self.place, "sha256", found.sha256, f"{self.sha256}, as when the run began; run again")
        return self.work(*args, **kwargs)


def stating(work: Callable[Given, Found]) -> Callable[Given, Found]:
    """The work, as other processes can do it."""
    own = standing()
    return work if own is None else Stating(own.place, own.path, own.sha256, work)
