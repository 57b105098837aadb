"""The commands that look back: at runs, and at snapshots."""

from __future__ import annotations

from typing import Any

import click

from governor.cli.shared import FILE, Since, library_options


@click.command()
@click.argument("store", metavar="STORE")
@click.option(
    "--by",
    type=click.Choice(["policy", "team", "account", "project"]),
    default="policy",
    help="Whose trend.  [default: policy]",
)
@click.option("--since", type=Since(), default="30d", metavar="30d|DAY", help="The first day.  [default: 30d]")
@click.option("--subject", metavar="NAME", help="Only runs of this environment, or of this source.")
@click.option("--diff", is_flag=True, help="What the last run found that the one before did not, and what is gone.")
@click.option("-f", "--format", type=click.Choice(["table", "json"]), default="table")
def history(**options: Any) -> int:
    """Show how findings, and the money at stake in them, went from day to day.

    STORE is what `check --history` writes: a file of SQLite, or postgresql://user@host/name. Of several runs in a day,
    the last one counts.

    \b
    Examples:
      governor history history.db
      governor history history.db --by team --since 90d
      governor history postgresql://governor@db.example.com/governor --diff -f json
    """
    from governor.commands import history as command

    return command.run(**options)


@click.command()
@click.argument("snapshots", metavar="SNAPSHOT...", nargs=-1, required=True, type=FILE)
@click.option("--since", type=Since(), default="30d", metavar="30d|DAY", help="The first day.  [default: 30d]")
@library_options
@click.option(
    "--new-config", type=FILE, metavar="FILE", help="The changed settings, where it is not only policies that change."
)
@click.option("-f", "--format", type=click.Choice(["table", "json"]), default="table")
def backtest(**options: Any) -> int:
    """Judge stored snapshots by a changed library.

    What it would have found day by day, what it would not have found any more, and the money it would have been about,
    beside the library of today. Each snapshot is judged as of its own day.

    SNAPSHOT is a file that `check --snapshot` wrote, or a folder of them; of several of one source in a day, the last
    one counts.

    \b
    Examples:
      governor backtest nightly --policies ./stricter --since 30d
      governor backtest nightly --new-config ../next/governor.yaml -f json
    """
    from governor.commands import backtest as command

    return command.run(**options)
