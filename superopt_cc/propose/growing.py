"""One answer while it grows: when it ends, and what of it is its text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

_FENCE = re.compile(rb"^[ \t]*```", re.MULTILINE)
_OPENING = re.compile(r"\A.*?^[ \t]*```[^\n]*\n", re.MULTILINE | re.DOTALL)


class Growing:
    """The pieces of one answer.

    It ends ("stop") where the model ends it, before any of `stops`, or with its first closed
    fence if only that is wanted (`one_block`); as a "copy" once it has repeated `target`, white
    space aside; at `most` pieces by "length".
    """

    def __init__(
        self, most: int, stops: Sequence[str] = (), target: str = "", *, one_block: bool = False
    ) -> None:
        self.pieces = 0
        self._most = most
        self._stops = [stop.encode("utf-8", "surrogateescape") for stop in stops if stop]
        self._target = _squeezed(target)
        self._one_block = one_block
        self._data = bytearray()

    @property
    def text(self) -> str:
        """What was told so far; a character that lacks its last bytes is left out."""
        return codecs.getincrementaldecoder("utf-8")("replace").decode(self._data)

    def take(self, piece: bytes | None) -> str:
        """Add the bytes of a token (None: the model's own end); why the answer ends here, or ""."""
        if piece is None:
            return "stop"
        before = len(self._data)
        self._data += piece
        self.pieces += 1
        if self._cut(before) or (self._one_block and b"`" in piece and self._is_closed()):
            return "stop"
        if self._target and self._repeats():
            return "copy"
        return "length" if self.pieces >= self._most else ""

    def _cut(self, before: int) -> bool:
        places = [self._data.find(s, max(0, before - len(s) + 1)) for s in self._stops]
        found = [place for place in places if place >= 0]
        if found:
            del self._data[min(found) :]
        return bool(found)

    def _is_closed(self) -> bool:
        return len(_FENCE.findall(self._data)) >= 2

    def _repeats(self) -> bool:
        """Looked at once, when there is enough of it: later it repeats no more."""
        if len(self._data) < len(self._target):
            return False
        body = _squeezed(_OPENING.sub("", self.text, count=1))
        if len(body) < len(self._target):
            return False
        repeats = body.startswith(self._target)
        self._target = ""
        return repeats


def _squeezed(text: str) -> str:
    return "".join(text.split())
