"""Wrong batches of policies: visitations that are not enclosed, derivatives of something else, margins that hold."""

from __future__ import annotations

from .batches import END, FORGOTTEN, LINEAR, OPEN, SLOPE, fault
from .planting import Edit, suite

QUANTITIES, TAYLOR = (f"metagap.impl.policies.enclosed.{name}" for name in ("quantities", "taylor"))
ENCLOSED = f"{QUANTITIES}:EnclosedQuantities"
NETWORK = "metagap.impl.policies.enclosed.networks:EnclosedNetworkQuantities"
TESTS, NETWORKS = "test_meta_rl_batch_judge", "test_meta_rl_network_batch_judge"


def contain(name: str = "arbitrary", variant: str = "kl-step") -> object:
    return suite(f"{TESTS}:test_quantities_contain_those_of_balls", name=name, variant=variant)


def network(name: str = "arbitrary", variant: str = "kl-step", family: str = "meta-rl-network") -> object:
    return suite(f"{NETWORKS}:test_quantities_contain_those_of_balls", family=family, name=name, variant=variant)


VISITS = suite(f"{TESTS}:test_visitations_contain_those_of_rationals", states=5)
WIDE = suite(f"{TESTS}:test_a_chain_enclosed_wide_has_wide_visitations")
MARGINS = suite(f"{TESTS}:test_margins_are_those_of_balls")
REPEATED = suite(f"{TESTS}:test_a_unit_that_comes_twice_is_no_table")
IMPROVED = suite(f"{TESTS}:test_poor_choices_only_widen")
EIGEN = suite(f"{NETWORKS}:test_poor_eigenvectors_only_widen")
KINKS = suite(f"{NETWORKS}:test_kinks_are_left_to_balls")
CURVED = suite(f"{TESTS}:test_curvatures_contain_those_of_series")
PART, TASKS = "a term is left out", "one task for all"

POLICY_BATCHES = (
    # --- visitations ---
    fault("visits-without-an-end", PART, f"{LINEAR}:visitations",
          Edit("pivot = pivot + ahead.sum(-1)", "pivot = ahead.sum(-1)"), VISITS),
    fault("visits-without-shares", PART, f"{LINEAR}:visitations",
          Edit("rest = rest[..., 1:] + share * rest[..., :1]", "rest = rest[..., 1:]"), VISITS),
    fault("visits-not-met-again", PART, f"{LINEAR}:visitations",
          Edit("others[..., 1:, 1:] + share[..., None] * ahead[..., None, :]", "others[..., 1:, 1:]"), VISITS),
    fault("visits-of-the-last-alone", PART, f"{LINEAR}:visitations",
          Edit("(column + found @ ahead[..., None])", "column"), VISITS),
    fault("visits-turned", "a table is transposed", f"{LINEAR}:visitations",
          Edit("found.swapaxes(-1, -2)", "found"), VISITS),
    fault("visits-bare", FORGOTTEN, f"{LINEAR}:visitations",
          Edit("return found.swapaxes(-1, -2)", "return MidRad(found.swapaxes(-1, -2).mid)"), WIDE),
    # --- derivatives ---
    fault("softmax-not-normalised", SLOPE, f"{TAYLOR}:_softmax",
          Edit("powers / _total(powers)", "Dual((powers / _total(powers)).value, powers.slope / _total(powers).value)"),
          contain()),
    fault("values-of-one-step", SLOPE, f"{TAYLOR}:_values",
          Edit("slope = solve @ (policy.slope * q).sum(3)", "slope = (policy.slope * q).sum(3)"), contain()),
    fault("values-stand-still", SLOPE, f"{TAYLOR}:_values",
          Edit("_ahead(batch, slope)", "0 * _ahead(batch, slope)"), contain()),
    fault("rational-step-stands-still", SLOPE, f"{TAYLOR}:_stepped",
          Edit("prior * (1 + q * eta)", "prior * (1 + eta * q.value)"), contain("policies", "rational-step")),
    fault("curves-without-crossed-terms", SLOPE, f"{TAYLOR}:_curves",
          Edit(" + _crossed(policy.slope, at.q.slope)", ""), contain("tangent", "gradient")),
    fault("curves-of-powers", SLOPE, f"{TAYLOR}:_bent",
          Edit(" - policy.value[..., None] * found.sum(3)[:, :, :, None]", ""),
          contain("tangent", "gradient")),
    fault("step-not-followed", SLOPE, f"{TAYLOR}:_moved",
          Edit("+ eta[..., None] * hessians", "+ 0 * hessians"),
          contain("tangent", "gradient")),
    fault("curves-of-linear-energies", SLOPE, f"{TAYLOR}:_bent",
          Edit("if bend is not None:", "if False:"), CURVED),
    fault("line-that-does-not-step", SLOPE, f"{TAYLOR}:curvature", Edit("line + at.q * eta", "line + 0 * at.q.value"),
          CURVED),
    fault("one-sided-product", SLOPE, f"{TAYLOR}:_crossed",
          Edit("a[..., None] * b[..., None, :] + a[..., None, :] * b[..., None]", "2 * a[..., None] * b[..., None, :]"),
          contain("tangent", "gradient")),
    fault("gradient-without-weights", TASKS, f"{TAYLOR}:gradient",
          Edit("(batch.weights[..., None] * own)", "own"), contain()),
    # --- quantities ---
    fault("policy-shares-as-given", "shares are not normalised", f"{QUANTITIES}:enclosed",
          Edit("normalised(value, axes[name]) if name in axes else MidRad(value)", "MidRad(value)"),
          suite(f"{TESTS}:test_shares_are_those_of_the_instance")),
    fault("no-gradient-of-some-choices", OPEN, f"{ENCLOSED}.gradient",
          Edit("self._choices.any((1, 2))", "self._choices.all((1, 2))"),
          suite("test_exact_zeros:test_without_a_choice_there_is_no_gradient", name="meta-rl")),
    fault("choices-by-rewards", "points are left out", f"{ENCLOSED}._choices", Edit("(gains | moves)", "gains"),
          contain()),
    fault("mixture-of-the-first-task", TASKS, f"{ENCLOSED}._mixture", Edit("& ahead).any(1)", "& ahead)[:, 0]"),
          contain()),
    fault("width-of-features", "a constant is too small", f"{ENCLOSED}._half_width",
          Edit("self._largest(steps, (1, 2, 3))", "steps[:, 0, 0, -1]"), contain()),
    fault("spread-on-one-side", "a constant is too small", f"{ENCLOSED}.tabular_norm",
          Edit("self._largest(-self.u, 3)", "0"), contain("tabular")),
    fault("contraction-of-the-first-task", TASKS, f"{ENCLOSED}.contraction_margin",
          Edit("self._largest(MidRads.where(used, self._ahead, 0.0), 1)", "self._ahead[:, 0]"), contain()),
    fault("slope-from-0", SLOPE, f"{ENCLOSED}.slope_to_comparator",
          Edit("(self.batch.rival - self.batch.omega)", "self.batch.rival"), contain()),
    fault("optimum-of-any-policy", END, f"{ENCLOSED}.optimal_return",
          Edit("MidRad.between(value.low, most.high)", "value"), IMPROVED),
    # --- networks ---
    fault("network-energies-without-signs", PART, f"{TAYLOR}:network_energies",
          Edit("(found.slope * output[:, None])", "found.slope"), network()),
    fault("mixed-without-a-comparator", OPEN, f"{ENCLOSED}.__call__",
          Edit("np.isfinite(self.gap.rad)", "True"),
          suite(f"{TESTS}:test_a_comparator_without_a_policy_is_left_to_balls")),
    fault("mixed-of-inputs", PART, "metagap.impl.policies.batch_quantities:BatchQuantities._mixed",
          Edit("self.features.reshape(count, pairs, -1)", "self.rows"), network("interpolating")),
    fault("mixed-of-differences", PART, "metagap.impl.policies.start_quantities:StartQuantities.mixed_misfit_l1",
          Edit("CoreQuantities._l1(self, *", "self._l1(*"), network("interpolating")),
    fault("gates-at-kinks", OPEN, "metagap.impl.elementary:MidRads.step",
          Edit("np.where(up | down, 0.0, 0.5)", "np.where(up | down, 0.0, 0.0)"),
          suite("test_network_batch_judge:test_steps_are_known_where_a_number_has_a_sign")),
    fault("positive-bare", FORGOTTEN, "metagap.impl.elementary:MidRads.positive",
          Edit("t.rad", "0 * t.rad"), suite("test_midrad:test_positive_parts_and_steps_contain")),
    fault("joints-of-the-first-neuron", OPEN, f"{NETWORK}.margin_differentiability",
          Edit("np.where(met[..., None], end, 1.0)", "np.where(met[..., None], end, 1.0)[..., -1:]"), KINKS),
    fault("count-of-the-largest", END, f"{NETWORK}._counted",
          Edit("np.cumsum(np.sort(end, axis=2) ** 2, axis=2)", "np.cumsum(end ** 2, axis=2)"), network()),
    fault("count-in-a-ball-of-its-square", END, f"{NETWORK}._counted",
          Edit("budget = self.displacement_init * self.displacement_init", "budget = self.displacement_init"),
          network()),
    fault("operator-without-masses", PART, f"{NETWORK}.error_operator",
          Edit("root[..., None] * self._feature_change", "self._feature_change"), network()),
    fault("shortest-of-all-rows", PART, f"{NETWORK}._gram_inverse",
          Edit("MidRads.where(self._chosen[..., None] & self._chosen[:, None], inverse(self._gram + unit), 0.0)",
               "inverse(self._gram + unit)"), network("interpolating")),
    fault("shortest-of-features", PART, f"{NETWORK}.min_norm_solution",
          Edit("self._gram_inverse @ aims", "self._gram @ aims"), network("interpolating")),
    fault("choices-as-given", OPEN, f"{NETWORK}._certain_choices",
          Edit("(MidRads.magnitude(chains - chains[:, :, :, :1]).low > 0)",
               "(self.given.transitions != self.given.transitions[:, :, :, :1])"),
          suite(f"{NETWORKS}:test_rows_that_are_equal_once_normalised_are_no_choice")),
    fault("no-choice-is-one", OPEN, f"{NETWORK}._with_choices",
          Edit("MidRads.where(some, ", "MidRads.where(True, "), suite(f"{NETWORKS}:test_one_action_is_no_choice")),
    fault("kinks-farther-than-1", END, f"{NETWORK}.margin_differentiability",
          Edit("np.minimum(end, 1.0)", "end"), suite(f"{NETWORKS}:test_one_action_is_no_choice")),
    fault("open-choices-are-some", PART, f"{NETWORK}._contrasts",
          Edit("(rows * known)", "rows"),
          suite(f"{NETWORKS}:test_rows_that_are_equal_once_normalised_are_no_choice")),
    fault("eigenvector-of-any-length", END, f"{LINEAR}:largest_eigenvalue",
          Edit(" / (v.swapaxes(-1, -2) @ v))", ")"), EIGEN),
    # --- margins ---
    fault("largest-tilt", END, f"{ENCLOSED}.margin_positive_policy",
          Edit("np.inf).min((1, 2, 3))", "-np.inf).max((1, 2, 3))"), MARGINS),
    fault("tilts-of-weight-0", TASKS, f"{ENCLOSED}.margin_positive_policy",
          Edit("np.where(used, end, np.inf)", "end"),
          suite(f"{TESTS}:test_tasks_of_weight_0_leave_nothing_open")),
    fault("any-step-is-myopic", OPEN, f"{ENCLOSED}.margin_no_lookahead",
          Edit(" & (batch.adaptation is not Adaptation.GRADIENT)", ""), MARGINS),
    fault("any-rows-are-units", OPEN, f"{ENCLOSED}.margin_tabular",
          Edit(" & (rows.sum(1) == 1).all(1)", ""), REPEATED),
    fault("several-tasks-are-one", OPEN, f"{ENCLOSED}.margin_single_task", Edit("== 1", ">= 1"), MARGINS),
)  # fmt: skip
