"""The commands for people who write policies."""

from __future__ import annotations

from pathlib import Path

import click

from governor.cli.shared import FILE, config_option, floating_option, policies_option


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
@policies_option
@config_option
@floating_option
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
@policies_option
@config_option
@floating_option
def policies_show(id: str, policies: tuple[str, ...], config: Path | None, allow_floating: bool) -> int:
    """The card of one policy.

    \b
    Example:
      governor policies show TAG001
    """
    from governor.commands import policies as command

    return command.show(id, folders=policies, config=config, allow_floating=allow_floating)


@click.command("test")
@policies_option
@config_option
@floating_option
@click.option("--strict", is_flag=True, help="A policy without a case that expects a finding of it fails, too.")
@click.option("--junit", type=FILE, metavar="FILE", help="Write the results as JUnit XML.")
def run_tests(
    policies: tuple[str, ...], config: Path | None, allow_floating: bool, strict: bool, junit: Path | None
) -> int:
    """Run the tests of the policies: every cases.yaml, and the test_ rules of Rego.

    \b
    Examples:
      governor test
      governor test --policies ./policies --strict
    """
    from governor.commands import test as command

    return command.run(folders=policies, config=config, allow_floating=allow_floating, strict=strict, junit=junit)


@click.command()
@click.argument("out", type=FILE, default=Path("docs/policies"))
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when a page is stale.")
@policies_option
@config_option
@floating_option
def docs(out: Path, check: bool, policies: tuple[str, ...], config: Path | None, allow_floating: bool) -> int:
    """Write a page a policy into the folder OUT, from the policies' cards.

    \b
    Examples:
      governor docs
      governor docs --check
    """
    from governor.commands import docs as command

    return command.run(out=out, check=check, folders=policies, config=config, allow_floating=allow_floating)
