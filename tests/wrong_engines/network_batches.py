"""Wrong batches of two-layer networks: what is open at a kink is decided, spectra and counts that enclose nothing."""

from __future__ import annotations

from .batches import DUALS, FORGOTTEN, LINEAR, OPEN, SLOPE
from .planting import Around, Edit, Fault, Value, suite

ELEMENTARY = "metagap.impl.elementary"
ROOM = "metagap.impl.supervised.enclosed"
QUANTITIES, TAYLOR = (f"{ROOM}.networks.{name}" for name in ("quantities", "taylor"))
COMMON = f"{ROOM}.core:CoreEnclosed"
NETWORK, RELU = (f"{QUANTITIES}:Enclosed{name}Quantities" for name in ("Network", "Relu"))


def contain(family: str = "smooth-network", name: str = "arbitrary", variant: str = "log-cosh") -> object:
    where = "test_network_batch_judge:test_quantities_contain_those_of_balls"
    return suite(where, family=family, name=name, variant=variant)


def noticed(name: str, **given: object) -> object:
    return suite(f"test_network_batch_judge:{name}", **given)


STEPS = noticed("test_steps_are_known_where_a_number_has_a_sign")
LARGEST = noticed("test_largest_eigenvalues_contain_those_of_balls")
POOR = suite("test_network_batch_judge:test_poor_eigenvectors_only_widen")
COUNTS = noticed("test_counts_lie_between_those_of_the_ends")
KINKS = noticed("test_kinks_are_left_to_balls")
NO_MASS = noticed("test_kinks_where_no_mass_is_are_no_kinks")
SHORT = suite("test_enclosed:test_shortest_solutions_contain_those_of_rationals")
RANK = noticed("test_rank_is_decided_with_no_mass_left_in")


def fault(name: str, kind: str, place: str, wrong: Around | Edit | Value, guard: object) -> Fault:
    return Fault(f"network-batch-{name}", kind, place, wrong, guard)  # type: ignore[arg-type]


END, LEFT_OUT = "an end is not proved", "a term is left out"

NETWORK_BATCHES = (
    # --- numbers ---
    fault("step-at-the-middle", OPEN, f"{ELEMENTARY}:MidRads.step",
          Edit("t.low > 0, t.high <= 0", "t.mid > 0, t.mid <= 0"), STEPS),
    fault("step-of-anything", "an infinite enclosure decides", f"{ELEMENTARY}:MidRads.step",
          Edit(" + nothing", ""), STEPS),
    fault("positive-bare", FORGOTTEN, f"{ELEMENTARY}:MidRads.positive",
          Edit("np.where(below, 0.0, t.rad)", "0.0"), STEPS),
    fault("positive-of-minus-infinity", "an infinite enclosure decides", f"{ELEMENTARY}:MidRads.positive",
          Edit(" + 0 * t.mid", ""), STEPS),
    fault("slope-of-a-step", OPEN, f"{DUALS}:Duals.step", Edit("np.nan", "0.0"), STEPS),
    fault("slope-of-positive", SLOPE, f"{DUALS}:Duals.positive",
          Edit("HULL", "1.0"), STEPS),
    fault("smaller-is-larger", END, f"{ELEMENTARY}:MidRads.minimum", Edit("-cls.maximum(-a, -b)", "cls.maximum(a, b)"),
          contain()),
    # --- spectra ---
    fault("eigenvectors-taken-for-orthogonal", END, f"{LINEAR}:largest_eigenvalue",
          Edit("share = MidRad(apart)", "share = 0 * MidRad(apart)"), POOR),
    fault("eigenvectors-of-nothing", OPEN, f"{LINEAR}:largest_eigenvalue",
          Edit("np.where(share < 1, share, np.nan)", "np.where(share < 1, share, 0.0)"), POOR),
    fault("largest-of-the-diagonal", END, f"{LINEAR}:largest_eigenvalue",
          Edit("MidRad(size).sum(-1).high.max(-1)", "size[..., range(size.shape[-1]), range(size.shape[-1])].max(-1)"),
          POOR),
    fault("lower-end-is-the-upper", END, f"{LINEAR}:largest_eigenvalue",
          Edit("np.where(bottom > 0, bottom, 0.0), top.high", "top.high, top.high"), POOR),
    fault("spectrum-not-rooted", LEFT_OUT, f"{NETWORK}.error_operator",
          Edit("MidRads.sqrt(largest_eigenvalue(rows @ rows.swapaxes(1, 2)))",
               "largest_eigenvalue(rows @ rows.swapaxes(1, 2))"), contain()),
    fault("spectrum-without-masses", "masses are left out", f"{NETWORK}.error_operator",
          Edit("root[..., None] * self._feature_change", "self._feature_change"), contain()),
    fault("rank-with-massless-rows", "masses are left out", f"{COMMON}._rows",
          Edit("used[..., None], rows, 0.0", "used[..., None] | True, rows, 0.0"), RANK),
    fault("rank-of-what-has-no-mass", LEFT_OUT, f"{COMMON}._fitting", Edit("argsort(~used", "argsort(used"), RANK),
    fault("condition-of-one-side", LEFT_OUT, f"{COMMON}.condition",
          Edit("largest_eigenvalue(rows @ rows.swapaxes(1, 2)) / least**2", "1 / least**2"), RANK),
    fault("shortest-without-its-residual", END, f"{LINEAR}:shortest",
          Edit("norm(v) + norm(target - applied(rows, v)) / least", "norm(v)"), SHORT),
    fault("shortest-by-any-weights", END, f"{LINEAR}:shortest",
          Edit("/ norm(applied(rows.swapaxes(-1, -2), p))", "/ norm(v)"), SHORT),
    fault("rank-of-what-is-near", OPEN, f"{LINEAR}:right_inverse",
          Edit("np.where(share < 1, share, np.nan)", "0.0 * share"), SHORT),
    # --- grad L ---
    fault("steps-without-decay", LEFT_OUT, f"{TAYLOR}:gradient", Edit("if batch.decay is not None:", "if False:"),
          contain("smooth-network", "rates", "logistic")),
    fault("steps-at-one-rate", LEFT_OUT, f"{TAYLOR}:gradient", Edit("if batch.rates is None else", "if True else"),
          contain("smooth-network", "rates", "logistic")),
    fault("inner-law-is-the-outer", "one law for another", f"{TAYLOR}:gradient",
          Edit("if batch.support_masses is not None:", "if False:"),
          contain("smooth-network", "support-query", "huber")),
    fault("steps-stand-still", LEFT_OUT, f"{TAYLOR}:gradient", Edit("pull = pull - rate * change", "pull = pull"),
          contain()),
    fault("components-apart", LEFT_OUT, f"{TAYLOR}:_risk_gradient", Edit("enumerate(sums)", "enumerate(sums[:1])"),
          contain("smooth-network", "vector-outputs", "softmax")),
    # --- kinks ---
    fault("kinks-forgotten", OPEN, f"{RELU}.margin_differentiability", Edit("least = least.min(", "least = least.max("),
          KINKS),
    fault("kinks-of-all-tasks", END, f"{RELU}.margin_differentiability",
          Edit("law.any(3) & self._moving[:, None]", "law.any((1, 3))[:, None] & self._moving[:, None]"), NO_MASS),
    fault("kinks-of-queries-before-steps", END, f"{RELU}.margin_differentiability",
          Edit("(inner_law(batch)[1] > 0)", "((inner_law(batch)[1] > 0) | (batch.masses > 0))"), NO_MASS),
    fault("kinks-of-weighted-tasks", LEFT_OUT, f"{RELU}.margin_differentiability",
          Edit("laws = [first,", "laws = [inner.any(1, keepdims=True),"), NO_MASS),
    fault("inputs-that-are-0", "wrong broadcasting", f"{RELU}._drive",
          Edit("super()._drive(weights), 0.0)", "super()._drive(weights), 1.0)"),
          noticed("test_inputs_that_are_0_drive_no_neuron")),
    # --- errors ---
    fault("counts-of-the-middle", END, f"{RELU}._counts", Edit("(low > most.high", "(high > most.low"), COUNTS),
    fault("counts-of-sizes", "a number for its square", f"{RELU}._counts", Edit("** power, 2)", ", 2)"), COUNTS),
    fault("worst-of-all-signs", END, f"{RELU}.linearisation_worst",
          Edit("np.where(own, end[:, :, None], np.inf)", "end[:, :, None] + 0 * own"),
          contain("network", "arbitrary", "logistic")),
    fault("worst-of-the-largest", END, f"{RELU}.linearisation_worst",
          Edit("np.sort(end, axis=3)", "end"), contain("network", "arbitrary", "logistic")),
    fault("nearness-not-scaled", LEFT_OUT, f"{RELU}._nearness", Edit("near / MidRads.where(", "near * MidRads.where("),
          contain("network", "arbitrary", "logistic")),
    fault("slowest-is-fastest", "a constant is too small", f"{NETWORK}._slowest_and_fastest",
          Edit("MidRad(low), MidRad(high)", "MidRad(low), MidRad(low)"),
          contain("smooth-network", "rates", "logistic")),
)  # fmt: skip
