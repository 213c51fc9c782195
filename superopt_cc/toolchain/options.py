"""gcc's option table: what each option is, which take an argument, which forbid a replacement.

The table is `options.tsv` beside this file; the C front door is built from the same rows.  Its
columns, separated by tabs (lines starting with # and empty lines are for people):

1. spelling: as typed, or its beginning where `argument` says so;
2. argument:
   `none`      the option is exactly the spelling,
   `joined`    the rest of the word is its argument and may be empty (`-O`, `-Wall`, `-std=c11`),
   `separate`  the next word is its argument (`-Xlinker`),
   `joined-or-separate`  the rest of the word, or the next word if nothing is left (`-o`, `-I`);
3. class:
   `info` gcc answers a question, `mode` where gcc stops (-c -S -E -M -fsyntax-only), `deps`
   dependency files, `output` other files and messages about them, `preproc`, `include` (header
   search and forced headers), `warn`, `debug`, `opt-level`, `language` (what the source means:
   -std, -x, -fno-builtin, -fsigned-char), `code-ok` (may change code; replacing stays allowed,
   design 4.2), `code-refused` (replacing is refused), `link`, `asm` (words for the assembler),
   `prefix` (-B: where gcc finds its programs), `wrapper` (-wrapper: a program around each of them),
   `lto`;
4. counted name of a refusal (`-` for none).

`-fno-X` and `-mno-X` without a row of their own are the row of `-fX`, negated; turning
off what is refused or LTO is `code-ok`.  Any other -f or -m option is `code-refused`, counted as
`option`; any other word with a dash is of class `unknown` and left to gcc to judge.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_TABLE = Path(__file__).with_name("options.tsv")
_MAX_RESPONSE_FILES = 2000  # libiberty's own limit


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """One row of the table; `reason` is "" unless the class is `code-refused`.

    `negated` marks the row of `-fX` found for `-fno-X`: there `spelling` is the negative form.
    """

    spelling: str
    argument: str
    kind: str
    reason: str = ""
    negated: bool = False

    @property
    def refused(self) -> bool:
        return self.kind == "code-refused"

    @property
    def changes_code(self) -> bool:
        """Whether the option may change the code that gcc makes of a preprocessed text."""
        return self.kind in {"code-ok", "code-refused", "language", "opt-level", "lto"}


@dataclasses.dataclass(frozen=True, slots=True)
class Argument:
    """One option with its argument, or (option None) one input file, "-" being stdin.

    `words` are the words as typed, one or two; `value` is the option's argument, None where it
    has none or the command line ends before it, or the input's name.
    """

    option: Option | None
    value: str | None
    words: tuple[str, ...]


@functools.cache
def table() -> Mapping[str, Option]:
    """All rows by spelling."""
    rows: dict[str, Option] = {}
    for line in _TABLE.read_text(encoding="ascii").splitlines():
        if line and not line.startswith("#"):
            spelling, argument, kind, reason = line.split("\t")
            rows[spelling] = Option(spelling, argument, kind, "" if reason == "-" else reason)
    return rows


def _matching(word: str) -> Option | None:
    """The row with the longest spelling that `word` is, or begins with and may be joined to."""
    rows = table()
    for length in range(len(word), 0, -1):
        row = rows.get(word[:length])
        if row and (length == len(word) or row.argument in {"joined", "joined-or-separate"}):
            return row
    return None


def _negated(word: str) -> Option | None:
    if word[1:5] not in {"fno-", "mno-"}:
        return None
    row = _matching(word[:2] + word[5:])
    if row is None:
        return None
    off = row.kind in {"code-refused", "lto"}
    spelling = word[:2] + "no-" + row.spelling[2:]
    return Option(spelling, row.argument, "code-ok" if off else row.kind, negated=True)


def lookup(word: str) -> Option:
    """The row of one word that starts with a dash; made up for words that no row names."""
    row = _matching(word)
    negated = _negated(word)
    if negated and (row is None or len(row.spelling) < len("-fno-")):
        return negated
    if row:
        return row
    if word.startswith(("-f", "-m")):
        return Option(word, "none", "code-refused", "option")
    return Option(word, "none", "unknown")


def split_arguments(argv: Sequence[str]) -> Iterator[Argument]:
    """Pair the words of a gcc command line (without argv[0]) with their rows, in order.

    Response files should be expanded before (`expand_response_files`).
    """
    words = iter(argv)
    for word in words:
        if not word.startswith("-") or word == "-":
            yield Argument(None, word, (word,))
            continue
        option = lookup(word)
        rest = word[len(option.spelling) :]
        if option.argument == "none":
            yield Argument(option, None, (word,))
        elif option.argument == "joined" or (option.argument == "joined-or-separate" and rest):
            yield Argument(option, rest, (word,))
        else:
            value = next(words, None)
            yield Argument(option, value, (word,) if value is None else (word, value))


def _response_words(text: str) -> Iterator[str]:
    """Split a response file as libiberty does: blanks separate, quotes and backslashes protect."""
    word: list[str] = []
    quote = ""
    started = False
    characters = iter(text)
    for character in characters:
        if character == "\\":
            word.append(next(characters, ""))
            started = True
        elif quote:
            if character == quote:
                quote = ""
            else:
                word.append(character)
        elif character in "'\"":
            quote, started = character, True
        elif character in " \t\n\v\f\r":
            if started:
                yield "".join(word)
            word, started = [], False
        else:
            word.append(character)
            started = True
    if started:
        yield "".join(word)


def expand_response_files(argv: Sequence[str], cwd: Path) -> tuple[str, ...]:
    """Replace every `@file` by the file's words, nested too; one that cannot be read stays."""
    words = list(argv)
    done: list[str] = []
    files = 0
    while words:
        word = words.pop(0)
        path = cwd / word[1:]
        if not word.startswith("@") or files >= _MAX_RESPONSE_FILES or not path.is_file():
            done.append(word)
            continue
        files += 1
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        words[:0] = _response_words(text)
    return tuple(done)
