"""FILE.py:FUNCTION on the command line: a PyTorch program of the user's own, run here and nowhere else."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from ...impl import files
from ...impl.extras import require
from ...impl.files.parameters import load_arrays
from ...impl.instances import Instance
from ...impl.shown import between
from ...impl.traced.losses import NAMED
from ..formats.programs import GradientRecord, ProgramRecord
from ..processes import EndedError, improving
from .ending import fail, interrupted
from .options import JsonOption, number, on_the_line, until, whole
from .outputs import emit, ready
from .own_tasks import in_time
from .shared import input_errors, working

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from ...impl.arithmetic import Array
    from ...impl.traced.users import Program

PANEL = "A PyTorch program (FILE.py:FUNCTION)"
option = partial(typer.Option, rich_help_panel=PANEL)
EpisodesOption = Annotated[
    Path | None,
    option(
        "--tasks",
        metavar="FILE.npz",
        help="Its tasks: arrays X, y, task, and split (support or query) and task_weight if they are there.",
    ),
]
StateOption = Annotated[
    Path | None,
    option(
        "--state",
        metavar="FILE",
        help="Its parameters: a state_dict in .pt or .safetensors, or .npz; by default as the function returns them.",
    ),
]
RivalOption = Annotated[
    Path | None,
    option(
        "--comparator",
        metavar="FILE",
        help="A state to compare with. By default certify looks for a better one, and judge takes the labels with the "
        "loss mse alone: with another loss it is required.",
    ),
]
NamedLossOption = Annotated[
    str | None,
    option(
        "--loss",
        metavar="NAME",
        help="mse (the mean of (z - y)^2/2: half of torch's mse_loss), cross_entropy or bce; by default mse.",
    ),
]
RateOption = Annotated[float | None, option("--eta", parser=number(-1e9), metavar="RATE", help="Inner rate.")]
StepsOption = Annotated[
    int | None, option("--steps", parser=whole(1, 100), metavar="K", help="Inner steps; by default 1.")
]


@dataclass(frozen=True)
class Options:
    """What is said of a program."""

    tasks: EpisodesOption = None
    state: StateOption = None
    comparator: RivalOption = None
    loss: NamedLossOption = None
    eta: RateOption = None
    steps: StepsOption = None
    radius: Annotated[
        float | None,
        option(
            "--radius",
            parser=number(0.0),
            metavar="R",
            help="Radius of the bound; by default the comparator's distance.",
        ),
    ] = None

    @property
    def files(self) -> list[Path]:
        """The files that are read."""
        return [path for path in (self.tasks, self.state, self.comparator) if path is not None]

    @property
    def given(self) -> list[str]:
        """The options that were given."""
        return [f"--{name}" for name, value in vars(self).items() if value is not None]


def is_program(place: str | Path) -> bool:
    """Whether an argument names a function in a Python file."""
    return re.fullmatch(r".+\.py:[A-Za-z_]\w*", str(place)) is not None


def no_program(options: Options, instance: Path | None = None) -> None:
    """Options of programs have no meaning for files; the command ends with one line."""
    given = [*options.given, *([] if instance is None else ["--instance"])]
    if given:
        fail(f"{given[0]}: this option is for one FILE.py:FUNCTION alone; leave it out")


def only_programs(context: typer.Context, *unknown: str) -> None:
    """Options that have no meaning for programs; the command ends with one line."""
    for name in sorted(on_the_line(context) & set(unknown)):
        advice = "give --state" if name == "omega" else "leave it out"
        fail(f"--{name}: this option is not for a FILE.py:FUNCTION; {advice}")


def program_of(command: str, place: str, options: Options) -> Program:
    """The program; what is run is said on the error stream. Bad input ends the command with one line."""
    with _faults(place, options):
        require("torch", purpose="run PyTorch programs")
        from ...impl.traced.users import program_at

        if options.tasks is None:
            fail(f"{place}: --tasks=FILE.npz is required: arrays X, y, task and split")
        if options.loss not in (None, *NAMED):
            known = ", ".join(NAMED)
            fail(f"--loss={options.loss!r}: one of {known} is required; one of your own is returned by the function")
        file = place.rpartition(":")[0]
        if Path(file).is_file():
            typer.echo(f"metagap: {command}: runs the Python file {file}", err=True)
        found = program_at(place, options.tasks, options.state, options.loss, options.eta, options.steps)
        for note in found.notes:
            typer.echo(f"metagap: {command}: {note}", err=True)
        return found


def comparator_of(program: Program, options: Options) -> Module | None:
    """The state to compare with, if there is one."""
    from ...impl.traced.problem import at_state

    with input_errors():
        path = options.comparator
        return None if path is None else at_state(program.model, load_arrays(path), str(path))


def instance_of_program(command: str, place: str, options: Options) -> Instance:
    """The program as an instance: its graphs and numbers."""
    program = program_of(command, place, options)
    with _faults(place, options):
        from ...impl.traced.problem import instance_of

        if options.comparator is None and program.loss != "mse":
            loss = program.loss if isinstance(program.loss, str) else "of your own"
            fail(f"{place}: --comparator=FILE is required: the labels are the default with the loss mse, not {loss}")
        rival = comparator_of(program, options)
        return instance_of(program.model, program.tasks, program.inner, program.loss, rival, options.radius)


@contextmanager
def _faults(place: str, options: Options, gradient: Path | None = None) -> Iterator[None]:
    """What cannot be run or traced becomes one line and status 2, which names the option that gave it."""
    with input_errors():
        try:
            yield
        except files.BadInputError as error:
            if error.file != "metagap.torch":
                raise
            given = {"gradients": ("--gradient", gradient), "comparator": ("--comparator", options.comparator)}
            given |= dict.fromkeys(("labels", "support", "query", "tasks", "weight"), ("--tasks", options.tasks))
            option, path = given.get(re.split(r"\W", error.field)[0], ("", None))
            where = place if path is None else f"{option}={path}"
            raise files.BadInputError(where, error.field, error.given, error.required) from None
        except typer.Exit:  # is a RuntimeError
            raise
        except (ValueError, NotImplementedError, RuntimeError) as error:
            fail(f"{place}: {' '.join(str(error).split())}")


def certify_program(place: str, options: Options, max_time: float, json: Path | None) -> NoReturn:
    """How far a program's parameters are from the best; the command ends here."""
    spoken = ready({"--json": json}, inputs=options.files)
    program = program_of("certify", place, options)
    with _faults(place, options), working("certify"):
        from ...impl.traced.asking import certify

        found = certify(
            program.model,
            program.tasks,
            inner=program.inner,
            loss=program.loss,  # type: ignore[arg-type]
            comparator=comparator_of(program, options),
            max_time=max_time / 2,
        )
    emit(ProgramRecord.of(found), json)
    if spoken:
        typer.echo(f"Your parameters are {between(found.gap.lo, found.gap.hi, 6)} above the best.")
        typer.echo(f"L = {found.value.middle:.9g}; the best point known has {found.best.middle:.9g}; L is at least 0.")
        for line in found.advice:
            typer.echo(line)
    raise typer.Exit(3 if found.bound.verdict.name == "UNDECIDED" else 0)


def check_gradient(
    place: Annotated[
        str, typer.Argument(metavar="FILE.py:FUNCTION", help="Is run, and returns the PyTorch model (and inner loop).")
    ],
    tasks: EpisodesOption = None,
    gradient: Annotated[
        Path | None,
        typer.Option(
            "--gradient", metavar="FILE", help="Your gradient, by the parameters' names: .pt, .npz, .safetensors."
        ),
    ] = None,
    state: StateOption = None,
    loss: NamedLossOption = None,
    eta: RateOption = None,
    steps: StepsOption = None,
    max_time: Annotated[float | None, until("End all work then, with what was tried by then.")] = None,
    json: JsonOption = None,
) -> None:
    """Whose gradient your training loop computes: MAML's, or that of a usual mistake."""
    begin = time.monotonic()
    options = Options(tasks, state, None, loss, eta, steps)
    if not is_program(place):
        fail(f"FILE.py:FUNCTION={place!r}: a function in a Python file is required; give model.py:make, say")
    if gradient is None:
        fail(f"{place}: --gradient=FILE is required: a dict of tensors by the parameters' names")
    spoken = ready({"--json": json}, inputs=[*options.files, gradient])
    ended: EndedError | None = None
    advice = "there is no answer, and none was written; allow more"
    with working("check-gradient") as show, in_time(max_time or math.inf, advice):
        if max_time is None:
            found = gradient_record(place, options, gradient, lambda told: isinstance(told, str) and show(told))
        else:
            found, ended = improving(gradient_record, (place, options, gradient), show, begin + max_time)
    emit(found, json)
    if spoken:
        typer.echo(found.message)
    if ended is not None and max_time is not None:
        if ended.interrupted:
            interrupted(f"check-gradient: interrupted while {ended.stage}; the answer stood before")
        typer.echo(f"metagap: {ended.why(max_time)} while {ended.stage}; the answer stood before", err=True)
    raise typer.Exit({"maml": 0, "unknown": 3}.get(found.name, 1))


def gradient_record(
    place: str, options: Options, gradient: Path, tell: Callable[[str | GradientRecord], object]
) -> GradientRecord:
    """The answer; what stands before it is told. Bad input ends the command with one line."""
    tell("loading the program")
    with input_errors():
        given = load_arrays(gradient)
    program = program_of("check-gradient", place, options)
    with _faults(place, options, gradient):
        from ...impl.traced.diagnosing import Diagnosis, check_gradient

        def hear(told: str | Diagnosis) -> None:
            tell(GradientRecord.of(told) if isinstance(told, Diagnosis) else told)

        own = {name: _tensor(values) for name, values in given.items()}
        found = check_gradient(own, program.model, program.tasks, inner=program.inner, loss=program.loss, tell=hear)
    return GradientRecord.of(found)


def _tensor(values: Array) -> Tensor:
    """A tensor of the dtype that the numbers were computed in: float32 if all of them are such numbers."""
    import torch

    found = torch.as_tensor(values)
    short = found.float()
    return short if found.is_floating_point() and bool((short.double() == found).all()) else found
