"""What theorems about MAML's objective have in common: for claims files about linear models, `metagap verify --claims`.

    from metagap.common import CONVEX, PARAMETER, gradient_change, lipschitz, margin_convex, rate

A claim names what it uses in its `quantities`, the margins of its assumptions among them. f_i is the risk of a task: of
its support, where U_i steps down it, and of its query, on which it is judged.
"""

from collections.abc import Iterable
from typing import Any

from metagap.impl.stated_at import At
from metagap.theory.claim import Assumption, quantity

Number = Any
"""A ball, a rational, or an array: what `At` gives."""


def _adaptation(at: At) -> Any:
    instance: Any = at.instance
    return instance.adaptation


def _loss(at: At) -> Any:
    instance: Any = at.instance
    return instance.loss


def rate(at: At) -> Number:
    """alpha, of plain gradient steps. Errors: UndefinedQuantityError, of others."""
    adaptation = _adaptation(at)
    if adaptation.name != "gradient" or not adaptation.plain:
        at.undefined("the adaptation is not by gradient steps of one rate without decay")
    return at.number(adaptation.canonical.eta)


def steps(at: At) -> int:
    """K, of plain gradient steps. Errors: as `rate`."""
    rate(at)
    return int(_adaptation(at).steps)


def mean(at: At, values: Iterable[Number]) -> Number:
    """E value_i, of a number for each task."""
    return sum((task.weight * v for task, v in zip(at.tasks, values, strict=True)), start=at.number(0))


def mean_slope(at: At, after: int = 0) -> Number:
    """E ||grad f_i|| of the queries, at omega or after so many steps. Errors: as `rate`."""
    return mean(at, [at.length(task.query.gradient(task.path(at.omega, rate(at), after)[-1])) for task in at.tasks])


def hessian_lipschitz(at: At) -> Number:
    """rho = m3 max_i E_i ||phi||^3: the supports' Hessians are as Lipschitz on R^d. Errors: UndefinedQuantityError."""
    thirds = [sum(p * at.length(phi) ** 3 for phi, _, p in task.support.atoms) for task in at.tasks]
    return at.constant("m3") * at.largest(thirds)


@quantity(r"L", "Lipschitz constant of the tasks' gradients, on R^d")
def lipschitz(at: At) -> Number:
    """m2 max_i lambda_max(E_i phi phi'), of supports and queries."""
    risks = [risk for task in at.tasks for risk in (task.support, task.query)]
    return at.constant("m2") * at.largest(at.eigenvalues(r.weighted([at.number(1)] * len(r.atoms)))[1] for r in risks)


@quantity(r"\|\nabla L(\omega)-\nabla L(\theta')\|", "change of grad L")
def gradient_change(at: At) -> Number:
    """||grad L(omega) - grad L(theta')||."""
    return at.length(a - b for a, b in zip(at.gradient, at.exchanged().gradient, strict=True))


def _forwards(at: At) -> bool:
    adaptation = _adaptation(at)
    plain = adaptation.name == "gradient" and adaptation.plain
    return bool(plain and adaptation.steps >= 1 and adaptation.canonical.eta >= 0)


@quantity(r"[\alpha\ge 0]", "positive where: plain gradient steps, forwards")
def margin_plain_steps(at: At) -> int:
    """1 or -1."""
    return 1 if _forwards(at) else -1


@quantity(r"[K=1]", "positive where: one plain gradient step, forwards")
def margin_one_plain_step(at: At) -> int:
    """1 or -1."""
    return 1 if _forwards(at) and _adaptation(at).steps == 1 else -1


@quantity(r"[m_3<\infty]", "positive where: the loss's second derivative is Lipschitz on R")
def margin_lipschitz_hessian(at: At) -> int:
    """1 or -1."""
    return 1 if _loss(at).constants().m3 is not None else -1


@quantity(r"[\ell''\ge 0]", "positive where: the loss is convex")
def margin_convex(at: At) -> int:
    """1 or -1."""
    return 1 if _loss(at).profile.convex else -1


@quantity(r"[z\in\mathbb{R}]", "positive where: predictions are numbers")
def margin_one_output(at: At) -> int:
    """1 or -1."""
    return 1 if _loss(at).outputs == 1 else -1


STEPS = Assumption("plain-steps", "Gradient steps of one rate >= 0, without decay.", "margin_plain_steps")
STEP = Assumption("one-plain-step", "One gradient step of one rate >= 0, without decay.", "margin_one_plain_step")
PARAMETER = Assumption("parameter-comparator", "The comparator is one parameter.", "margin_parameter_comparator")
GRADIENT = Assumption("lipschitz-gradient", "The loss's derivative is Lipschitz on R.", "margin_bounded_curvature")
HESSIAN = Assumption("lipschitz-hessian", "The loss's second derivative is Lipschitz on R.", "margin_lipschitz_hessian")
DIFFERENTIABLE = Assumption(
    "differentiable", "U_i and the risks are differentiable at omega.", "margin_differentiability"
)
CONVEX = Assumption("convex", "The loss is convex.", "margin_convex")
ONE_LAW = Assumption("one-law", "Every task is judged on the law that it adapts on.", "margin_one_law")
ONE_OUTPUT = Assumption("one-output", "A linear model with one output.", "margin_one_output")
