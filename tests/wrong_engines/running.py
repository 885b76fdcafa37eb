"""Wrong runs: results of other jobs believed, what depends on the comparator kept for another, sums by order."""

from __future__ import annotations

from typing import Any

from metagap.impl.optimum.networks.answer import RELU
from metagap.reports import executing

from .planting import Around, Edit, Fault, suite

EXECUTING, STORE, TALLY = "metagap.reports.executing", "metagap.reports.store", "metagap.reports.tally"
JOBS = "metagap.reports.jobs"
CORE = "metagap.impl.supervised.core_quantities"
START = "metagap.impl.supervised.start_quantities:StartQuantities"

STORED = suite("test_store:test_a_store_has_what_was_put_into_it_and_believes_no_broken_file")
DATA = suite("test_store:test_results_of_other_data_are_not_believed")
GONE = suite("test_executing:test_workers_that_go_away_lose_no_job", troubles=("cancelled",))
MANY = suite("test_executing:test_what_a_result_costs_does_not_depend_on_how_many_there_are")
PIECES = suite("test_executing:test_jobs_go_to_a_cluster_in_pieces_of_which_only_a_bad_job_is_lost")
LONG = suite("test_executing:test_a_piece_that_takes_long_gives_back_what_it_did_not_begin")
EMPTY = suite("test_executing:test_a_cluster_without_workers_is_said_to_have_none_and_not_waited_for")
ROUNDS = suite("test_rounds:test_a_round_goes_to_what_is_undecided_or_loose")
FINDS = suite("test_rounds:test_rounds_find_tighter_instances")
HELD = suite(
    "test_executing:test_a_job_that_holds_the_interpreter_is_waited_for", workers=executing.Workers(1, "local:1")
)
SHARED = suite("test_store:test_nobody_meets_half_a_result")
PRUNED = suite("test_store:test_a_run_that_is_done_removes_no_other_runs_results")
QUANTILES = suite("test_verify:test_quantiles_of_counts_are_those_of_the_list")
ORDERED = suite("test_executing:test_sums_of_tallies_are_the_same_in_any_order")
MASSES = suite("test_network_headline:test_masses_are_enclosed_in_the_bits_that_quantities_are", kind=RELU)
AGAINST = suite("test_network_headline:test_against_another_comparator_everything_is_as_if_evaluated_anew", kind=RELU)

KEEPS = suite("test_verify:test_a_run_keeps_nothing_of_an_instance_but_what_it_shows", family="meta-sl")
STAYS: list[Any] = []
WIDE = "metagap.reports.wide"
ATTAINED = suite("test_wide:test_what_is_attained_begins_at_the_bits_that_decide_it")
SAID = suite(
    "test_wide:test_wide_verdicts_are_those_of_balls", family="meta-sl", generator="arbitrary", variant="log-cosh"
)
THREADED = suite("test_executing:test_processes_that_share_work_have_one_thread_each")
PARTS = suite("test_wide:test_so_many_of_each_begun_part_of_a_batch_go_to_balls")
WRITTEN = suite("test_wide:test_a_job_writes_the_instances_that_it_shows_and_no_others", blunt=0.0)
DEFECT = suite("test_wide:test_an_instance_that_has_no_verdict_is_a_defect")
OTHERS = suite("test_wide:test_wide_batches_are_others_than_those_of_jobs_and_bounded")

RUNNING: tuple[Any, ...] = (
    Fault("run-results-kept", "memory grows with the instances", "metagap.reports.verify:Run._add",
          Edit("self._files.update(outcome.kept)", 'vars(self).setdefault("all", []).append(outcome)'), KEEPS),
    Fault("run-instances-kept", "memory grows with the instances", "metagap.impl.family:Family.evaluator",
          Around(lambda right: lambda self, *given: STAYS.append(given) or right(self, *given)), KEEPS),
    Fault("run-results-of-other-claims", "a stale result is believed", f"{STORE}:Store.__init__",
          Edit("[self._run.depends, given]", "[self._run.depends]"), STORED),
    Fault("run-results-of-other-data", "a stale result is believed", f"{STORE}:depends",
          Edit(' | {"contents": contents()}', ""), DATA),
    Fault("run-results-of-other-jobs", "a stale result is believed",  f"{STORE}:Store.path",
          Edit("[type(job).__name__, job]", "[type(job).__name__]"), STORED),
    Fault("run-cancelled-jobs-are-lost", "a job that nobody tried is lost", f"{EXECUTING}:carried_out",
          Edit("except (BrokenExecutor, CancelledError):", "except BrokenExecutor:"), GONE),
    Fault("run-every-result-looks-at-all", "time that grows with the square", f"{EXECUTING}:carried_out",
          Edit("piece = future.result()", "piece = wait(pending, 0) and future.result()"), MANY),
    Fault("run-a-piece-is-to-blame", "a job that nobody tried is lost", f"{EXECUTING}:carried_out",
          Edit("if len(pending[future]) == 1 else []", "* len(pending[future])"), PIECES),
    Fault("run-a-piece-is-whole", "a job that nobody tried has no result", f"{EXECUTING}:carried_out",
          Edit("waiting.extendleft(reversed(given[len(found) :]))", "pass"), LONG),
    Fault("run-nobody-is-waited-for", "a run that never ends", f"{EXECUTING}:Cluster.watch",
          Edit("now - self._empty > WAIT", "False"), EMPTY),
    Fault("run-rounds-of-what-is-tight", "work where nothing is open", f"{JOBS}:round_of",
          Edit("best.judged.ratio < LOOSE", "best.judged.ratio > LOOSE"), ROUNDS),
    Fault("run-rounds-twice-the-same", "instances that are counted twice", f"{JOBS}:round_of",
          Edit("number * FRESH + index", "index"), ROUNDS),
    Fault("run-finds-are-not-shared", "a search that forgets", "metagap.reports.finds:moved",
          Edit("begun=begun", "begun=None"), FINDS),
    Fault("run-finds-without-assumptions", "a search that leaves the claim", "metagap.impl.falsify.pursuit:_within",
          Edit("values[b] <= found.value", "True"), FINDS),
    Fault("run-silent-workers-are-given-up", "work that is done twice", f"{EXECUTING}:dask",
          Edit('"distributed.scheduler.worker-ttl": None, ', ""), HELD),
    Fault("run-settles-whoever-calls", "garbage of this process is kept", "metagap.reports.processes:settle",
          Edit("parent_process() is not None and ", ""),
          suite("test_executing:test_a_worker_looks_for_no_garbage_among_its_modules")),
    Fault("run-aside-is-the-place", "half a result is met", "metagap.reports.records:write_parts",
          Edit("path.with_name(", "(lambda name: path)("), SHARED),
    Fault("run-pruned-under-way", "results that are needed are removed", f"{STORE}:prune",
          Edit('run.state == "unfinished"', "False"), PRUNED),
    Fault("run-quantiles-of-values", "the wrong quantile", f"{TALLY}:quantiles",
          Edit("itertools.accumulate(ratios[r] for r in found)", "range(1, len(found) + 1)"), QUANTILES),
    Fault("run-first-found-stays", "the record depends on the order", f"{TALLY}:_better",
          Edit("other.sha256 < mine.sha256", "False"), ORDERED),
    Fault("run-undecided-by-order", "the record depends on the order", f"{TALLY}:Tally.merge",
          Edit("key=lambda kept: kept.sha256", "key=lambda kept: 0"), ORDERED),
    Fault("run-wide-open-is-dropped", "an instance without a verdict", f"{WIDE}:judge_batch",
          Edit("np.flatnonzero(one.open[:count]).tolist()", "()"), SAID),
    Fault("run-wide-open-ends-it", "an instance without a verdict", f"{WIDE}:reach",
          Edit("places[most]", "places[0]"), SAID),
    Fault("run-wide-open-has-no-end", "more balls than is said", f"{WIDE}:reach",
          Edit("int(places[most])", "len(open_)"), SAID),
    Fault("run-wide-open-of-a-batch", "fewer verdicts than is said", f"{WIDE}:reach",
          Edit("OPEN * -(-len(open_) // PER)", "OPEN"), PARTS),
    Fault("run-batch-is-cut", "instances without a verdict", f"{WIDE}:judge_batch",
          Edit("reach(one.open) if wide else job.count", "reach(one.open)"), suite("test_verify:test_tallies_add_up")),
    Fault("run-each-is-written", "files that nobody sees", f"{TALLY}:tightest_first",
          Edit("reverse=True", "reverse=False"), WRITTEN),
    Fault("run-each-batch-is-written", "files that nobody sees", f"{TALLY}:Tally._tight",
          Edit("_telling(judged) >= _telling(self.tightest.judged)", "True"), WRITTEN),
    Fault("run-wide-counted-twice", "instances that are counted twice", f"{TALLY}:Tally.add_decided",
          Edit('self.counts["PROVED"] += len(places)', 'self.counts["PROVED"] += 2 * len(places)'), SAID),
    Fault("run-wide-open-is-proved", "what is open is decided", "metagap.impl.batch_judge:decided_in_arrays",
          Edit("proved = open_ & proved & ", "proved = open_ & "), SAID),
    Fault("run-wide-loosest-is-shown", "the wrong instance", f"{TALLY}:Tally.add_decided",
          Edit("place = -max(zip(", "place = -min(zip("), SAID),
    Fault("run-wide-nobody-counts", "an instance without a verdict", f"{WIDE}:judge_batch",
          Edit("!= counted[claim.name]:", "is None:"), DEFECT),
    Fault("run-wide-attained-begins-low", "a search that does not end", f"{WIDE}:judge_batch",
          Edit("if b in attained:", "if False:"), ATTAINED),
    Fault("run-wide-attained-by-none", "a search that does not end", "metagap.impl.batch_judge:decided_in_arrays",
          Edit("<= NEAR", "< 0 * NEAR"), ATTAINED),
    Fault("run-wide-zeros-begin-low", "a search that does not end", "metagap.impl.batch_judge:decided_in_arrays",
          Edit("np.maximum(np.abs(ends[3]), 1.0)", "np.abs(ends[3])"),
          suite("test_batch_judge:test_sides_that_are_alike_or_0_are_met")),
    Fault("run-wide-batches-of-jobs", "instances that are counted twice", f"{JOBS}:_widely",
          Edit("WIDE + index", "index"), OTHERS),
    Fault("run-threads-of-each", "processes that wait for each other", f"{EXECUTING}:Workers.start",
          Edit("single=True", "single=False"), THREADED),
    Fault("run-comparator-of-before", "the wrong quantity", f"{CORE}:FeatureQuantities.against",
          Edit("if name in OF_OMEGA or not isinstance(getattr(cls, name, None), cached_property)", ""), AGAINST),
    Fault("run-known-of-before", "the wrong quantity", f"{CORE}:FeatureQuantities.against",
          Edit(" if name in OF_OMEGA}", "}"), AGAINST),
    Fault("run-masses-of-few-bits", "what is given is enclosed in too few bits", f"{START}.__init__",
          Edit("self.working(ctx.prec)", "ctx.prec"), MASSES),
    Fault("run-begins-too-late", "more bits than are needed", "metagap.impl.judge:Evaluator.begin_at",
          Edit("self.working(bits) >= first", "bits >= first"),
          suite("test_network_headline:test_smooth_networks_begin_at_256_bits_of_which_quantities_have_576")),
)  # fmt: skip
