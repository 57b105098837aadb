"""The commands that judge."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import click

from governor.cli.shared import (
    FILE,
    Command,
    Day,
    judging_options,
    library_options,
    raw_policies_option,
    recording_options,
    spend_option,
    workers_option,
)

if TYPE_CHECKING:
    from governor.commands import check as check_command


def plan_options(command: Command) -> Command:
    """Give a command the options that say how a plan is judged and told; `judging` takes them out again."""
    for option in reversed(_PLANS):
        command = option(command)
    return command


_PLANS = (
    click.option(
        "--with",
        "others",
        multiple=True,
        type=click.Choice(["checkov"]),
        help="Ask this program, too, and settle what it finds.",
    ),
    raw_policies_option,
    click.option(
        "--engine",
        type=click.Choice(["embedded", "opa"]),
        help="What evaluates Rego.  [default: `engine` of the settings]",
    ),
    click.option("--opa-url", default="", metavar="URL", help="Have this OPA server evaluate the Rego."),
    click.option("--base", metavar="REF", help="Only findings that were not there where this branch left REF fail."),
    click.option(
        "--baseline",
        type=FILE,
        metavar="FILE",
        help="Only findings that this file does not know fail; a report in JSON is one, too.",
    ),
    click.option(
        "--update-baseline", is_flag=True, help="Have FILE hold what is open now. In CI, only take out what is fixed."
    ),
    recording_options,
    judging_options,
)


def judging(given: dict[str, Any]) -> check_command.Options:
    """The options of `plan_options`, taken out of all that were given."""
    from governor.commands.check import Options

    given["today"] = given["today"] or datetime.date.today()
    return Options(**{name: given.pop(name) for name in Options.__struct_fields__ if name in given})


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
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
    help="Whose policies and levels apply.  [default: plan for a plan, its own for a snapshot, commit for all else]",
)
@spend_option
@workers_option
@plan_options
def check(**options: Any) -> int:
    """Judge Terraform code, plans and job manifests.

    INPUT is a folder or a file. A folder with code is a root module: code needs no credentials and no network, and
    leaves unknown what only a plan can tell. A folder without stands for the root modules and the manifests below it.
    A file is code, a manifest (Kubernetes objects, SkyPilot tasks, pipelines), a plan as `terraform show -json`
    prints it, gzipped or not, or a snapshot. - is standard input, with a plan, a snapshot or manifests.

    Each root module, each plan and each snapshot is a judgement of its own; all manifests are one.

    \b
    Examples:
      governor check .
      governor check infra --var-file prod.tfvars --workspace prod
      governor check plan.json
      governor check plan.json --source . -f table -f sarif=governor.sarif
      governor check plan.json --with checkov
      governor check plan.json -f html=report.html -f comment=comment.md --environment prod
      terraform show -json tfplan | governor check -
      governor check jobs/train.yaml jobs/serve.yaml
      helm template release chart | governor check -
      governor check plan.json --raw-policies ./policy
      governor check plan.json --baseline baseline.json --update-baseline
      governor check jobs --base origin/main
      governor check plan.json --stage live --spend bills/2026-08
      governor check plan.json --snapshot nightly/2026-11-24.snapshot --history history.db
      governor check nightly/2026-11-24.snapshot
      governor check nightly/2026-11-24.snapshot --workers ray
    """
    from governor.commands import check as command
    from governor.sources import Options

    given = Options(
        code=options.pop("source"), **{name: options.pop(name) for name in ("workspace", "var_files", "variables")}
    )
    return command.run(given=given, options=judging(options), **options)


@click.command()
@click.argument("folder", type=FILE, required=False, metavar="[DIR]")
@click.option("--plan", metavar="PLAN", help="Judge this plan, which another step made: a file, or -. DIR is its HCL.")
@click.option(
    "--comment",
    "platform",
    type=click.Choice(["github", "gitlab"]),
    help="Keep one comment of the pull request up to date.",
)
@plan_options
@click.option("--var-file", "var_files", type=FILE, multiple=True, metavar="FILE", help="Values of variables.")
@click.option(
    "--var", "variables", multiple=True, metavar="NAME=VALUE", help="Value of a variable; secrets go in TF_VAR_NAME."
)
@click.option("--workspace", default="", metavar="NAME", help="Plan in this workspace, which must be there.")
@click.option("--backend-config", multiple=True, metavar="FILE|NAME=VALUE", help="Passed to `init`. May be repeated.")
@click.option("--lock/--no-lock", default=True, help="Lock the state meanwhile.  [default: lock]")
@click.option("--lock-timeout", default="", metavar="TIME", help="Wait so long for the lock: 30s, 5m.")
@click.option("--refresh/--no-refresh", default=True, help="Look first at what is there.  [default: refresh]")
@click.option("--binary", default="", metavar="PROGRAM", help="What makes the plan.  [default: terraform, else tofu]")
@click.option("--timeout", type=click.FloatRange(min=1), default=1800, metavar="SECONDS",
              help="End the plan after so long.  [default: 1800]")  # fmt: skip
@click.option(
    "--pass-env", multiple=True, metavar="NAME", help="Let providers see this variable of the environment, too."
)
def gate(**options: Any) -> int:
    """Plan, judge, and tell the pull request.

    The one step of a CI job. DIR is the root module that Terraform or OpenTofu plans.  [default: the working directory]

    \b
    Examples:
      governor gate infra --environment prod --comment github
      governor gate infra --var-file prod.tfvars --workspace prod --lock-timeout 2m
      governor gate --plan plan.json --comment gitlab
      governor gate infra --baseline infra/baseline.json
    """
    from governor.commands import gate as command
    from governor.terraform import Options

    how = judging(options)
    planning = Options(**{name: options.pop(name) for name in Options.__struct_fields__})
    return command.run(options=how, planning=planning, **options)


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
    """Explain why a policy finds something, or nothing.

    Facts and where they come from, the rule, and what would make it pass.

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
