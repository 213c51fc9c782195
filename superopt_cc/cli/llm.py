"""`superopt llm`: what was kept of conversations with models."""

from __future__ import annotations

import click

from superopt_cc.cli.common import as_json as json_option
from superopt_cc.cli.common import print_json, progress, settings_for


@click.group("llm")
def command() -> None:
    """Answers of models that were kept."""


@command.command("replay")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@json_option
def replay(names: tuple[str, ...], as_json: bool) -> None:
    """Verify old answers about the functions NAME (all of them without one) again, with no model.

    Exit status 1 if an answer is judged otherwise than before.
    """
    from superopt_cc.driver.replay_llm import replay_answers
    from superopt_cc.report.conversations import show_replayed

    settings = settings_for()
    with progress(settings) as tell:
        done = list(replay_answers(names, settings, tell))
    if as_json:
        print_json({"answers": done})
    else:
        show_replayed([(d.name, d.how, d.before, d.now, d.detail) for d in done])
    if any(not d.same and d.before and d.now != "skipped" for d in done):
        raise click.exceptions.Exit(1)
