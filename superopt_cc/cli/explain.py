"""`superopt explain`: one function's story (design 11.3)."""

from __future__ import annotations

import click

from superopt_cc.cli.common import as_json as json_option
from superopt_cc.cli.common import print_json, settings_for
from superopt_cc.errors import UsageError


@click.command("explain")
@click.argument("name")
@click.option("--llm", is_flag=True, help="What a model was asked about it, and what it answered.")
@json_option
def command(name: str, llm: bool, as_json: bool) -> None:
    """The last story of function NAME: code side by side, evidence, timing, what was tried."""
    if llm:
        _conversation(name, as_json=as_json)
        return
    from superopt_cc.report.tables import show_story
    from superopt_cc.store.codec import outcome_from_json
    from superopt_cc.store.local import Store

    settings = settings_for()
    with Store(settings.cache_dir, settings.cache_size) as store:
        story = store.story(name)
        known = store.stories() if story is None else ()
    if story is None:
        hint = f"; known are {', '.join(sorted(known)[:8])}" if known else ""
        raise UsageError(f"nothing is known about {name}{hint}")
    if as_json:
        print_json(story)
        return
    try:
        outcome = outcome_from_json(story["outcome"])
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"the story of {name} is from another version of superopt-cc") from error
    show_story(outcome, str(story["target"]), str(story["file"]))


def _conversation(name: str, *, as_json: bool) -> None:
    """The last conversation with a model about a function."""
    from superopt_cc.driver.story import conversation_of
    from superopt_cc.report.conversations import show_conversation

    told = conversation_of(settings_for(), name)
    if told is None:
        raise UsageError(f"no model was asked about {name}")
    if as_json:
        print_json({"search": told.search, "events": told.events})
        return
    show_conversation(told.search, told.events)
