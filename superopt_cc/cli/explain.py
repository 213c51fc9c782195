"""`superopt explain`: one function's story (design 11.3)."""

from __future__ import annotations

import click

from superopt_cc.cli.common import as_json as json_option
from superopt_cc.cli.common import print_json, settings_for
from superopt_cc.errors import UsageError


@click.command("explain")
@click.argument("name")
@json_option
def command(name: str, as_json: bool) -> None:
    """The last story of function NAME: code side by side, evidence, timing, what was tried."""
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
