"""What owns processes or folders is a context manager that closes itself."""

from __future__ import annotations

from typing import Self


class Closing:
    """`with` closes it; `close` may be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what is owned."""
        raise NotImplementedError
