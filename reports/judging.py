"""`metagap judge FILE...`: one instance in balls, term by term; of many files what arrays decide, and balls the rest.

Many files are read and judged `MOST` at a time. Those of one shape are one batch (`stacks`), which gives each of them
back exactly: so what arrays enclose are its own quantities. What they leave open balls decide, file by file; room for
float64's rounding, and the terms of what arrays decide, are shown of one file alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from ..impl.bracket import UnsupportedError
from ..impl.extras import MissingExtraError
from ..impl.families import FAMILIES, family_of, load
from ..impl.files import BadInputError
from ..impl.instances import Instance
from ..impl.judge import judge_claim
from ..impl.judgement import ClaimJudgement, Judgement
from ..impl.stacks import stacks
from ..theory.claim import Claim, Verdict
from .wide import MOST

FEW = 6
"""Files of one shape, of less of which balls are as fast as arrays."""

NOTHING: Mapping[str, ClaimJudgement] = MappingProxyType({})


@dataclass(frozen=True)
class Begun:
    """A file that is begun: its number, its instance's hash, kind and notes, and the claims that are asked for."""

    file: int
    sha256: str
    family: str
    notes: tuple[str, ...]
    claims: tuple[str, ...]

    @classmethod
    def of(cls, file: int, instance: Instance, names: Collection[str]) -> Begun:
        """The file of that instance."""
        asked = tuple(claim.name for claim in _asked(instance, names))
        return cls(file, instance.sha256, instance.family, instance.notes, asked)


@dataclass(frozen=True)
class Unread:
    """A file that cannot be read, and why."""

    file: int
    error: BadInputError | MissingExtraError


Told = str | Begun | ClaimJudgement | Unread
"""What is being judged, in words; a file that is begun; a claim judged on it; one that cannot be read."""


def _asked(instance: Instance, names: Collection[str]) -> list[Claim]:
    """The headline last, where the problem has an optimum to bracket."""
    return [claim for claim in family_of(instance).all_claims if claim.name in names]


def judge_all(
    paths: Sequence[Path], one: Instance | None, names: Collection[str], tell: Callable[[Told], None]
) -> None:
    """The claims of those names on the files, in their order, each told when it is begun, or why it cannot be read;
    `tell` is told what is judged, and every judgement. Of one file the instance is at hand, and begun."""
    if one is not None:
        _judge(paths[0], one, names, NOTHING, True, tell)
        return
    for begin in range(0, len(paths), MOST):
        found: dict[int, Instance] = {}
        unread: dict[int, Unread] = {}
        for file, path in enumerate(paths[begin : begin + MOST], begin):
            tell(f"reading {path}")
            try:
                found[file] = load(path)
            except (BadInputError, MissingExtraError) as error:
                unread[file] = Unread(file, error)
        tell(f"judging {len(found)} files in arrays, from {paths[begin]} on")
        known = dict(zip(found, decided(list(found.values()), names), strict=True))
        for file, path in enumerate(paths[begin : begin + MOST], begin):
            if file in unread:
                tell(unread[file])
            else:
                tell(Begun.of(file, found[file], names))
                _judge(path, found[file], names, known[file], False, tell)


def decided(instances: Sequence[Instance], names: Collection[str]) -> list[Mapping[str, ClaimJudgement]]:
    """Of each instance the claims of those names that arrays decide."""
    found: list[Mapping[str, ClaimJudgement]] = [NOTHING] * len(instances)
    for family in FAMILIES.values():
        claims = [claim for claim in family.claims if claim.name in names]
        if not claims or family.batch_of is None or family.enclosed_quantities is None:
            continue
        places = [place for place, instance in enumerate(instances) if instance.family == family.name]
        for taken, batch in stacks([instances[place] for place in places], family.batch_of, FEW):
            for place, judged in zip(taken, family.judged_in_arrays(batch, claims), strict=True):
                found[places[place]] = judged
    return found


def _judge(
    path: Path,
    instance: Instance,
    names: Collection[str],
    known: Mapping[str, ClaimJudgement],
    complete: bool,
    tell: Callable[[Told], None],
) -> None:
    """The claims on an instance, but for those that are `known`."""
    family, asked = family_of(instance), _asked(instance, names)
    evaluator = family.evaluator(instance)
    headline = None if family.headline is None else family.headline.claim
    for claim in asked:
        if claim.name in known:
            tell(known[claim.name])
            continue
        tell(f"judging {path}: {claim.name}")
        if claim is not headline:
            tell(judge_claim(claim, evaluator, complete=complete))
            continue
        assert family.headline is not None
        with suppress(UnsupportedError):
            tell(family.headline.judged(instance))


@dataclass
class Answers:
    """What was told: each file's judgement is given to `done` as soon as it is whole."""

    done: Callable[[Begun, Judgement], None]
    begun: Begun | None = None
    claims: list[ClaimJudgement] = field(default_factory=list)
    any: bool = False
    """Whether any claim was judged."""

    def take(self, told: Begun | ClaimJudgement | Unread) -> None:
        """One more."""
        if isinstance(told, ClaimJudgement):
            self.claims.append(told)
            self.any = True
            return
        self.end()
        self.begun = told if isinstance(told, Begun) else None

    def end(self, why: str = "") -> None:
        """The file that was begun is whole; or `why` it is not, if it says so."""
        if self.begun is None:
            return
        begun, claims = self.begun, [*self.claims, *(_open(self.begun, self.claims, why) if why else ())]
        self.begun, self.claims = None, []
        self.done(begun, Judgement(begun.sha256, tuple(claims), begun.notes))


def _open(begun: Begun, claims: Sequence[ClaimJudgement], why: str) -> Iterator[ClaimJudgement]:
    """The claims of a file that were not judged."""
    known = {one.claim for one in claims}
    for name in begun.claims:
        if name not in known:
            yield ClaimJudgement(name, Verdict.UNDECIDED, None, None, {}, {}, None, why)
