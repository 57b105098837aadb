"""The commands that judge."""

from __future__ import annotations

import datetime
from typing import Any

import click

from governor.cli.shared import FILE, Day, judging_options, library_options, raw_policies_option


@click.command()
@click.argument("plan", metavar="PLAN")
@click.option(
    "--source", type=FILE, metavar="DIR", help="The HCL the plan was made of: findings then name file and line."
)
@click.option(
    "--with",
    "others",
    multiple=True,
    type=click.Choice(["checkov"]),
    help="Ask this program, too, and settle what it finds.",
)
@click.option(
    "--stage",
    type=click.Choice(["commit", "plan", "live", "azure"]),
    default="plan",
    help="Whose policies and levels apply.  [default: plan]",
)
@raw_policies_option
@click.option(
    "--engine", type=click.Choice(["embedded", "opa"]), help="What evaluates Rego.  [default: `engine` of the settings]"
)
@click.option("--opa-url", default="", metavar="URL", help="Have this OPA server evaluate the Rego.")
@judging_options
def check(**options: Any) -> int:
    """Judge a Terraform or OpenTofu plan.

    PLAN is what `terraform show -json` prints: a file, gzipped or not, or - for standard input.

    \b
    Examples:
      governor check plan.json
      governor check plan.json --source . -f table -f sarif=governor.sarif
      governor check plan.json --with checkov
      governor check plan.json -f html=report.html -f comment=comment.md --environment prod
      terraform show -json tfplan | governor check -
      governor check plan.json --raw-policies ./policy
    """
    from governor.commands import check as command

    options["today"] = options["today"] or datetime.date.today()
    return command.run(**options)


@click.command()
@click.argument("what", metavar="FINDING|POLICY")
@click.option(
    "--on", "plan", required=True, metavar="PLAN", help="The plan: a file, gzipped or not, or - for standard input."
)
@click.option(
    "--resource", metavar="ADDRESS", help="The resource to explain a policy on.  [default: its dearest finding]"
)
@click.option("--source", type=FILE, metavar="DIR", help="The HCL the plan was made of: facts then name file and line.")
@library_options
@click.option("--today", type=Day(), help="Judge as of this day: YYYY-MM-DD.  [default: today]")
@click.option("-f", "--format", type=click.Choice(["text", "json"]), default="text")
@click.option("-v", "--verbose", is_flag=True, help="All facts of the resource, and all of the rule.")
def explain(**options: Any) -> int:
    """Explain a verdict: facts and where they come from, the rule, and what would make it pass.

    FINDING is a fingerprint, or at least the first 6 digits of one. POLICY is an id; without --resource its dearest
    finding is explained, and the others are listed with their fingerprints.

    \b
    Examples:
      governor explain TAG001 --on plan.json
      governor explain TAG001 --on plan.json --resource aws_instance.trainer
      governor explain 4f2a91c0 --on plan.json --source . -v
    """
    from governor.commands import explain as command

    options["today"] = options["today"] or datetime.date.today()
    return command.run(**options)
