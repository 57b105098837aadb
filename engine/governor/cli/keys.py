"""The commands about API keys."""

from __future__ import annotations

import datetime
from typing import Any

import click

from governor.cli.shared import judging_options


@click.group()
def keys() -> None:
    """Find AI keys where they must not be.

    \b
    Example:
      governor keys scan
    """


@keys.command()
@click.argument("names", metavar="[FILE]...", nargs=-1, type=click.Path())
@click.option("--staged", is_flag=True, help="Search what is staged in git, not what lies in the working tree.")
@click.option(
    "--history",
    is_flag=False,
    flag_value="--all",
    metavar="[RANGE]",
    help="Search every version of every file, or those of a range of commits such as main..HEAD.",
)
@judging_options
def scan(**options: Any) -> int:
    """Search code for literal keys of AI providers.

    FILE is a file, a folder, or - for standard input; without one, the working directory is searched. Of a git
    repository, what .gitignore names is left out. No key is ever shown, stored or sent anywhere.

    \b
    Examples:
      governor keys scan
      governor keys scan --staged
      governor keys scan src -f sarif=keys.sarif
      governor keys scan --history
    """
    from governor.commands import keys as command

    options["today"] = options["today"] or datetime.date.today()
    return command.scan(**options)
