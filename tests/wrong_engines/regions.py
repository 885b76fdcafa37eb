"""Wrong proofs over regions: enclosures of one instance for all, identities and sums that are not verified, a checker
that believes."""

from __future__ import annotations

from flint import arb

from .planting import Around, Edit, Fault, Guard, suite

RANGED, REGION, LEAVES = (f"metagap.impl.regions.{name}" for name in ("ranged", "region", "leaves"))
FORMAL, CHECK = "metagap.impl.regions.formal", "metagap.impl.regions.check"


def enclosed(kind: str) -> Guard:
    return suite("test_regions:test_quantities_over_a_box_enclose_those_of_its_instances", kind=kind)


def tampered(why: str, **fields: object) -> Guard:
    return suite("test_region_certificates:test_a_certificate_that_was_changed_is_rejected", fields=fields, why=why)


EXAMPLE = enclosed("example")
FALSE_LEAF = suite("test_region_certificates:test_a_false_leaf_is_refused")
KEPT = "test_regions:test_no_mutant_is_proved_at_its_counterexample"

REGION_FAULTS = (
    Fault("region-of-its-middle", "a box is one instance", f"{REGION}:between",
          Around(lambda right: lambda low, high: arb((low + high) / 2)), EXAMPLE),
    Fault("region-rest-of-a-corner", "what is left of 1 is that of a corner", f"{REGION}:Region._shares",
          Edit("if place.format(j) in self.rests", "if False"),
          suite("test_regions:test_rests_are_what_the_others_leave")),
    Fault("region-range-of-a-centre", "a loss is taken at the middle of its predictions", f"{RANGED}:Ranged._over",
          Around(lambda right: lambda self, order, z, y: right(self, order, arb(z.mid()), y)), EXAMPLE),
    Fault("region-range-of-the-ends", "a range leaves out where a derivative turns",
          f"{RANGED}:Ranged._over",
          Around(lambda right: lambda self, order, z, y: right(self, order, arb(z.lower()), y).union(
              right(self, order, arb(z.upper()), y))),
          suite("test_regions:test_ranges_hold_turning_points")),
    Fault("region-curvature-of-an-end", "the least ell'' is that of one end", f"{RANGED}:Ranged.least_over",
          Edit("over.lower()", "over.upper()"),
          suite("test_regions:test_ranges_hold_turning_points")),
    Fault("region-one-direction", "one direction of the ball for all", f"{RANGED}:RegionQuantities.along",
          Around(lambda right: lambda self: [arb(0)] * self.problem.dimension), EXAMPLE),
    Fault("region-eta-is-not-0", "an interval of steps that holds 0 is one that does not",
          f"{RANGED}:RegionQuantities._may_adapt", Edit("eta.contains(0)", "False"), enclosed("counts")),
    Fault("region-weight-of-0", "a weight that may be 0 leaves its task out", f"{REGION}:Region.over",
          Edit("not share > 0", "False"),
          suite("test_regions:test_a_weight_that_is_not_told_from_0_decides_nothing")),
    Fault("region-span-with-decay", "decay and rates keep L within the span of the features",
          f"{RANGED}:RegionQuantities._axes", Edit(" or not self._inside", ""),
          suite("test_regions:test_with_decay_and_rates_l_depends_on_more_than_the_features")),
    Fault("region-decay-without-a-step", "a decay counts where eta is 0", f"{RANGED}:RegionQuantities.margin_no_decay",
          Edit("self._may_adapt is None", "False"),
          suite("test_regions:test_a_decay_without_a_step_is_none")),
    Fault("region-across-the-span", "what is 0 across the span is least on it",
          f"{RANGED}:RegionQuantities.curvature_least", Edit("found if known or", "found if True or"),
          suite("test_regions:test_a_span_that_is_not_known_makes_nothing_false", changes="features")),
    Fault("region-label-of-0", "labels that may be 0 or not are 0", "metagap.impl.losses:Loss.range",
          Edit("not (y > 0 or y <= 0)", "False"),
          suite("test_regions:test_counts_from_0_on_have_their_least_loss_inside")),
    Fault("region-identities-believed", "identities are not tried", f"{FORMAL}:Facts.__call__",
          Around(lambda right: lambda self, name: True),
          suite("test_regions:test_identities_hold_for_the_engines_formulas", kind="example")),
    Fault("region-lemmas-turned", "lemmas are subtracted", f"{LEAVES}:adds_up",
          Edit("weights[lemma.name] < 0", "False"),
          suite("test_regions:test_what_is_subtracted_needs_an_equation")),
    Fault("region-equations-of-bounds", "bounds add up to an equation", f"{LEAVES}:adds_up",
          Edit("claim.relation is Relation.EQUAL", "False"),
          suite("test_regions:test_what_is_subtracted_needs_an_equation")),
    Fault("region-sums-believed", "sums of lemmas are not verified", f"{LEAVES}:adds_up",
          Edit("bool(rest == 0)", "True"),
          suite("test_regions:test_sums_of_lemmas_are_verified_exactly", change={"l1": 1})),
    Fault("region-margins-not-asked", "a lemma's margins are not asked", f"{LEAVES}:_rested",
          Edit("fit(margin) and standing(margin)", "True"), suite(KEPT, name="mixed-zero-over-zero")),
    Fault("region-assumptions-not-asked", "assumptions that are open are taken for granted",
          f"{LEAVES}:Prover._claim", Edit("if doubtful is not None", "if False"),
          suite("test_regions:test_an_open_assumption_leaves_a_box_open")),
    Fault("region-facts-not-asked", "convexity is not asked", f"{LEAVES}:_rested", Edit("slack >= 0", "True"),
          suite(KEPT, name="c8-two-laws")),
    Fault("region-leaves-believed", "the checker believes leaves", f"{CHECK}:check",
          Edit("prover.leaf(box).letter not in wanted", "False"), FALSE_LEAF),
    Fault("region-shares-believed", "the checker believes shares", f"{CHECK}:check",
          Edit("Shares(**found) != certificate.shares", "False"), tampered("the shares", proved=0.5)),
    Fault("region-statement-not-read", "the checker does not compare statements", f"{CHECK}:check",
          Edit("certificate.statement != text_of(certificate.what)", "False"),
          tampered("is not what", statement="gap <= radius*eps")),
)  # fmt: skip
