"""The commands that tell about governor itself."""

from __future__ import annotations

import click


@click.command()
@click.argument(
    "name",
    type=click.Choice(
        ["config", "exemptions", "baseline", "cases", "input", "report", "azure-evaluate", "azure-compare"]
    ),
    default="config",
)
def schema(name: str) -> int:
    """Print the JSON Schema of a file.

    `config` is governor.yaml, `exemptions` a file of exemptions, `baseline` that of `check --baseline`, `cases` a
    cases.yaml, `input` what policies see, `report` what `check --format json` writes, `azure-evaluate` and
    `azure-compare` what those commands do.

    \b
    Example:
      governor schema > governor.schema.json
    """
    from governor.commands import schema as command

    return command.run(name)


@click.command()
def version() -> int:
    """Print the versions of governor, Python and engine.

    \b
    Example:
      governor version
    """
    from governor.commands import version as command

    return command.run()


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the completion script of a shell.

    \b
    Example:
      governor completion bash > ~/.local/share/bash-completion/completions/governor
    """
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(context.find_root().command, {}, "governor", "_GOVERNOR_COMPLETE").source())
    return 0
