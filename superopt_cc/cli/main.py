"""The `superopt` command: finds the subcommand's module and turns errors into one line."""

from __future__ import annotations

import importlib
import sys

import click

from superopt_cc import __version__
from superopt_cc.errors import SuperoptError

# Subcommand -> (module, one line).  A module is loaded only when its command is used.
_COMMANDS = {
    "optimize": ("optimize", "Search faster code for functions of a file, and store it."),
    "verify": ("verify", "Decide whether one rewrite is right."),
    "measure": ("measure", "Time one rewrite against gcc's code."),
    "replay": ("replay", "Run a counterexample again."),
    "status": ("status", "What the last builds did."),
    "explain": ("explain", "One function's story."),
    "llm": ("llm", "Answers of models that were kept."),
    "inspect": ("inspect", "Which functions of a binary are ours."),
    "model": ("model", "Language models: list, add, pull, check, remove."),
    "doctor": ("doctor", "Is everything there that is needed?"),
    "cache": ("cache", "What is stored on this machine."),
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"superopt_cc.cli.{_COMMANDS[cmd_name][0]}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.group(cls=_Commands)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(__version__, prog_name="superopt")
@click.pass_context
def cli(context: click.Context, debug: bool) -> None:
    """Verified, faster code in place of gcc's, function by function.

    Everything after `--` goes to gcc; -O3 is put before it.
    """
    context.obj = debug


def main() -> None:
    """Run the command; exit 0 for work done, 1 for a negative verdict, 2 for what could not be."""
    debug = "--debug" in sys.argv[1:]
    try:
        status = cli.main(standalone_mode=False)
    except click.exceptions.Exit as done:
        status = done.exit_code
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        status = 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has seen enough
        status = 141
    except (SuperoptError, OSError) as error:
        if debug:
            raise
        line = str(error).strip().partition("\n")[0]
        click.echo(f"superopt: {line}", err=True)
        status = 2
    except Exception as error:
        if debug:
            raise
        click.echo(f"superopt: internal error ({error!r:.300}); see --debug", err=True)
        status = 2
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
