"""The command that judges what runs."""

from __future__ import annotations

import datetime
from typing import Any

import click

from governor.cli.shared import judging_options, recording_options, spend_option, workers_option


@click.command()
@click.option("--account", "accounts", multiple=True, metavar="ID", help="An account of AWS. May be repeated.")
@click.option("--organization", is_flag=True, help="Every active account of the caller's organisation.")
@click.option("--role", default="", metavar="NAME", help="Assume this role in each account, narrowed to reads.")
@click.option(
    "--external-id", envvar="GOVERNOR_EXTERNAL_ID", metavar="ID", help="What the role's trust policy asks for."
)
@click.option("--subscription", "subscriptions", multiple=True, metavar="ID", help="One of Azure. May be repeated.")
@click.option(
    "--management-group",
    "management_groups",
    multiple=True,
    metavar="NAME",
    help="One of Azure: every subscription below it. May be repeated.",
)
@click.option(
    "--region", "regions", multiple=True, metavar="NAME", help="May be repeated.  [default: all that are enabled]"
)
@click.option(
    "--service",
    "services",
    multiple=True,
    metavar="NAME",
    help="Read only instances, groups, volumes, buckets, … May be repeated.  [default: all]",
)
@click.option(
    "--diff",
    default="",
    metavar="LAST",
    help="Tell what is new and gone: since the `last` run of the --history, or since a snapshot, by its file.",
)
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    metavar="SHARD",
    help="Believe a shard that changed too much since the run before; `*` and `?` are wild. May be repeated.",
)
@spend_option
@workers_option
@recording_options
@judging_options
def scan(**options: Any) -> int:
    """Judge what runs in accounts of AWS and subscriptions of Azure. Nothing is changed: only reads are ever sent.

    What cannot be read is a gap, and what hangs on it undetermined: with --strict, either exits with 3. Credentials
    are found where the command lines of AWS and of Azure find them. What is not said here is taken from `scan` in
    governor.yaml.

    \b
    Examples:
      governor scan
      governor scan --account 123456789012
      governor scan --account 123456789012 --region eu-west-1 --service instances --service buckets
      governor scan --subscription 11111111-1111-1111-1111-111111111111
      governor scan --management-group ml --account 123456789012
      governor scan --organization --role governor-scan --strict -f html=report.html
      governor scan --account 123456789012 --snapshot nightly/2026-11-24.snapshot --history history.db
      governor scan --history history.db --diff last
      governor scan --organization --role governor-scan --workers ray://scanners.example.com:10001
      governor scan --history history.db --accept 123456789012/eu-west-1/instances
    """
    from governor.commands import scan as command
    from governor.commands.check import Options
    from governor.sources.aws import Scope
    from governor.sources.azure import live

    options["today"] = options["today"] or datetime.date.today()
    accepted, diff = options.pop("accepted"), options.pop("diff")
    azure = live.Scope(subscriptions=options.pop("subscriptions"), management_groups=options.pop("management_groups"))
    scope = Scope(**{name: options.pop(name) for name in Scope.__struct_fields__ if name in options})
    return command.run(scope, Options(**options), azure=azure, accepted=accepted, diff=diff)
