"""The command `metagap`, also `python -m metagap.reports`: Ctrl-C and SIGTERM are one line even while modules are
loaded."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        import signal

        signal.signal(signal.SIGTERM, signal.default_int_handler)
        from .cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("metagap: interrupted while starting\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
