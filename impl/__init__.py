"""What can be computed: losses, instances, the ball engine that decides, the float engine that searches."""

from .files import BadInputError, load
from .judge import judge
from .optimum import check, minimise

__all__ = ["BadInputError", "check", "judge", "load", "minimise"]
