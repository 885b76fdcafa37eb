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


ASKED = "test_own_claims:test_nothing_is_asked_of_a_number"
COMPARED = suite(ASKED, body="return 1 if at.constant('m2') < 2 else 0")
OF_A_TASK = suite(ASKED, body="return 1 if at.tasks[0].weight < 1 else 0")
OF_A_LOSS = suite("test_own_claims:test_a_wrong_loss_is_refused",
                  wrong="value=lambda m, t: t * t / 2 + (m.log_cosh(t) if t == 0 else m.log_cosh(t))")  # fmt: skip
OF_A_CONSTANT = suite(ASKED, body="return 1 if at.instance.loss.constants().m2 < 2 else 0")
VACUOUS = suite("test_own_claims:test_a_search_that_judged_nothing_says_so", kind="a quantity without a value")


def fault(name: str, kind: str, where: str, old: str, new: str, guard: Guard, module: str = TASKS) -> Fault:
    return Fault(name, kind, f"{module}:{where}", Edit(old, new), guard)


STATED_FAULTS = (
    fault("ranges-by-their-ends", "a range does not look where it turns", "between",
          "for turn in turning:", "for turn in ():", RANGES),
    fault("joints-by-one-side", "a joint has the second derivative of one side", "between",
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
          "return Sealing(value, self._shown, self._exact)", "return value", OF_A_TASK, SEALED),
    fault("losses-of-unsealed-numbers", "own code may compare enclosures", "Loss.at",
          "opened(loss.formulas[order](Sealing(m), Sealed(t)))", "loss.formulas[order](m, t)", OF_A_LOSS, LOSSES),
    fault("constants-handed-out-unsealed", "own code may compare enclosures", "Exact._sealed",
          "return Sealed(value)", "return value", OF_A_CONSTANT, SEALED),
    fault("judged-nothing-found-nothing", "nothing judged is called nothing refuted", "Found.vacuous",
          "self.value == -np.inf", "False", VACUOUS, "metagap.impl.falsify.pursuit"),
)  # fmt: skip
