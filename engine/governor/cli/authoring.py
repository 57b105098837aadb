"""The commands for people who write policies."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import click

from governor.cli.shared import FILE, config_option, floating_option, library_options, raw_policies_option


@click.group(invoke_without_command=True)
@click.pass_context
def policies(context: click.Context) -> None:
    """List the policies, or show one.

    \b
    Examples:
      governor policies
      governor policies show TAG001
    """
    if context.invoked_subcommand is None:
        context.exit(context.invoke(policies_list))


@policies.command("list")
@library_options
@click.option("-f", "--format", type=click.Choice(["table", "json"]), default="table")
def policies_list(
    policies: tuple[str, ...] = (), config: Path | None = None, allow_floating: bool = False, format: str = "table"
) -> int:
    """Every policy: id, severity, level at plan time, title.

    \b
    Example:
      governor policies list --format json
    """
    from governor.commands import policies as command

    return command.list_all(folders=policies, config=config, allow_floating=allow_floating, format=format)


@policies.command("show")
@click.argument("id")
@library_options
def policies_show(id: str, policies: tuple[str, ...], config: Path | None, allow_floating: bool) -> int:
    """The card of one policy.

    \b
    Example:
      governor policies show TAG001
    """
    from governor.commands import policies as command

    return command.show(id, folders=policies, config=config, allow_floating=allow_floating)


@click.command("test")
@click.argument("targets", nargs=-1, type=FILE, metavar="[FOLDER]...")
@library_options
@click.option("--strict", is_flag=True, help="A policy without a case that expects a finding of it fails, too.")
@click.option("--coverage", is_flag=True, help="Tell which lines of the policies ran.")
@click.option(
    "--min-coverage", type=click.FloatRange(0, 100), metavar="PERCENT", help="Fail when fewer lines ran; 0 to 100."
)
@click.option("--junit", type=FILE, metavar="FILE", help="Write the results as JUnit XML.")
@click.option("--watch", is_flag=True, help="Run again whenever a file changes.")
def run_tests(watch: bool, **options: Any) -> int:
    """Run the tests of policies: every cases.yaml, and the test_ rules of Rego.

    FOLDER is a folder of policies or of one concern; without one, those of the settings are tested.

    \b
    Examples:
      governor test
      governor test policies/tagging --watch
      governor test policies --strict --min-coverage 90
    """
    from governor.commands import test as command

    return command.run(command.Options(**options), watch=watch)


@click.command()
@click.argument("targets", nargs=-1, type=FILE, metavar="[FOLDER]...")
@library_options
@raw_policies_option
@click.option("--fix", is_flag=True, help="Format the Rego with `opa fmt` first, where opa is on PATH.")
@click.option("-f", "--format", type=click.Choice(["table", "json"]), default="table")
def lint(targets: tuple[Path, ...], policies: tuple[str, ...], raw_policies: tuple[str, ...], **options: Any) -> int:
    """Check policies for mistakes, without judging anything by them.

    FOLDER is a folder of policies, or that of one concern.  [default: those of the settings, without the builtin ones]

    \b
    Examples:
      governor lint
      governor lint policies/tagging
      governor lint --raw-policies ./policy --format json
    """
    from governor.commands import lint as command

    return command.run(targets, folders=policies, raw=raw_policies, **options)


@click.command()
@click.argument("out", type=FILE, default=Path("docs/policies"))
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when a page is stale.")
@library_options
def docs(out: Path, check: bool, policies: tuple[str, ...], config: Path | None, allow_floating: bool) -> int:
    """Write a page a policy into the folder OUT, from the policies' cards.

    \b
    Examples:
      governor docs
      governor docs --check
    """
    from governor.commands import docs as command

    return command.run(out=out, check=check, folders=policies, config=config, allow_floating=allow_floating)


@click.command()
@click.argument("folder", type=FILE, metavar="[DIR]", default=Path())
@click.option("--tags", metavar="KEYS", help="Mandatory tag keys.  [default: those of the shipped taxonomy]")
@click.option("--stages", metavar="NAMES", help="Values of the tag `stage`.  [default: the shipped ones]")
@click.option("--budget", metavar="PROJECT=USD", help="USD a month that projects may cost.  [default: none]")
@click.option(
    "--jurisdictions", metavar="NAMES", help="Where data may lie, or any.  [default: where the regions found lie]"
)
@click.option("--keys", metavar="PROVIDER=ACCOUNT", help="AI keys that are approved.  [default: none]")
@click.option("--key-owner", metavar="PERSON", help="Who answers for these keys.  [default: git's user.email]")
@click.option(
    "--level",
    type=click.Choice(["warn", "deny"]),
    help="How to begin.  [default: warn where there is something to judge that is not adopted, else deny]",
)
@click.option("--ci", type=click.Choice(["github", "gitlab", "none"]), help="Where to judge.  [default: what is there]")
@click.option("--pre-commit/--no-pre-commit", default=None, help="Write hooks.  [default: in a git repository]")
@click.option("--repository", metavar="URL", help="Where CI and pre-commit get governor from.")
@click.option("--adopt", is_flag=True, help="Write down what is found today as known: only what is new fails.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: take the defaults for what is not given.")
@click.option("--dry-run", is_flag=True, help="Print what would be written.")
def init(folder: Path, yes: bool, adopt: bool, dry_run: bool, **given: Any) -> int:
    """Put governor into a repository: look what is there, ask, write settings, data of policies, hooks and CI.

    DIR is the folder that gets governor.yaml.  [default: the working directory] Lists are separated by commas. No file
    that is there is written over.

    \b
    Examples:
      governor init
      governor init --yes --jurisdictions EU,EEA --budget atlas=20000 --ci github
      governor init infra --yes --dry-run
      governor init --yes --adopt
    """
    from governor.commands import init as command

    return command.run(folder=folder, yes=yes, adopt=adopt, dry_run=dry_run, given=given, today=datetime.date.today())


@click.group()
def new() -> None:
    """Begin something new.

    \b
    Example:
      governor new policy cost-center
    """


@new.command("policy")
@click.argument("name")
@click.option("--language", type=click.Choice(["rego", "python"]), default="rego", help="[default: rego]")
@click.option(
    "--concern", metavar="NAME", help="The concern it belongs to; a new one is made.  [default: its own name]"
)
@click.option(
    "--folder", type=FILE, metavar="FOLDER", help="The folder of policies.  [default: the first of the settings]"
)
@config_option
@floating_option
def new_policy(name: str, **options: Any) -> int:
    """Write a policy that works, with its card, its cases and the fragments of its page.

    \b
    Examples:
      governor new policy cost-center
      governor new policy on-call --concern tagging --language python
    """
    from governor.commands import new as command

    return command.policy(name=name, **options)


@click.command("checkov-checks")
@click.argument("out", type=FILE, metavar="DIR")
@library_options
def checkov_checks(out: Path, policies: tuple[str, ...], **options: Any) -> int:
    """Write the policies as checks that run inside checkov.

    DIR is the folder for `checkov --external-checks-dir`. The checks call governor, which checkov need not import.

    \b
    Examples:
      governor checkov-checks checks
      checkov -f plan.json --external-checks-dir checks --check 'CKV_GOV*'
    """
    from governor.commands import checkov_checks as command

    return command.run(out=out, folders=policies, **options)


@click.group()
def bundle() -> None:
    """Policies for OPA servers.

    \b
    Example:
      governor bundle build
    """


@bundle.command("build")
@click.argument("out", type=FILE, default=Path("bundle.tar.gz"))
@click.option("--sign", type=FILE, metavar="KEYFILE", help="Sign it: a private key in PEM, or for HS256 a secret.")
@click.option("--signing-alg", "algorithm", type=click.Choice(["RS256", "ES256", "HS256"]), default="RS256",
              help="How to sign.  [default: RS256]")  # fmt: skip
@library_options
def bundle_build(out: Path, policies: tuple[str, ...], **options: Any) -> int:
    """Write the Rego policies and their data as an OPA bundle, OUT.

    The same policies give the same bytes and the same revision.

    \b
    Examples:
      governor bundle build
      governor bundle build governor.tar.gz --sign private.pem --signing-alg ES256
    """
    from governor.commands import bundle as command

    return command.build(out=out, folders=policies, **options)
