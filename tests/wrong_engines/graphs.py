"""Wrong programs of the standard library: kinks that are decided, wrong slopes, graphs that nobody compares."""

from __future__ import annotations

from typing import Any

from .numbers import then
from .planting import Edit, Fault, Guard, suite
from .readers import narrowed, numbers

GRAPHS, CHECKER = "metagap.reports.check_graph", "metagap.reports.check_witness"
KINK = suite("test_check_graph:test_a_kink_has_no_derivative_and_a_value", line="aten.le.Scalar(v0, 0)")


def encloses(name: str, k: int = 0) -> Guard:
    return suite("test_check_graph:test_every_operator_encloses_what_balls_say", name=name, k=k)


def rates(name: str, k: int = 0) -> Guard:
    return suite("test_check_graph:test_derivatives_are_those_of_differences", name=name, k=k)


def believed(kind: str) -> Guard:
    return suite("test_check_graph:test_a_wrong_graph_is_not_believed", kind=kind)


def fault(name: str, kind: str, place: str, wrong: Any, guard: Guard) -> Fault:
    return Fault(f"graph-{name}", kind, place, wrong, guard)


def refused(line: str, shape: tuple[int, ...]) -> Guard:
    return suite("test_check_graph:test_what_pytorch_refuses_has_no_value", line=line, shape=shape)


def otherwise(line: str, entry: Any, why: str) -> Guard:
    return suite("test_check_graph:test_what_pytorch_takes_otherwise_is_named", line=line, entry=entry, why=why)


def form(kind: str) -> Guard:
    return suite("test_check_graph:test_a_file_of_another_form_is_not_read", kind=kind)


LAX, ODD = "a line without a value is given one", "a line is read otherwise than PyTorch does"
GRAPH_FAULTS = (
    fault("depth-not-told", "a reader that is too lax", f"{CHECKER}:outcome_of",
          Edit("except RecursionError:", "except BlockingIOError:"),
          suite("test_check_graph:test_what_is_nested_too_deep_is_not_read", line="v0", left="-" * 990 + "gap")),
    fault("flips-all", ODD, f"{GRAPHS}:flipped", Edit("if axes else ()", ""),
          suite("test_check_graph:test_no_axes_are_none_or_all", line="aten.flip.default(v0, [])", kept=True)),
    fault("nan-is-itself", ODD, f"{GRAPHS}:Numbers.order", Edit("math.isnan(x)", "False"),
          otherwise("aten.eq.Tensor(v0, v0)", float("nan"), "nan")),
    fault("masks-add-up", ODD, f"{GRAPHS}:Rows._arithmetic", Edit("if type(x) is type(y) is bool:", "if False:"),
          otherwise("aten.add.Tensor(v0, v0)", True, "masks")),
    fault("fractions-cut-off", ODD, f"{GRAPHS}:Rows._like", Edit("if own and not dtype and", "if False and"),
          otherwise("aten.full_like.default(v0, 0.5)", 1, "whole")),
    fault("variance-below-0", ODD, f"{GRAPHS}:Rows._variance", Edit("<= correction", "< 0"),
          otherwise("aten.var.correction(v0, correction=3)", 1.0, "too few")),
    fault("places-beyond-the-axis", LAX, f"{GRAPHS}:selected", Edit("<= place <", "!= place !="),
          refused("aten.select.int(v0, 0, 7)", (2, 3))),
    fault("parts-left-over", LAX, f"{GRAPHS}:parts", Edit("sum(sizes) ==", "sum(sizes) <="),
          refused("aten.split_with_sizes.default(v0, [1, 1], 1)", (2, 3))),
    fault("joined-by-count", LAX, f"{GRAPHS}:joined", Edit("len(rests) == 1", "True"),
          refused("aten.cat.default([v0, v1, v2])", (2, 3))),
    fault("gathered-beyond", LAX, f"{GRAPHS}:gathered", Edit("k == axis or n <= m", "True"),
          refused("aten.gather.default(v0, 0, v1)", (2, 3))),
    fault("channels-left-out", LAX, f"{GRAPHS}:Rows._convolution", Edit("a.shape[1] == taken", "a.shape[1] >= taken"),
          refused("aten.convolution.default(v0, v1, None, [1], [0], [1], False, [0], 1)", (1, 4, 3))),
    fault("predictions-of-any-shape", "a reader that is too lax", f"{CHECKER}:Programs.predictions",
          Edit("[list(z.shape) for z in found] == [self.tasks[i][1][\"shape\"]]", "True"),
          form("predictions of another shape")),
    fault("adapted-of-any-shape", "a reader that is too lax", f"{CHECKER}:Programs.plain",
          Edit("[t.shape for t in own] == [t.shape for t in self.omega]", "True"),
          form("adapted parameters of another shape")),
    fault("kinks-have-derivatives", "a derivative at a kink", f"{GRAPHS}:Numbers.order",
          Edit("if not found and isinstance(off, Taped):", "if False:"), KINK),
    fault("slopes-without-signs", "a wrong chain rule", f"{GRAPHS}:slopes", Edit("own if rate > 0 else -own", "own"),
          rates("sub.Tensor")),
    fault("last-way-alone", "a wrong chain rule", f"{GRAPHS}:slopes",
          Edit("found[parent.number] + part if parent.number in found else part", "part"), rates("mm.default")),
    fault("quotient-rule", "a wrong chain rule", f"{GRAPHS}:Taped.__truediv__", Edit("-ratio /", "ratio /"),
          rates("div.Tensor")),
    fault("kept-not-added", "numbers that are moved wrongly", f"{GRAPHS}:written",
          Edit("value if add is None else add(found[k], value)", "value"), encloses("scatter_add.default")),
    fault("another-diagonal", "numbers that are moved wrongly", f"{GRAPHS}:diagonal",
          Edit("a.strides[i] + a.strides[j])", "a.strides[j])"), encloses("diagonal_scatter.default")),
    fault("padding-of-the-other-side", "numbers that are moved wrongly", f"{GRAPHS}:_meetings",
          Edit("d * b - q", "d * b + q"), encloses("convolution.default")),
    fault("groups-mixed", "numbers that are moved wrongly", f"{GRAPHS}:_meetings",
          Edit("o // each * weight[1] + c", "c"), encloses("convolution_backward.default")),
    fault("pool-of-one-side", "windows that see something else", f"{GRAPHS}:Windows.of", Edit("d * j - p", "d * j"),
          encloses("max_pool2d_with_indices.default")),
    fault("last-window-left-out", "windows that see something else", f"{GRAPHS}:Windows.of",
          Edit("if ceiling else", "if 0 else"), encloses("avg_pool2d.default")),
    fault("parts-that-do-not-overlap", "windows that see something else", f"{GRAPHS}:Windows.even",
          Edit("-(-(o + 1) * m // n)", "(o + 1) * m // n"), encloses("_adaptive_avg_pool2d.default", 1)),
    fault("around-not-counted", "a mean of another count", f"{GRAPHS}:Windows._made", Edit("divisor or counted",
          "divisor or len(within)"), encloses("avg_pool2d_backward.default")),
    fault("winners-not-looked-up", "slopes that go elsewhere", f"{GRAPHS}:Rows._max_pool_back",
          Edit("[[(k, v)] for", "[[(0, v)] for"), encloses("max_pool2d_with_indices_backward.default")),
    fault("last-slope-alone", "slopes that go elsewhere", f"{GRAPHS}:Rows._gathered",
          Edit("self.add(found[at // each * size + k], v)", "v"), encloses("_adaptive_avg_pool2d_backward.default")),
    fault("padded-by-0", "an operator that leaves out what it is given", f"{GRAPHS}:Rows._padded",
          Edit("self._of(value, None)", "self._of(0, None)"), encloses("constant_pad_nd.default")),
    fault("copied-the-base", "numbers that are moved wrongly", f"{GRAPHS}:Rows._copied",
          Edit("spread(b, a.shape)", "a"), encloses("copy.default")),
    fault("group-norm-without-weight", "an operator that leaves out what it is given", f"{GRAPHS}:Rows._group_norm",
          Edit("rates, weight, bias", "rates, None, bias"),
          encloses("native_group_norm.default")),
    fault("running-statistics", "an operator that leaves out what it is given", f"{GRAPHS}:Rows._batch_norm",
          Edit("if training:", "if True:"), encloses("native_batch_norm.default", 1)),
    fault("alpha-left-out", "an operator that leaves out what it is given", f"{GRAPHS}:Rows._add_times",
          Edit("y * real(alpha)", "y"), encloses("addmm.default")),
    fault("gradient-not-compared", "a wrong graph is believed", f"{CHECKER}:Programs.agree",
          Edit("a.high < b.low - slack or b.high + slack < a.low", "False"), believed("a gradient of another step")),
    fault("unadapted-not-compared", "a wrong graph is believed", f"{CHECKER}:Programs.plain",
          Edit('self.agree("unadapted", self.ends, adapted)', "pass"), believed("another model before it adapts")),
    fault("any-graphs", "a reader that is too lax", f"{CHECKER}:_validate_program",
          Edit("{*GRAPHS, *own} <= set(program) <=", "set(program) >="),
          suite("test_check_graph:test_a_file_of_another_form_is_not_read", kind="a graph too many")),
    *(fault(f"{name}-bare", "an enclosure's radius is dropped", f"{CHECKER}:{place}", then(narrowed), numbers(name))
      for name, place in (("erf", "erf_of"), ("bell", "bell"))),
)  # fmt: skip
