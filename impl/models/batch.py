"""Networks as float64 arrays: the unit of searching."""

from __future__ import annotations

from ..sources import Field, Kind

WEIGHTS = tuple(Field(name, Kind.REAL, ("neuron", "dimension")) for name in ("omega", "rival", "initial"))
