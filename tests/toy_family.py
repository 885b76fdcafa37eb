"""A family that only the tests know: the linear model under another name. All that commands need of it is its row."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from metagap.impl.families import META_SL
from metagap.impl.files.records import Reader, Record
from metagap.impl.optimum.headline import LinearHeadline
from metagap.impl.sources import SMALL, Generator, Limits, Source
from metagap.impl.supervised.batch import Batch
from metagap.impl.supervised.instance import MetaSLInstance
from metagap.theory.mutants.generated import mutants
from metagap.theory.setting import Setting
from metagap.theory.stationarity import DIFFERENTIABLE, OUTER_CONVEXITY


@dataclass(frozen=True)
class ToyInstance(MetaSLInstance):
    """A linear model that its file calls a toy."""

    family = "toy"

    def document(self, number: Any) -> dict[str, object]:
        return {**super().document(number), "model": {"name": "toy"}}


def toy(instance: MetaSLInstance) -> ToyInstance:
    return ToyInstance(**{field.name: getattr(instance, field.name) for field in fields(MetaSLInstance)})


class ToyBatch(Batch):
    def instance(self, b: int) -> ToyInstance:
        return toy(super().instance(b))


class ToyModel(Record):
    name: Literal["toy"]


class ToyDocument(META_SL.reader.document):  # type: ignore[name-defined, misc]
    model: ToyModel


def read(record: Any) -> ToyInstance:
    instance = META_SL.reader.instance(record)
    assert isinstance(instance, MetaSLInstance)
    return toy(instance)


def build(source: Source, variant: str, limits: Limits = SMALL) -> ToyBatch:
    batch = META_SL.generator("arbitrary").build(source, variant, limits)
    return ToyBatch(**{field.name: getattr(batch, field.name) for field in fields(Batch)})


def landscape(source: Source, variant: str, limits: Limits = SMALL) -> ToyBatch:
    assert META_SL.landscapes is not None
    batch = META_SL.landscapes.build(source, variant)
    return ToyBatch(**{field.name: getattr(batch, field.name) for field in fields(Batch)})


TOY = Setting("toy", "nowhere", OUTER_CONVEXITY, (DIFFERENTIABLE,))
LIFTED = TOY.claim(
    "lifted",
    "The lifted form",
    "As for linear models.",
    "As for linear models.",
    "radius*eps + weight_norm*misfit",
    TOY.inside,
    "none",
)
HEADLINE = TOY.claim(
    "headline",
    "The distance",
    "As for linear models.",
    "As for linear models.",
    "radius*eps + weight_norm*misfit + bracket",
    TOY.inside,
    "none",
    left="certified_gap",
)

ROW = replace(
    META_SL,
    name="toy",
    title="A toy",
    short="toy",
    home=Path(__file__),
    claims=(LIFTED,),
    mutants=mutants("toy", (LIFTED,), ()),
    ablations=(),
    reader=Reader("meta-sl", "toy", ToyDocument, META_SL.reader.required, read),
    generators=(Generator("arbitrary", "anything", build, ("squared", "log-cosh")),),
    searching=("arbitrary",),
    real_tasks={},
    headline=LinearHeadline(HEADLINE),
    landscapes=Generator("landscape", "a landscape", landscape, ("log-cosh",)),
    outside=(),
    breaking=(),
    attaining=(),
)
"""The row."""
