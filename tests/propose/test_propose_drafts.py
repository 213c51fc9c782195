"""Guesses at how answers go on, as tokens are numbers."""

from __future__ import annotations

from collections.abc import Sequence

from superopt_cc.propose.drafts import Drafts

PROMPT = (*range(100, 140), 1, 2, 3)


def told(drafts: Drafts, text: int, tokens: Sequence[int]) -> None:
    for token in tokens:
        drafts.grow(text, token)


def guess(drafts: Drafts, text: int, room: int = 99) -> Sequence[int]:
    return drafts.plan({text: room})[text]


def test_a_copy_of_the_prompt_is_guessed_to_go_on_like_it() -> None:
    drafts = Drafts(PROMPT, 1)
    told(drafts, 1, (105, 106, 107))
    assert list(guess(drafts, 1))[:3] == [108, 109, 110]


def test_another_answer_is_as_good_a_source() -> None:
    drafts = Drafts(PROMPT, 2)
    told(drafts, 1, (7, 8, 9, 10, 11, 12))
    told(drafts, 2, (7, 8, 9))
    assert list(guess(drafts, 2)) == [10, 11, 12]


def test_the_longest_common_end_wins() -> None:
    drafts = Drafts((5, 1, 2, 70, 6, 1, 2, 80, 9, 9), 1)
    told(drafts, 1, (5, 1, 2))
    assert guess(drafts, 1)[0] == 70


def test_nothing_is_guessed_for_what_was_never_seen_and_beyond_the_room() -> None:
    drafts = Drafts(PROMPT, 1)
    told(drafts, 1, (55, 56))
    assert list(guess(drafts, 1)) == []
    told(drafts, 1, (100, 101, 102))
    assert list(guess(drafts, 1, room=1)) == [103]
    assert list(guess(drafts, 1, room=0)) == []


def test_guesses_grow_where_they_are_right_and_end_where_they_are_wrong() -> None:
    long = range(1000, 1200)
    drafts = Drafts(long, 1)
    told(drafts, 1, long[:8])
    first = len(guess(drafts, 1))
    for _ in range(10):
        drafts.learn(1, len(guess(drafts, 1)))
    assert len(guess(drafts, 1)) > first > 0
    for _ in range(40):
        if guess(drafts, 1):
            drafts.learn(1, 0)
    assert list(guess(drafts, 1)) == []


def test_many_answers_share_a_bounded_number_of_rows() -> None:
    drafts = Drafts(PROMPT, 40)
    for text in range(1, 41):
        told(drafts, text, (105, 106, 107))
    plan = drafts.plan(dict.fromkeys(range(1, 41), 99))
    assert 0 < sum(map(len, plan.values())) <= 24
