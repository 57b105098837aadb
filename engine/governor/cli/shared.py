"""What commands share: options, the type of a day, and how a group ends when its reader leaves."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

FILE = click.Path(path_type=Path)

Command = TypeVar("Command", bound=Callable[..., Any])


class Day(click.ParamType[datetime.date]):
    """A day, written YYYY-MM-DD."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.date:
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day: write YYYY-MM-DD", param, ctx)


class Since(click.ParamType[datetime.date]):
    """A first day: `30d`, so many days before today, or YYYY-MM-DD."""

    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.date:
        days = str(value).removesuffix("d")
        try:
            if days != value and days.isdecimal():
                return datetime.date.today() - datetime.timedelta(days=int(days))
            return datetime.date.fromisoformat(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no first day: write 30d, or YYYY-MM-DD", param, ctx)


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


def library_options(command: Command) -> Command:
    """Give a command the options that say which policies it works with: `policies`, `config`, `allow_floating`."""
    return _policies_option(config_option(floating_option(command)))


spend_option = click.option(
    "--spend",
    multiple=True,
    metavar="PLACE",
    help="Bills in FOCUS (CSV, Parquet; a file, a folder, a glob, s3://…), for policies of actual cost."
    " May be repeated.",
)

_snapshot_option = click.option(
    "--snapshot", type=FILE, metavar="FILE", help="Write what was judged there: `check FILE` judges it again."
)
_history_option = click.option(
    "--history", default="", metavar="STORE", help="Write the run into this history: a file, or postgresql://…"
)


_metrics_option = click.option(
    "--metrics", type=FILE, metavar="FILE", help="Write how the run went there, for Prometheus: a name in .prom."
)

_RECORDING = (
    _snapshot_option,
    _history_option,
    click.option("--notify", "notify", flag_value="send", default="", help="Tell owners, as `notify` of the settings."),
    click.option("--notify-dry-run", "notify", flag_value="dry-run", help="Show what --notify would send, to whom."),
    _metrics_option,
)


def recording_options(command: Command) -> Command:
    """Give a command the options that keep and tell what was found: `snapshot`, `history`, `notify`, `metrics`."""
    for option in reversed(_RECORDING):
        command = option(command)
    return command


workers_option = click.option(
    "--workers",
    default="",
    metavar="N|ray|ray://HOST:PORT",
    help="Share the work among N processes, a Ray cluster on this machine, or another.  [default: the cores]",
)

_JUDGING = (
    click.option(
        "-f", "--format", "formats", multiple=True, metavar="NAME[=FILE]",
        help="table, json, sarif, html, markdown, comment, github, gitlab or junit; with =FILE it is written there."
        " May be repeated.  [default: table]",
    ),
    click.option("--environment", default="", metavar="NAME", help="What is judged: `comment` keeps one for each."),
    library_options,
    click.option("--today", type=Day(), help="Judge as of this day: YYYY-MM-DD.  [default: today]"),
    click.option(
        "--fail-level", type=click.Choice(["note", "warn", "deny"]),
        help="Open findings at this level or above exit with 1.  [default: `fail_level` of the settings]",
    ),
    click.option(
        "--strict/--no-strict", default=None, help="Undetermined findings at the fail level, and gaps, exit with 3."
    ),
    click.option("--exit-zero", is_flag=True, help="Report findings, but exit with 0 where it would be 1."),
    click.option("-q", "--quiet", is_flag=True, help="Only the last line of the table."),
    click.option("-v", "--verbose", is_flag=True, help="List everything: all findings, exemptions, types not covered."),
)  # fmt: skip


def judging_options(command: Command) -> Command:
    """Give a command the options of all that judge and report; among them `library_options`."""
    for option in reversed(_JUDGING):
        command = option(command)
    return command
