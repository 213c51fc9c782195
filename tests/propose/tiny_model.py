"""A GGUF of random weights: llama architecture, about 100,000 parameters, byte-level tokens."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

WIDTH, LAYERS, HEADS, INNER = 64, 2, 4, 128


def _byte_tokens() -> list[str]:
    """The printable stand-ins that byte-level BPE uses for the 256 bytes."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in plain]
    table = {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(others)}
    return [table[b] for b in range(256)]


CHAT = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"


def write_tiny_model(
    path: Path,
    *,
    chat: bool,
    seed: int = 1,
    template: str = CHAT,
    window: int = 8192,
    ends: bool = True,
    forgets: bool = False,
) -> None:
    """Write the model; its answers are noise, but real noise of the real library.

    Without `ends` no answer ends by itself.  One that `forgets` knows the last token only, and so
    repeats itself.
    """
    numbers = np.random.default_rng(seed)
    tokens = [*_byte_tokens(), "<end>"]
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(window)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(256)
    writer.add_bos_token_id(256)
    if chat:
        writer.add_chat_template(template)

    def add(name: str, *shape: int) -> None:
        writer.add_tensor(name, numbers.normal(0, 0.2, shape).astype(np.float32))

    add("token_embd.weight", len(tokens), WIDTH)
    output = numbers.normal(0, 0.2, (len(tokens), WIDTH)).astype(np.float32)
    if not ends:
        output[-1] = 0.0  # others are always likelier
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    for layer in range(LAYERS):
        for part in ("attn_q", "attn_k", "attn_v"):
            add(f"blk.{layer}.{part}.weight", WIDTH, WIDTH)
        seen = numbers.normal(0, 0.0 if forgets else 0.2, (WIDTH, WIDTH)).astype(np.float32)
        writer.add_tensor(f"blk.{layer}.attn_output.weight", seen)
        add(f"blk.{layer}.ffn_gate.weight", INNER, WIDTH)
        add(f"blk.{layer}.ffn_up.weight", INNER, WIDTH)
        add(f"blk.{layer}.ffn_down.weight", WIDTH, INNER)
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(WIDTH, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
