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
from ..impl.arithmetic import rational, to_float
from ..impl.conditions import Conditions, conditions
from ..impl.files.faults import BadInputError
from ..impl.files.parameters import plain, vector
from ..impl.instances import Instance
from ..impl.losses import LOSSES, Loss
from ..impl.optimum import Budget, advice, answer, check
from ..impl.optimum.certificate import load
from ..impl.own_tasks import TaskSource, from_arrays
from ..impl.supervised import training
from ..impl.supervised.document import OUTPUTS
from ..impl.supervised.instance import MetaSLInstance
from ..impl.vector_losses import VectorLoss
from ..theory.claim import Verdict
from .formats.judging import CertifyRecord, ConditionsRecord
from .processes import TICK, Tell

SMALL = 50_000
"""Numbers in the features up to which an answer that stands before the last one has the instance's hash."""


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
    if not isinstance(instance, MetaSLInstance):
        required = "a meta-sl instance with a linear model is required"
        raise BadInputError(source.place, "problem", instance.family, required)
    if omega is not None:
        instance = _with_omega(instance, omega, source.place)
    if train:
        tell("training omega")
        instance = replace(instance, omega=tuple(rational(v) for v in training.train(instance).omega))
    size = sum((v * v for v in instance.omega), start=fmpq(0))
    if ball is not None and size > ball * ball:
        required = f"at least ||omega|| = {to_float(size) ** 0.5:.6g} is required: omega must lie in the ball"
        raise BadInputError(source.place, "--radius", str(ball), required)
    now_and_then = _paced(tell)

    def show(boxes: int, lower: float, upper: float) -> None:
        now_and_then(f"searching: {boxes} boxes, bracket [{lower:.6g}, {upper:.6g}]")

    given = "" if train or omega is not None else " (omega as in the file; 0 where it has none)"
    defaults = source.defaults(instance)
    small = len(instance.features) * instance.dimension <= SMALL

    def made(found: answer.Answer, named: bool = True) -> Certified:
        verdict = None if found.judged is None else found.judged.verdict
        decided = verdict not in (None, Verdict.UNDECIDED) and found.optimum.certified
        status = 1 if verdict is Verdict.VIOLATED else 0 if decided else 3
        lines = advice.sentences(found, given, defaults)
        return Certified(CertifyRecord.of(found, defaults, named), lines, status, found.optimum.interrupted)

    return made(answer.certify(instance, ball, budget, show, tell, lambda found: tell(made(found, small))))


def certify(
    X: Any,
    y: Any,
    task: Sequence[Any] | Any,
    omega: Any,
    *,
    loss: str | Loss = "squared",
    eta: float | str | fmpq | None = None,
    steps: int = 1,
    radius: float | str | fmpq | None = None,
    max_time: float = 30.0,
) -> CertifyRecord:
    """How far omega (d,) is from the global optimum on tasks: X (N, d), y [N], task [N] as arrays, lists or tensors.

    loss   a name, with its parameter after a colon ("huber:1"; "softmax:3", its classes 0, 1, 2).
    eta   the inner rate; None: half of 1/curvature at 0.
    radius   of a ball of parameters; None: all, where that is provable. max_time   seconds for the search.
    Errors: BadInputError.
    """
    if isinstance(loss, str):
        name, _, parameter = loss.partition(":")
        if name == "softmax" and not (parameter.isdecimal() and 2 <= int(parameter) <= OUTPUTS):
            raise BadInputError("certify", "loss", loss, "softmax:C with the number of classes is required")
        try:
            given = rational(parameter) if parameter and name != "softmax" else None
            loss = VectorLoss(name, outputs=int(parameter)) if name == "softmax" else Loss(name, given)
        except (KeyError, ValueError) as error:
            required = f"one of {', '.join(LOSSES)} is required, with :PARAMETER where it has one ({error})"
            raise BadInputError("certify", "loss", loss, required) from None
    defaults = [] if eta is not None else ["no eta was given: half of 1/curvature at 0 is the default"]
    made = from_arrays(
        plain(X), plain(y), plain(task).tolist(), loss=loss, eta=None if eta is None else rational(eta), steps=steps
    )
    made = replace(made, omega=vector(omega, made.dimension))
    ball = None if radius is None else rational(radius)
    return CertifyRecord.of(answer.certify(made, ball, Budget(seconds=max_time)), defaults)


def conditions_of(
    source: TaskSource, omega: Path | None, tell: Callable[[str | ConditionsRecord], None]
) -> ConditionsRecord:
    """Which assumptions hold on the tasks, at omega if there is one; what is known so far is told, too.

    Errors: BadInputError, MissingExtraError.
    """
    instance = source.load(tell)
    if omega is not None:
        instance = _with_omega(instance, omega, source.place)

    def made(found: Conditions) -> ConditionsRecord:
        return ConditionsRecord.of(source.place, instance.sha256, found)

    return made(conditions(instance, lambda name: tell(f"examining {name}"), lambda found: tell(made(found))))


def _with_omega(instance: Instance, omega: Path, place: str) -> MetaSLInstance:
    """The tasks with the solution in a file. Errors: BadInputError."""
    if not isinstance(instance, MetaSLInstance):
        required = "a meta-sl instance with a linear model is required"
        raise BadInputError(place, "problem", instance.family, required)
    return replace(instance, omega=files.load_vector(omega, instance.dimension))


def checked_certificate(path: Path, tell: Tell) -> tuple[bool, str]:
    """Whether the certificate in a file proves its bracket, and the answer in a line. Errors: BadInputError."""
    tell(f"reading {path}")
    certificate = load(path)
    tell("checking")
    now_and_then = _paced(tell)
    found = check(certificate, lambda boxes: now_and_then(f"checking: {boxes} boxes"))
    word = "accepted" if found.accepted else "rejected"
    where = "all parameters" if certificate.radius is None else f"||theta|| <= {certificate.radius}"
    return found.accepted, (
        f"{path}: {word}: {certificate.lower!r} <= inf L <= {certificate.upper!r} over {where}: "
        f"{found.reason} ({found.boxes} boxes, {found.extra} beyond the tree)"
    )
