"""What can be computed: losses, instances, the ball engine that decides, the float engine that searches."""

from .families import judge, load
from .files import BadInputError
from .optimum import check, minimise

__all__ = ["BadInputError", "check", "judge", "load", "minimise"]
