"""metagap from Python: load, judge, minimise, check, certify; each is imported when it is first asked for."""

from importlib import import_module, metadata
from typing import Any

_PLACES = {
    "load": "metagap.impl",
    "judge": "metagap.impl",
    "minimise": "metagap.impl",
    "check": "metagap.impl",
    "certify": "metagap.reports.certifying",
}
__all__ = ["__version__", *_PLACES]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return metadata.version("metagap")
    if name not in _PLACES:
        raise AttributeError(f"module 'metagap' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
