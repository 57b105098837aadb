"""What commands share: options, the type of a day, and how a group ends when its reader leaves."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

FILE = click.Path(path_type=Path)


class Day(click.ParamType[datetime.date]):
    """A day, written YYYY-MM-DD."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.date:
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day: write YYYY-MM-DD", param, ctx)


class ReaderLeft(Exception):  # noqa: N818
    """The reader of the output (head, less) has seen enough."""


class Governor(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. click would leave a broken pipe with exit code 1, which here means open findings."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderLeft from error


config_option = click.option(
    "--config", type=FILE, metavar="FILE", help="Settings; default: the nearest governor.yaml at or above this folder."
)
_policies_option = click.option(
    "--policies",
    multiple=True,
    metavar="FOLDER",
    help="Lay a folder of policies, or git+https://host/org/repo@COMMIT#FOLDER, over those of the settings."
    " May be repeated.",
)
floating_option = click.option(
    "--allow-floating", is_flag=True, help="Let policies in git come from a branch, or from a tag that has moved."
)
raw_policies_option = click.option(
    "--raw-policies",
    multiple=True,
    metavar="FOLDER",
    help="Take a folder of conftest policies, too: their input is the plan as it stands. May be repeated.",
)

_Command = TypeVar("_Command", bound=Callable[..., Any])


def library_options(command: _Command) -> _Command:
    """Give a command the options that say which policies it works with: `policies`, `config`, `allow_floating`."""
    return _policies_option(config_option(floating_option(command)))
