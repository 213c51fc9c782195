"""Cases as bytes: what a second encoding of the same cases may differ in."""

from __future__ import annotations

from superopt_cc.cases import Blob, Case, Ref
from superopt_cc.verify.running.layout import SLOT_STRIDE, Arena, Style, encode_batch, other_noise

ARENA = Arena(1 << 40, (1 << 29, bytes(37)), {"g": 1 << 29}, SLOT_STRIDE, 1 << 41)
CASES = [
    Case(ints=(7, Ref(0, 3)), objects=(Blob(b"some bytes"), Blob(bytes(16), 8, written=False))),
    Case(ints=(Ref("g", 8),) * 6, stack=(1, Ref(0, 0)), objects=(Blob(bytes(5)),)),
    Case(floats=(bytes(16),) * 3),
    Case(),
]
STYLES = (
    Style(unused=(0xFF00, 0, 0, 0, 0, 0, 1 << 100, 0, 0, 0, 0, 0, 0, 0, 0xFF)),
    Style(odd=True),
)


def test_other_noise_is_that_of_another_seed() -> None:
    first, second = (encode_batch(CASES, ARENA, STYLES, seed) for seed in (1, 2))
    assert first != second
    assert other_noise(first, ARENA, STYLES, 2) == second


def test_noise_leaves_alone_what_a_case_defines() -> None:
    batch = encode_batch([Case(ints=(1, 2, 3, 4, 5, 6))], ARENA, (Style(),), 1)
    other = other_noise(batch, ARENA, (Style(),), 2)
    words = [batch.encoded[i : i + 8] == other.encoded[i : i + 8] for i in range(0, 200, 8)]
    # The head's first words, the integer registers, then what no float fills.
    assert words == [True] * 9 + [False] * 16
