"""Wrong runs: results of other jobs believed, what depends on the comparator kept for another, sums by order."""

from __future__ import annotations

from typing import Any

from metagap.impl.optimum.networks.headline import RELU

from .planting import Edit, Fault, suite

STORE, TALLY = "metagap.reports.store", "metagap.reports.tally"
CORE = "metagap.impl.supervised.core_quantities"

STORED = suite("test_store:test_a_store_has_what_was_put_into_it_and_believes_no_broken_file")
DATA = suite("test_store:test_results_of_other_data_are_not_believed")
ORDERED = suite("test_executing:test_sums_of_tallies_are_the_same_in_any_order")
AGAINST = suite("test_network_headline:test_against_another_comparator_everything_is_as_if_evaluated_anew", kind=RELU)

RUNNING: tuple[Any, ...] = (
    Fault("run-results-of-other-claims", "a stale result is believed", f"{STORE}:Store.__init__",
          Edit("[self._run.depends, given]", "[self._run.depends]"), STORED),
    Fault("run-results-of-other-data", "a stale result is believed", f"{STORE}:depends",
          Edit(' | {"contents": contents()}', ""), DATA),
    Fault("run-results-of-other-jobs", "a stale result is believed",  f"{STORE}:Store.path",
          Edit("[type(job).__name__, job]", "[type(job).__name__]"), STORED),
    Fault("run-first-found-stays", "the record depends on the order", f"{TALLY}:_better",
          Edit("other.sha256 < mine.sha256", "False"), ORDERED),
    Fault("run-undecided-by-order", "the record depends on the order", f"{TALLY}:Tally.merge",
          Edit("key=lambda kept: kept.sha256", "key=lambda kept: 0"), ORDERED),
    Fault("run-comparator-of-before", "the wrong quantity", f"{CORE}:FeatureQuantities.against",
          Edit("if name in OF_OMEGA or not isinstance(getattr(cls, name, None), cached_property)", ""), AGAINST),
    Fault("run-known-of-before", "the wrong quantity", f"{CORE}:FeatureQuantities.against",
          Edit("instance.radius, {}", "instance.radius, self._known"), AGAINST),
)  # fmt: skip
