"""The commands that judge."""

from __future__ import annotations

import datetime
from typing import Any

import click

from governor.cli.shared import FILE, Day, config_option, policies_option


@click.command()
@click.argument("plan", metavar="PLAN")
@click.option(
    "--source", type=FILE, metavar="DIR", help="The HCL the plan was made of: findings then name file and line."
)
@click.option(
    "--stage",
    type=click.Choice(["commit", "plan", "live", "azure"]),
    default="plan",
    help="Whose policies and levels apply.  [default: plan]",
)
@click.option(
    "-f", "--format", "formats", multiple=True, metavar="NAME[=FILE]",
    help="table, json, sarif, html, markdown, comment, github, gitlab or junit; with =FILE it is written there."
    " May be repeated.  [default: table]",
)  # fmt: skip
@click.option("--environment", default="", metavar="NAME", help="What the plan changes: `comment` keeps one for each.")
@policies_option
@click.option(
    "--raw-policies", multiple=True, metavar="FOLDER",
    help="Ask a folder of conftest policies, too: their input is PLAN as it stands. May be repeated.",
)  # fmt: skip
@config_option
@click.option("--today", type=Day(), help="Judge as of this day: YYYY-MM-DD.  [default: today]")
@click.option(
    "--strict/--no-strict", default=None, help="Undetermined findings at the fail level, and gaps, exit with 3."
)
@click.option("--exit-zero", is_flag=True, help="Report findings, but exit with 0 where it would be 1.")
@click.option("-q", "--quiet", is_flag=True, help="Only the last line of the table.")
@click.option("-v", "--verbose", is_flag=True, help="List everything: all findings, exemptions, types not covered.")
def check(**options: Any) -> int:
    """Judge a Terraform or OpenTofu plan.

    PLAN is what `terraform show -json` prints: a file, gzipped or not, or - for standard input.

    \b
    Examples:
      governor check plan.json
      governor check plan.json --source . -f table -f sarif=governor.sarif
      governor check plan.json -f html=report.html -f comment=comment.md --environment prod
      terraform show -json tfplan | governor check -
      governor check plan.json --raw-policies ./policy
    """
    from governor.commands import check as command

    options["today"] = options["today"] or datetime.date.today()
    return command.run(**options)
