"""One compile command as a value, and running it again without touching the user's tree.

Everything is run by the user's own options on the user's own source, in the user's directory.
Nothing is written there: dependency files, dumps, coverage notes, `.su` and `.dwo` files belong
to the real build alone (design 1, never in the way).
"""

from __future__ import annotations

import dataclasses
import functools
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from superopt_cc.errors import ToolchainError, UsageError
from superopt_cc.toolchain.options import Argument, expand_response_files, split_arguments
from superopt_cc.toolchain.tools import Done, assemble, run

_TIMEOUT = 300.0
_LANGUAGE_OF_SUFFIX = {
    ".c": "c",
    ".i": "cpp-output",
    ".ii": "c++-cpp-output",
    **dict.fromkeys((".cc", ".cp", ".cxx", ".cpp", ".CPP", ".c++", ".C"), "c++"),
}
# g++ reads C and preprocessed C as C++.
_AS_CXX = {"c": "c++", "cpp-output": "c++-cpp-output"}
_PREPROCESSED = {"cpp-output": "c", "c++-cpp-output": "c++"}
_PREPROCESSED_NAME = {"c": "cpp-output", "c++": "c++-cpp-output"}
# Of the preprocessor's options these still mean something for preprocessed text.
_LEXICAL = (
    "-fexec-charset=",
    "-fwide-exec-charset=",
    "-fdollars-in-identifiers",
    "-fno-dollars-in-identifiers",
    "-fextended-identifiers",
    "-fno-extended-identifiers",
)
# They change what -E prints, not what is compiled; or print besides.
_PRESENTATION = frozenset(
    {
        "-C", "-CC", "-P", "-H", "--comments", "--comments-in-macros", "--no-line-commands",
        "--trace-includes", "-fdirectives-only", "-fdebug-cpp", "-fpch-deps", "-fpch-preprocess",
        "-fpreprocessed", "-fworking-directory",
    }
)  # fmt: skip
# What gcc predefines for an instruction set extension (and for nothing else).
_ISA = re.compile(
    "__(?:MMX|3dNOW(?:_A)?|SSE[234]?|SSSE3|SSE4_[12]|SSE4A|AVX2?|AVX512[A-Z0-9]+|AVX5124[A-Z]+"
    "|AVXVNNI|FMA4?|XOP|TBM|LWP|BMI2?|LZCNT|ABM|POPCNT|AES|PCLMUL|VAES|VPCLMULQDQ|GFNI|SHA|ADX"
    "|F16C|MOVBE|CRC32|RDRND|RDSEED|PRFCHW|PREFETCHWT1|FXSR|XSAVE[A-Z]*|LAHF_SAHF|FSGSBASE"
    "|CLFLUSHOPT|CLWB|CLZERO|CLDEMOTE|RTM|HLE|PKU|RDPID|SGX|MWAITX|WAITPKG|PTWRITE|SERIALIZE"
    "|TSXLDTRK|MOVDIRI|MOVDIR64B|ENQCMD|PCONFIG|WBNOINVD|UINTR|HRESET|KL|WIDEKL|AMX_[A-Z0-9]+"
    "|SHSTK)__|__GCC_HAVE_SYNC_COMPARE_AND_SWAP_16"
)
# Refused for replacing anyway; in a compile of ours they would write files or compile twice.
_WRITING_REASONS = frozenset({"profiling", "compiler-internals"})


@dataclasses.dataclass(frozen=True, slots=True)
class CompileCommand:
    """The user's compile command for one source.

    `argv` are the arguments without argv[0], response files expanded; `source` is as the user
    wrote it (relative to `cwd`); `language` "c" or "c++".
    """

    compiler: Path
    argv: tuple[str, ...]
    cwd: Path
    source: Path | None
    language: str

    def code_options(self) -> tuple[str, ...]:
        """Everything that may change the code made of the preprocessed text, in order.

        No inputs, outputs, preprocessor options (but those on character sets), warnings, debug
        options; no LTO, which concerns later code; -B stays, as it chooses the compiler proper.
        """
        kept: list[str] = []
        for argument in split_arguments(self.argv):
            option = argument.option
            if option is None or option.spelling in ("-x", "--language", "--language="):
                continue
            lexical = option.kind == "preproc" and option.spelling.startswith(_LEXICAL)
            code = option.changes_code and option.kind != "lto"
            if code or lexical or option.kind in ("prefix", "wrapper"):
                kept += argument.words
        return tuple(kept)

    def refusals(self) -> tuple[tuple[str, str], ...]:
        """(counted name, option) for each option in effect that forbids replacing (design 4.2)."""
        found: list[tuple[str, str]] = []
        for argument in split_arguments(self.argv):
            option = argument.option
            if option is None:
                continue
            word = argument.words[0]
            if option.refused:
                found.append((option.reason or "option", word))
            elif option.kind in ("unknown", "wrapper"):
                found.append(("option", word))
        hidden = [w for w in _preprocessor_words(self.argv) if w.startswith(("-f", "-m", "-O"))]
        return (*found, *(("option", word) for word in hidden))

    def refused_options(self) -> tuple[str, ...]:
        """The options that the table does not allow by name (design 4.2)."""
        return tuple(word for _, word in self.refusals())

    def option(self, *names: str) -> str | None:
        """The last word in effect that is one of `names` or an option with that spelling.

        `option("-O")` is "-O3", `option("-fwrapv", "-fno-wrapv")` the last of the two.
        """
        last = None
        for argument in split_arguments(self.argv):
            if argument.option is None:
                continue
            if argument.words[0] in names or argument.option.spelling in names:
                last = "".join(argument.words)
        return last

    @property
    def source_path(self) -> Path:
        """The source as an absolute path.  Raises UsageError when it is stdin."""
        if self.source is None:
            raise UsageError("the source came from standard input and cannot be read again")
        return self.cwd / self.source


@dataclasses.dataclass(frozen=True, slots=True)
class FactsFiles:
    """What gcc says about one unit: its text with debug information, dumps, and the object."""

    text: str
    tree: str
    rtl: str
    object: Path


def parse_command(
    argv: Sequence[str], cwd: Path, compiler: Path, source: str | Path | None = None
) -> CompileCommand:
    """Understand one compile command (`argv` without argv[0]).

    Of several C or C++ sources the caller names the one meant.  Raises UsageError when there is
    no such source, or none is named and there is not exactly one.
    """
    words = expand_response_files(argv, cwd)
    inputs = tuple(_inputs(words, compiler))
    if source is not None:
        inputs = tuple(i for i in inputs if _same_file(cwd, i[0], str(source)))
    names = {name for name, _ in inputs}
    if len(names) != 1:
        what = f"{source} is no C or C++ source" if source else f"{len(names)} C or C++ sources"
        raise UsageError(f"{what} in the compile command; name exactly one")
    name, language = inputs[0]
    return CompileCommand(
        compiler=compiler,
        argv=words,
        cwd=cwd,
        source=None if name == "-" else Path(name),
        language=_PREPROCESSED.get(language, language),
    )


def _inputs(words: Sequence[str], compiler: Path) -> Iterator[tuple[str, str]]:
    """(name, gcc's language name) of every input that is C or C++."""
    cxx = re.search(r"(?:^|-)[gc]\+\+(?:-[\d.]+)?$", compiler.name) is not None
    forced = None
    for argument in split_arguments(words):
        if argument.option is None:
            name = argument.value or ""
            language = forced or _LANGUAGE_OF_SUFFIX.get(os.path.splitext(name)[1], "")
            if cxx and not forced:
                language = _AS_CXX.get(language, language)
            if language in ("c", "c++") or language in _PREPROCESSED:
                yield name, language
        elif argument.option.spelling in ("-x", "--language", "--language="):
            forced = None if argument.value == "none" else argument.value


def _same_file(cwd: Path, left: str, right: str) -> bool:
    if left == right:
        return True
    return (cwd / left).resolve() == (cwd / right).resolve()


def _preprocessor_words(argv: Sequence[str]) -> tuple[str, ...]:
    """The words that -Wp and -Xpreprocessor hand to cc1, less those on dependency files."""
    words: list[str] = []
    for argument in split_arguments(argv):
        option = argument.option
        if option is None:
            continue
        if option.spelling == "-Wp,":
            words += (argument.value or "").split(",")
        elif option.spelling == "-Xpreprocessor" and argument.value is not None:
            words.append(argument.value)
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        # Handed to cc1 like this, -MD and -MMD take the file's name themselves.
        if word in ("-MD", "-MMD", "-MF", "-MT", "-MQ"):
            next(rest, None)
        elif not word.startswith("-M"):
            kept.append(word)
    return tuple(kept)


def _preprocessing(argument: Argument) -> bool:
    """Does this option change what the preprocessor makes, without side effects?"""
    option = argument.option
    if option is None or option.spelling in ("-Wp,", "-Xpreprocessor", *_PRESENTATION):
        return False
    if option.refused and option.reason in _WRITING_REASONS:
        return False
    return option.changes_code or option.kind in ("preproc", "include", "prefix", "wrapper")


def preprocess(cmd: CompileCommand) -> bytes:
    """The unit's preprocessed text by the user's own options, with line markers.

    Raises UsageError when the source is stdin, ToolchainError when gcc refuses it.
    """
    source = cmd.source_path
    if _PREPROCESSED.get(_LANGUAGE_OF_SUFFIX.get(source.suffix, "")) and not cmd.option("-x"):
        try:
            return source.read_bytes()
        except OSError as error:
            raise ToolchainError(f"{source}: cannot be read: {error.strerror}") from error
    words: list[str] = []
    for argument in split_arguments(cmd.argv):
        option = argument.option
        if option is not None and option.spelling in ("-x", "--language", "--language="):
            continue
        if _preprocessing(argument):
            words += argument.words
    for word in _preprocessor_words(cmd.argv):
        words += ("-Xpreprocessor", word)
    forced = cmd.option("-x", "--language", "--language=") or ""
    if forced.endswith("cpp-output"):
        words.append("-fpreprocessed")
    argv: list[str | Path] = [cmd.compiler, *words, "-w", "-E", "-x", cmd.language, str(cmd.source)]
    done = run(argv, cwd=cmd.cwd, timeout=_TIMEOUT)
    if done.status != 0:
        raise ToolchainError(
            f"{cmd.source}: the compiler cannot preprocess it: {_first_error(done.stderr)}",
            done.stderr,
        )
    return done.stdout


def _compile_options(cmd: CompileCommand, drop: Sequence[str]) -> tuple[str, ...]:
    kept: list[str] = []
    for argument in split_arguments(cmd.code_options()):
        option = argument.option
        writes = option is not None and option.refused and option.reason in _WRITING_REASONS
        if not writes and argument.words[0] not in drop:
            kept += argument.words
    return tuple(kept)


def compile_text(
    cmd: CompileCommand,
    preprocessed: bytes,
    extra: Sequence[str] = (),
    *,
    drop: Sequence[str] = (),
    timeout: float = _TIMEOUT,
) -> str:
    """The assembly text that the user's compiler makes of `preprocessed`, warnings off.

    `extra` options come after the user's, `drop` names words of the user's to leave out.
    Nothing is written anywhere; after `timeout` seconds gcc is ended.  Raises ToolchainError,
    with `.stderr`, on refusal.
    """
    argv = compile_words(cmd, extra, drop)
    return compiled_text(cmd, run(argv, stdin=preprocessed, cwd=cmd.cwd, timeout=timeout))


def compile_own(cmd: CompileCommand, source: str, extra: Sequence[str], timeout: float) -> str:
    """The assembly text of C text of ours, headers of the compiler included, made by the user's
    compiler under the user's code options and `extra`.

    Raises ToolchainError, with `.stderr`, on refusal.
    """
    words = (*_compile_options(cmd, ()), *extra, "-w", "-S", "-o", "-", "-x", "c", "-")
    argv: list[str | Path] = [cmd.compiler, *words]
    return compiled_text(cmd, run(argv, stdin=source.encode(), cwd=cmd.cwd, timeout=timeout))


def compile_shared(cmd: CompileCommand, source: str, out: Path, timeout: float = _TIMEOUT) -> None:
    """Make a shared object of C text of ours for this machine.  Raises ToolchainError."""
    words = ("-O1", "-w", "-shared", "-fPIC", "-fwrapv", "-fno-strict-aliasing", "-nostdlib")
    argv: list[str | Path] = [cmd.compiler, *words, "-o", out, "-x", "c", "-"]
    compiled_text(cmd, run(argv, stdin=source.encode(), timeout=timeout))


def compiled_text(cmd: CompileCommand, done: Done) -> str:
    """The text out of a compilation that ended.  Raises ToolchainError, with `.stderr`."""
    if done.status != 0:
        raise ToolchainError(
            f"{cmd.source}: does not compile: {_first_error(done.stderr)}", done.stderr
        )
    return done.stdout.decode("utf-8", "surrogateescape")


def compile_words(
    cmd: CompileCommand, extra: Sequence[str], drop: Sequence[str] = ()
) -> tuple[str, ...]:
    """What makes assembly text of preprocessed text by the user's command plus `extra`."""
    return (
        str(cmd.compiler), *_compile_options(cmd, drop), *extra,
        "-w", "-S", "-o", "-", "-fpreprocessed", "-x", _PREPROCESSED_NAME[cmd.language], "-",
    )  # fmt: skip


def foreign_words(cmd: CompileCommand, compiler: Path, options: Sequence[str]) -> tuple[str, ...]:
    """The same by another compiler, under `options` alone."""
    return (
        str(compiler), *options,
        "-w", "-S", "-o", "-", "-x", _PREPROCESSED_NAME[cmd.language], "-",
    )  # fmt: skip


def compile_facts(cmd: CompileCommand, preprocessed: bytes, folder: Path) -> FactsFiles:
    """Compile with `-g` and gcc's dumps of the optimised tree and final RTL (design 4.1).

    Files go to `folder` (absolute) only.  Raises ToolchainError on refusal.
    """
    tree, rtl, out = folder / "facts.tree", folder / "facts.rtl", folder / "facts.o"
    debug = ["-g", "-gdwarf-5", "-gno-split-dwarf", "-fno-debug-types-section"]
    if cmd.language == "c++":
        # Else a class is described only where its first virtual function is defined.
        debug.append("-femit-class-debug-always")
    dumps = (f"-fdump-tree-optimized={tree}", f"-fdump-rtl-final={rtl}")
    text = compile_text(cmd, preprocessed, (*debug, *dumps))
    assemble(text, out, cwd=cmd.cwd)
    return FactsFiles(text, _dump(tree), _dump(rtl), out)


def _dump(path: Path) -> str:
    """A dump's text; gcc writes none for a unit without functions."""
    return path.read_text("utf-8", "surrogateescape") if path.exists() else ""


def predefined_macros(cmd: CompileCommand, extra: Sequence[str] = ()) -> frozenset[str]:
    """Every macro, as "NAME VALUE", that the compiler predefines under the user's code options."""
    options = (*_compile_options(cmd, ()), *extra)
    return _predefined(cmd.compiler, options, cmd.cwd, cmd.language)


@functools.lru_cache(maxsize=256)
def _predefined(
    compiler: Path, options: tuple[str, ...], cwd: Path, language: str
) -> frozenset[str]:
    done = run([compiler, *options, "-w", "-dM", "-E", "-x", language, "-"], cwd=cwd)
    if done.status != 0:
        raise ToolchainError(
            f"{compiler}: refuses the options: {_first_error(done.stderr)}", done.stderr
        )
    lines = done.stdout.decode(errors="replace").splitlines()
    return frozenset(line.removeprefix("#define ") for line in lines)


def isa_macros(cmd: CompileCommand, extra: Sequence[str] = ()) -> frozenset[str]:
    """Names of predefined macros that tell the ISA ("__SSE2__", "__AVX2__") under the options.

    `extra` are further options, for a function with a target attribute.
    """
    names = (macro.split(" ")[0] for macro in predefined_macros(cmd, extra))
    return frozenset(name for name in names if _ISA.fullmatch(name))


def effective_options(cmd: CompileCommand) -> dict[str, bool]:
    """Which on/off options gcc itself says are in effect, its own defaults included.

    Keys are the positive spellings without the dash ("ftrapping-math", "mred-zone").
    """
    return dict(_effective(cmd.compiler, _compile_options(cmd, ()), cmd.cwd, cmd.language))


@functools.lru_cache(maxsize=256)
def _effective(
    compiler: Path, options: tuple[str, ...], cwd: Path, language: str
) -> tuple[tuple[str, bool], ...]:
    asked = ("-Q", "--help=common", "--help=optimizers", "--help=target")
    done = run([compiler, *options, *asked], cwd=cwd)
    if done.status != 0:
        raise ToolchainError(
            f"{compiler}: refuses the options: {_first_error(done.stderr)}", done.stderr
        )
    found = re.findall(r"^\s+-(\S+)\s+\[(enabled|disabled)\]", done.stdout.decode(), re.MULTILINE)
    states: dict[str, bool] = {}
    for name, state in found:
        on = state == "enabled"
        if name[1:4] == "no-":
            name, on = name[0] + name[4:], not on
        states[name] = on
    return tuple(sorted(states.items()))


def _first_error(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return next((line for line in lines if "error:" in line), lines[0] if lines else "no message")
