"""metagap from Python: load, judge, minimise, check, certify; each is imported when it is first asked for.

This folder is the package `metagap` itself (pyproject.toml): its other packages lie beside it.
"""

from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metagap.impl import check, judge, load, minimise
    from metagap.reports.asserting import assert_proved
    from metagap.reports.certifying import certify

    from . import strategies

__all__ = ["__version__", "assert_proved", "certify", "check", "judge", "load", "minimise", "strategies"]


def __getattr__(name: str) -> object:
    if name == "__version__":
        return metadata.version("metagap")
    if name == "assert_proved":
        from metagap.reports.asserting import assert_proved

        return assert_proved
    if name == "strategies":
        import metagap.strategies

        return metagap.strategies
    if name == "certify":
        from metagap.reports.certifying import certify

        return certify
    if name in __all__:
        from metagap import impl

        return getattr(impl, name)
    raise AttributeError(f"module 'metagap' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
