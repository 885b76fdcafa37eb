"""Wrong meta-SL with linear models: steps, Jacobians, weights, margins, constants of the corollaries."""

from __future__ import annotations

from typing import Any

from flint import arb, fmpq
from metagap.theory.claim import Verdict

from .numbers import DROPPED, bare, then
from .planting import Around, Edit, Fault, Value, suite

MAML, TAYLOR = "metagap.impl.supervised.maml", "metagap.impl.supervised.taylor"
FEATURES = "metagap.impl.supervised.core_quantities"
TASKS, QUANTITIES = "metagap.impl.supervised.task_quantities", "metagap.impl.supervised.quantities"
PREDICTIONS, CORE, MIXED = (
    "metagap.impl.supervised.prediction_quantities", "metagap.impl.balls.core", "metagap.impl.balls.mixed"
)  # fmt: skip
OWN = "metagap.impl.supervised.instance"


def engines(loss: str = "log-cosh", name: str = "arbitrary") -> Any:
    return suite("test_engines:test_both_engines_agree_within_the_rounding_unit", loss=loss, name=name)


ROUTES = suite("test_independence:test_a_fault_in_the_meta_features_is_noticed", name="linear, one step")
IDENTITY = suite("test_judge:test_the_identity_holds_in_balls_and_rationals", examples=24)
SEVERAL = suite("test_routes:test_several_steps_of_two_parameters_are_compared")
PROXIMAL = suite("test_routes:test_poor_proposals_only_widen_the_proximal_point", steps=80)
OUTSIDE = suite("test_judge:test_outside_names_the_assumption")
BY_HAND = suite("test_supervised_by_hand:test_two_tasks_by_hand", steps=2)
OBJECTIVE = suite("test_supervised_by_hand:test_the_objective_by_hand", steps=2)
MARGINS = suite("test_supervised_by_hand:test_margins_by_hand")
CONSTANTS = suite("test_supervised_by_hand:test_constants_by_hand")


def fault(name: str, kind: str, place: str, wrong: Around | Edit | Value, guard: Any) -> Fault:
    return Fault(f"sl-{name}", kind, place, wrong, guard)


OF_THE_FEATURES = Around(lambda right: lambda self: self._pulled(self._meta_features))
SUPERVISED = (
    # --- maml ---
    fault("slopes-without-mass", "masses are left out", f"{MAML}:Risks.slopes", Edit("total[x] += p *", "total[x] +="),
          BY_HAND),
    fault("curvatures-without-mass", "masses are left out", f"{MAML}:Risks.curvatures",
          Edit("total[x][0] += p *", "total[x][0] +="), BY_HAND),
    fault("curvatures-are-slopes", "a derivative for another", f"{MAML}:Risks.curvatures", Edit("loss.d2", "loss.d1"),
          BY_HAND),
    fault("risk-without-mass", "masses are left out", f"{MAML}:Risks.risk", Edit("(p * self", "(self"), BY_HAND),
    fault("last-label-wins", "a term is left out", f"{MAML}:Risks._law", Edit("rho.get(atom.x, 0) + atom.p", "atom.p"),
          BY_HAND),
    fault("step-uphill", "a sign error", f"{MAML}:Problem.stepped", Edit("theta - self.paced", "theta + self.paced"),
          BY_HAND),
    fault("one-step-of-several", "a step is left out", f"{MAML}:Problem.adapt",
          Edit("range(adaptation.steps)", "range(min(adaptation.steps, 1))"), BY_HAND),
    fault("all-steps-from-omega", "K steps with one step's slope", f"{MAML}:Problem.adapt",
          Edit("self.predictions(iterates[-1])", "self.predictions(theta)"), BY_HAND),
    fault("objective-without-weights", "task weights are left out", f"{MAML}:Risks.objective",
          Edit("law.weight * self.risk", "self.risk"), OBJECTIVE),
    fault("weights-not-normalised", "task weights unnormalised", f"{MAML}:Risks.__init__",
          Edit("self._law(task.weight,", "self._law(2 * task.weight,"), BY_HAND),
    fault("objective-of-omega", "the adaptation is left out", f"{MAML}:Risks.objective",
          Edit("self.path(law, at)[-1]", "at"), OBJECTIVE),
    fault("proximal-without-radius", "the proximal enclosure without its residual radius", f"{MAML}:Problem._proximal",
          Edit("radius = norm(residual.entries()).upper()", "radius = arb(0)"), PROXIMAL),
    fault("proximal-half-radius", "a radius is too small", f"{MAML}:Problem._proximal",
          Edit("norm(residual.entries()).upper()", "norm(residual.entries()).upper() / 64"),
          suite("test_routes:test_poor_proposals_only_widen_the_proximal_point", steps=0)),
    fault("proximal-strength", "a constant is squared", f"{MAML}:Problem._proximal",
          Edit("self.gradient(law, self.predictions(at)) * (1 / strength)",
               "self.gradient(law, self.predictions(at)) * strength"),
          PROXIMAL),
    # --- the gradient ---
    fault("gradient-of-the-features", "the gradient from the meta-features", f"{TASKS}:TaskQuantities._gradient",
          OF_THE_FEATURES, ROUTES),
    fault("gradient-without-weights", "task weights are left out", f"{TAYLOR}:gradient",
          Edit("law.weight * g", "g"), IDENTITY),
    fault("gradient-at-omega", "the adaptation is left out", f"{TAYLOR}:gradient",
          Edit("_adapt(problem, law, start)", "start"), IDENTITY),
    fault("taylor-without-eta", "a factor is left out", f"{TAYLOR}:_adapt",
          Edit("problem.stepped(theta, problem", "(lambda t, g: t - g)(theta, problem"), IDENTITY),
    # --- Jacobians and features ---
    fault("one-jacobian", "K steps with one step's Jacobian", f"{TASKS}:TaskQuantities._jacobian",
          Edit("for step in steps:", "for step in steps[:1]:"), IDENTITY),
    fault("jacobian-of-the-last", "a factor is left out", f"{TASKS}:TaskQuantities._jacobian",
          Edit("stepped(found, hessian * found)", "stepped(problem.identity(), hessian)"), IDENTITY),
    fault("jacobian-backwards", "the order of factors", f"{TASKS}:TaskQuantities._jacobian",
          Edit("problem.stepped(found, hessian * found)",
               "found * problem.stepped(problem.identity(), hessian)"), SEVERAL),
    fault("jacobian-sign", "a sign error", f"{TASKS}:TaskQuantities._jacobian",
          Edit("hessian * found)", "hessian * found * -1)"), IDENTITY),
    fault("jacobian-at-the-adapted", "a derivative at another point", f"{TASKS}:TaskQuantities._steps",
          Edit("slice(None, -1) if", "slice(1, None) if"), IDENTITY),
    fault("implicit-jacobian-at-omega", "a derivative at another point", f"{TASKS}:TaskQuantities._steps",
          Edit("else slice(-1, None)", "else slice(0, 1)"),
          suite("test_independence:test_a_fault_in_the_meta_features_is_noticed", name="linear, implicit")),
    fault("implicit-jacobian-sign", "a sign error", f"{TASKS}:TaskQuantities._jacobian",
          Edit("problem.identity() + hessian", "problem.identity() - hessian"),
          suite("test_independence:test_a_fault_in_the_meta_features_is_noticed", name="linear, implicit")),
    fault("rows-transposed", "a matrix is transposed", f"{TASKS}:TaskQuantities._through",
          Edit("self._jacobian(law, steps)", "self._jacobian(law, steps).transpose()"), SEVERAL),
    fault("rival-not-adapted", "the adaptation is left out", f"{FEATURES}:FeatureQuantities._rivals",
          Edit("path[-1] for path", "path[0] for path"), engines()),
    # --- predictions ---
    fault("u-unadapted", "the adaptation is left out", f"{PREDICTIONS}:PredictionQuantities._u",
          Edit("self._after[i][x] -", "self._before[x] -"), IDENTITY),
    fault("u-sign", "a sign error", f"{PREDICTIONS}:PredictionQuantities._u", then(lambda u: [-v for v in u]), BY_HAND),
    fault("w-unadapted", "the adaptation is left out", f"{PREDICTIONS}:PredictionQuantities._slopes",
          Edit("zip(self.laws, self._after, strict=True)", "((law, self._before) for law in self.laws)"), IDENTITY),
    fault("weighted-without-weight", "task weights are left out", f"{PREDICTIONS}:PredictionQuantities._weighted",
          Edit("self.laws[i].weight * ", ""), IDENTITY),
    fault("masses-without-rho", "masses are left out", f"{PREDICTIONS}:PredictionQuantities._points",
          Edit("law.weight * rho)", "law.weight)"), BY_HAND),
    fault("gap-without-weight", "task weights are left out", f"{PREDICTIONS}:PredictionQuantities.gap",
          Edit("law.weight * (", "("), BY_HAND),
    fault("gap-unadapted", "the adaptation is left out", f"{PREDICTIONS}:PredictionQuantities.gap",
          Edit("self.laws, self._after, self._comparator",
               "self.laws, [self._before] * len(self.laws), self._comparator"),
          BY_HAND),
    fault("bregman-at-the-rival", "a derivative at another point", f"{PREDICTIONS}:PredictionQuantities._divergences",
          Edit("loss.bregman(m, z[x], h[x], y)", "loss.bregman(m, h[x], z[x], y)"), engines()),
    fault("bregman-swapped-back", "a sign error", f"{PREDICTIONS}:PredictionQuantities.bregman_swapped",
          Edit("- self.bregman", "+ self.bregman"), engines()),
    fault("curvature-at-the-rival", "a derivative at another point",
          f"{PREDICTIONS}:PredictionQuantities.strong_convexity_adapted", Edit("d2(Balls, z, y) for _, _, z, _, y",
          "d2(Balls, h, y) for _, _, _, h, y"), engines()),
    fault("curvature-of-one-end", "an end of an interval is left out",
          f"{PREDICTIONS}:PredictionQuantities.strong_convexity", Edit("least_curvature(z, h, y)",
          "least_curvature(z, z, y)"), engines()),
    fault("trivial-unadapted", "the adaptation is left out", f"{PREDICTIONS}:PredictionQuantities.trivial",
          Edit("self.level", "self._objective([self._before] * len(self.laws))"),
          suite("test_refined:test_against_what_interpolates_the_smallest_is_what_a_loss_above_0_says",
                family="meta-sl")),
    fault("convex-whatever", "margins ignored", f"{PREDICTIONS}:PredictionQuantities.margin_outer_convexity",
          then(lambda margin: arb(1)), MARGINS),
    fault("structural-whatever", "margins ignored", f"{PREDICTIONS}:PredictionQuantities._structural",
          then(lambda margin: arb(1)), OUTSIDE),
    # --- norms and infima of the core ---
    fault("weight-norm-without-masses", "masses are left out", f"{CORE}:CoreQuantities.weight_norm",
          Edit("(1 / mass, w)", "(1, w)"), engines()),
    fault("displacement-without-masses", "masses are left out", f"{CORE}:CoreQuantities.function_displacement",
          Edit("zip(self._masses, self._u, strict=True)", "((1, u) for u in self._u)"), engines()),
    fault("root-sum-bare", DROPPED, f"{CORE}:CoreQuantities._root_sum", then(bare),
          suite("test_supervised_by_hand:test_norms_contain_the_exact_value", name="weight_norm")),
    fault("misfit-free", "misfit of a ball with the wrong radius", f"{CORE}:CoreQuantities._misfit",
          Edit("size if size.is_finite() else None", "None"), engines()),
    fault("misfit-of-twice-the-ball", "misfit of a ball with the wrong radius", f"{CORE}:CoreQuantities._misfit",
          Edit("size if size.is_finite()", "2 * size if size.is_finite()"), engines()),
    fault("radius-rounded", "exact rationals replaced by float64", f"{CORE}:CoreQuantities.radius",
          then(lambda r: arb(float(r.mid())) if isinstance(r, arb) else r),
          suite("test_supervised_by_hand:test_norms_contain_the_exact_value", name="radius")),
    fault("eps-of-the-largest-entry", "a norm for another", f"{CORE}:CoreQuantities.eps",
          Around(lambda right: lambda self: max(map(abs, self._gradient))), engines()),
    fault("l1-without-eps", "a term is left out", f"{CORE}:CoreQuantities._l1", Edit("misfit_l1(self.eps,",
          "misfit_l1(arb(0),"),
          suite("test_judge:test_the_lifted_bound_is_at_least_the_pairing_and_the_l1_form", examples=12)),
    # --- the mixed form ---
    fault("mixed-weights-overwritten", "a term is left out", f"{TASKS}:TaskQuantities._mixed",
          Edit("self._sum(w for _, w in shares)", "shares[-1][1]"), engines()),
    fault("mixed-without-eta", "a factor is left out", f"{TASKS}:TaskQuantities._mixed_rows",
          Edit("self.problem.paced(ahead).transpose()", "ahead.transpose()"), engines()),
    fault("mixed-target-not-divided", "a factor is left out", f"{MIXED}:MixedQuantities._mixed_target",
          Edit("mixed.target[j] / mixed.weight[j]", "mixed.target[j]"), engines()),
    fault("open-weights-are-0", "undecided is taken for proved", f"{MIXED}:MixedQuantities._vanishing",
          Edit("None if self._exact_mixed is None", "True if self._exact_mixed is None"),
               suite("test_supervised_by_hand:test_an_open_weight_stays_open")),
    fault("numerators-vanish", "margins ignored", f"{MIXED}:MixedQuantities.margin_numerator_vanishes",
          Edit("failed = failed.max(", "failed = arb(0).min("),
               suite("test_supervised_by_hand:test_a_numerator_that_stays_is_outside")),
    fault("exact-atoms-kept-apart", "a term is left out", f"{OWN}:_canonical_atoms",
          Edit("atoms[-1].p + atom.p", "atom.p"), suite("test_supervised_by_hand:test_equal_atoms_are_merged")),
    # --- corollaries ---
    fault("remainder-without-half", "a constant is too small", f"{QUANTITIES}:MetaSLQuantities.remainder_constant",
          Edit("self.feature_bound / 2", "self.feature_bound / 4"), CONSTANTS),
    fault("remainder-growth", "a constant is too small", f"{QUANTITIES}:MetaSLQuantities.remainder_constant",
          Edit("fenced(c) ** (k - 1) * sum", "sum"),
          suite("test_corollaries:test_the_remainder_of_several_steps_grows_as_c2_says", steps=3, growth=fmpq(171,
                16))),
    fault("stretch-of-convex", "a constant is too small", f"{QUANTITIES}:MetaSLQuantities._expansion",
          Edit("if not self._loss.profile.convex", "if False"),
          suite("test_corollaries:test_many_steps_of_a_loss_that_is_not_convex_stretch_further")),
    fault("jacobian-deviation", "a constant is too small", f"{QUANTITIES}:MetaSLQuantities.jacobian_deviation",
          Edit("return step * sum", "return step / 2 * sum"), CONSTANTS),
    fault("implicit-deviation", "a constant is too small", f"{QUANTITIES}:MetaSLQuantities.jacobian_deviation",
          Edit("return a / (1 + a)", "return a / (1 + a) / 2"), CONSTANTS),
    fault("feature-bound-of-the-last", "a term is left out", f"{QUANTITIES}:MetaSLQuantities._longest",
          Edit("largest = largest.max(norm(rows[x]))", "largest = norm(rows[x])"), CONSTANTS),
    fault("small-step-too-generous", "a margin is too large", f"{QUANTITIES}:small_step_margin",
          Edit("- bend)\n", ")\n"), suite("test_corollaries:test_the_thresholds_of_the_data_free_convexity",
                                        loss="logistic", threshold=0.479)),
    fault("smoothness-without-bend", "a term is left out", f"{QUANTITIES}:MetaSLQuantities._smoothness",
          Edit("self._rate * bend *", "0 * bend *"), CONSTANTS),
    fault("descent-step-too-long", "a constant is too small", f"{QUANTITIES}:MetaSLQuantities.descent",
          Edit("(1 / self.smoothness)", "(4 / self.smoothness)"), CONSTANTS),
    fault("jacobian-min-of-0", "undecided is taken for proved", f"{QUANTITIES}:MetaSLQuantities.jacobian_min",
          Edit("return arb(0) if singular else smallest", "return arb(1) if singular else smallest"), OUTSIDE),
    fault("joints-of-the-end-alone", "margins ignored", f"{FEATURES}:FeatureQuantities.margin_joints",
          Edit("self._joint_margin(laws, self._iterates) if adaptation.eta != 0 else arb(1)", "arb(1)"), MARGINS),
    fault("joints-of-an-implicit-start", "margins ignored", f"{FEATURES}:FeatureQuantities.margin_joints",
          Edit("[[z] for z in self._after]", "[[self._before]] * len(self._after)"),
          suite("test_supervised_by_hand:test_an_implicit_step_is_differentiable_where_it_does_not_end_on_a_joint",
                omega=2, verdict=Verdict.OUTSIDE)),
    fault("rank-of-more-points", "margins ignored", f"{QUANTITIES}:MetaSLQuantities.margin_full_row_rank",
          Edit("return arb(-1)", "return arb(1)"), MARGINS),
)  # fmt: skip
