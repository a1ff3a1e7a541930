"""The entry point of the command: answers Ctrl+C before anything else is imported.

Before and after a command's event loop, Ctrl+C ends the process at once: nothing needs to be
cleaned up then. While the loop runs, loop.py has it cancelled.
"""

import os
import signal

INTERRUPTED = 130
"""Exit status after Ctrl+C, as that of shells: 128 and the number of the signal."""


def main() -> int:
    """Run the command line and return its exit status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end)
    from .main import main

    return main()


def end(number: int, frame: object) -> None:
    """End the process, as a signal handler."""
    os.write(2, b"gloveport: stopped.\n")
    os._exit(INTERRUPTED)
