"""`metagap judge FILE...`: claim by claim, each told as it is judged, here or in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..impl.bracket import UnsupportedError
from ..impl.families import family_of
from ..impl.instances import Instance
from ..impl.judge import ClaimJudgement, Judgement, judge_claim
from ..theory.claim import Claim, Verdict


@dataclass(frozen=True)
class Judged:
    """A claim judged on the file of that number; None when the file is begun."""

    file: int
    claim: ClaimJudgement | None = None


def _asked(instance: Instance, names: Collection[str]) -> list[Claim]:
    """The headline last, where the problem has an optimum to bracket."""
    return [claim for claim in family_of(instance).all_claims if claim.name in names]


def judge_all(
    paths: Sequence[Path], instances: Sequence[Instance], names: Collection[str], tell: Callable[[str | Judged], None]
) -> None:
    """The claims of those names on all instances: `tell` is told what is being judged, and every judgement."""
    for file, (path, instance) in enumerate(zip(paths, instances, strict=True)):
        family = family_of(instance)
        evaluator = family.evaluator(instance)
        tell(Judged(file))
        for claim in _asked(instance, names):
            tell(f"judging {path}: {claim.name}")
            if claim in family.claims:
                tell(Judged(file, judge_claim(claim, evaluator, complete=True)))
                continue
            assert family.headline is not None
            with suppress(UnsupportedError):
                tell(Judged(file, family.headline.judged(instance)))


@dataclass
class Answers:
    """What was judged so far: a list of judgements per file that was begun."""

    instances: Sequence[Instance]
    names: Collection[str]
    found: list[list[ClaimJudgement]] = field(default_factory=list)

    def take(self, told: Judged) -> None:
        """One more."""
        if told.claim is None:
            self.found.append([])
        else:
            self.found[told.file].append(told.claim)

    def judgements(self, why: str) -> list[Judgement]:
        """Of every file that was begun; `why` the last one, or the first of all, is not whole (empty: it is)."""
        found = self.found or [[]]
        if why:
            known = {one.claim for one in found[-1]}
            missing = [c.name for c in _asked(self.instances[len(found) - 1], self.names) if c.name not in known]
            open_ = [ClaimJudgement(name, Verdict.UNDECIDED, None, None, {}, {}, None, why) for name in missing]
            found = [*found[:-1], [*found[-1], *open_]]
        return [
            Judgement(instance.sha256, tuple(claims), instance.notes)
            for instance, claims in zip(self.instances, found, strict=False)
        ]
