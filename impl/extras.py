"""Optional packages: a clear word where one is missing."""

from __future__ import annotations

import importlib.util


class MissingExtraError(ImportError):
    """An optional package is not installed."""


def require(package: str, extra: str = "real", purpose: str = "judge real tasks") -> None:
    """Errors: MissingExtraError with the command that installs what is missing."""
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(f"{package} is not installed: pip install 'metagap[{extra}]' to {purpose}")
