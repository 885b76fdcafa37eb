"""Wrong judgements of many files: another's verdicts, another's numbers, numbers that are not the file's."""

from __future__ import annotations

from typing import Any

from .planting import Edit, Fault, suite

JUDGING, STACKS = "metagap.reports.judging", "metagap.impl.stacks"
OWN = suite("test_judge_many:test_arrays_decide_of_own_numbers")
FLOATS = suite("test_judge_many:test_numbers_that_are_no_floats_are_in_no_stack")
SHARES = suite("test_judge_many:test_rows_that_the_nearest_floats_miss_are_stacked")
ONE = suite("test_judge_many:test_points_of_one_problem_are_judged_against_one_bracket", name="meta-rl")
STOPS = suite("test_judge_many:test_points_of_one_network_share_where_descent_stops")
ANOTHER = suite("test_judge_many:test_a_bracket_of_an_own_loss_is_not_kept")
FOLDER = suite("test_judge_many:test_a_folder_is_its_files")
STATUS = suite("test_judge_many:test_a_file_that_is_not_read_is_told_by_the_status_whatever_the_others_are")
BACK = suite("test_judge_many:test_stacks_of_other_depths_give_each_instance_back")

MANY_FAULTS: tuple[Any, ...] = (
    Fault("many-verdicts-of-another-file", "a file is told another's verdicts", f"{JUDGING}:decided",
          Edit("zip(taken, family", "zip(reversed(taken), family"), OWN),
    Fault("many-numbers-of-another-file", "a file is judged with another's numbers", f"{STACKS}:_joined",
          Edit("np.concatenate(arrays)", "np.concatenate([arrays[0]] * len(arrays))"), OWN),
    Fault("many-rounded-numbers", "a file is judged with numbers that are not its own", f"{STACKS}:exact",
          Edit("one.instance(0).canonical == instance.canonical", "True"), FLOATS),
    Fault("many-nearest-shares", "shares that do not sum to 1 in floats are rounded", f"{STACKS}:exact",
          Edit("batch_of(instance, in_proportion)", "batch_of(instance)"), SHARES),
    Fault("many-atoms-where-there-are-none", "a mass where a file has no atom", f"{STACKS}:_joined",
          Edit('0.0 if name.endswith("masses") else 1.0', "1.0"), BACK),
    Fault("many-brackets-of-another-box", "a bracket that does not hold the point is believed",
          "metagap.impl.policies.headline:PolicyHeadline.judged",
          Edit("box_of(instance)", "box_of(_problem(instance))"), ONE),
    Fault("many-brackets-of-another-loss", "the bracket of another loss of that name is believed",
          "metagap.impl.optimum.headline:LinearHeadline.judged",
          Edit("if instance.loss.profile.own", "if False"), ANOTHER),
    Fault("many-stops-of-another-problem", "where descent on another problem stopped is believed",
          "metagap.impl.optimum.networks.bracket:NetworkHeadline._stops",
          Edit("_stop(_problem(instance), ", "_stop(replace(_problem(instance), tasks=instance.tasks[:1]), "), STOPS),
    Fault("many-stops-from-elsewhere", "where descent from another point stopped is believed",
          "metagap.impl.optimum.networks.bracket:_stop", Edit("start.floats", "problem.initial.floats"), STOPS),
    Fault("many-files-passed-over", "a file of a folder that is no file is passed over in silence",
          "metagap.reports.cli.options:listed", Edit("if not os.path.isdir(one)", "if os.path.isfile(one)"), FOLDER),
    Fault("many-unread-forgotten", "of files that are not read the status says nothing",
          "metagap.reports.cli.judging:judge", Edit("if table.unread:", "if False:"), STATUS),
)  # fmt: skip
