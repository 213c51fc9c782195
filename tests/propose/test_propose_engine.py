"""Many answers from one evaluated prompt, on a model of random weights.

The same request to a fresh engine gives the same answers.  Who decodes beside an answer, or what
was evaluated before, may change a sum's last bits and so, rarely, a token.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import pytest
from tiny_model import write_tiny_model

pytest.importorskip("llama_cpp", reason="needs the extra `llm`")

from superopt_cc.propose.engine import Ended, Engine, EngineError, Question

LONG = "int x; " * 400


@pytest.fixture(scope="module", params=["plain", "chat"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / f"{request.param}.gguf"
    write_tiny_model(path, chat=request.param == "chat")
    return path


@pytest.fixture
def engine(model: Path) -> Iterator[Engine]:
    made = Engine(str(model))
    yield made
    made.close()


def question(**fields: Any) -> Question:
    usual = {"system": "You write C.", "prompt": "int x; " * 20, "seeds": (1, 2, 3, 4)}
    return Question(**{**usual, "max_tokens": 24, **fields})


def ask(engine: Engine, **fields: Any) -> dict[int, Ended]:
    return {ended.index: ended for ended in engine.answers(question(**fields))}


def test_answers_differ_by_seed_and_repeat(model: Path) -> None:
    first = ask(Engine(str(model)))
    assert [first[i].seed for i in range(4)] == [1, 2, 3, 4]
    assert len({ended.text for ended in first.values()}) == 4
    assert ask(Engine(str(model))) == first


def test_an_answer_begins_the_same_alone_and_among_others(model: Path) -> None:
    among = ask(Engine(str(model)), max_tokens=1, seeds=range(30))
    for seed in (0, 7, 29):
        alone = ask(Engine(str(model)), max_tokens=1, seeds=(seed,))
        assert alone[0].text == among[seed].text


def test_answers_are_told_when_they_end(engine: Engine) -> None:
    told = [e.tokens for e in engine.answers(question(seeds=range(16), max_tokens=400))]
    assert len(told) == 16
    assert told == sorted(told)
    assert told[0] < told[-1]


def test_an_answer_that_is_cut_off_says_so(engine: Engine) -> None:
    for ended in ask(engine, max_tokens=3, seeds=range(8)).values():
        assert (ended.finish, ended.tokens) == ("length", 3) or ended.tokens < 3


def test_a_stop_string_ends_an_answer(engine: Engine) -> None:
    whole = ask(engine, temperature=0.0, seeds=(1,))[0].text
    stop = next(c for c in whole[2:] if c.isascii())
    cut = ask(engine, temperature=0.0, seeds=(1,), stop=(stop,))[0]
    # A character that is not whole where the text ends is left out.
    told = whole[: whole.index(stop)].rstrip("\N{REPLACEMENT CHARACTER}")
    assert (cut.text.rstrip("\N{REPLACEMENT CHARACTER}"), cut.finish) == (told, "stop")


def test_an_answer_that_repeats_the_target_ends(engine: Engine) -> None:
    whole = ask(engine, temperature=0.0, seeds=(1,))[0]
    target = whole.text[:5]
    copy = ask(engine, temperature=0.0, seeds=(1,), target=target)[0]
    assert copy.finish == "copy"
    assert copy.tokens < whole.tokens
    assert copy.text.startswith(target)


def test_more_answers_than_fit_at_once_all_come(engine: Engine) -> None:
    assert sorted(ask(engine, seeds=range(70), max_tokens=2)) == list(range(70))


def test_the_common_beginning_of_two_prompts_is_evaluated_once(model: Path) -> None:
    engine = Engine(str(model))
    asked = {"temperature": 0.0, "seeds": (1,), "max_tokens": 8}
    ask(engine, prompt=LONG + "first", **asked)
    assert engine.reused == 0
    second = ask(engine, prompt=LONG + "second", **asked)
    assert engine.reused > len(LONG)
    assert second == ask(Engine(str(model)), prompt=LONG + "second", **asked)


def test_a_larger_question_gets_a_larger_context(engine: Engine) -> None:
    ask(engine, seeds=(1,), max_tokens=2)
    assert len(ask(engine, prompt=LONG, seeds=range(8), max_tokens=50)) == 8


@pytest.mark.parametrize("fields", [{"prompt": "y" * 8200}, {"max_tokens": 8100}, {"context": 100}])
def test_a_question_that_does_not_fit_is_told(engine: Engine, fields: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match="context too small for the function") as told:
        ask(engine, **fields)
    assert told.value.kind == "context"
    assert ask(engine)


def test_the_deadline_holds_while_the_prompt_is_evaluated(engine: Engine) -> None:
    start = time.monotonic()
    with pytest.raises(EngineError) as told:
        ask(engine, prompt=LONG, seeds=range(60), max_tokens=400, deadline=start + 0.05)
    assert told.value.kind == "timeout"
    assert time.monotonic() - start < 5.0
    assert len(ask(engine)) == 4


def test_who_is_gone_is_worked_for_no_more(engine: Engine) -> None:
    seen: list[Ended] = []
    told = engine.answers(question(max_tokens=400, seeds=range(8)), lambda: bool(seen))
    with pytest.raises(EngineError) as why:
        seen.extend(told)
    assert why.value.kind == "cancelled"
    assert 0 < len(seen) < 8


def test_guessed_tokens_save_evaluations_and_change_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "forgets.gguf"
    write_tiny_model(path, chat=True, ends=False, forgets=True)
    engine = Engine(str(path))
    for count in (1, 8):
        steps, answers = [], []
        for drafts in (False, True):
            before = engine.steps
            asked = ask(engine, drafts=drafts, seeds=range(count), max_tokens=120, temperature=0.1)
            answers.append(asked)
            steps.append(engine.steps - before)
        assert steps[1] < 0.7 * steps[0]
        # Rarely a sum's last bits decide; a wrong token that was kept would change them all.
        same = sum(answers[0][index] == answers[1][index] for index in range(count))
        assert same >= 0.7 * count


def test_the_first_answer_may_run_ahead_and_changes_no_other(tmp_path: Path) -> None:
    path = tmp_path / "forgets.gguf"
    write_tiny_model(path, chat=True, ends=False, forgets=True)
    together = ask(Engine(str(path)), max_tokens=40, temperature=0.1, seeds=range(8))
    engine = Engine(str(path))
    asked = question(max_tokens=40, temperature=0.1, seeds=range(8), lead=40, drafts=False)
    told, steps = [], []
    for ended in engine.answers(asked):
        told.append(ended)
        steps.append(engine.steps)
    assert [ended.index for ended in told] == list(range(8))
    assert (steps[0], steps[1:]) == (39, [78] * 7)
    assert sum(together[ended.index] == ended for ended in told) >= 6


def test_answers_nobody_takes_leave_nothing_behind(engine: Engine) -> None:
    told = engine.answers(question())
    next(told)
    told.close()
    assert len(ask(engine)) == 4


def test_bytes_that_are_no_text_may_be_asked_about(engine: Engine) -> None:
    assert ask(engine, prompt=b'char *s = "\xff\xfe";'.decode("utf-8", "surrogateescape"))


def test_a_chat_form_that_takes_no_system_message_is_told_by_the_user(tmp_path: Path) -> None:
    form = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
        "{{ m.content }}{% endfor %}"
    )
    plain, picky = tmp_path / "plain.gguf", tmp_path / "picky.gguf"
    write_tiny_model(
        plain, chat=True, template="{% for m in messages %}{{ m.content }}{% endfor %}"
    )
    write_tiny_model(picky, chat=True, template=form)
    same = {"system": "", "prompt": "You write C.\n\nint x;"}
    asked = ask(Engine(str(picky)), system="You write C.", prompt="int x;")
    assert asked == ask(Engine(str(plain)), **same)


def test_what_is_no_model_is_one_clear_line(tmp_path: Path) -> None:
    good = tmp_path / "good.gguf"
    write_tiny_model(good, chat=False)
    foreign = tmp_path / "foreign.gguf"
    writer = gguf.GGUFWriter(str(foreign), "teapot")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    cases = {
        good.read_bytes()[:-5000]: "corrupted or incomplete",
        b"GGUF" + bytes(100): "version",
        b"no model": "magic",
        b"": "magic",
        foreign.read_bytes(): "teapot",
    }
    for data, words in cases.items():
        bad = tmp_path / "bad.gguf"
        bad.write_bytes(data)
        with pytest.raises(EngineError, match=words) as told:
            Engine(str(bad))
        assert told.value.kind == "model"
        assert "\n" not in str(told.value)
