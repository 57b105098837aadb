"""The command about bills."""

from __future__ import annotations

import datetime
from typing import Any

import click

from governor.cli.shared import FILE, Day, library_options


@click.command()
@click.argument("places", metavar="PLACE...", nargs=-1, required=True)
@click.option("--by", multiple=True, metavar="NAME", help="A tag of the taxonomy, `month`, or a column of FOCUS such as"
              " ServiceName. May be repeated.  [default: project]")  # fmt: skip
@click.option("--month", default="", metavar="YYYY-MM", help="Only what counts in this month.  [default: all]")
@click.option("--store", type=FILE, metavar="FILE", help="Write what was read as Parquet, which is read again at once.")
@click.option("-f", "--format", type=click.Choice(["table", "json"]), default="table")
@library_options
@click.option("--today", type=Day(), help="Tell of the tags as of this day: YYYY-MM-DD.  [default: today]")
def spend(**options: Any) -> int:
    """Sum what bills say, by tag.

    PLACE is a bill in FOCUS 1.0 to 1.4 (CSV, gzipped or not, or Parquet), a folder or glob of them, or what DuckDB
    reads besides, such as s3://bucket/bills/*.parquet.

    \b
    Examples:
      governor spend focus.csv
      governor spend bills/ --by project --by month
      governor spend bills/ --store bills.parquet
      governor spend bills.parquet --by owner-team --month 2026-08 -f json
    """
    from governor.commands import spend as command

    options["by"] = options["by"] or ("project",)
    options["today"] = options["today"] or datetime.date.today()
    return command.run(**options)
