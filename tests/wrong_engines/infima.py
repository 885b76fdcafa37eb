"""Wrong infima: upper ends taken for both, multipliers without residuals, singular values without proof."""

from __future__ import annotations

from typing import Any

from .numbers import DROPPED, bare
from .planting import Around, Edit, Fault, suite

INFIMUM, SINGULAR, SPAN = "metagap.impl.balls.infimum", "metagap.impl.balls.singular", "metagap.impl.balls.span"
PATH = "metagap.impl.balls.l1_path"
ATTAINED = suite("test_infimum:test_the_ball_infimum_is_narrow_and_attained", examples=30)
BY_HAND = suite("test_infimum:test_infima_in_closed_form_are_contained", bits=128)
POOR = suite("test_infimum:test_poor_proposals_only_widen_the_infimum", share="1/8")
POOR_VECTORS = suite("test_singular:test_poor_proposals_only_widen_singular_values")
BY_HAND_L1 = suite("test_infimum:test_l1_infima_in_closed_form_are_contained")
MEETING = suite("test_infimum:test_the_l1_infimum_is_narrow_where_all_constraints_meet", seed=1, bits=320)
SMALLEST = suite("test_singular:test_singular_values_in_closed_form_are_contained")
SPANS = suite("test_singular:test_coordinates_of_a_span_have_the_inner_products")


def infimum(name: str, kind: str, where: str, wrong: Around | Edit, guard: Any) -> Fault:
    return Fault(name, kind, f"{INFIMUM}:{where}", wrong, guard)


INFIMA = (
    infimum("lower-end-from-the-upper", "the infimum's lower end taken from its upper", "misfit",
            Edit("low.lower().min(upper.lower()).union(upper)", "upper"), BY_HAND),
    infimum("upper-end-from-the-lower", "the infimum's upper end taken from its lower", "misfit",
            Edit("low.lower().min(upper.lower()).union(upper), feasible", "low, feasible"), BY_HAND),
    infimum("misfit-bare", DROPPED, "misfit",
            Around(lambda right: lambda *given: type(found := right(*given))(bare(found.value), found.direction)),
                   BY_HAND),
    infimum("multiplier-without-residual", "a proposal is trusted", "misfit",
            Edit("(size - square(radius)) - _squares(slack.entries()) / multiplier", "(size - square(radius))"), POOR),
    infimum("radius-not-squared", "misfit of a ball with the wrong radius", "misfit",
            Edit("(size - square(radius))", "(size - radius)"), BY_HAND),
    infimum("half-the-ball", "misfit of a ball with the wrong radius", "_shrink", Edit("size <= radius",
            "size <= radius / 2"),
            BY_HAND),
    infimum("not-shrunk", "misfit of a ball with the wrong radius", "_shrink", Edit("if size <= radius:", "if True:"),
            ATTAINED),
    infimum("length-without-features", "a triangle inequality the wrong way", "misfit",
            Edit("_weighted_norm(target, masses) - radius * root(trace)", "_weighted_norm(target, masses)"), BY_HAND),
    infimum("masses-forgotten", "masses are left out", "misfit",
            Edit("at = _squares(residuals(rows, target, v), masses)", "at = _squares(residuals(rows, target, v))"),
            BY_HAND),
    infimum("masses-forgotten-in-the-matrix", "masses are left out", "misfit", Edit("[m * a for m, row",
            "[a for m, row"),
            BY_HAND),
    infimum("residuals-with-a-plus", "a sign error", "residuals", Edit("u - a for", "u + a for"), BY_HAND),
    infimum("l1-beyond-the-ray", "a proposal is poor", "_ray", Edit("(low + high) / 2", "2 * high"),
            suite("test_infimum:test_no_descent_where_all_signs_are_one", target=("2", "-1"))),
    infimum("l1-ray-turned", "a sign error", "_ray", Edit("if slope > 0", "if slope < 0"),
            suite("test_infimum:test_no_descent_where_all_signs_are_one", target=("3", "-1/2"))),
    infimum("l1-ray-with-quotients", "a proposal is poor", "_ray", Edit("<= few * abs(c) else c", "< 0 else c"),
            suite("test_infimum:test_no_descent_where_all_signs_are_one", target=("3", "-1/2"))),
    infimum("l1-ray-of-many-digits", "a proposal is poor", "_ray", Edit("short if low <= short <= high else t", "t"),
            suite("test_infimum:test_no_descent_where_all_signs_are_one", target=("3", "-1/2"))),
    infimum("l1-upper-without-eps", "a term is left out", "_l1_value", Edit("total = eps * norm(v.entries())",
            "total = arb(0)"),
            BY_HAND_L1),
    infimum("l1-dual-not-scaled", "a proposal is trusted", "_dual_value", Edit("scale = 1 / largest", "scale = arb(1)"),
            suite("test_infimum:test_a_dual_that_is_too_large_is_scaled")),
    infimum("l1-dual-too-steep", "a proposal is trusted", "_dual_value",
            Edit("scale = scale * limit / pull if limit > 0 else arb(0)", "pass"), BY_HAND_L1),
    infimum("l1-reach-halved", "a radius is too small", "_reach", Edit("(total / least)",
            "(total / least / 2**20)"),
            BY_HAND_L1),
    infimum("l1-path-never-followed", "a search that ends too early", "misfit_l1",
            Edit("if _apart(eps, rows, target, found, duals, ctx.prec // 3):", "if False:"), MEETING),
    infimum("l1-path-for-nothing", "a search that does not end", "_apart",
            Edit("return not wide <= 16 * _blur(eps, rows, target, found, duals)", "return True"),
            suite("test_infimum:test_the_central_path_is_not_followed_for_what_the_data_leave_open")),
    Fault("l1-path-ends-early", "a search that ends too early", f"{PATH}:_Path.follow",
          Edit("arb(2) ** -bits", "arb(2) ** -8"), MEETING),
    Fault("l1-path-to-first-order", "a search that does not end", f"{PATH}:_Path._step",
          Edit("_dot(by.turned, by.turned) / 2", "_dot(by.turned, by.turned) * 0"),
          suite("test_infimum:test_the_central_path_takes_few_steps")),
    Fault("l1-path-of-squares-that-overflow", "a search that does not end", f"{PATH}:_independent",
          Edit("table / size", "table"), suite("test_infimum:test_directions_of_any_size_are_told_apart")),
    Fault("l1-path-never-says-what-vanishes", "a search that does not end", f"{PATH}:vanishing",
          Edit("< (1 - abs(p[j])) * total", "< 0"),
          suite("test_infimum:test_where_the_path_leads_is_told_before_its_end")),
    Fault("positive-definite-without-pivots", "a proof is skipped", f"{SINGULAR}:positive_definite",
          Edit("return False", "pass"), SMALLEST),
    Fault("positive-definite-of-an-open-pivot", "undecided is taken for proved", f"{SINGULAR}:positive_definite",
          Edit("if not pivot > 0:", "if pivot <= 0:"), suite("test_singular:test_an_open_pivot_proves_nothing")),
    Fault("positive-definite-without-shift", "a term is left out", f"{SINGULAR}:positive_definite",
          Edit("(shift if i == j else 0)", "0"), SMALLEST),
    Fault("smallest-without-lower-end", "the infimum's lower end taken from its upper",
          f"{SINGULAR}:smallest_singular_value", Edit("return root(candidate).union(upper)", "return upper"),
          POOR_VECTORS),
    Fault("smallest-of-nothing", "the infimum's lower end taken from its upper", f"{SINGULAR}:smallest_singular_value",
          Edit("return arb(0).union(upper)", "return upper"), SMALLEST),
    Fault("smallest-candidate-not-proved", "a proof is skipped", f"{SINGULAR}:smallest_singular_value",
          Edit("and positive_definite(gram, candidate)", ""), SMALLEST),
    Fault("singular-proposal-not-proved", "a proof is skipped", f"{SINGULAR}:singular_above",
          Edit("and positive_definite(matrix.transpose() * matrix, proposed * proposed)", ""),
          suite("test_singular:test_singular_values_in_closed_form_are_contained")),
    Fault("smallest-of-nan", "a ball that is not a number is taken for one", f"{SINGULAR}:smallest_singular_value",
          Edit('return arb("nan")', "return arb(1)"), suite("test_singular:test_an_open_pivot_proves_nothing")),
    Fault("largest-candidate-not-proved", "a proof is skipped", f"{SINGULAR}:largest_eigenvalue",
          Edit("and positive_definite(-gram, -candidate)", ""), POOR_VECTORS),
    Fault("largest-from-below", "the supremum's upper end taken from its lower", f"{SINGULAR}:largest_eigenvalue",
          Edit(".max(arb(0)).union(candidate)", ".max(arb(0))"), SMALLEST),
    Fault("span-drops-a-direction", "a basis with a dropped direction", f"{SPAN}:span",
          Edit("while len(pivots) < count:", "while len(pivots) < count - 1:"), SPANS),
    Fault("span-sign", "a basis with a sign error", f"{SPAN}:span",
          Edit("gram[a, b] - inner[b]", "gram[a, b] + inner[b]"), SPANS),
    Fault("span-without-slack", DROPPED, f"{SPAN}:span",
          Edit("root(arb(diagonal[b].upper())) for b", "arb(0) for b"), SPANS),
    Fault("coordinates-sign", "a basis with a sign error", f"{SPAN}:Span.coordinates",
          Edit("pairings[a] - known", "pairings[a] + known"), SPANS),
    Fault("coefficients-sign", "a basis with a sign error", f"{SPAN}:Span.coefficients",
          Edit("v - alpha * self.rows[a, j]", "v + alpha * self.rows[a, j]"), SPANS),
)  # fmt: skip
