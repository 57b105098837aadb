"""The commands that judge."""

from __future__ import annotations

import datetime
from typing import Any

import click

from governor.cli.shared import FILE, judging_options


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
@judging_options
def check(**options: Any) -> int:
    """Judge a Terraform or OpenTofu plan.

    PLAN is what `terraform show -json` prints: a file, gzipped or not, or - for standard input.

    \b
    Examples:
      governor check plan.json
      governor check plan.json --source . -f table -f sarif=governor.sarif
      terraform show -json tfplan | governor check -
    """
    from governor.commands import check as command

    options["today"] = options["today"] or datetime.date.today()
    return command.run(**options)
