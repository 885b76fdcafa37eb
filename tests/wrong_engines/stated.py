"""What own quantities see, wrong: ranges by their ends alone, eigenvalues exchanged, masses left out, numbers that can
be compared."""

from __future__ import annotations

from .planting import Edit, Fault, Guard, suite

SEALED, LOSSES = "metagap.impl.sealed", "metagap.impl.own_losses"
TASKS = "metagap.impl.stated_tasks"
RANGES = suite("test_neighbours:test_ranges_of_the_loss_hold_and_are_attained", loss="log-cosh")
JOINTS = suite("test_neighbours:test_ranges_of_the_loss_hold_and_are_attained", loss="huber")
EIGENVALUES = suite("test_neighbours:test_eigenvalues_enclose")
RISKS = suite("test_neighbours:test_risks_are_those_of_the_engine")


ASKED = "test_own_faults:test_nothing_is_asked_of_a_number"
COMPARED = suite(ASKED, body="return 1 if at.constant('m2') < 2 else 0")
OF_A_TASK = suite(ASKED, body="return 1 if at.tasks[0].weight < 1 else 0")
OF_A_LOSS = suite("test_own_losses:test_a_wrong_loss_is_refused",
                  wrong="value=lambda m, t: t * t / 2 + (m.log_cosh(t) if t == 0 else m.log_cosh(t))")  # fmt: skip
OF_A_CONSTANT = suite(ASKED, body="return 1 if at.instance.loss.constants().m2 < 2 else 0")
VACUOUS = suite("test_own_claims:test_a_search_that_judged_nothing_says_so", kind="a quantity without a value")


ALIKE, BATCHES = "metagap.impl.alike", "metagap.impl.stated_batches"
PARTED = suite("test_stated_batches:test_instances_that_differ_part")
SPECTRA = suite("test_stated_batches:test_eigenvalues_of_any_sign_are_enclosed")
NAMED = suite("test_stated_batches:test_a_name_of_something_else_in_arrays_is_ones_own")
CLAIMED = suite("test_stated_batches:test_what_has_no_value_in_a_part_is_said_of_that_part_alone")
STANDING = suite("test_stated_batches:test_how_assumptions_stand_is_as_balls_say")
UNBROKEN = suite("test_stated_batches:test_hits_that_break_an_assumption_are_not_judged")
LATE = suite("test_stated_batches:test_a_survey_whose_time_is_out_looks_at_nothing_and_says_so")
SHARED = suite("test_stated_batches:test_parts_of_an_audit_share_the_time")
CUT = suite("test_stated_batches:test_a_part_whose_time_is_out_is_in_the_record_and_goes_on")
SOME = suite("test_ablations:test_an_audit_of_some_claims_is_of_them_alone")


def together(name: str) -> Guard:
    return suite("test_stated_batches:test_instances_are_asked_together_where_they_are_alike", name=name)


def fault(name: str, kind: str, where: str, old: str, new: str, guard: Guard, module: str = TASKS) -> Fault:
    return Fault(name, kind, f"{module}:{where}", Edit(old, new), guard)


STATED_FAULTS = (
    fault("ranges-by-their-ends", "a range does not look where it turns", "between",
          "for turn in turning:", "for turn in ():", RANGES),
    fault("joints-by-one-side", "a joint has the second derivative of one side", "sides",
          "(turn / 2, turn * 3 / 2)", "(turn * 3 / 2,)", JOINTS),
    fault("least-eigenvalue-of-the-other-sign", "a sign error", "eigenvalues",
          "-largest_eigenvalue(-matrix),", "largest_eigenvalue(-matrix),", EIGENVALUES),
    fault("eigenvalue-without-its-upper-end", "an enclosure is dropped", "largest_eigenvalue",
          "norm * arb(2) ** -bits", "norm", EIGENVALUES),
    fault("own-gradient-without-masses", "masses are left out", "Risk.gradient",
          "p * self.loss.d1", "self.loss.d1", RISKS),
    fault("own-steps-uphill", "a sign error", "TaskAt.path", "t - step * g", "t + step * g", RISKS),
    fault("numbers-handed-out-unsealed", "own code may compare enclosures", "Sealing._sealed",
          "return self._kind(value)", "return value", COMPARED, SEALED),
    fault("tasks-handed-out-as-they-are", "own code may compare enclosures", "Sealing._sealed",
          "return Sealing(value, self._shown, self._exact, self._kind)", "return value", OF_A_TASK, SEALED),
    fault("losses-of-unsealed-numbers", "own code may compare enclosures", "Loss.at",
          "opened(loss.formulas[order](Sealing(m), Sealed(t)))", "loss.formulas[order](m, t)", OF_A_LOSS, LOSSES),
    fault("constants-handed-out-unsealed", "own code may compare enclosures", "Exact._sealed",
          "return self._kind(self._kind.lifted(value))", "return value", OF_A_CONSTANT, SEALED),
    fault("judged-nothing-found-nothing", "nothing judged is called nothing refuted", "Found.vacuous",
          "self.value == -np.inf", "False", VACUOUS, "metagap.impl.falsify.pursuit"),
    # --- batches ---
    fault("instances-never-part", "an instance is taken for another", "agreed",
          "if any(", "if False and any(", PARTED, ALIKE),
    fault("things-found-by-the-first", "an instance is taken for another", "Alike.__hash__",
          "agreed([hash(thing) for thing in self._things])", "hash(self._things[0])", PARTED, ALIKE),
    fault("parts-mixed", "an instance is taken for another", "PartingError.parts",
          "numbers == number", "numbers >= number", PARTED, ALIKE),
    fault("exact-numbers-of-the-first", "an instance is taken for another", "_listed",
          "(exact.values, (len(exact.values),))", "(exact.values[:1] * len(exact.values), (len(exact.values),))",
          together("exact"), BATCHES),
    fault("places-of-others", "an instance is taken for another", "BatchQuantities.at",
          "self.base(name)[together.places]", "self.base(name)[: len(together.places)]", together("parted"), BATCHES),
    fault("rounded-constants-for-exact", "a radius is forgotten", "Enclosed.lifted",
          "found if found.rad.any() else", "", PARTED, BATCHES),
    fault("a-batch-exchanged-with-itself", "omega taken for the comparator", "BatchQuantities.exchanged",
          "omega=batch.rival, rival=batch.omega", "omega=batch.omega, rival=batch.rival", together("exchanged"),
          BATCHES),
    fault("least-eigenvalue-of-a-batch", "a sign error", "Enclosing._extremes",
          "most - largest_eigenvalue(shift - table)", "largest_eigenvalue(shift - table) - most", SPECTRA, BATCHES),
    fault("largest-eigenvalue-not-moved-back", "an eigenvalue of another matrix", "Enclosing._extremes",
          "largest_eigenvalue(table + shift) - most", "largest_eigenvalue(table + shift)", SPECTRA, BATCHES),
    fault("no-value-of-a-part-is-none-of-all", "a part is taken for the whole", "BatchQuantities._assembled",
          "if len(errors) == len(found) and", "if errors and", CLAIMED, BATCHES),
    fault("no-value-where-nothing-was-asked", "a part is taken for the whole", "BatchQuantities._assembled",
          " and sum(len(places) for places, _ in found) == len(self.batch)", "", CLAIMED, BATCHES),
    fault("names-of-arrays-first", "a quantity is taken for another", "BatchQuantities.at",
          "if name not in self._own:", "if hasattr(self.base, name):", NAMED, BATCHES),
    fault("largest-between-ends", "a range does not look where it turns", "LossRanges.most",
          "_, top = self.over(order, np.minimum(z.low, h.low), np.maximum(z.high, h.high))",
          "top = np.maximum(self.at(order, z).high, self.at(order, h).high)", together("ranges"),
          "metagap.impl.loss_ranges"),
    fault("assumptions-hold-by-upper-ends", "an open comparison decides", "standings_in_arrays",
          "holds, finite = low > 0", "holds, finite = high > 0", STANDING, "metagap.impl.batch_judge"),
    fault("hits-judged-where-assumptions-fail", "a search that leaves the claim", "_unbroken",
          "all(holds for holds in one.values())", "True", UNBROKEN, "metagap.impl.falsify.pursuit"),
    fault("survey-without-end", "a time that is out is not seen", "survey",
          "if generated and time.monotonic() > end:", "if False:", LATE, "metagap.impl.leave_one_out"),
    fault("parts-share-no-time", "the first takes all", "Share.__call__",
          "max(self.workers, 1) / after", "1.0", SHARED, "metagap.reports.audit"),
    fault("cut-part-kept-as-whole", "what is not finished is taken for finished", "Audit.execute",
          "if not result.cut:", "if True:", CUT, "metagap.reports.audit"),
    fault("audit-of-other-claims", "claims that nobody asked for are audited", "audit_part",
          "if not job.claims or claim.name in job.claims", "", SOME, "metagap.reports.audit"),
    fault("audit-of-other-mutants", "mutants of claims that nobody asked for", "audit_part",
          "if not job.claims or one.claim in job.claims", "", SOME, "metagap.reports.audit"),
)  # fmt: skip
