"""Wrong meta-RL: visitations, Bellman equations, adaptations, centring, look-ahead; the bracket of the supremum."""

from __future__ import annotations

from typing import Any

from flint import arb, fmpq
from metagap.impl.midrad import MidRad

from .numbers import then
from .planting import Around, Edit, Fault, Value, suite

PROBLEM, TASKS, TAYLOR = (f"metagap.impl.policies.{name}" for name in ("problem", "task_quantities", "taylor"))
QUANTITIES, OPTIMUM = "metagap.impl.policies.quantities", "metagap.impl.policies.optimum"
BOXED, CHECK = "metagap.impl.policies.boxes", "metagap.impl.policies.check"
COORDINATES, NEURAL = "metagap.impl.models.coordinates", "metagap.impl.policies.start_quantities"
NETWORKS = "metagap.impl.policies.network_quantities"


def routes(name: str = "policies, KL step") -> Any:
    return suite("test_independence:test_a_fault_in_the_meta_features_is_noticed", name=name)


TABULAR = suite("test_meta_rl_by_hand:test_two_states_by_hand")
STEPS = suite("test_meta_rl_by_hand:test_every_step_is_compared", variant="kl-step")
GRADIENT = suite("test_meta_rl_by_hand:test_every_step_is_compared", variant="gradient")
RATIONAL = suite("test_meta_rl_by_hand:test_every_step_is_compared", variant="rational-step")
CAP = suite("test_meta_rl_by_hand:test_the_cap_holds_whatever_is_proposed")
BOXES = suite("test_meta_rl_by_hand:test_boxes_of_policies_contain_what_is_inside")
FAR = suite("test_meta_rl_by_hand:test_shares_of_far_logits_are_bounded")
INFINITE = suite("test_meta_rl_by_hand:test_ranges_over_infinite_boxes_by_hand")
POOR = suite("test_meta_rl_by_hand:test_poor_values_only_widen_the_bounds")
LINE = suite("test_meta_rl_optimum:test_an_unattained_supremum_is_approached")
EXACT = suite("test_meta_rl_by_hand:test_coordinates_have_the_inner_products")
NETWORK = suite("test_meta_rl_network_engines:test_both_engines_agree", variant="kl-step", name="policies")
SMOOTH_HAND = suite("test_meta_rl_smooth_network:test_both_engines_agree", variant="kl-step", name="bent")
LEVEL = suite("test_meta_rl_judge:test_the_identity_is_exact_along_any_direction", examples=6)


def fault(name: str, kind: str, place: str, wrong: Around | Edit | Value, guard: Any) -> Fault:
    return Fault(f"rl-{name}", kind, place, wrong, guard)


REINFORCEMENT = (
    # --- processes ---
    fault("visitation-unnormalised", "visitation unnormalised", f"{PROBLEM}:visitations",
          Edit("scale = m.number(0), 1 - gamma", "scale = m.number(0), m.number(fmpq(1))"), TABULAR),
    fault("visitation-transposed", "the Bellman solve transposed", f"{PROBLEM}:visitations",
          Edit("[list(row) for row in zip(*columns, strict=True)]", "[list(row) for row in columns]"), TABULAR),
    fault("visitation-of-the-transposed-chain", "the Bellman solve transposed", f"{PROBLEM}:visitations",
          Edit("[gamma * p for p in row] for row in transition",
               "[gamma * p for p in row] for row in zip(*transition)"), TABULAR),
    fault("visitation-without-rest", "a term is left out", f"{PROBLEM}:visitations",
          Edit("rest[i] += factor * rest[k]", "pass"), TABULAR),
    fault("value-without-offset", "a term is left out", f"{PROBLEM}:Problem.returns", Edit("+ process.offset", ""),
          TABULAR),
    fault("value-without-horizon", "a factor is left out", f"{PROBLEM}:Problem.action_values",
          Edit("(1 - process.gamma) * r", "r"), RATIONAL),
    fault("action-values-without-offset", "a term is left out", f"{PROBLEM}:Problem.action_values",
          Edit("(v + process.offset)", "v"), RATIONAL),
    fault("advantages-of-one-action", "a term is left out", f"{PROBLEM}:Problem.advantages",
          Edit("zip(pi, row, strict=True)), start", "list(zip(pi, row, strict=True))[:1]), start"), STEPS),
    fault("steps-without-gamma", "a factor is left out", f"{PROBLEM}:Problem._process",
          Edit("transitions * task.gamma", "transitions"), STEPS),
    fault("steps-without-rest", "a factor is left out", f"{PROBLEM}:Problem._process",
          Edit("rewards * (1 - task.gamma)", "rewards"), STEPS),
    fault("weights-left-out", "task weights unnormalised", f"{PROBLEM}:Problem._process",
          Edit("m.number(task.weight),", "m.number(fmpq(1)),"), TABULAR),
    fault("reachable-forgotten", "a term is left out", f"{PROBLEM}:Process._visited",
          Edit("(self._closure[s] for s, p", "({s} for s, p"), STEPS),
    # --- adaptation ---
    fault("kl-step-downhill", "a sign error", f"{PROBLEM}:Problem.adapt", Edit("e + self.eta * v[0]",
          "e - self.eta * v[0]"), TABULAR),
    fault("gradient-step-downhill", "a sign error", f"{PROBLEM}:Problem.adapt", Edit("self.m.number(t) + self.eta * g",
          "self.m.number(t) - self.eta * g"), GRADIENT),
    fault("rational-step-not-normalised", "visitation unnormalised", f"{PROBLEM}:Problem.adapt",
          Edit("t / total for t in tilted", "t for t in tilted"), RATIONAL),
    fault("negative-shares-are-policies", "margins ignored", f"{PROBLEM}:Problem.adapt",
          Edit("any(share < 0 for share in found[-1])", "False"),
          suite("test_meta_rl_by_hand:test_negative_shares_are_refused")),
    fault("softmax-of-the-centre", "an enclosure's radius is dropped", f"{PROBLEM}:Problem.softmax",
          Edit("self.m.exp(v - top)", "self.m.exp((v - top).mid() if self.m is Balls else v - top)"),
          suite("test_meta_rl_by_hand:test_softmax_contains_the_exact_shares")),
    fault("softmax-not-normalised", "visitation unnormalised", f"{PROBLEM}:Problem.softmax", Edit("p / total for p",
          "p for p"), TABULAR),
    fault("value-gradient-without-temperature", "a factor is left out", f"{PROBLEM}:Problem.value_gradient",
          Edit("(self.tau * (1 - process.gamma))", "(1 - process.gamma)"), STEPS),
    # --- gradient by Taylor arithmetic ---
    fault("taylor-without-weight", "task weights are left out", f"{TAYLOR}:_along", Edit("process.weight * value[k]",
          "value[k]"), STEPS),
    fault("taylor-without-chain", "a term is left out", f"{TAYLOR}:_values",
          Edit("(table + rewards if k == 0 else table)", "(rewards if k == 0 else table)"), STEPS),
    fault("taylor-of-the-prior", "the adaptation is left out", f"{TAYLOR}:_adapted", Edit("if instance.eta == 0:",
          "if True:"), STEPS),
    fault("taylor-half-bend", "a factor is left out", f"{TAYLOR}:_parameter_step", Edit("2 * own[j][2]", "own[j][2]"),
          GRADIENT),
    fault("gradient-of-the-features", "the gradient from the meta-features", f"{TASKS}:TaskQuantities._gradient",
          Around(lambda right: lambda self: self._pulled(self._meta_features)), routes()),
    fault("network-gradient-of-the-features", "the gradient from the meta-features",
          f"{TASKS}:TaskQuantities._gradient",
          Around(lambda right: lambda self: self._pulled(self._meta_features)), routes("relu policies")),
    fault("smooth-gradient-of-the-features", "the gradient from the meta-features", f"{TASKS}:TaskQuantities._gradient",
          Around(lambda right: lambda self: self._pulled(self._meta_features)), routes("smooth policies")),
    # --- lifted space ---
    fault("u-without-ratio", "a factor is left out", f"{TASKS}:TaskQuantities._u", Edit("found.append(ratio * (",
          "found.append((")
          , STEPS),
    fault("w-without-horizon", "a factor is left out", f"{TASKS}:TaskQuantities._w",
          Edit("/ (1 - self.processes[i].gamma)", ""), STEPS),
    fault("masses-of-the-prior", "the adaptation is left out", f"{TASKS}:TaskQuantities._masses",
          Edit("self._adapted[i].at", "self._priors[i].at"), STEPS),
    fault("points-of-open-mass", "undecided is taken for proved", f"{TASKS}:TaskQuantities._points",
          Edit("if not (side.policy[s][a] == 0 or side.at.frequencies[s] == 0)",
               "if side.policy[s][a] != 0 and side.at.frequencies[s] != 0"),
          suite("test_meta_rl_judge:test_wide_balls_lose_no_point", examples=14)),
    fault("features-not-centred", "a term is left out", f"{TASKS}:TaskQuantities._centred",
          Edit("pi[b] * (v - block[b][j])", "pi[b] * v"), STEPS),
    fault("lookahead-undiscounted", "a factor is left out", f"{TASKS}:TaskQuantities._lookahead_of",
          Edit("self.problem.eta * process.gamma", "self.problem.eta"), STEPS),
    fault("lookahead-not-divided", "a factor is left out", f"{TASKS}:TaskQuantities._lookahead_of",
          Edit("self.zero if t == 0 else v / t", "v"), RATIONAL),
    fault("hessian-without-slopes", "a term is left out", f"{TASKS}:TaskQuantities._hessian",
          Edit("+ psi[j] * slope[k] + psi[k] * slope[j]", ""), GRADIENT),
    fault("slopes-without-eta", "a factor is left out", f"{TASKS}:TaskQuantities._slopes",
          Edit("self._hessian(i) * self.problem.eta", "self._hessian(i)"), GRADIENT),
    fault("gap-without-weights", "task weights are left out", f"{TASKS}:TaskQuantities.gap", Edit("process.weight * (",
          "("), STEPS),
    fault("feature-basis-drops-one", "a basis with a dropped direction", f"{PROBLEM}:Problem.basis",
          Edit("arb(_dot(row, row)).sqrt() for v in row] for row in found]",
               "arb(_dot(row, row)).sqrt() for v in row] for row in found[:1]]"),
          suite("test_meta_rl_by_hand:test_the_basis_of_features_spans_them")),
    fault("feature-basis-sign", "a basis with a sign error", f"{PROBLEM}:Problem.basis",
          Edit("a - share * b", "a + share * b"),
          suite("test_meta_rl_by_hand:test_the_basis_of_features_spans_them")),
    fault("mixed-not-tilted", "a factor is left out", f"{TASKS}:TaskQuantities._mixed",
          Edit("rate = rate / self._tilts[i][x]", "pass"),
          LEVEL),
    fault("mixed-pull-overwritten", "a term is left out", f"{TASKS}:TaskQuantities._mixed",
          Edit("bent[at] += bend", "bent[at] = bend"),
          LEVEL),
    # --- constants ---
    fault("cap-without-residual", "a proposal is trusted", f"{QUANTITIES}:MetaRLQuantities._optimal",
          Edit("value.union(value + excess / (1 - process.gamma))", "value"), CAP),
    fault("cap-without-horizon", "a constant is too small", f"{QUANTITIES}:MetaRLQuantities._optimal",
          Edit("excess / (1 - process.gamma)", "excess * (1 - process.gamma)"), CAP),
    fault("half-span-of-the-mean", "a constant is too small", f"{QUANTITIES}:MetaRLQuantities._span",
          then(lambda span: span / 2),
          suite("test_meta_rl_judge:test_the_a_priori_constant_is_attained_exactly")),
    fault("smoothness-half", "a constant is too small", f"{QUANTITIES}:MetaRLQuantities.smoothness",
          then(lambda beta: beta / 64),
          suite("test_meta_rl_by_hand:test_the_smoothness_bounds_the_curvature")),
    fault("kl-whatever", "margins ignored", f"{QUANTITIES}:MetaRLQuantities._structural", Edit("1 if holds else -1",
          "1"),
          suite("test_meta_rl_by_hand:test_margins_by_hand")),
    fault("positive-whatever", "margins ignored", f"{QUANTITIES}:MetaRLQuantities.margin_positive_policy",
          then(lambda margin: arb(1) if isinstance(margin, arb) else fmpq(1)),
          suite("test_meta_rl_judge:test_outside_names_the_assumption")),
    # --- the supremum ---
    fault("envelope-of-the-proposal", "a proposal is trusted", f"{BOXED}:Boxes.envelope",
          Edit("return moved.high if sign > 0 else moved.low", "return proposal"), POOR),
    fault("envelope-shift-short", "a constant is too small", f"{BOXED}:Boxes.envelope",
          Edit("MidRad(worst) / self.rest", "MidRad(worst)"), POOR),
    fault("envelope-of-the-mean-residual", "a term is left out", f"{BOXED}:Boxes.envelope",
          Edit("residuals.max(-1, keepdims=True)", "residuals.min(-1, keepdims=True)"), POOR),
    fault("upper-unknown-is-0", "a ball that is not a number is taken for one", f"{BOXED}:Boxes._upper",
          Edit("return _known(total, total)[1]", "return np.nan_to_num(total)"),
          suite("test_meta_rl_by_hand:test_a_discount_that_is_1_in_float64_decides_nothing")),
    fault("differences-of-low-values", "an enclosure's radius is dropped", f"{BOXED}:Boxes.differences",
          Edit("MidRad.between(low, high)", "MidRad(low)"), BOXES),
    fault("differences-without-rewards", "a term is left out", f"{BOXED}:Boxes.differences",
          Edit("+ self.reward_steps", ""), BOXES),
    fault("tilt-without-eta", "a factor is left out", f"{BOXED}:Boxes._upper", Edit("* self.eta", ""), BOXES),
    fault("tilt-left-out", "the adaptation is left out", f"{BOXED}:Boxes._upper",
          Edit("if self.eta is not None:", "if False:"), BOXES),
    fault("policy-box-swapped", "lower and upper end swapped", f"{BOXED}:_policy_box",
          Edit("_shares(high).low, _shares(low).high", "_shares(high).low, _shares(high).high"), BOXES),
    fault("greatest-mean-of-lower-ends", "lower and upper end swapped", f"{BOXED}:_greatest_mean",
          Edit("np.maximum((rest * low).high, (rest * high).high)", "(rest * low).high"),
          POOR),
    fault("greatest-mean-bare", "an enclosure's radius is dropped", f"{BOXED}:_greatest_mean",
          Around(lambda right: lambda gains, low, high: right(MidRad(gains.mid), low, high)),
          suite("test_meta_rl_by_hand:test_the_greatest_mean_is_above_every_mean")),
    fault("linear-range-of-an-end", "an end of an interval is left out", f"{BOXED}:_linear",
          Edit("np.where(c.mid > 0, ends[:, k], ends[:, 1 - k]) for k in (0, 1)", "ends[:, k] for k in (0, 1)"), BOXES),
    fault("linear-range-of-the-finite-end", "an unbounded enclosure is taken for a bounded one", f"{BOXED}:_linear",
          Edit("ends = contrasts[..., j], boxes[:, j, :, None, None, None]",
               "ends = contrasts[..., j], np.clip(boxes, -9, 9)[:, j, :, None, None, None]"), INFINITE),
    fault("nan-is-known", "a ball that is not a number is taken for one", f"{BOXED}:_known",
          Edit("return np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)",
               "return np.nan_to_num(low), np.nan_to_num(high)"), FAR),
    fault("lower-rounded-up", "outward rounding turned inward", f"{OPTIMUM}:_Search.bounds",
          Edit("value, _ = bounds(", "_, value = bounds("),
          suite("test_meta_rl_by_hand:test_the_bracket_of_a_constant_holds_it")),
    fault("boxes-bounded-at-a-point", "a bound of another box", f"{OPTIMUM}:_Search.bounds",
          Edit("return found[: len(boxes)].tolist()", "return found[len(boxes) :].tolist()"), LINE),
    fault("boxes-dropped", "complete though boxes are left", f"{OPTIMUM}:maximise",
          Edit("if min(bound, top) > search.lower:", "if boxes % 2 and min(bound, top) > search.lower:"), LINE),
    fault("halves-overlap-nothing", "complete though boxes are left", f"{BOXED}:halves",
          Edit("((lo, cut), (cut, hi))", "((lo, cut), (cut, cut))"),
          suite("test_meta_rl_by_hand:test_halves_cover_the_box")),
    # --- network policies ---
    fault("coordinates-sign", "a basis with a sign error", f"{COORDINATES}:coordinates", Edit("fmpq(v, top)",
          "fmpq(abs(v), top)"), EXACT),
    fault("coordinates-drop-one", "a basis with a dropped direction", f"{COORDINATES}:coordinates",
          Edit("if place is None:", "if place is None or squares:"), EXACT),
    fault("coordinates-of-minors", "a factor is left out", f"{COORDINATES}:coordinates",
          Edit("last = top", "pass"), EXACT),
    fault("flips-off-by-one", "error counts off by one", f"{NETWORKS}:ReluPolicyQuantities._flips",
          then(lambda counts: [c + 1 for c in counts]), NETWORK),
    fault("error-without-lookahead", "a term is left out", f"{NEURAL}:StartQuantities._propagated",
          Edit("(delta[x] + rate * onward)", "delta[x]"), NETWORK),
    fault("operator-of-half", "a constant is too small", f"{NEURAL}:StartQuantities._operator_norm",
          Edit("return root(largest", "return root(arb(1) / 4 * largest"), NETWORK),
    fault("smooth-half-bend", "a constant is too small", f"{NETWORKS}:SmoothPolicyQuantities._bend",
          then(lambda bend: bend / 2), SMOOTH_HAND),
    fault("smooth-shrink-squared", "a factor is left out", f"{NETWORKS}:SmoothPolicyQuantities._shrink",
          then(lambda shrink: shrink * shrink), SMOOTH_HAND),
)  # fmt: skip
