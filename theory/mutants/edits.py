"""What a mistake does to a claim: one name for another, half a summand, a summand or a factor left out.

A mutant is written as such an edit (`rows`), so that it says what is wrong and nothing else. `sharpened` makes the
halves and the dropped summands of any claim.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from .. import tables
from ..claim import Claim, Expression, Mutant, Relation

Edit = Callable[[Claim], Claim]
"""A claim to a claim with other sides."""


def put(names: Mapping[str, str]) -> Edit:
    """Each of the quantities, on both sides, replaced by an expression."""

    def edited(claim: Claim) -> Claim:
        return replace(claim, left=claim.left.substitute(names), bound=claim.bound.substitute(names))

    return edited


def equal(claim: Claim) -> Claim:
    """An equality in place of the inequality."""
    return replace(claim, relation=Relation.EQUAL)


def halve(name: str = "") -> Edit:
    """Half of the bound's summand with that quantity (of the only one)."""
    return _summand(name, _half)


def twice(name: str) -> Edit:
    """Twice the bound's summand with that quantity."""
    return _summand(name, lambda text: text[:-2] if text.endswith("/2") else f"2*{text}")


def drop(name: str, side: str = "bound") -> Edit:
    """The bound (or the left side) without its summand with that quantity."""
    return _summand(name, lambda text: "", side)


def cancel(name: str) -> Edit:
    """The bound without that factor or divisor."""

    def edited(claim: Claim) -> Claim:
        return replace(claim, bound=Expression(re.sub(rf"\b{name}\*|[*/]{name}\b", "", claim.bound.text)))

    return edited


EDITS: dict[str, Callable[[str], Edit]] = {
    "half": halve,
    "twice": twice,
    "without": drop,
    "cancel": cancel,
    "equal": lambda _: equal,
    "left": lambda text: lambda claim: replace(claim, left=Expression(text), relation=Relation.AT_MOST),
    "bound": lambda text: lambda claim: replace(claim, bound=Expression(text), relation=Relation.AT_MOST),
}
"""By their words in `rows`; `left` and `bound` are of an inequality."""


def _edited(words: Sequence[str], claim: Claim) -> Claim:
    for word in words:
        name, _, what = word.partition(" ")
        changes = dict(pair.split(" -> ") for pair in word.split(", ")) if " -> " in word else {}
        claim = (put(changes) if changes else EDITS[name](what))(claim)
    return claim


def _half(text: str) -> str:
    return text[2:] if text.startswith("2*") else f"{text}/2"


def _summand(name: str, change: Callable[[str], str], side: str = "bound") -> Edit:
    def edited(claim: Claim) -> Claim:
        signed = getattr(claim, side).signed
        (place,) = (j for j, (_, term) in enumerate(signed) if not name or name in term.names)
        sign, term = signed[place]
        changed = change(term.text)
        put_in = [(sign, Expression(changed))] if changed else []
        sides: dict[str, Any] = {side: Expression.total([*signed[:place], *put_in, *signed[place + 1 :]])}
        return replace(claim, **sides)

    return edited


@dataclass(frozen=True)
class Wrong:
    """A wrong version of the claim `stem` of any family: how it is edited, and why that is wrong.

    drops        assumptions of the claim that it forgets
    equivalent   proved true in spite of its looks: `why` is the proof
    """

    name: str
    stem: str
    title: str
    edit: Edit
    why: str
    drops: tuple[str, ...] = ()
    equivalent: bool = False

    def of(self, claim: Claim) -> Mutant:
        """The wrong theorem. Errors: ValueError, if the claim has no such summand."""
        wrong = self.edit(claim)
        return Mutant(
            self.name, claim.name, self.title, wrong.bound, self.why,
            self.drops, self.equivalent, wrong.left, wrong.relation,
        )  # fmt: skip


def rows(text: str) -> tuple[Wrong, ...]:
    """The wrong versions that a text lists: NAME | STEM | EDIT | ..., and below that the title, and why it is wrong.

    An edit is one of EDITS with what it is of, or NAME -> EXPRESSION, ...; `drops ASSUMPTION` and `true` (equivalent)
    stand with them.
    """
    found = []
    for (name, stem, *words), (title, *why) in tables.rows(text):
        drops = tuple(word.removeprefix("drops ") for word in words if word.startswith("drops "))
        edits = [word for word in words if word != "true" and not word.startswith("drops ")]
        found.append(Wrong(name, stem, title, partial(_edited, edits), " ".join(why), drops, "true" in words))
    return tuple(found)


def sharpened(claim: Claim) -> Iterator[tuple[str, str, Edit]]:
    """(name, title, edit) of every half and every dropped summand of a claim.

    Each makes an inequality stronger: what is added to a bound is halved or left out, what is subtracted is doubled. Of
    an equality, summands of the left side are left out, too. A bound that is 0 has none.
    """
    for name, sign, term, alone in _own(claim.bound):
        ending = "" if alone else f"-{name.replace('_', '-')}"
        if sign < 0:
            yield f"{claim.name}-twice{ending}", f"twice what is subtracted, {term.text}", twice(name)
            continue
        yield f"{claim.name}-half{ending}", f"half of {term.text}", halve(name)
        if not alone:
            yield f"{claim.name}-no{ending}", f"{term.text} left out", drop(name)
    if claim.relation is Relation.EQUAL:
        for name, _, term, alone in _own(claim.left):
            if not alone:
                yield f"{claim.name}-no-{name.replace('_', '-')}", f"{term.text} left out", drop(name, "left")


def _own(side: Expression) -> Iterator[tuple[str, int, Expression, bool]]:
    """(quantity that no other summand has, sign, summand, whether it is the only one), but for 0."""
    signed = side.signed
    for j, (sign, term) in enumerate(signed):
        others = {name for k, (_, other) in enumerate(signed) if k != j for name in other.names}
        own = [name for name in term.names if name not in others and name != "zero"]
        if own:
            yield own[-1], sign, term, len(signed) == 1
