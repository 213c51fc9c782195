"""Choosing the next token, where wanted among those that a grammar allows.

For the model's own process only: importing this loads the native library, which may crash.
"""

from __future__ import annotations

import ctypes
import math
from typing import Any

import llama_cpp
import numpy as np

_TOP_K, _TOP_P, _MIN_P = 40, 0.95, 0.05

_lib: Any = llama_cpp
_Token: Any = llama_cpp.llama_token_data


def sampler_of(temperature: float, seed: int) -> Any:
    chain = _lib.llama_sampler_chain_init(_lib.llama_sampler_chain_default_params())
    if temperature <= 0:
        links = [_lib.llama_sampler_init_greedy()]
    else:
        links = [
            _lib.llama_sampler_init_top_k(_TOP_K),
            _lib.llama_sampler_init_top_p(_TOP_P, 1),
            _lib.llama_sampler_init_min_p(_MIN_P, 1),
            _lib.llama_sampler_init_temp(temperature),
            _lib.llama_sampler_init_dist(seed & 0xFFFFFFFF),
        ]
    for link in links:
        _lib.llama_sampler_chain_add(chain, link)
    return chain


def choose(context: Any, row: int, sampler: Any, grammar: Any = None) -> int:
    """Sample from a row of what was evaluated last.

    A grammar is asked about the token that came out.  Only if it refuses that one, about the
    likeliest others, and in the end about the whole vocabulary, which is slow.
    """
    token: int = _lib.llama_sampler_sample(sampler, context, row)
    if grammar is None:
        return token
    if not _allowed(grammar, [(token, 0.0)]):
        vocab = _lib.llama_model_get_vocab(_lib.llama_get_model(context))
        size = _lib.llama_vocab_n_tokens(vocab)
        pointer = _lib.llama_get_logits_ith(context, row)
        logits = np.ctypeslib.as_array(
            ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), (size,)
        )
        for count in (min(_TOP_K, size), size):
            likely = np.argpartition(logits, -count)[-count:] if count < size else np.arange(size)
            left = _allowed(grammar, [(int(t), float(logits[t])) for t in likely])
            if left:
                token = _among(left, sampler)
                break
        else:  # no token says what the grammar wants
            return int(_lib.llama_vocab_eos(vocab))
    _lib.llama_sampler_accept(grammar, token)
    return token


def _allowed(grammar: Any, tokens: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Those (token, logit) that the grammar lets follow."""
    data = (_Token * len(tokens))(*((token, logit, 0.0) for token, logit in tokens))
    array = _lib.llama_token_data_array(data, len(tokens), -1, False)
    _lib.llama_sampler_apply(grammar, ctypes.byref(array))
    return [(one.id, one.logit) for one in data if not math.isinf(one.logit)]


def _among(tokens: list[tuple[int, float]], sampler: Any) -> int:
    data = (_Token * len(tokens))(*((token, logit, 0.0) for token, logit in tokens))
    array = _lib.llama_token_data_array(data, len(tokens), -1, False)
    _lib.llama_sampler_apply(sampler, ctypes.byref(array))
    chosen: int = array.data[array.selected].id
    return chosen
