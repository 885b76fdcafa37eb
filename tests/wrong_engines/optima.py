"""Wrong checkers: leaves that are skipped, trees that end early, ends that are trusted, enclosures that are none."""

from __future__ import annotations

from typing import Any

from flint import fmpq
from metagap.impl.losses import Loss
from metagap.impl.supervised.adaptation import Gradient

from .numbers import then
from .planting import Around, Edit, Fault, Value, suite

CHECK, LEAVES, TREE, BOXES = (f"metagap.impl.optimum.{name}" for name in ("check", "leaves", "tree", "boxes"))
ENDS, EXACT, COERCIVE, CERTIFICATE = (
    f"metagap.impl.optimum.{name}" for name in ("ends", "exact", "coercivity", "certificate")
)
PROVER, RELAXED = "metagap.impl.optimum.prover", "metagap.impl.optimum.relaxed"
OPTIMUM, SEARCH, HEADLINE = "metagap.impl.optimum", "metagap.impl.optimum.search", "metagap.impl.optimum.headline"
MIDRAD, FUNCTIONS, RANGES = "metagap.impl.midrad", "metagap.impl.elementary", "metagap.impl.loss_ranges"


def lie(name: str) -> Any:
    return suite("test_checker_by_hand:test_lies_are_rejected", name=name)


def contains(kind: str = "one step") -> Any:
    return suite("test_checker_by_hand:test_enclosures_of_many_boxes_contain", kind=kind)


def below(kind: str = "one step") -> Any:
    return suite("test_checker_by_hand:test_nothing_below_the_lower_end_is_proved", kind=kind)


def floor(kind: str, dimension: int = 3) -> Any:
    return suite("test_convexified:test_floors_of_the_hessian_are_below_it", kind=kind, dimension=dimension)


def sphere(kind: str) -> Any:
    return suite("test_convexified:test_bounds_on_the_sphere_are_below_all_values_and_close", kind=kind)


def midrad(name: str) -> Any:
    return suite("test_midrad:test_arithmetic_contains", name=name, count=1500)


def elementary(name: str) -> Any:
    return suite("test_elementary:test_elementary_functions_contain", name=name, count=1500)


MINIMUM = suite("test_checker_by_hand:test_boxes_with_a_minimum_are_not_without_one", kind="one step")
DEFINITE = suite("test_checker_by_hand:test_definite_is_proved_of_definite_matrices_alone")
COVER = suite("test_checker_by_hand:test_the_leaves_of_a_tree_cover_the_cube")
FLAT = suite("test_convexified:test_what_is_not_convex_is_not_proved")
BUMP = suite("test_convexified:test_bounds_by_hand", step=fmpq(1, 2), centre=fmpq(37, 64), width=4, loss=0.7)
BENT = suite("test_convexified:test_bounds_by_hand", step=fmpq(1), centre=fmpq(1), width=6, loss=0.0)
CHORD = suite("test_convexified:test_a_saddle_on_the_sphere_by_hand")
PROXIMAL = suite("test_checker_by_hand:test_the_proximal_point_of_boxes_is_enclosed")
BALL = suite("test_floors_by_hand:test_the_coercive_ball_by_hand")
GROWTH = suite("test_losses:test_losses_of_linear_growth_are_known", loss=Loss("huber", fmpq(1)))
FLOORS = suite("test_floors_by_hand:test_bounds_without_a_search_by_hand")
ENDED = suite("test_optimum_check:test_floors_are_proved_and_no_others", loss="log-cosh")
BEST = suite(
    "test_optimum_check:test_exact_ends_are_proved_and_no_others", adaptation=Gradient(fmpq(1, 4)), dimension=2
)
SUMS = suite("test_midrad:test_sums_and_products_contain", count=1500)
MANY = suite("test_checker_by_hand:test_a_line_of_minimisers_is_not_proved_away")
ONE_LEAF = suite("test_checker_by_hand:test_the_lower_end_alone_makes_a_lie_of_one_leaf", leaf=b"n")
SLOPE = suite("test_checker_by_hand:test_convex_leaves_fall_with_the_slope")
EVERYWHERE = suite("test_floors_by_hand:test_a_ball_is_not_all_parameters")
OTHER = suite("test_floors_by_hand:test_the_exact_end_is_of_the_squared_loss_alone")
POOR = suite("test_floors_by_hand:test_poor_proposals_only_lower_the_floors")
MIDRAD_ENDS = suite("test_midrad:test_ends_contain", count=1500)
MIDRAD_JOINTS = suite("test_midrad:test_joints_contain", name="inside", count=1500)
RANGE = suite("test_loss_ranges:test_ranges_of_losses_contain_and_are_sharp", name="log-cosh")


def fault(name: str, kind: str, place: str, wrong: Around | Edit | Value, guard: Any) -> Fault:
    return Fault(f"opt-{name}", kind, place, wrong, guard)


OPTIMUM_FAULTS = (
    # --- the checker ---
    fault("leaves-skipped", "a checker that skips a leaf", f"{CHECK}:Checker._part",
          Edit("left = few + rest", "left = few[:0]"), ONE_LEAF),
    fault("leaves-after-the-first-skipped", "a checker that skips a leaf", f"{CHECK}:Checker._part",
          Edit("left = few + rest", "left = few"), lie("a lower end above the minimum")),
    fault("leaves-tried-skipped", "a checker that skips a leaf", f"{CHECK}:Checker._part",
          Edit("left = few + rest", "left = rest"), ONE_LEAF),
    fault("batch-taken-for-proved", "a checker that skips a leaf", f"{CHECK}:Checker._many",
          Edit("left[usable[proved]] = False", "left[usable] = False"), ONE_LEAF),
    fault("balls-taken-for-proved", "a checker that skips a leaf", f"{CHECK}:Checker._in_balls",
          Edit("left[leaf] = not self._proved(*part.box(leaf), int(part.letter[leaf]))", "left[leaf] = False"),
          ONE_LEAF),
    fault("tree-skipped", "a checker that skips a leaf", f"{CHECK}:Checker._lower_end", Edit("self._tree()", "pass"),
          ONE_LEAF),
    fault("truncated-tree", "a checker that accepts a truncated tree", f"{TREE}:leaves",
          Edit('raise TreeError("the tree ends before it covers the ball")', "pass"), lie("a truncated tree")),
    fault("unknown-leaves", "a checker that accepts a truncated tree", f"{TREE}:leaves", Edit("if len(strange):",
          "if False:"), lie("an unknown leaf")),
    fault("second-child-lost", "a checker that skips a leaf", f"{TREE}:_halved",
          Edit("2 * m[axis, rows] - 1, 2 * m[axis, rows] + 1", "2 * m[axis, rows] - 1, 2 * m[axis, rows] - 1"), COVER),
    fault("rounded-halves-exact", "exact rationals replaced by float64", f"{TREE}:Leaves.floats",
          Edit("if not odd or rational(width) != self.root:", "if not odd:"), COVER),
    fault("halves-of-halves", "a box of the wrong size", f"{TREE}:Leaves.box", Edit("2 ** int(level)",
          "2 ** (int(level) + 1)"), COVER),
    fault("halves-in-float64", "a box of the wrong size", f"{TREE}:Leaves.floats",
          Edit("return np.ldexp(width * self.m, -self.level), half, exact",
               "return np.ldexp(width * self.m, -self.level), half / 2, exact"), COVER),
    fault("cube-ignored", "a checker that ignores the ball", f"{CHECK}:Checker._coercive",
          Edit("if certificate.half < self.ball:", "if False:"), lie("half of the cube")),
    fault("radius-ignored", "a checker that ignores the ball", f"{CHECK}:Checker._claims",
          Edit("if certificate.radius is not None and certificate.radius != self.ball:", "if False:"),
               lie("a ball that is not the radius")),
    fault("coercivity-ignored", "a checker that ignores the ball", f"{CHECK}:Checker._coercive",
          Edit("if needed > self.ball:", "if False:"), EVERYWHERE),
    fault("upper-trusted", "a checker that trusts upper", f"{CHECK}:Checker._claims",
          Edit("if not self.value <= arb(rational(certificate.upper)):", "if False:"),
               lie("an upper end below the value")),
    fault("upper-not-refuted", "undecided is taken for proved", f"{CHECK}:Checker._claims",
          Edit("if not self.value <= arb(rational(certificate.upper)):",
               "if arb(rational(certificate.upper)) + 1e-3 < self.value:"), lie("an upper end below the value")),
    fault("point-outside", "a checker that ignores the ball", f"{CHECK}:Checker._claims",
          Edit("if self.size > self.ball * self.ball:", "if False:"), lie("a point outside")),
    fault("lower-from-the-side", "a checker that uses natural < lower", f"{CHECK}:Checker._proved",
          Edit("box.natural >= self.lower or box.mean_value >= self.lower",
               "not box.natural < self.lower - 1e-2 or box.mean_value >= self.lower"),
               lie("a lower end just above the minimum")),
    fault("depth-is-proof", "a checker that skips a leaf", f"{CHECK}:Checker._part",
          Edit('raise _RejectedError(f"lower', 'str(f"lower'), ONE_LEAF),
    fault("many-boxes-are-proof", "a checker that skips a leaf", f"{CHECK}:Checker._part",
          Edit("break", "return"), MANY),
    fault("out-of-time-accepts", "a checker that skips a leaf", f"{CHECK}:Checker.run",
          Edit("return Check(False, str(error), self.boxes, self.extra)",
               "return Check(True, str(error), self.boxes, self.extra)"),
          suite("test_optimum_check:test_a_deadline_that_is_over_accepts_nothing")),
    fault("one-half-proved", "a checker that skips a leaf", f"{TREE}:Leaves.halved",
          Edit("np.concatenate([self.letter, self.letter]))",
               "np.concatenate([self.letter, self.letter]))[: len(axis)]"), ONE_LEAF),
    fault("any-slope-is-enough", "a proof is skipped", f"{CHECK}:Checker._not_stationary",
          Edit("if not any(g > 0 or g < 0 for g in gradient):", "if False:"), MINIMUM),
    fault("sphere-is-open", "a checker that ignores the ball", f"{CHECK}:Checker._not_stationary",
          Edit("if far < self.ball * self.ball:", "if True:"), MINIMUM),
    fault("convex-without-hessian", "a proof is skipped", f"{CHECK}:Checker._convex",
          Edit("return positive_definite(hessian, -self.multiplier)", "return True"), below("a large step")),
    fault("convex-without-slope", "a term is left out", f"{CHECK}:Checker._convex",
          Edit("bound += g * (away + (-arb(r)).union(arb(r)))", "pass"), SLOPE),
    # --- boxes in balls ---
    fault("box-rows-bare", "an enclosure's radius is dropped", f"{BOXES}:Box._around", Edit("a + b for a, b",
          "a for a, b"), contains()),
    fault("box-rows-sign", "a sign error", f"{BOXES}:Box._steps", Edit("int(i == j) - rate", "int(i == j) + rate"),
          contains()),
    fault("box-centre-unadapted", "the adaptation is left out", f"{BOXES}:Box._steps", Edit("a - rate * b for",
          "a for"), contains()),
    fault("box-mean-value-of-the-centre", "an enclosure's radius is dropped", f"{BOXES}:Box.mean_value",
          Edit("return self.at_centre + dot", "return self.at_centre + 0 * dot"), contains("two steps")),
    fault("box-gradient-of-the-centre", "an enclosure's radius is dropped", f"{BOXES}:Box.gradient",
          Edit("sums(task.outer, 1, reach.over)", "point_sums(task.outer, 1, reach.centre)"), contains("two steps")),
    fault("box-natural-of-the-centre", "an enclosure's radius is dropped", f"{BOXES}:Box.natural",
          Edit("task.least(reach.over)", "task.least(reach.centre)"), contains()),
    fault("box-least-of-the-upper-end", "lower and upper end swapped", f"{BOXES}:TaskModel.least",
          Edit("loss.range(0, z[x], y).lower()", "loss.range(0, z[x], y).upper()"), contains()),
    fault("box-proximal-without-residual", "the proximal enclosure without its residual radius",
          f"{BOXES}:TaskModel.proximal", Edit("radius = norm(residual.entries()).upper()", "radius = arb(0)"),
          suite("test_checker_by_hand:test_proximal_predictions_of_the_checker_are_enclosed")),
    fault("box-proximal-moves-less", "a radius is too small", f"{BOXES}:Box._proximal",
          Edit("(-(size * move)).union(size * move)", "0 * size"), contains("the proximal step")),
    # --- boxes in midpoint-radius numbers ---
    fault("boxes-fall-bare", "an enclosure's radius is dropped", f"{LEAVES}:Boxes._fall", Edit("return (rows",
          "return 0 * (rows"), contains()),
    fault("boxes-fall-of-one", "a term is left out", f"{LEAVES}:Boxes._fall", Edit("(rows.size * self.r).sum(-2)",
          "(rows.size * self.r).max(-2)"), contains()),
    fault("boxes-factor-plus", "a sign error", f"{LEAVES}:Boxes.reach", Edit("factor = unit - table.pull",
          "factor = unit + table.pull"), contains()),
    fault("boxes-one-step", "a step is left out", f"{LEAVES}:Boxes.reach", Edit("for _ in range(table.model.steps):",
          "for _ in range(1):"), contains("two steps")),
    fault("boxes-bend-left-out", "a term is left out", f"{LEAVES}:Boxes.hessian", Edit("return curved + contract",
          "return curved + 0 * contract"), contains("two steps")),
    fault("boxes-natural-unweighted", "task weights are left out", f"{LEAVES}:Boxes.natural",
          Edit("* self.table.weighted", "* self.table.masses"), contains()),
    fault("boxes-natural-of-the-top", "lower and upper end swapped", f"{LEAVES}:Boxes.natural",
          Edit("least, _ = self.table", "_, least = self.table"), contains()),
    fault("boxes-mean-value-above", "lower and upper end swapped", f"{LEAVES}:Boxes.mean_value",
          Edit(".within(self._fall(slopes)).low", ".within(self._fall(slopes)).high"), contains()),
    fault("boxes-proximal-without-residual", "the proximal enclosure without its residual radius",
          f"{LEAVES}:Table.proximal",
          Edit("return z.within((self.lengths.high[..., None] * away[:, None]) * UP + GUARD)", "return z"), PROXIMAL),
    fault("boxes-proximal-unmoved", "a radius is too small", f"{LEAVES}:Boxes._proximal",
          Edit("fall = (lengths * move).high", "fall = 0 * (lengths * move).high"), contains("the proximal step")),
    fault("prover-outside-inside", "a checker that ignores the ball", f"{PROVER}:Prover._outside",
          Edit("> self.without", "> 0.9 * self.without"), below()),
    fault("prover-natural", "a checker that uses natural < lower", f"{PROVER}:Prover._natural",
          Edit("boxes.natural >= self.lower", "boxes.natural < self.lower"), below()),
    fault("prover-mean-value", "a checker that uses natural < lower", f"{PROVER}:Prover._mean_value",
          Edit("boxes.mean_value >= self.lower", "~(boxes.mean_value < self.lower - 1e-9)"), below()),
    fault("prover-slopes-of-any-sign", "a proof is skipped", f"{PROVER}:Prover._not_stationary",
          Edit("return found & (up | down).any(0)", "return found"), MINIMUM),
    fault("prover-sphere-is-open", "a checker that ignores the ball", f"{PROVER}:Prover._not_stationary",
          Edit(".high < self.within", ".high < np.inf"), MINIMUM),
    fault("prover-no-multiplier", "a sign error", f"{PROVER}:Prover._not_stationary",
          Edit("(up & (over.low > 0)) | (down & (over.high < 0))", "(up & (over.high < 0)) | (down & (over.low > 0))"),
               MINIMUM),
    fault("prover-convex-without-hessian", "a proof is skipped", f"{PROVER}:Prover._convex",
          Edit("found[near] = _positive_definite(hessian, self.multiplier)", "pass"), below("a large step")),
    fault("prover-convex-without-tilt", "a term is left out", f"{PROVER}:Prover._convex",
          Edit("(self.base + (self.tilt * away).sum(0)).low", "(self.base + 0 * (self.tilt * away).sum(0)).low"),
               SLOPE),
    fault("definite-without-radius", "an enclosure's radius is dropped", f"{PROVER}:_eliminated",
          Edit("MidRad(matrix.mid) - around *", "MidRad(matrix.mid) - 0 * around *"), DEFINITE),
    fault("definite-of-any-pivot", "a proof is skipped", f"{PROVER}:_eliminated", Edit("found &= pivot.low > 0",
          "found &= pivot.high > 0"), DEFINITE),
    fault("definite-of-the-first-pivot", "a proof is skipped", f"{PROVER}:_eliminated",
          Edit("for _ in range(len(matrix.mid)):", "for _ in range(1):"), DEFINITE),
    # --- convexified leaves ---
    fault("relaxed-without-hessian", "a proof is skipped", f"{PROVER}:Prover._convexified",
          Edit("found &= _positive_definite(scaled, MidRad(0.0))", "pass"), FLAT),
    fault("relaxed-floor-without-spread", "an enclosure's radius is dropped", f"{RELAXED}:hessian_floor",
          Edit("most = MidRad(around.high)", "most = MidRad(0 * around.high)"), BENT),
    fault("relaxed-floor-of-the-top", "lower and upper end swapped", f"{RELAXED}:hessian_floor",
          Edit("drawn)[1]", "drawn)[0]"), floor("three steps", 2)),
    fault("relaxed-adjoint-stays", "a term is left out", f"{RELAXED}:hessian_floor",
          Edit("p = p - reach.bends * drawn", "pass"), floor("three steps", 2)),
    fault("relaxed-rows-sign", "a sign error", f"{RELAXED}:_rows", Edit("unit - pull *", "unit + pull *"),
          floor("two steps")),
    fault("relaxed-shift-for-nothing", "a term is left out", f"{RELAXED}:Relaxed.bound",
          Edit("MidRad(half) * half - MidRad(t) * t", "0 * MidRad(half) - MidRad(t) * t"), BUMP),
    fault("relaxed-slope-left-out", "a term is left out", f"{RELAXED}:Relaxed.bound",
          Edit("MidRad(np.maximum(falls, 0.0)).sum(0)", "MidRad(0.0)"), sphere("one step")),
    fault("relaxed-pull-for-nothing", "a term is left out", f"{RELAXED}:Relaxed.bound",
          Edit("* (self._mu * 0.5)", "* (self._mu * 0.0)"), sphere("three steps")),
    fault("relaxed-chord-for-nothing", "a term is left out", f"{RELAXED}:Relaxed.__init__",
          Edit(" + outwards * self._kappa", ""), CHORD),
    fault("relaxed-in-balls-without-hessian", "a proof is skipped", f"{RELAXED}_box:at_least",
          Edit("if not positive_definite(arb_mat(scaled), arb(0)):", "if False:"), FLAT),
    fault("relaxed-in-balls-floor-without-spread", "an enclosure's radius is dropped", f"{RELAXED}_box:_task_floor",
          Edit("total -= _diagonal(around)", "pass"), BENT),
    fault("relaxed-in-balls-shift-for-nothing", "a term is left out", f"{RELAXED}_box:at_least",
          Edit("(w * w - b * b)", "(-b * b)"), BUMP),
    fault("relaxed-in-balls-chord-for-nothing", "a term is left out", f"{RELAXED}_box:at_least",
          Edit("+ kappa * out[i] * out[j]", ""), CHORD),
    # --- midpoint-radius numbers ---
    fault("midrad-add", "an enclosure's radius is dropped", f"{MIDRAD}:MidRad._moved",
          Edit("size *= U\n", "size *= 0\n"), midrad("add")),
    fault("midrad-mul", "an enclosure's radius is dropped", f"{MIDRAD}:MidRad.__mul__", Edit("total *= U\n",
          "total *= 0\n"), midrad("mul")),
    fault("midrad-mul-one-radius", "a term is left out", f"{MIDRAD}:MidRad.__mul__",
          Edit("self.rad * (np.abs(mid)", "0 * (np.abs(mid)"), midrad("mul")),
    fault("midrad-div", "an enclosure's radius is dropped", f"{MIDRAD}:MidRad.__truediv__",
          Edit("/ least + U * size) * UP + guard", "/ least) * UP + guard"), midrad("div")),
    fault("midrad-div-through-0", "a ball that is not a number is taken for one", f"{MIDRAD}:MidRad.__truediv__",
          Edit("np.where((least > 0) & (least < np.inf), least, np.nan)", "np.abs(least)"), midrad("div")),
    fault("midrad-sum", "an enclosure's radius is dropped", f"{MIDRAD}:MidRad.sum",
          Edit("(spread + U * np.abs(total))", "0 * spread"),
          SUMS),
    fault("midrad-contract", "an enclosure's radius is dropped", f"{MIDRAD}:contract",
          Edit("b_size * ((count + 2) * U)", "b_size * 0"),
          SUMS),
    fault("midrad-low", "outward rounding left out", f"{MIDRAD}:MidRad.low", Edit("end - 4 * U * np.abs(end)", "end"),
          MIDRAD_ENDS),
    fault("midrad-high", "outward rounding left out", f"{MIDRAD}:MidRad.high", Edit("end + 4 * U * np.abs(end)",
          "end"), MIDRAD_ENDS),
    fault("midrad-swapped", "lower and upper end swapped", f"{MIDRAD}:MidRad.low", Edit("self.mid - self.rad",
          "self.mid + self.rad"), MIDRAD_ENDS),
    fault("midrad-corners", "a term is left out", f"{MIDRAD}:product_ends", Edit("for x in (a.low, a.high)",
          "for x in (a.low,)"), MIDRAD_ENDS),
    fault("midrad-numbers", "exact rationals replaced by float64", f"{MIDRAD}:_rounded",
          Edit("return mid, 0.0 if error == 0 else", "return mid, 0.0 if True else"),
          suite("test_midrad:test_numbers_are_rounded_outward")),
    fault("midrad-inside-decided", "a joint is decided", f"{FUNCTIONS}:MidRads.inside",
          Edit("np.where(known, 0.0, 0.5)", "np.where(known, 0.0, 0.0)"), MIDRAD_JOINTS),
    fault("midrad-sign-decided", "a joint is decided", f"{FUNCTIONS}:MidRads.sign",
          Edit("np.where(up | down, 0.0, 1.0)", "0.0"), suite("test_midrad:test_signs_contain")),
    fault("midrad-anything-is-0", "infinite balls are accepted", f"{FUNCTIONS}:_exp",
          Edit("np.where(x > _MOST, np.inf, v)", "v"), elementary("exp")),
    *(fault(f"midrad-{name}-bare", "an enclosure's radius is dropped", f"{FUNCTIONS}:MidRads.{name}",
            Around(lambda right: lambda *given: type(found := right(*given))(found.mid, 0 * found.rad)),
                   elementary(name))
      for name in ("exp", "sqrt", "tanh", "sech", "log_cosh", "softplus", "sigmoid")),
    fault("ranges-turning", "turning points of a loss forgotten in ranges", f"{RANGES}:LossRanges._turning",
          then(lambda turns: []), RANGE),
    fault("ranges-of-an-end", "an end of an interval is left out", f"{RANGES}:LossRanges.over",
          Edit("np.minimum(bottoms[0], bottoms[1])", "bottoms[0]"), RANGE),
    # --- other lower ends ---
    fault("quadratic-end-of-any-point", "a proof is skipped", f"{ENDS}:quadratic_end",
          Edit("if any(v != 0 for v in slope.entries()):", "if False:"), BEST),
    fault("quadratic-end-of-any-value", "a checker that trusts upper", f"{ENDS}:quadratic_end",
          Edit("if value < rational(certificate.lower):", "if False:"), BEST),
    fault("quadratic-end-of-any-loss", "a loss is called what it is not", f"{ENDS}:quadratic_end",
          Edit('if instance.loss.name != "squared":', "if False:"), OTHER),
    fault("floor-of-any-value", "a proof is skipped", f"{ENDS}:floor_end", Edit("if found >= lower:", "if True:"),
          ENDED),
    fault("floor-open", "undecided is taken for proved", f"{ENDS}:floor_end", Edit("if own >= lower:",
          "if not own < lower - 1e-3:"), ENDED),
    fault("floor-of-a-ball-everywhere", "a checker that ignores the ball", f"{ENDS}:_within",
          then(lambda within: True), EVERYWHERE),
    fault("floor-without-weights", "task weights are left out", f"{EXACT}:functional_bound", Edit(
          "arb(task.weight) * least_on_ray", "least_on_ray"), FLOORS),
    fault("ray-value-of-the-middle", "a proposal is trusted", f"{EXACT}:bisected", Edit("for _ in range(200):",
          "for _ in range(3):"), FLOORS),
    fault("ray-of-one-end", "a range is too narrow", f"{EXACT}:least_on_ray",
          Edit("or (falling and not ends[1]) or (rising and not ends[0])", "or falling"), FLOORS),
    fault("own-risk-of-the-point", "a term is left out", f"{EXACT}:own_risk_bound",
          Edit("- inner - reach * norm(slope.entries())", ""), POOR),
    fault("own-risk-unmoved", "the adaptation is left out", f"{EXACT}:_reach", Edit("for _ in range(steps):",
          "for _ in range(0):"), FLOORS),
    fault("polynomial-of-the-ends", "a term is left out", "oracles.polynomials:polynomial_minimum",
          Edit("candidates += [r.max", "[r.max"), FLOORS),
    fault("exact-minimum-of-one-task", "task weights are left out", f"{EXACT}:squared_minimum",
          Edit("(law.weight * p * (y - origin[x]))", "(p * (y - origin[x]))"),
          suite("test_optimum_check:test_exact_ends_are_proved_and_no_others", adaptation=Gradient(fmpq(1, 4)),
                dimension=1)),
    # --- coercivity, certificates, the search ---
    fault("coercive-half", "a coercivity radius halved", f"{COERCIVE}:coercivity_radius",
          then(lambda radius: radius / 2), BALL),
    fault("coercive-without-step", "the adaptation is left out", f"{COERCIVE}:_radius",
          Edit("longest * moved + labels", "labels"), BALL),
    fault("coercive-growth", "a constant is too small", f"{COERCIVE}:linear_growth",
          Edit("return arb(1), arb(2).log()", "return arb(2), arb(2).log()"), BALL),
    fault("coercive-loss-forgotten", "a loss is not known to be coercive", f"{COERCIVE}:linear_growth",
          Edit('"huber")', ")"), GROWTH),
    fault("coercive-eigenvalue-not-proved", "a proof is skipped", f"{COERCIVE}:_least_eigenvalue",
          Edit("and positive_definite(total, arb(candidate))", ""), BALL),
    fault("basis-drops-one", "a basis with a dropped direction", f"{CERTIFICATE}:basis",
          Edit("for row in made)", "for row in made[:1])"),
          suite("test_checker_by_hand:test_the_basis_is_orthogonal_and_spans")),
    fault("basis-not-orthogonal", "a basis that is not orthogonal", f"{CERTIFICATE}:basis",
          Edit("_primitive(row[len(kept) :]) for row in made", "_primitive(row) for row in rows"),
          suite("test_checker_by_hand:test_the_basis_is_orthogonal_and_spans")),
    fault("search-complete-with-boxes-left", "float search claims complete though boxes are left",
          f"{SEARCH}:Search.run", Edit("complete = not queue and not blunt", "complete = True"),
          suite("test_checker_by_hand:test_a_search_that_is_cut_short_says_so")),
    fault("minimise-unchecked", "certified without the checker", f"{OPTIMUM}:_Work._checked",
          Edit("return check(certificate, deadline=self._after(part) if until is None else until)",
               "return Check(True, 'believed')"),
          suite("test_checker_by_hand:test_what_the_checker_refuses_is_not_certified")),
    fault("minimise-upper-below", "outward rounding turned inward", f"{OPTIMUM}:_upper_value",
          Edit("bounds(value + abs(value) * 2.0**-50 + SCALE * 2.0**-60)",
               "bounds(value - abs(value) * 2.0**-40)"),
          suite("test_checker_by_hand:test_the_upper_end_is_attained", kind="one step")),
    fault("headline-of-the-search", "certified without the checker", f"{HEADLINE}:judge_headline",
          Edit("lower = many(against, most), optimum.sure", "lower = many(against, most), optimum.lower"),
          suite("test_checker_by_hand:test_a_headline_rests_on_what_is_proved")),
)  # fmt: skip
