"""Wrong proofs by convexity: floors of the Hessian that are none, ends without what they stand on, lost roundings."""

from __future__ import annotations

from typing import Any

from flint import fmpq

from .planting import Edit, Fault, suite

CONVEXITY, CHECK, STACK, ENGINE, MANY = (
    f"metagap.impl.optimum.{name}" for name in ("convexity", "convex_check", "stack", "check", "many_rows")
)
BLAS, PROXIMAL, CERTIFICATE = (f"metagap.impl.{name}" for name in ("blas", "optimum.proximal", "optimum.certificate"))
TABLES, INSTANCE = "metagap.impl.supervised.tables", "metagap.impl.supervised.instance"
NO_FLOOR, NO_END = "a floor of the Hessian that is none", "a lower end without what it stands on"
ROUNDED, TRUSTED = "a rounding that is lost", "a checker that trusts what is claimed"


def guard(place: str, **arguments: Any) -> Any:
    return suite(place if ":" in place else f"test_convex:{place}", **arguments)


def floors(loss: str = "logistic", steps: int = 1) -> Any:
    return guard("test_hessian_floors:test_the_floor_of_the_hessian_is_one", loss=loss, steps=steps)


def certificates(name: str) -> Any:
    return guard(f"test_convex_certificates:{name}")


def ends(name: str, radius: fmpq | None = None) -> Any:
    return guard(
        "test_convex_certificates:test_ends_at_any_point_are_no_higher_than_the_minimum", name=name, radius=radius
    )


def lie(name: str, radius: fmpq | None = None) -> Any:
    return guard("test_convex_certificates:test_lies_are_rejected", name=name, radius=radius)


EIGENVALUES = guard("test_hessian_floors:test_least_eigenvalues_by_hand")
SUMS = guard("test_sums_of_many_rows_are_enclosed")
POINTS = guard("test_points_are_enclosed", loss="squared", steps=2, denominator=8)
FOLD = guard("test_hessian_floors:test_just_beyond_convexity_nothing_is_certified_so", loss="logistic")
ONE_ATOM = guard("test_hessian_floors:test_c8_is_the_floor_of_one_atom")
QUANTITIES = guard("test_many_rows:test_quantities_of_many_rows_hold_those_of_few", loss="squared", steps=1, count=1)
ROWS = guard("test_many_rows:test_rows_and_atoms_are_what_tuples_are")
BALL = fmpq(4)


def fault(name: str, kind: str, place: str, old: str, new: str, noticed: Any) -> Fault:
    return Fault(f"convex-{name}", kind, place, Edit(old, new), noticed)


CONVEXITY_FAULTS = (
    # --- the Hessian ---
    fault("third-derivative-lost", NO_FLOOR, f"{CONVEXITY}:_nu", " - eta * bend * pushed * MORE", "", FOLD),
    fault("contraction-lost", NO_FLOOR, f"{CONVEXITY}:_nu", "(least * contracted)", "least[:]", ONE_ATOM),
    fault("outer-curvature-lost", NO_FLOOR, f"{CONVEXITY}:_nu", "(least * contracted)", "contracted", ONE_ATOM),
    fault("negative-part-too-small", NO_FLOOR, f"{CONVEXITY}:floor", "up * nu * high * MORE", "0 * up",
          FOLD),
    fault("largest-curvature", NO_FLOOR, f"{CONVEXITY}:floor", "return Floor(np.where(nu >= 0, weights * nu * low",
          "return Floor(np.where(nu >= 0, weights * nu * high", floors("log-cosh")),
    fault("region-of-one-point", NO_FLOOR, f"{CONVEXITY}:around", "np.array([radius])", "np.array([0.0])",
          floors("log-cosh")),
    fault("half-of-the-trace", NO_FLOOR, f"{CONVEXITY}:largest", "** 2).sum() for own", "** 2).sum() / 2 for own",
          guard("test_largest_eigenvalues_are_not_below")),
    fault("eigenvalue-error-ignored", ROUNDED, f"{CONVEXITY}:least_eigenvalue", "rest + rounding + error",
          "rest + rounding", EIGENVALUES),
    fault("eigenvalue-of-the-proposal", ROUNDED, f"{CONVEXITY}:least_eigenvalue",
          "low = float(np.linalg.eigvalsh(c)[0]) - 16 * d * U * size", "low = float(np.linalg.eigvalsh(c)[-1])",
          EIGENVALUES),
    fault("gram-exact", ROUNDED, f"{CONVEXITY}:gram", "size * (gamma(len(x) + 4) + 3 * error)", "0.0",
          guard("test_hessian_floors:test_gram_matrices_are_enclosed")),
    fault("nearly-dependent-columns", NO_FLOOR, f"{CONVEXITY}:spanning",
          "return chosen if exact and verified else everything", "return chosen",
          guard("test_columns_that_nearly_depend_on_others_stay")),
    # --- the ends ---
    fault("slope-of-the-ball-dropped", NO_END, f"{CHECK}:lower_bounds", " - arb(radius) * steep", "",
          ends("logistic", BALL)),
    fault("slope-at-the-point-added", NO_END, f"{CHECK}:lower_bounds", "tilted - along", "tilted + along",
          ends("logistic", BALL)),
    fault("multiplier-added", NO_END, f"{CHECK}:lower_bounds", "(square - radius * radius)",
          "(square + radius * radius)", ends("logistic", BALL)),
    fault("convexity-on-the-ball-taken-for-granted", NO_END, f"{CHECK}:lower_bounds",
          "if math.isfinite(least) and rational(least) >= -multiplier:", "if True:",
          ends("fold", BALL)),
    fault("convexity-everywhere-taken-for-granted", NO_END, f"{CHECK}:lower_bounds", "if not (convex and near > 0):",
          "if not near > 0:", guard("test_hessian_floors:test_a_local_minimum_is_not_taken_for_the_global_one")),
    fault("modulus-beyond-its-place", NO_END, f"{CHECK}:lower_bounds",
          "if not mu > 0 or not (prover.quadratic or steep <= mu * arb(near) / 2):", "if not mu > 0:",
          ends("falling", BALL)),
    fault("modulus-too-large", NO_END, f"{CHECK}:lower_bounds", "steep * steep / (2 * mu)", "steep * steep / (8 * mu)",
          guard("test_convex_certificates:test_a_quadratic_grows_with_its_modulus_alone")),
    fault("lower-trusted", TRUSTED, f"{CHECK}:_missing", "if not found >= lower:", "if False:",
          lie("a lower end just above", BALL)),
    fault("upper-trusted", TRUSTED, f"{CHECK}:_missing", "if not point.value <= upper:", "if False:",
          lie("an upper end just below", BALL)),
    fault("ball-of-the-minimiser-trusted", TRUSTED, f"{CHECK}:_missing", "<= arb(certificate.ball)",
          "<= 2**60 * arb(certificate.ball)", guard("test_convex_certificates:test_the_ball_holds_the_minimiser")),
    fault("point-outside", TRUSTED, f"{CHECK}:convex_end",
          "if dot(certificate.at, certificate.at) > certificate.ball * certificate.ball:", "if False:",
          guard("test_convex_certificates:test_a_point_outside_the_ball_is_none_of_it")),
    fault("radius-trusted", TRUSTED, f"{CHECK}:convex_end", "certificate.radius != certificate.ball", "False",
          guard("test_convex_certificates:test_a_point_outside_the_ball_is_none_of_it")),
    fault("everything-accepted", TRUSTED, f"{ENGINE}:_by_convexity", "Check(missing is None,", "Check(True,",
          lie("another rate", BALL)),
    fault("later-steps-taken-for-convex", NO_FLOOR, f"{CONVEXITY}:_nu", "np.where(inner >= 0, inner, math.nan)",
          "np.ones_like(inner)", floors("log-cosh", 3)),
    # --- products ---
    fault("integers-not-tried", ROUNDED, f"{BLAS}:tried", "if not np.array_equal(got, right):", "if False:",
          guard("test_blas:test_wrong_products_of_integers_stop", shape=(31, 33))),
    fault("products-not-compared", ROUNDED, f"{BLAS}:compared", "if (np.abs(left - right) > room).any():", "if False:",
          guard("test_blas:test_a_wrong_entry_is_seen_every_second_time")),
    fault("products-compared-roughly", ROUNDED, f"{BLAS}:compared", "(terms + 8) *", "1e6 * (terms + 8) *",
          guard("test_blas:test_a_wrong_entry_is_seen_every_second_time")),
    fault("parameters-not-compared", ROUNDED, f"{STACK}:Stack.predictions", "self._signed.times(mid, theta.mid)",
          "self._signed", guard("test_blas:test_wrong_products_with_vectors_stop", name="times")),
    fault("weights-not-compared", ROUNDED, f"{STACK}:Stack.gathered", "self._signed.pulled(mid, pulled)",
          "self._signed", guard("test_blas:test_wrong_products_with_vectors_stop", name="pulled")),
    # --- the implicit step ---
    fault("proximal-point-of-the-proposal", ROUNDED, f"{PROXIMAL}:_within", "(norms(rest.mid, 1) + rest.rad)",
          "(0 * rest.rad)", guard("test_loops:test_a_proposal_of_the_proximal_point_is_not_trusted")),
    # --- certificates ---
    fault("columns-of-one-prime", TRUSTED, f"{CERTIFICATE}:_spanned", "return not any(", "return True or any(",
          certificates("test_an_unlucky_prime_is_not_believed")),
    fault("instance-of-any-hash", TRUSTED, f"{CERTIFICATE}:_instance",
          "if (found := problem(given)).sha256 != record.sha256:", "if not (found := problem(given)):",
          certificates("test_a_large_instance_is_left_out_and_given_again")),
    # --- points ---
    fault("step-forwards", "the wrong gradient", f"{STACK}:less", "v.mid - rate.mid * w.mid",
          "v.mid + rate.mid * w.mid", POINTS),
    fault("step-of-balls-forwards", "the wrong gradient", f"{CHECK}:Prover._in_balls", "v = v - across",
          "v = v + across", POINTS),
    fault("hessian-without-adaptation", "the wrong Hessian", f"{CHECK}:Prover._hessian", "v = v - rate *",
          "v = v - 0 * rate *", POINTS),
    fault("sums-exact", ROUNDED, f"{STACK}:Stack.gathered", "(w.rad + rate * np.abs(w.mid))", "(0 * w.mid)", SUMS),
    fault("predictions-exact", ROUNDED, f"{STACK}:Stack.predictions", "(theta.rad + (", "(0 * theta.rad + (", SUMS),
    fault("last-rows-lost", "rows that are lost", f"{STACK}:Stack.pulled", "for i, own in self._pieces:",
          "for i, own in self._pieces[:-1]:", SUMS),
    # --- the headline of many rows ---
    fault("linearised-forwards", "the wrong quantity", f"{MANY}:ManyRows._moved", "along - stack.rate *",
          "along + stack.rate *", QUANTITIES),
    fault("equal-points-apart", "the wrong quantity", f"{MANY}:ManyRows.weight_norm", "if equal", "if False",
          QUANTITIES),
    fault("lower-end-forgotten", "the wrong quantity", f"{MANY}:ManyRows.bracket", " - self._lower", "",
          QUANTITIES),
    # --- rows that stay arrays ---
    fault("masses-of-merged-rows", "rows that are lost", f"{INSTANCE}:Atoms.__init__",
          "np.bincount(rows, minlength=len(points))", "np.ones(len(points), dtype=int)", ROWS),
    fault("rows-in-another-order", "rows that are lost", f"{TABLES}:distinct_rows", "place[order] =", "place[:] =",
          guard("test_many_rows:test_distinct_rows_are_numpys")),
)  # fmt: skip
