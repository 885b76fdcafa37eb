"""The command `metagap`, also `python -m metagap.reports`: Ctrl-C is one line even while modules are loaded."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from .cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("metagap: interrupted while starting\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
