"""What the `as` shim starts when a unit may have selected functions (design 2).

The new text goes back through the record; exit status 0 without a text means that gcc's own is
used, any other status the same and that something went wrong.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Answer for one unit; never raises but for signals."""
    try:
        from superopt_cc.driver import quick

        call = quick.read_call()
        if quick.answer(call):
            return 0
        import signal  # not for the quick path

        from superopt_cc.driver.build import build

        signal.signal(signal.SIGTERM, _stop)
        return build(call)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # design 1: whatever happens to us, gcc's code is used
        line = str(error).partition("\n")[0]
        print(f"superopt-cc: internal error, gcc's code is used: {line}", file=sys.stderr)
        return 1


def _stop(number: int, frame: object) -> None:
    """End as for Ctrl-C, so that every child process is ended too."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
