"""When one answer ends, and what of it is its text."""

import pytest

from superopt_cc.propose.growing import Growing


def feed(growing: Growing, text: str | bytes) -> str:
    """Byte by byte; why it ended."""
    data = text.encode() if isinstance(text, str) else text
    for byte in data:
        reason = growing.take(bytes([byte]))
        if reason:
            return reason
    return ""


def test_the_models_own_end_ends_an_answer() -> None:
    growing = Growing(100)
    assert feed(growing, "int x;") == ""
    assert growing.take(None) == "stop"
    assert (growing.text, growing.pieces) == ("int x;", 6)


def test_an_answer_that_is_too_long_is_cut() -> None:
    growing = Growing(4)
    assert feed(growing, "int x;") == "length"
    assert growing.text == "int "


def test_characters_split_over_pieces_are_whole_and_a_half_one_is_left_out() -> None:
    growing = Growing(100)
    assert feed(growing, "a → b".encode()) == ""
    assert growing.text == "a → b"
    half = Growing(2)
    assert feed(half, "a→".encode()) == "length"
    assert half.text == "a"


@pytest.mark.parametrize("step", [1, 2, 3, 50])
def test_a_stop_string_ends_an_answer_before_it(step: int) -> None:
    growing = Growing(100, ["never", "\n```"])
    data = b"int f(void);\n```\nThis is"
    reasons = [growing.take(data[at : at + step]) for at in range(0, len(data), step)]
    assert "stop" in reasons
    assert growing.text.startswith("int f(void);")
    first = Growing(100, ["never", "\n```"])
    assert feed(first, data) == "stop"
    assert first.text == "int f(void);"


def test_the_first_of_two_stop_strings_counts() -> None:
    growing = Growing(100, ["END", "HALT"])
    assert growing.take(b"a HALT b END") == "stop"
    assert growing.text == "a "


def test_one_block_ends_with_its_closing_fence() -> None:
    growing = Growing(100, one_block=True)
    assert feed(growing, "Here:\n```c\nint x;\n```\nIt is fast.") == "stop"
    assert growing.text == "Here:\n```c\nint x;\n```"
    assert feed(Growing(100), "```c\nint x;\n```\nIt is fast.") == ""


@pytest.mark.parametrize("start", ["", "```asm\n", "Sure!\n```asm\n"])
def test_an_answer_that_repeats_the_target_is_a_copy(start: str) -> None:
    growing = Growing(100, target="f:\n\tmovl\t%edi, %eax\n\tret\n")
    assert feed(growing, start + "f:\n  movl  %edi, %eax\n  ret\n and more") == "copy"
    assert growing.text == start + "f:\n  movl  %edi, %eax\n  ret"


def test_an_answer_that_leaves_the_target_is_no_copy() -> None:
    growing = Growing(100, target="f: movl %edi, %eax; ret")
    assert feed(growing, "f: movl %edi, %edx; ret; f: movl %edi, %eax; ret") == ""
