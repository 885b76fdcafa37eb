"""Adaptations of one's own, wrong: derivatives half done, what is caught forgotten, checks left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .planting import Edit, Fault, suite

RULES, SUPERVISED = "metagap.impl.rules", "metagap.impl.supervised"
OWN, STEPS = "metagap.impl.own_adaptations", f"{SUPERVISED}.rule_steps"
QUANTITIES = f"{SUPERVISED}.quantities:MetaSLQuantities"


def guard(name: str, **given: Any) -> Any:
    return suite(f"test_own_adaptations:test_{name}", **given)


def refusal(name: str, **given: Any) -> Any:
    return suite(f"test_own_rules:test_{name}", **given)


def bad(body: str) -> Any:
    return refusal("what_is_no_adaptation_is_one_line", body=body)


def ends(body: str, said: str) -> Any:
    return refusal("what_never_ends_is_refused_in_time", body=body, said=said)


BOTH, FORCE = guard("adaptations_have_no_faults"), refusal("what_a_rule_catches_is_raised_again")
JOINT = refusal("a_joint_where_a_rule_looks_is_noticed")
KEPT = bad("KEPT.append(theta); return [t + k for t, k in zip(theta, KEPT[0])]")
LAUNDERED = bad("KEPT.append(task); return KEPT[0].gradient(theta)")
ABS = bad("return [abs(t) for t in theta]")
COUNTED = refusal("whole_numbers_of_numpy_are_whole_numbers")
HIGH = bad("return [t ** 10**9 for t in theta]")
TOLD = bad("return [t + t * hasattr(t._number, 'p') for t in theta]")
CONSTANT = bad("return [task.number(t) for t in theta]")
SEVERAL = guard("derivatives_of_several_outputs_are_those_of_differences", rule="newton")
ASKED, REMEMBER = "metagap.impl.asked", "test_asked:test_"
CHANGING = suite(f"{REMEMBER}a_rule_that_changes_is_never_a_violation", stated=False)
TURNS = suite(f"{REMEMBER}quantities_that_remember", before="CALLS[0] % 2", what="quantity two", stated=False)
BY_NOW = suite(f"{REMEMBER}what_is_another_one_by_now_is_told_by_the_file")
NAMED = guard("claims_on_steps_are_refused_by_name")

ROWS: tuple[tuple[str, str, str, Any], ...] = (
    # (place, what is right there, what is wrong, what notices it)
    (f"{RULES}:Dual.__mul__", "s * other.value + self.value * t", "s * other.value", BOTH),
    (f"{RULES}:Dual.inverse", "-found * found", "found * found", BOTH),
    (f"{RULES}:View.sqrt", "divided(1, 2 * value)", "divided(1, value)", BOTH),
    (f"{RULES}:View.hessian", "[turn[i] for turn in turns]", "[[0 * v for v in turn[i]] for turn in turns]", BOTH),
    (f"{RULES}:View.solve", "[a - b for a, b in", "[a for a, b in", BOTH),
    (f"{RULES}:_asked", "for caught in kind.heard:", "for caught in ():", FORCE),
    (f"{RULES}:_asked", "2 * len(theta) + 9", "10**6",
     ends("return itertools.repeat(theta[0])", "=11: as many numbers")),
    (f"{RULES}:View.sqrt", "divided(1, 2 * value)", "1 / (2 * value)", FORCE),
    (f"{RULES}:_asked", "kind = Smooth.anew()", "kind = Smooth", KEPT),
    ("metagap.impl.sealed:Smooth.__abs__", "raise MisuseError(", "return MisuseError(", ABS),
    ("metagap.impl.sealed:Smooth.hear", "cls.heard.append(error)", "pass", FORCE),
    ("metagap.impl.sealed:opened", "return int(value)", "return value", COUNTED),
    ("metagap.impl.sealed:Sealed.__pow__", "abs(exponent) > HIGHEST", "False", HIGH),
    ("metagap.impl.sealed:Sealing.__getattr__", 'name == "number" and', "False and", CONSTANT),
    (f"{RULES}:Affine.bent", "not self.constant", "False", FORCE),
    (f"{OWN}:_ending", "raise _EndlessError", "raise ValueError", ends("while True: pass", "it has not ended")),
    (f"{STEPS}:LawView._bent", "2 * slope[2]", "slope[2]", BOTH),
    (f"{STEPS}:LawView._third", "self.dot(row, direction)", "2 * self.dot(row, direction)", BOTH),
    (f"{STEPS}:LawView._solved", "b[1] - self.dot", "b[1] + self.dot", BOTH),
    (f"{STEPS}:adapted", "if problem.m is Rationals:", "if False:", TOLD),
    ("metagap.impl.sealed:opened", "if not isinstance(value, kind):", "if False:", LAUNDERED),
    (f"{QUANTITIES}.margin_joints", "[visited(self.problem, law, self._here.theta) for law in laws]",
     "[[self._before] for _ in laws]", JOINT),
    (f"{QUANTITIES}.margin_squared_loss", "if own and not", "if False and not", FORCE),
    (f"{QUANTITIES}.margin_third_derivative", "isinstance(adaptation, Implicit) and", "", NAMED),
    (f"{STEPS}:LawView._bends", "s[2] - e[2] - t[2]", "s[2]", SEVERAL),
    (f"{STEPS}:_places", "range(x.start, x.stop)", "range(x.start, x.stop)[::-1]", SEVERAL),
    ("metagap.impl.vector_losses:VectorLoss.turned", "- p[a] * moved[b]", "", SEVERAL),
    (f"{SUPERVISED}.vector_batch:VectorQuantities._turns", "(z, labels, along)", "(z, labels, 0 * along)", SEVERAL),
    (f"{ASKED}:_Call.again", "if again != self.found:", "if False:", TURNS),
    (f"{ASKED}:sure", "for call in reversed(calls):", "for call in ():", TURNS),
    (f"{ASKED}:sure", "if call.what in stated:", "if False:", BY_NOW),
    (f"{ASKED}:sure", "if calls and not agrees(found):", "if False:",
     suite(f"{REMEMBER}quantities_that_remember", before="CALLS[0] <= 1", what="quantity one or the quantity two",
           stated=False)),
    ("metagap.impl.judge:judge_claim", "if outcome.verdict is Verdict.VIOLATED:", "if False:", CHANGING),
    ("metagap.impl.falsify.certify:refute", "sure(lambda: _refuted(subject, instance), agrees)", "pass",
     suite(f"{REMEMBER}commands_say_it_in_one_line", command=["falsify", "meta-sl-same", "--driver", "evolution"])),
    ("metagap.impl.own_losses:Loss.at", 'return heard(f"the loss {self.name}", self, ask, self.formulas[order])',
     "return ask(self)", suite(f"{REMEMBER}a_loss_that_changes_is_never_a_violation")),
    ("metagap.impl.conditions:_undefined", 'return f"{name} has no value: {error}"', 'return ""',
     suite("test_own_tasks:test_claims_of_ones_own_on_tasks_of_ones_own")),
    (f"{OWN}:_differs", "by_tangents[i, j], by_series[i, j + 1]", "by_series[i, j + 1],",
     guard("a_wrong_derivative_is_told")),
)  # fmt: skip


def _faults() -> Iterator[Fault]:
    for number, (place, right, wrong, notices) in enumerate(ROWS):
        name = place.split(":")[-1].strip("_").replace("._", ".").replace(".", "-").replace("_", "-").lower()
        yield Fault(f"rules-{number}-{name}", "an adaptation of one's own", place, Edit(right, wrong), notices)


RULE_FAULTS = tuple(_faults())
