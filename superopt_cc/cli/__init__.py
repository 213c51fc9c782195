"""The `superopt` command: one thin module a subcommand (design 11).

Nothing is decided here: arguments become calls of the library, its values become tables or JSON.
"""

import time

# What a command with a budget counts from.
STARTED = time.monotonic()
