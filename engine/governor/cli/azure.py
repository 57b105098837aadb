"""The commands of Azure Policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from governor.cli.shared import FILE, library_options


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
