"""What own quantities see of tasks, wrong: ranges by their ends alone, eigenvalues exchanged, masses left out."""

from __future__ import annotations

from .planting import Edit, Fault, Guard, suite

TASKS = "metagap.impl.stated_tasks"
RANGES = suite("test_neighbours:test_ranges_of_the_loss_hold_and_are_attained", loss="log-cosh")
JOINTS = suite("test_neighbours:test_ranges_of_the_loss_hold_and_are_attained", loss="huber")
EIGENVALUES = suite("test_neighbours:test_eigenvalues_enclose")
RISKS = suite("test_neighbours:test_risks_are_those_of_the_engine")


def fault(name: str, kind: str, where: str, old: str, new: str, guard: Guard) -> Fault:
    return Fault(name, kind, f"{TASKS}:{where}", Edit(old, new), guard)


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
)  # fmt: skip
