"""The command line: arguments, the clock and the exit code; nothing else. Commands are imported when they run."""

from __future__ import annotations

import datetime
import io
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from governor import __version__
from governor.errors import CANNOT_JUDGE, Refusal

INTERRUPTED = 130
BROKEN_PIPE = 141
"""What a shell reports of a program that SIGPIPE ended."""
_FILE = click.Path(path_type=Path)


class _Day(click.ParamType[datetime.date]):
    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.date:
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day: write YYYY-MM-DD", param, ctx)


class _ReaderLeft(Exception):  # noqa: N818
    """The reader of the output (head, less) has seen enough."""


class _Governor(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. click would leave a broken pipe with exit code 1, which here means open findings."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ReaderLeft from error


@click.group(
    cls=_Governor,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 clean · 1 open findings · 2 usage or configuration · 3 could not judge · 4 nothing judged",
)
@click.version_option(__version__, "-V", "--version", prog_name="governor", message="%(prog)s %(version)s")
def cli() -> None:
    """Policy as code for AI spend: tags, budgets, data residency and API keys.

    \b
    Example:
      terraform plan -out tfplan
      terraform show -json tfplan > plan.json
      governor check plan.json
    """


_config = click.option(
    "--config", type=_FILE, metavar="FILE", help="Settings; default: the nearest governor.yaml at or above this folder."
)
_policies = click.option(
    "--policies",
    multiple=True,
    metavar="FOLDER",
    help="Lay a folder of policies over those of the settings. May be repeated.",
)


@cli.command()
@click.argument("plan", metavar="PLAN")
@click.option(
    "--source", type=_FILE, metavar="DIR", help="The HCL the plan was made of: findings then name file and line."
)
@click.option(
    "--stage",
    type=click.Choice(["commit", "plan", "live", "azure"]),
    default="plan",
    help="Whose policies and levels apply.  [default: plan]",
)
@click.option(
    "-f", "--format", "formats", multiple=True, metavar="NAME[=FILE]",
    help="table, json, sarif or markdown; with =FILE it is written there. May be repeated.  [default: table]",
)  # fmt: skip
@_policies
@_config
@click.option("--today", type=_Day(), help="Judge as of this day: YYYY-MM-DD.  [default: today]")
@click.option(
    "--strict/--no-strict", default=None, help="Undetermined findings at the fail level, and gaps, exit with 3."
)
@click.option("--exit-zero", is_flag=True, help="Report findings, but exit with 0 where it would be 1.")
@click.option("-q", "--quiet", is_flag=True, help="Only the last line of the table.")
@click.option("-v", "--verbose", is_flag=True, help="List everything: all findings, exemptions, types not covered.")
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


@cli.group(invoke_without_command=True)
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
@_policies
@_config
@click.option("-f", "--format", type=click.Choice(["table", "json"]), default="table")
def policies_list(policies: tuple[str, ...] = (), config: Path | None = None, format: str = "table") -> int:
    """Every policy: id, severity, level at plan time, title.

    \b
    Example:
      governor policies list --format json
    """
    from governor.commands import policies as command

    return command.list_all(folders=policies, config=config, format=format)


@policies.command("show")
@click.argument("id")
@_policies
@_config
def policies_show(id: str, policies: tuple[str, ...], config: Path | None) -> int:
    """The card of one policy.

    \b
    Example:
      governor policies show TAG001
    """
    from governor.commands import policies as command

    return command.show(id, folders=policies, config=config)


@cli.command()
@click.argument("name", type=click.Choice(["config", "exemptions", "report"]), default="config")
def schema(name: str) -> int:
    """Print the JSON Schema of a file.

    `config` is governor.yaml, `exemptions` a file of exemptions, `report` what `check --format json` writes.

    \b
    Example:
      governor schema > governor.schema.json
    """
    from governor.commands import schema as command

    return command.run(name)


@cli.command("test")
@_policies
@_config
@click.option("--strict", is_flag=True, help="A policy without a case that expects a finding of it fails, too.")
@click.option("--junit", type=_FILE, metavar="FILE", help="Write the results as JUnit XML.")
def run_tests(policies: tuple[str, ...], config: Path | None, strict: bool, junit: Path | None) -> int:
    """Run the tests of the policies: every cases.yaml, and the test_ rules of Rego.

    \b
    Examples:
      governor test
      governor test --policies ./policies --strict
    """
    from governor.commands import test as command

    return command.run(folders=policies, config=config, strict=strict, junit=junit)


@cli.command()
@click.argument("out", type=_FILE, default=Path("docs/policies"))
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when a page is stale.")
@_policies
@_config
def docs(out: Path, check: bool, policies: tuple[str, ...], config: Path | None) -> int:
    """Write a page a policy into the folder OUT, from the policies' cards.

    \b
    Examples:
      governor docs
      governor docs --check
    """
    from governor.commands import docs as command

    return command.run(out=out, check=check, folders=policies, config=config)


@cli.command()
def version() -> int:
    """Print the versions of governor, Python and engine.

    \b
    Example:
      governor version
    """
    from governor.commands import version as command

    return command.run()


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the completion script of a shell.

    \b
    Example:
      governor completion bash > ~/.local/share/bash-completion/completions/governor
    """
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(cli, {}, "governor", "_GOVERNOR_COMPLETE").source())
    return 0


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    sys.exit(_run())


def _run() -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A report is UTF-8 wherever it goes; a name that no encoding holds must not end the run.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        code = cli.main(prog_name="governor", standalone_mode=False)
        sys.stdout.flush()
    except Refusal as refusal:
        _complain(str(refusal))
        return refusal.code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        _complain("interrupted")
        return INTERRUPTED
    except (BrokenPipeError, _ReaderLeft):
        # What is left in the buffer must not be flushed into the pipe at exit:
        # https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except SystemExit:  # of shell completion
        raise
    except BaseException as error:  # a panic of the policy engine is no Exception
        _complain(f"this is a bug in governor ({type(error).__name__}): please report it with {_write_traceback()}")
        return CANNOT_JUDGE
    return code if isinstance(code, int) else 0


def _complain(message: str) -> None:
    click.echo(f"governor: {message}", err=True)


def _write_traceback() -> str:
    """Name of the file that holds the traceback; the traceback itself when no file can be written."""
    import tempfile
    import traceback

    text = traceback.format_exc()
    try:
        with tempfile.NamedTemporaryFile("w", prefix="governor-", suffix=".log", delete=False, encoding="utf-8") as log:
            log.write(text)
    except OSError:
        return f"this traceback:\n{text}"
    return log.name
