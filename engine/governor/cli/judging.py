"""The commands that judge."""

from __future__ import annotations

import datetime
from typing import Any

import click

from governor.cli.shared import FILE, Day, library_options, raw_policies_option


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
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
    help="Whose policies and levels apply.  [default: plan for a plan, commit for manifests]",
)
@click.option(
    "-f", "--format", "formats", multiple=True, metavar="NAME[=FILE]",
    help="table, json, sarif or markdown; with =FILE it is written there. May be repeated.  [default: table]",
)  # fmt: skip
@library_options
@raw_policies_option
@click.option(
    "--engine", type=click.Choice(["embedded", "opa"]), help="What evaluates Rego.  [default: `engine` of the settings]"
)
@click.option("--opa-url", default="", metavar="URL", help="Have this OPA server evaluate the Rego.")
@click.option("--today", type=Day(), help="Judge as of this day: YYYY-MM-DD.  [default: today]")
@click.option(
    "--strict/--no-strict", default=None, help="Undetermined findings at the fail level, and gaps, exit with 3."
)
@click.option("--exit-zero", is_flag=True, help="Report findings, but exit with 0 where it would be 1.")
@click.option("-q", "--quiet", is_flag=True, help="Only the last line of the table.")
@click.option("-v", "--verbose", is_flag=True, help="List everything: all findings, exemptions, types not covered.")
def check(**options: Any) -> int:
    """Judge a Terraform or OpenTofu plan, or job manifests.

    INPUT is one plan, as `terraform show -json` prints it, gzipped or not; or it is manifests of Kubernetes objects,
    SkyPilot tasks and pipelines: files and folders of YAML, any number of them. - is standard input, with either.

    \b
    Examples:
      governor check plan.json
      governor check plan.json --source . -f table -f sarif=governor.sarif
      governor check plan.json --with checkov
      terraform show -json tfplan | governor check -
      governor check jobs/train.yaml jobs/serve.yaml
      helm template release chart | governor check -
      governor check plan.json --raw-policies ./policy
    """
    from governor.commands import check as command

    options["today"] = options["today"] or datetime.date.today()
    return command.run(**options)


@click.command()
@click.argument("what", metavar="FINDING|POLICY")
@click.option(
    "--on",
    "plan",
    required=True,
    metavar="PLAN",
    help="The plan, gzipped or not, or the manifest: a file, or - for standard input.",
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
