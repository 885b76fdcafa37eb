"""`metagap certify TASKS`, `audit TASKS` and `check CERT`: from files to the answer, stage by stage; run in a process
of their own. `certify` is the same from Python, on arrays.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flint import fmpq

from ..impl import files
from ..impl.answers import Answer, Answerer
from ..impl.arithmetic import rational
from ..impl.conditions import Conditions, conditions
from ..impl.families import FAMILIES, family_of
from ..impl.files.faults import BadInputError, Missing
from ..impl.files.parameters import plain, vector
from ..impl.files.text import document
from ..impl.instances import Instance, Vector
from ..impl.losses import LOSSES, Loss
from ..impl.optimum import Budget, advice, check
from ..impl.optimum.certificate import READ, Certificate, load
from ..impl.own_adaptations import Adaptation, adapting
from ..impl.own_claims import asked, standing
from ..impl.own_tasks import TaskSource, from_arrays
from ..impl.regions.certificate import FORMAT, is_one
from ..impl.supervised.document import OUTPUTS
from ..impl.supervised.instance import MetaSLInstance
from ..impl.task_tables import Task, columns
from ..impl.vector_losses import VectorLoss
from ..theory.claim import Verdict
from . import regions
from .formats.judging import CertifyRecord, ConditionsRecord
from .processes import TICK, Tell

SMALL = 50_000
"""Numbers of an instance up to which an answer that stands before the last one has the instance's hash."""


@dataclass(frozen=True)
class Certified:
    """The record metagap/certify/2, what to print, the exit status, and whether the search was interrupted."""

    record: CertifyRecord
    lines: tuple[str, ...]
    status: int
    interrupted: bool


def _paced(tell: Callable[[str], None]) -> Tell:
    """The same, no more often than anybody looks."""
    told = time.monotonic()

    def paced(stage: str) -> None:
        nonlocal told
        if time.monotonic() - told > TICK:
            told = time.monotonic()
            tell(stage)

    return paced


def answered(
    source: TaskSource,
    omega: Path | None,
    train: bool,
    ball: fmpq | None,
    budget: Budget,
    tell: Callable[[str | Certified], None],
) -> Certified:
    """The answer for omega from a file, trained here, or that of the instance file (0 where it has none).

    Every answer that stands before is told, too.

    Errors: BadInputError, MissingExtraError, UnsupportedError.
    """
    instance = source.load(tell)
    answerer = _answerer(instance, source.place)
    if omega is not None:
        instance = _with_omega(instance, omega)
    if train:
        tell("training omega")
        instance = answerer.trained(instance)
    if ball is not None and (required := answerer.outside(instance, ball)):
        raise BadInputError(source.place, "--radius", str(ball), required)
    now_and_then = _paced(tell)

    def show(boxes: int, lower: float, upper: float) -> None:
        now_and_then(f"searching: {boxes} boxes, bracket [{lower:.6g}, {upper:.6g}]")

    unsaid = "omega = 0: none was given" if source.of_rows else "the omega of the file; without one 0, of networks W0"
    given = "" if train or omega is not None else f" ({unsaid})"
    defaults = source.defaults(instance)
    small = instance.numbers <= SMALL

    def made(found: Answer, named: bool = True) -> Certified:
        verdict = None if found.judged is None else found.judged.verdict
        decided = verdict not in (None, Verdict.UNDECIDED) and found.optimum.certified
        status = 1 if verdict is Verdict.VIOLATED else 0 if decided else 3
        lines = advice.sentences(found, given, defaults)
        return Certified(CertifyRecord.of(found, defaults, named), lines, status, found.optimum.interrupted)

    return made(answerer.certify(instance, ball, budget, show, tell, lambda found: tell(made(found, small))))


def certify(
    X: Any = None,
    y: Any = None,
    task: Sequence[Any] | Any = None,
    omega: Any = None,
    *,
    instance: Instance | None = None,
    split: Sequence[Any] | Any = None,
    weight: Any = None,
    task_weight: Any = None,
    loss: str | Loss = "squared",
    eta: float | str | fmpq | Sequence[Any] | None = None,
    steps: int = 1,
    decay: float | str | fmpq | None = None,
    radius: float | str | fmpq | None = None,
    max_time: float = 30.0,
) -> CertifyRecord:
    """How far omega (d,), with c outputs (c, d), is from the global optimum on tasks: X (N, d), y [N] or (N, c),
    task [N] as arrays, lists or tensors, or X a list of `Task`; or on an `instance` of any family that `load` gives,
    whose omega is then (m, d) for networks, and its own if None.

    split [N]   of a row, "support" (adapted on) or "query" (judged on); None: all rows for both.
    weight [N]   of a row within its task and split; task_weight [N]   of its task, in all its rows. None: all equal.
    loss   a name, with its parameter after a colon ("huber:1"; "softmax:3", its classes 0, 1, 2).
    eta   the inner rate, or a list of one for each parameter; None: half of 1/curvature at 0.
    decay   the weight decay of the inner steps; None: 0.
    radius   of a ball of parameters; None: all, where that is provable. max_time   seconds for the search.
    Errors: BadInputError, UnsupportedError.
    """
    defaults = list[str]()
    if instance is None:
        instance = problem(
            X,
            y,
            task,
            split=split,
            weight=weight,
            task_weight=task_weight,
            loss=loss,
            eta=eta,
            steps=steps,
            decay=decay,
        )
        defaults = [] if eta is not None else ["no eta was given: half of 1/curvature at 0 is the default"]
        if omega is None:
            columns = " and ".join(map(str, instance.shape_of_omega))
            raise BadInputError("certify", "omega", None, f"an array of {columns} numbers; give your solution")
    elif any(given is not None for given in (X, y, task, split, weight, task_weight, eta, decay)) or (loss, steps) != (
        "squared",
        1,
    ):
        required = "no X, y, task, split, weights, loss, eta, steps and decay beside it are required; it has its own"
        raise BadInputError("certify", "instance", instance.family, required)
    answerer = _answerer(instance, "certify")
    if omega is not None:
        instance = instance.with_omega(vector(omega, *instance.shape_of_omega))
    ball = None if radius is None else rational(radius)
    if ball is not None and (required := answerer.outside(instance, ball)):
        raise BadInputError("certify", "radius", str(ball), required)
    quiet: Callable[..., None] = lambda *_: None  # noqa: E731
    return CertifyRecord.of(answerer.certify(instance, ball, Budget(seconds=max_time), quiet, quiet, quiet), defaults)


def problem(
    X: Any,
    y: Any = None,
    task: Sequence[Any] | Any = None,
    omega: Any = None,
    comparator: Any = None,
    *,
    radius: float | str | fmpq = 1,
    split: Sequence[Any] | Any = None,
    weight: Any = None,
    task_weight: Any = None,
    loss: str | Loss = "squared",
    eta: float | str | fmpq | Sequence[Any] | None = None,
    steps: int = 1,
    decay: float | str | fmpq | None = None,
    adaptation: Adaptation | None = None,
) -> MetaSLInstance:
    """The instance with a linear model of tasks as `certify` takes them, omega and the comparator (d,) or (c, d), 0 if
    they are None, and the radius of the ball of directions.

    adaptation   of one's own, in place of gradient steps; it may use eta. Errors: BadInputError.
    """
    if isinstance(X, list | tuple) and X and all(isinstance(one, Task) for one in X):
        if any(given is not None for given in (y, task, split, weight, task_weight)):
            raise BadInputError("tasks", "y, task, split, weight", "given", "none of them beside a list of Tasks")
        X, y, task, split, task_weight = columns(X)
    if y is None or task is None:
        raise BadInputError("tasks", "y, task", None, "arrays X, y and task, or X a list of metagap.Task")
    made = from_arrays(
        plain(X),
        plain(y),
        plain(task).tolist(),
        split=None if split is None else plain(split).tolist(),
        weight=None if weight is None else plain(weight),
        task_weight=None if task_weight is None else plain(task_weight),
        loss=_loss(loss) if isinstance(loss, str) else loss,
        eta=_eta(eta),
        steps=steps,
        decay=_decay(decay),
    )
    if adaptation is not None:
        made = adapting(made, adaptation)
    if omega is not None:
        made = made.with_omega(vector(omega, *made.shape_of_omega))
    rival = made.comparator if comparator is None else vector(comparator, *made.shape_of_omega)
    return replace(made, comparator=rival, radius=rational(radius))


def _eta(given: Any) -> fmpq | Vector | None:
    """One rate, or one for each parameter. Errors: BadInputError."""
    if given is None or isinstance(given, (float, int, str, fmpq)):
        return None if given is None else rational(given)
    if isinstance(given, list | tuple):
        return tuple(map(rational, given))
    rates = plain(given)
    return rational(float(rates)) if rates.ndim == 0 else vector(rates, rates.size, source="eta")


def _decay(given: float | str | fmpq | None) -> fmpq | None:
    found = None if given is None else rational(given)
    if found is not None and found < 0:
        raise BadInputError("certify", "decay", str(given), "a number >= 0 is required")
    return found


def _loss(text: str) -> Loss:
    name, _, parameter = text.partition(":")
    if name == "softmax" and not (parameter.isdecimal() and 2 <= int(parameter) <= OUTPUTS):
        raise BadInputError("certify", "loss", text, "softmax:C with the number of classes is required")
    try:
        if name == "softmax":
            return VectorLoss(name, outputs=int(parameter))
        return Loss(name, rational(parameter) if parameter else None)
    except (KeyError, ValueError) as error:
        required = f"one of {', '.join(LOSSES)} is required, with :PARAMETER where it has one ({error})"
        raise BadInputError("certify", "loss", text, required) from None


def conditions_of(
    source: TaskSource, omega: Path | None, tell: Callable[[str | ConditionsRecord], None]
) -> ConditionsRecord:
    """Which assumptions (of a user's own claims, where such stand) hold on the tasks, at omega if there is one; what is
    known so far is told, too.

    Errors: BadInputError, MissingExtraError.
    """
    instance, own = source.load(tell), standing()
    if omega is not None:
        instance = _with_omega(instance, omega)
    claims = () if own is None else asked(family_of(instance)).claims
    if own is not None and not claims:
        required = f"tasks of {' or '.join(own.families)}, which the claims of {own.place} are about"
        raise BadInputError(source.place, "problem", instance.family, required)

    def made(found: Conditions) -> ConditionsRecord:
        return ConditionsRecord.of(source.place, instance.sha256, found, instance.notes)

    return made(conditions(instance, lambda name: tell(f"examining {name}"), lambda found: tell(made(found)), claims))


def _answerer(instance: Instance, place: str) -> Answerer:
    """How the instance's family answers. Errors: BadInputError."""
    found = family_of(instance).answerer
    if found is None:
        able = ", ".join(family.name for family in FAMILIES.values() if family.answerer)
        raise BadInputError(place, "problem", instance.family, f"one of {able} is required")
    return found


def _with_omega(instance: Instance, omega: Path) -> Instance:
    """The tasks with the solution in a file. Errors: BadInputError."""
    return instance.with_omega(files.load_vector(omega, *instance.shape_of_omega))


def checked_certificate(path: Path, source: TaskSource | None, tell: Tell) -> tuple[int, str]:
    """Whether the certificate in a file (of the tasks at a place, if it leaves them out) proves its bracket, or what it
    claims of a region: the status of `metagap check` (1: it does not), and the answer in a line. Errors: BadInputError.
    """
    if source is None:
        content = document(path)
        if is_one(content):
            return regions.checked(content, str(path), _paced(tell))
        if isinstance(content, dict) and content.get("format", Missing.MISSING) not in READ:
            made = "metagap optimum --certificate, or of metagap prove --region --certificate"
            required = f"{READ[0]!r} to {READ[-1]!r}, or {FORMAT!r} is required; give a file of {made}"
            raise BadInputError(str(path), "format", content.get("format", Missing.MISSING), required)
    given = None if source is None else source.load(tell)
    if given is not None and not isinstance(given, MetaSLInstance):
        required = "a meta-sl instance with a linear model is required"
        raise BadInputError(str(path), "--tasks", given.family, required)
    tell(f"reading {path}")
    certificate = load(path, given)
    tell("checking")
    now_and_then = _paced(tell)
    found = check(certificate, lambda boxes: now_and_then(f"checking: {boxes} boxes"))
    word = "accepted" if found.accepted else "rejected"
    beyond = f"({found.boxes} boxes, {found.extra} beyond the tree)"
    return 0 if found.accepted else 1, f"{path}: {word}: {bracket_of(certificate)}: {found.reason} {beyond}"


def bracket_of(certificate: Certificate) -> str:
    """What a certificate says of the optimum."""
    where = "all parameters" if certificate.radius is None else f"||theta|| <= {certificate.radius}"
    return f"{certificate.lower!r} <= inf L <= {certificate.upper!r} over {where}"
