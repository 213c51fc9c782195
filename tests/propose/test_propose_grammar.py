"""Answers that a grammar confines, on a model of random weights."""

from __future__ import annotations

import re

import pytest
from tiny_model import write_tiny_model

pytest.importorskip("llama_cpp", reason="needs the extra `llm`")

from superopt_cc.propose.engine import Engine, EngineError, Question
from superopt_cc.propose.grammar import assembly_grammar

BASE = frozenset(("__SSE__", "__SSE2__"))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    write_tiny_model(path, chat=True)
    return Engine(str(path))


def ask(engine: Engine, grammar: str, count: int = 8, tokens: int = 40) -> list[str]:
    asked = Question("", "int x;", range(count), tokens, grammar=grammar)
    return [ended.text for ended in engine.answers(asked)]


@pytest.mark.parametrize("drafts", [False, True])
def test_every_answer_follows_the_grammar(engine: Engine, drafts: bool) -> None:
    asked = Question(
        "", "int x;", range(8), 30, grammar='root ::= ("add" | "sub")+ "."', drafts=drafts
    )
    texts = [ended.text for ended in engine.answers(asked)]
    assert len(texts) == 8
    whole = [re.fullmatch(r"(add|sub)*(a|ad|s|su|\.)?", text) for text in texts]
    assert all(whole)
    assert len(set(texts)) > 1


def test_a_grammar_that_cannot_be_read_is_told(engine: Engine) -> None:
    with pytest.raises(EngineError):
        ask(engine, "root ::= (")
    assert ask(engine, "", 1)


def test_noise_becomes_lines_of_assembly(engine: Engine) -> None:
    for text in ask(engine, assembly_grammar(BASE), tokens=200):
        for line in re.sub(r"\A```[a-z]*\n", "", text).split("\n")[:-1]:
            body = line.partition("#")[0].strip()
            assert re.fullmatch(r"|```|[.\w$@+-]+:|\.\w+.*|[a-z][a-z0-9]*( .*|\t.*)?", body), line


def allows(engine: Engine, isa: frozenset[str], line: str) -> bool:
    """Does the grammar let an answer consist of that line?"""
    import ctypes

    import llama_cpp as lib

    vocab = lib.llama_model_get_vocab(engine._model)
    sampler = lib.llama_sampler_init_grammar(vocab, assembly_grammar(isa).encode(), b"root")
    try:
        for byte in f"```asm\n{line}\n```".encode():
            token = (lib.llama_token * 1)()
            assert lib.llama_tokenize(vocab, bytes([byte]), 1, token, 1, False, False) == 1
            data = (lib.llama_token_data * 1)(lib.llama_token_data(token[0], 0.0, 0.0))
            array = lib.llama_token_data_array(data, 1, -1, False)
            lib.llama_sampler_apply(sampler, ctypes.byref(array))
            if data[0].logit == float("-inf"):
                return False
            lib.llama_sampler_accept(sampler, token[0])
        return True
    finally:
        lib.llama_sampler_free(sampler)


@pytest.mark.parametrize(
    "line",
    [
        "count:", ".L3:", "\t.p2align 4,,10", "\tmovl\t%edi, %eax",
        "    leaq -8(%rdi,%rsi,4), %rax",
        "\tpxor\t%xmm0, %xmm0", "\tmovzbl\t(%rdi), %eax", "\tjne\t.L3", "\trep stosq", "\tret",
        "\tmovdqa\t.LC0(%rip), %xmm1", "\tshrl\t$1, %eax  # half", "\tcmovne %edx, %eax",
        "\tjmp\t*%rax", "\tcvtsi2sdq\t%rdi, %xmm0", "\tcltq", "\taddq\t$-128, %rsp", "",
    ],
)  # fmt: skip
def test_ordinary_assembly_is_allowed(engine: Engine, line: str) -> None:
    assert allows(engine, BASE, line)


@pytest.mark.parametrize(
    "line", ["\tfrobl %eax", "\trdtsc", "\tcpuid", "int x = 3;", "\tmov %eex, 1"]
)
def test_what_would_be_refused_is_not(engine: Engine, line: str) -> None:
    assert not allows(engine, BASE, line)


def test_an_extension_opens_its_instructions(engine: Engine) -> None:
    for line, macro in (("\tpopcntl\t%edi, %eax", "__POPCNT__"), ("\tvpaddd %ymm0, %ymm1, %ymm2",
                        "__AVX2__"), ("\tblsr %eax, %eax", "__BMI__")):  # fmt: skip
        assert not allows(engine, BASE, line)
        assert allows(engine, BASE | {macro, "__AVX__"}, line)
