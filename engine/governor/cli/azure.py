"""The commands of Azure Policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from governor.cli.shared import FILE, Command, Day, judging_options, library_options, recording_options


@click.group()
def azure() -> None:
    """Azure Policy, beside the policies here.

    \b
    Example:
      governor azure generate
    """


@azure.command("generate")
@click.option("--layout", type=click.Choice(["epac", "arm", "terraform", "portal"]), default="terraform",
              help="Whose files to write.  [default: terraform]")  # fmt: skip
@click.option("--out", type=FILE, metavar="DIR", default=Path("azure-policy"), help="[default: azure-policy]")
@click.option("--scope", metavar="ID", default="", help="Management group, subscription or resource group to assign to."
              "  [default: nothing is assigned]")  # fmt: skip
@click.option("--location", metavar="REGION", default="westeurope",
              help="Region of the identity that adds inherited tags.  [default: westeurope]")  # fmt: skip
@click.option("--effect", type=click.Choice(["Audit", "Deny"]), default="Audit", help="[default: Audit]")
@click.option(
    "--only", type=click.Choice(["tagging", "residency"]), multiple=True, help="One concern.  [default: both]"
)
@library_options
def generate(policies: tuple[str, ...], **options: Any) -> int:
    """Write Azure Policy from the taxonomy and the residency data.

    Definitions, initiatives, assignments, and the inheritance of tags from resource groups. What Azure Policy cannot
    say is told, and listed in NOT-EXPRESSED.md; nothing is approximated. No file that governor did not write is written
    over.

    \b
    Examples:
      governor azure generate
      governor azure generate --scope /providers/Microsoft.Management/managementGroups/platform
      governor azure generate --layout epac --only tagging --effect Deny --out epac
    """
    from governor.commands import azure_generate as command

    return command.run(folders=policies, **options)


def _evaluation_options(command: Command) -> Command:
    """Give a command what the evaluation of exports wants."""
    for option in reversed(_EVALUATION):
        command = option(command)
    return command


_EVALUATION = (
    click.argument("exports", metavar="EXPORT...", nargs=-1, required=True),
    click.option("--on", required=True, metavar="RESOURCES", help="A plan (terraform show -json), Terraform code, an"
                 " ARM template, or what `az graph query` or `az resource list` printed."),
    click.option("--source", type=FILE, metavar="FOLDER", help="The HCL a plan was made of: its lines are shown."),
    click.option("--subscription", default="", envvar="ARM_SUBSCRIPTION_ID", show_envvar=True, metavar="ID",
                 help="Where the resources of a plan will lie whose provider does not tell."),
    click.option("--aliases", type=FILE, metavar="FILE", help="What `az provider list --expand resourceTypes/aliases`"
                 " printed, over the aliases that governor knows."),
    click.option("-f", "--format", type=click.Choice(["table", "json"]), default="table"),
    click.option("-v", "--verbose", is_flag=True, help="List everything."),
    click.option("--strict", is_flag=True, help="What cannot be told exits with 3."),
    click.option("--today", type=Day(), help="Exemptions lapse as of this day: YYYY-MM-DD.  [default: now]"),
)  # fmt: skip


@azure.command("evaluate")
@_evaluation_options
@click.option("--by", type=click.Choice(["assignment", "resource"]), default="assignment", show_default=True,
              help="What the table is grouped by.")  # fmt: skip
@click.option("--trace", default="", metavar="ID", help="Show every condition for one resource: an id, an address, or"
              " the end of one.")  # fmt: skip
@click.option("--after", is_flag=True, help="Evaluate what modify and append make of the resources, and show it.")
@click.option("--states", type=FILE, metavar="FILE", help="Compare with what Azure recorded (`az policy state list`).")
@click.option("--fail-on", type=click.Choice(["deny", "noncompliant"]), default="deny", show_default=True,
              help="What exits with 1: what Azure would refuse, or also what it would record.")  # fmt: skip
@click.option("--semantics", type=click.Choice(["documented", "regorus"]), default="documented", show_default=True,
              help="Where microsoft/regorus differs from the documentation, follow it.")  # fmt: skip
def evaluate(**options: Any) -> int:
    """Tell what Azure would say of resources, without Azure.

    EXPORT is a file or folder in any layout: what `az policy definition list`, `set-definition list`, `assignment list`
    and `exemption list` print, answers of REST and Resource Graph, ARM templates, the portal's export, or Enterprise
    Policy as Code. Definitions, assignments and exemptions may lie in one or in many.

    \b
    Examples:
      governor azure evaluate export/ --on inventory.json
      governor azure evaluate export/ --on plan.json --source . --fail-on noncompliant
      governor azure evaluate export/ --on inventory.json --trace virtualMachines/train-2
      governor azure evaluate export/ --on plan.json --after
      governor azure evaluate export/ --on inventory.json --states states.json
    """
    from governor.commands import azure_evaluate as command

    return command.run(**options)


@azure.command("compare")
@_evaluation_options
@library_options
def compare(**options: Any) -> int:
    """Show where our policies and Azure's disagree on resources, and why.

    Each side judges the same resources. What one objects to and the other does not is told with the reason: what is not
    assigned, exempt, in DoNotEnforce, of another mode or kind, or not known yet.

    \b
    Examples:
      governor azure compare export/ --on inventory.json
      governor azure compare export/ --on plan.json --source .
      governor azure compare export/ --on inventory.json --policies policies -f json
    """
    from governor.commands import azure_compare as command

    return command.run(**options)


@azure.command("check")
@click.argument("exports", metavar="EXPORT...", nargs=-1, required=True)
@click.option("--on", default="", metavar="INVENTORY", help="What tells of the resources: what `az graph query`"
              " printed, a snapshot, a plan. Records then have owners and prices.")  # fmt: skip
@click.option("--aliases", type=FILE, metavar="FILE", help="What `az provider list --expand resourceTypes/aliases`"
              " printed, over the aliases that governor knows.")  # fmt: skip
@recording_options
@judging_options
def check(exports: tuple[str, ...], on: str, aliases: Path | None, **options: Any) -> int:
    """Judge what Azure Policy sees to, by exports of it.

    What is assigned is asked about made-up resources, scope by scope: whether it wants the mandatory tags, where it
    lets them lie, what it makes of GPUs, global deployments and keys. Assignments that are not in force, exemptions and
    records of what does not comply are judged as they stand. EXPORT is a file or folder in any layout.

    \b
    Examples:
      governor azure check export/
      governor azure check export/ states.json --on resources.json
      governor azure check export/ --strict -f html=azure.html --history history.db
    """
    import datetime

    from governor.commands import azure_check as command
    from governor.commands.check import Options

    options["today"] = options["today"] or datetime.date.today()
    return command.run(exports, Options(**options), on=on, aliases=aliases)
