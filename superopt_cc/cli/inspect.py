"""`superopt inspect`: which functions of a binary are ours (design 9)."""

from __future__ import annotations

from pathlib import Path

import click

from superopt_cc.cli.common import as_json as json_option
from superopt_cc.cli.common import print_json, source_file
from superopt_cc.errors import UsageError


@click.command("inspect")
@source_file
@json_option
def command(file: Path, as_json: bool) -> None:
    """Which functions of a binary or object file superopt-cc replaced."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    from superopt_cc.assembly.marks import SECTION, read_marks

    try:
        with file.open("rb") as binary:
            sections = [
                section.data()
                for section in ELFFile(binary).iter_sections()
                if section.name == SECTION
            ]
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    except ELFError as error:
        raise UsageError(f"{file}: no ELF file: {error}") from error
    records = [record for data in sections for record in read_marks(data)]
    functions = [
        {
            "name": record.name,
            "key": record.mark.key,
            "origin": record.mark.origin,
            "level": record.mark.level,
        }
        for record in records
    ]
    if as_json:
        print_json({"file": str(file), "functions": functions})
        return
    for function in functions:
        words = (function["name"], function["origin"], function["level"], function["key"][:16])
        click.echo("{:<32} {:<9} {:<9} {}".format(*words))
    if not functions:
        click.echo(f"{file}: no function was replaced")
