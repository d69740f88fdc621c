"""The start of the `consentory` command."""

import signal
import sys


def main() -> None:
    """Load the command and run it. Ctrl-C while Python loads it ends the process at once, without a traceback."""
    may_interrupt = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if may_interrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from consentory.cli.main import make_app

    app = make_app(sys.argv[1:])
    if may_interrupt:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    app()
