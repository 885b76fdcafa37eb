"""`metagap.assert_proved`: a claim on an instance, as an assertion; the pytest plugin says how to replay it."""

from __future__ import annotations

from ..impl import files
from ..impl.families import all_claims, family_of, judge
from ..impl.files.faults import nearest
from ..impl.instances import Instance
from ..impl.judgement import ClaimJudgement
from ..theory.claim import Claim, Relation, Verdict
from .witnesses import readable


class NotProvedError(AssertionError):
    """A claim that is not proved on an instance.

    claim, instance   what was judged; judged   the judgement
    """

    def __init__(self, claim: Claim, instance: Instance, judged: ClaimJudgement) -> None:
        super().__init__(_told(claim, instance, judged))
        self.claim, self.instance, self.judged = claim, instance, judged

    @property
    def document(self) -> str:
        """The instance as a file that metagap judge reads."""
        return files.dumps(self.instance)

    @property
    def replay(self) -> str:
        """How the instance in {file} is judged again."""
        if self.claim in all_claims():
            return f"metagap judge {{file}} --claim {self.claim.name}"
        return "metagap.assert_proved(YOUR_CLAIM, metagap.load({file!r}))"


def assert_proved(claim: str | Claim, instance: Instance) -> None:
    """Fail unless the claim is proved on the instance: left <= bound by enclosures or exact arithmetic, every
    assumption certified.

    An equality, or a bound that is attained, passes as EQUAL: both sides are enclosed, and agree far beyond float64.
    VIOLATED, UNDECIDED and OUTSIDE (an assumption fails there, and nothing is said) do not pass. Within Hypothesis the
    instance in the message is the smallest that it found.

    Errors: NotProvedError, an AssertionError; ValueError for a name that is no claim of the instance's family.
    """
    __tracebackhide__ = True
    if isinstance(claim, str):
        known = {one.name: one for one in family_of(instance).claims}
        if claim not in known:
            raise ValueError(f"claim={claim!r}: a claim on {instance.family} is required{nearest(claim, known)}")
        claim = known[claim]
    judged = judge(instance, (claim,)).claims[0]
    if judged.verdict not in (Verdict.PROVED, Verdict.EQUAL):
        raise NotProvedError(claim, instance, judged)


def _told(claim: Claim, instance: Instance, judged: ClaimJudgement) -> str:
    sign = "=" if claim.relation is Relation.EQUAL else "<="
    lines = [f"{claim.name} is {judged.verdict.name} on this instance: {claim.left.text} {sign} {claim.bound.text}"]
    if judged.gap is not None and judged.bound is not None:
        lines.append(f"  left  in [{judged.gap.lo:.9g}, {judged.gap.hi:.9g}]")
        lines.append(f"  bound in [{judged.bound.lo:.9g}, {judged.bound.hi:.9g}]")
    lines += [f"  {name} in [{value.lo:.9g}, {value.hi:.9g}]" for name, value in judged.terms.items()]
    if judged.reason:
        lines.append(f"  {judged.reason}")
    shown = readable(instance) or [f"{instance.numbers} numbers"]
    return "\n".join([*lines, "the instance:", *(f"  {line}" for line in shown)])
