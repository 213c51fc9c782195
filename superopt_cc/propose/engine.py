"""The model itself: a prompt evaluated once, its answers decoded side by side (design 8).

For the model's own process only: importing this loads the native library, which may crash.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import itertools
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any

import llama_cpp
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from superopt_cc.propose.drafts import Drafts
from superopt_cc.propose.growing import Growing
from superopt_cc.propose.sampling import choose, sampler_of

_BATCH = 512  # tokens that are evaluated at once
_MOST_CELLS = 32768  # tokens that are remembered at once: bounds the memory
_MOST_AT_ONCE = 64  # answers
_PROMPT = 0  # the sequence that keeps the prompt for the next request
_LOOK_SECONDS = 0.05
_ERROR = 4  # llama.cpp's log level
_NO_VOCABULARY = 0  # llama.cpp's kinds
_NO_FLASH_ATTENTION = 0

_lib: Any = llama_cpp


class EngineError(Exception):
    """`kind` is "model", "context", "timeout" or "cancelled"; `str()` is one line."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclasses.dataclass(frozen=True)
class Question:
    """What is asked; the fields are those of `llm_child`'s request."""

    system: str
    prompt: str
    seeds: Sequence[int]
    max_tokens: int
    context: int = 0
    temperature: float = 0.7
    threads: int = 1
    opening: str = "```c\n"
    stop: Sequence[str] = ()
    one_block: bool = False
    target: str = ""
    deadline: float = float("inf")
    drafts: bool = True
    grammar: str = ""
    lead: int = 0

    @staticmethod
    def of(request: Mapping[str, Any]) -> Question:
        known = {field.name for field in dataclasses.fields(Question)}
        return Question(**{name: value for name, value in request.items() if name in known})


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """One answer, `tokens` long."""

    index: int
    seed: int
    text: str
    finish: str
    tokens: int


@dataclasses.dataclass(slots=True)
class _Live:
    """An answer under way, in its own sequence of the context."""

    index: int
    seed: int
    sequence: int
    sampler: Any
    grammar: Any  # None: anything goes
    growing: Growing
    row: int  # where the last evaluation left what may come next
    token: int = 0
    finish: str = ""
    draft: Sequence[int] = ()  # guessed: what the rows behind were evaluated for


class Engine:
    """A loaded model.  `close` gives its memory back.

    The context grows with what is asked and is kept from one question to the next, and so is the
    evaluated prompt: the next one is evaluated from its first different token on.
    """

    def __init__(self, path: str) -> None:
        self._complaints: list[str] = []
        self._log = _lib.llama_log_callback(self._listen)  # the library keeps no reference
        _lib.llama_log_set(self._log, ctypes.c_void_p(0))
        self._flag = ctypes.create_string_buffer(2)
        # Asked before each of thousands of operations: true unless the flag's text is empty.
        self._abort = ctypes.cast(ctypes.CDLL(None).strlen, _lib.ggml_abort_callback)
        self._over: Callable[[], str] = str
        self._context: Any = None
        self._cells = self._sequences = 0
        self._read: list[int] = []
        self._pieces: dict[int, bytes | None] = {}
        self.reused = 0  # tokens of the last prompt that were known already
        self.steps = 0  # evaluations of answers so far
        _lib.llama_backend_init()
        self._model = self._load(path)
        self._vocab = _lib.llama_model_get_vocab(self._model)
        self._batch = _lib.llama_batch_init(_BATCH, 0, 1)
        self._check()
        recurrent = _lib.llama_model_is_recurrent(self._model)
        self._goes_back = not (recurrent or _lib.llama_model_is_hybrid(self._model))
        self._chat = self._chat_form()

    def close(self) -> None:
        """Safe to call twice."""
        if self._context is not None:
            _lib.llama_free(self._context)
            self._context = None
        if self._model is not None:
            _lib.llama_batch_free(self._batch)
            _lib.llama_model_free(self._model)
            self._model = None

    def answers(
        self, question: Question, cancelled: Callable[[], bool] = bool
    ) -> Generator[Ended, None, None]:
        """Yield each answer when it ends; raises EngineError.  Asked often whether `cancelled`."""

        def over() -> str:
            if cancelled():
                return "cancelled"
            return "timeout" if time.monotonic() >= question.deadline else ""

        with self._watched(over):
            yield from self._all(question)

    @contextlib.contextmanager
    def _watched(self, over: Callable[[], str]) -> Iterator[None]:
        """An evaluation ends soon after `over` gives a reason."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(_LOOK_SECONDS):
                if over():
                    self._flag.value = b"!"
                    return

        self._over = over
        self._flag.value = b""
        watcher = threading.Thread(target=watch, name="superopt-watch", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def _all(self, question: Question) -> Iterator[Ended]:
        tokens = self._tokens(question)
        room = _lib.llama_model_n_ctx_train(self._model)
        if question.context:
            room = min(room, question.context)
        if len(tokens) + question.max_tokens > room:
            raise EngineError(
                "context",
                f"context too small for the function: {len(tokens)} tokens of prompt and up to "
                f"{question.max_tokens} of answer, room for {room}",
            )
        fit = (_MOST_CELLS - len(tokens)) // max(1, question.max_tokens)
        at_once = max(1, min(len(question.seeds), _MOST_AT_ONCE, fit))
        self._prepare(len(tokens) + at_once * question.max_tokens, at_once, question.threads)
        for first in range(0, len(question.seeds), at_once):
            yield from self._together(question, tokens, first, at_once)

    def _together(
        self, question: Question, tokens: Sequence[int], first: int, count: int
    ) -> Iterator[Ended]:
        """Decode some answers in step: one token for each in every evaluation.

        The first one runs ahead for `question.lead` tokens: alone it is there much sooner.
        """
        row = self._evaluate_prompt(tokens)
        memory = _lib.llama_get_memory(self._context)
        chat = self._chat is not None
        stops = [*question.stop, *(() if chat else ("```",))]
        live: list[_Live] = []
        able = question.drafts and self._goes_back
        drafts = Drafts(tokens, count) if able else None
        try:
            for index, seed in enumerate(question.seeds[first : first + count], first):
                growing = Growing(
                    question.max_tokens, stops, question.target, one_block=question.one_block
                )
                sequence = index - first + 1
                _lib.llama_memory_seq_cp(memory, _PROMPT, sequence, -1, -1)
                sampler = sampler_of(question.temperature, seed)
                grammar = self._grammar(question.grammar)
                live.append(_Live(index, seed, sequence, sampler, grammar, growing, row))
            evaluated: Sequence[_Live] = live
            while live:
                for one in evaluated:
                    self._sample(one, len(tokens), drafts)
                for one in [one for one in live if one.finish]:
                    live.remove(one)
                    self._forget(one)
                    text = one.growing.text
                    yield Ended(one.index, one.seed, text, one.finish, one.growing.pieces)
                alone = live and live[0].index == 0 and live[0].growing.pieces < question.lead
                evaluated = live[:1] if alone else live[:]
                if live:
                    self._step(evaluated, question.max_tokens, len(tokens), drafts)
        finally:
            for one in live:
                self._forget(one)

    def _sample(self, one: _Live, prompt: int, drafts: Drafts | None) -> None:
        """Take the next token, and those behind it as long as they were guessed."""
        right = 0
        while True:
            one.token = choose(self._context, one.row + right, one.sampler, one.grammar)
            one.finish = one.growing.take(self._piece(one.token))
            if drafts is not None and not one.finish:
                drafts.grow(one.sequence, one.token)
            if one.finish or right == len(one.draft) or one.token != one.draft[right]:
                break
            right += 1
        if drafts is not None and one.draft:
            drafts.learn(one.sequence, right)
            memory = _lib.llama_get_memory(self._context)
            _lib.llama_memory_seq_rm(memory, one.sequence, prompt + one.growing.pieces - 1, -1)

    def _step(self, live: Sequence[_Live], most: int, prompt: int, drafts: Drafts | None) -> None:
        plan: Mapping[int, Sequence[int]] = {}
        if drafts is not None:
            plan = drafts.plan({one.sequence: most - one.growing.pieces for one in live})
        row = 0
        for one in live:
            one.row, one.draft = row, plan.get(one.sequence, ())
            place = prompt + one.growing.pieces - 1
            for token in (one.token, *one.draft):
                self._put(row, token, place + row - one.row, one.sequence, logits=True)
                row += 1
        self.steps += 1
        self._evaluate(row)

    def _grammar(self, text: str) -> Any:
        if not text:
            return None
        grammar = _lib.llama_sampler_init_grammar(self._vocab, text.encode(), b"root")
        if not grammar:
            raise EngineError("model", self._complaint("llama.cpp cannot read the grammar"))
        return grammar

    def _forget(self, one: _Live) -> None:
        _lib.llama_sampler_free(one.sampler)
        if one.grammar is not None:
            _lib.llama_sampler_free(one.grammar)
        if self._context is not None:
            memory = _lib.llama_get_memory(self._context)
            _lib.llama_memory_seq_rm(memory, one.sequence, -1, -1)

    def _evaluate_prompt(self, tokens: Sequence[int]) -> int:
        """Have the prompt's sequence hold `tokens`; the row of its last one."""
        # The last one is always evaluated: it tells what may come next.
        pairs = zip(self._read, tokens[:-1], strict=False)
        known = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
        memory = _lib.llama_get_memory(self._context)
        if not _lib.llama_memory_seq_rm(memory, _PROMPT, known, -1):
            self._clear()  # a recurrent model cannot go back
            known = 0
        self.reused = known
        self._read = list(tokens[:known])
        part: Sequence[int] = ()
        for start in range(known, len(tokens), _BATCH):
            part = tokens[start : start + _BATCH]
            for row, token in enumerate(part):
                last = start + row == len(tokens) - 1
                self._put(row, token, start + row, _PROMPT, logits=last)
            self._evaluate(len(part))
            self._read += part
        return len(part) - 1

    def _put(self, row: int, token: int, position: int, sequence: int, *, logits: bool) -> None:
        batch = self._batch
        batch.token[row] = token
        batch.pos[row] = position
        batch.n_seq_id[row] = 1
        batch.seq_id[row][0] = sequence
        batch.logits[row] = logits

    def _evaluate(self, count: int) -> None:
        reason = self._over()
        if not reason:
            self._batch.n_tokens = count
            self._complaints.clear()
            status = _lib.llama_decode(self._context, self._batch)
            if status == 0:
                return
            reason = self._over()
            self._clear()
            if not reason:
                kind = "context" if status == 1 else "model"
                raise EngineError(kind, self._complaint(f"llama_decode returned {status}"))
        told = {"timeout": "the model's budget is spent", "cancelled": "nobody waits any more"}
        raise EngineError(reason, told[reason])

    def _clear(self) -> None:
        _lib.llama_memory_clear(_lib.llama_get_memory(self._context), False)
        self._read = []

    def _prepare(self, cells: int, sequences: int, threads: int) -> None:
        """A context that is large enough."""
        if self._context is None or cells > self._cells or sequences > self._sequences:
            if self._context is not None:
                _lib.llama_free(self._context)
                self._context = None
            self._cells = max(self._cells, -(-cells // 256) * 256)
            self._sequences = max(self._sequences, sequences)
            self._read = []
            params = _lib.llama_context_default_params()
            params.n_ctx = self._cells
            params.n_batch = params.n_ubatch = _BATCH
            params.n_seq_max = self._sequences + 1
            params.kv_unified = True  # all share the prompt's cells
            params.swa_full = True  # a cut window could not go back to a common beginning
            params.no_perf = True
            if not _lib.llama_supports_gpu_offload():
                # On a CPU it is no faster, and adds in half precision where tokens are few.
                params.flash_attn_type = _NO_FLASH_ATTENTION
            params.abort_callback = self._abort
            params.abort_callback_data = ctypes.addressof(self._flag)
            self._complaints.clear()
            self._context = _lib.llama_init_from_model(self._model, params)
            if self._context is None:
                cells, self._cells, self._sequences = self._cells, 0, 0
                message = f"no context of {cells} tokens can be made"
                raise EngineError("model", self._complaint(message))
        _lib.llama_set_n_threads(self._context, threads, threads)

    def _load(self, path: str) -> Any:
        params = _lib.llama_model_default_params()
        model = _lib.llama_model_load_from_file(os.fsencode(path), params)
        if not model:
            self._model = None
            raise EngineError("model", self._complaint("llama.cpp cannot load it"))
        return model

    def _check(self) -> None:
        """A model of another kind would end the process at its first evaluation."""
        able = _lib.llama_model_has_decoder(self._model)
        able = able and not _lib.llama_model_has_encoder(self._model)
        if not able or _lib.llama_vocab_type(self._vocab) == _NO_VOCABULARY:
            self.close()
            raise EngineError("model", "this model does not write text")

    def _chat_form(self) -> Any:
        template = _lib.llama_model_chat_template(self._model, None)
        if not template:
            return None
        ends = [_lib.llama_vocab_eos(self._vocab), _lib.llama_vocab_bos(self._vocab)]
        eos, bos = ("" if t < 0 else _text(_lib.llama_vocab_get_text(self._vocab, t)) for t in ends)
        return Jinja2ChatFormatter(template=_text(template), eos_token=eos, bos_token=bos)

    def _tokens(self, question: Question) -> list[int]:
        if self._chat is None:
            text = f"{question.system}\n\n{question.prompt}\n\n{question.opening}"
        else:
            text = self._chat_text(question)
        data = text.encode("utf-8", "surrogateescape")
        found = (ctypes.c_int32 * (len(data) + 16))()
        # What a chat form begins with, it writes itself.
        count = _lib.llama_tokenize(
            self._vocab, data, len(data), found, len(found), self._chat is None, True
        )
        if count <= 0:
            raise EngineError("model", "its tokeniser cannot read the prompt")
        return list(found[:count])

    def _chat_text(self, question: Question) -> str:
        system = {"role": "system", "content": question.system}
        user = {"role": "user", "content": question.prompt}
        both = {"role": "user", "content": f"{question.system}\n\n{question.prompt}"}
        with contextlib.suppress(Exception):  # some forms refuse to be told by the system
            return str(self._chat(messages=[system, user] if question.system else [user]).prompt)
        return str(self._chat(messages=[both]).prompt)

    def _piece(self, token: int) -> bytes | None:
        if token not in self._pieces:
            piece = None
            if not _lib.llama_vocab_is_eog(self._vocab, token):
                buffer = ctypes.create_string_buffer(256)
                size = _lib.llama_token_to_piece(self._vocab, token, buffer, 256, 0, False)
                piece = buffer.raw[: max(0, size)]
            self._pieces[token] = piece
        return self._pieces[token]

    def _listen(self, level: int, text: bytes, _data: object) -> None:
        if level == _ERROR:
            del self._complaints[:-4]
            self._complaints.append(" ".join(_text(text).split()))

    def _complaint(self, otherwise: str) -> str:
        """The first thing that the library complained about."""
        return self._complaints[0] if self._complaints else otherwise


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
