"""`python -m metagap.reports` is the command `metagap`."""

from .cli import main

main()
