"""The commands that judge."""

from __future__ import annotations

import datetime
from typing import Any

import click

from governor.cli.shared import FILE, Day, config_option, policies_option


@click.command()
@click.argument("target", metavar="INPUT")
@click.option(
    "--source", type=FILE, metavar="DIR", help="The HCL the plan was made of: findings then name file and line."
)
@click.option("--workspace", metavar="NAME", help="Of code: the workspace.  [default: the one that is selected]")
@click.option(
    "--var-file", "var_files", type=FILE, multiple=True, metavar="FILE", help="Of code: values of its variables."
)
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="Of code: the value of a variable.")
@click.option(
    "--stage",
    type=click.Choice(["commit", "plan", "live", "azure"]),
    help="Whose policies and levels apply.  [default: commit for code, plan for a plan]",
)
@click.option(
    "-f", "--format", "formats", multiple=True, metavar="NAME[=FILE]",
    help="table, json, sarif or markdown; with =FILE it is written there. May be repeated.  [default: table]",
)  # fmt: skip
@policies_option
@config_option
@click.option("--today", type=Day(), help="Judge as of this day: YYYY-MM-DD.  [default: today]")
@click.option(
    "--strict/--no-strict", default=None, help="Undetermined findings at the fail level, and gaps, exit with 3."
)
@click.option("--exit-zero", is_flag=True, help="Report findings, but exit with 0 where it would be 1.")
@click.option("-q", "--quiet", is_flag=True, help="Only the last line of the table.")
@click.option("-v", "--verbose", is_flag=True, help="List everything: all findings, exemptions, types not covered.")
def check(**options: Any) -> int:
    """Judge a Terraform or OpenTofu plan, or the code before any plan.

    INPUT is what `terraform show -json` prints: a file, gzipped or not, or - for standard input. Or it is the folder of
    a root module: code needs no credentials and no network, and leaves unknown what only a plan can tell.

    \b
    Examples:
      governor check .
      governor check infra --var-file prod.tfvars --workspace prod
      governor check plan.json
      governor check plan.json --source . -f table -f sarif=governor.sarif
      terraform show -json tfplan | governor check -
    """
    from governor.commands import check as command
    from governor.sources import Options

    options["options"] = Options(
        code=options.pop("source"),
        workspace=options.pop("workspace"),
        var_files=options.pop("var_files"),
        variables=options.pop("variables"),
    )
    options["today"] = options["today"] or datetime.date.today()
    return command.run(**options)
