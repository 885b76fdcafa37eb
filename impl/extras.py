"""Optional packages: a clear word where one is missing."""

from __future__ import annotations

import importlib.util


class MissingExtraError(ImportError):
    """An optional package is not installed."""


def available(package: str) -> bool:
    """Whether an optional package is installed."""
    return importlib.util.find_spec(package) is not None


def missing(package: str, purpose: str, extra: str = "real") -> str:
    """What is said of a package that is not installed."""
    return f"{package} is not installed: pip install 'metagap[{extra}]' to {purpose}"


def require(package: str, extra: str = "real", purpose: str = "judge real tasks") -> None:
    """Errors: MissingExtraError with the command that installs what is missing."""
    if not available(package):
        raise MissingExtraError(missing(package, purpose, extra))
