"""Verdict in, text out. Every report is a pure function; none of them fetches, judges or writes."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from msgspec import Struct

from governor.errors import Refusal
from governor.model import Verdict

REPORTS: dict[str, str] = {
    "table": "governor.reports.table",
    "json": "governor.reports.json",
    "sarif": "governor.reports.sarif",
    "markdown": "governor.reports.markdown",
    "comment": "governor.reports.comment",
}
"""Name of the format → module that satisfies `Report`, loaded when it is asked for."""


class Options(Struct, frozen=True):
    """How the reader wants it. Reports for machines take no notice."""

    width: int = 80
    """Columns of the terminal."""
    colour: bool = False
    verbose: bool = False
    """List what is otherwise only counted."""
    environment: str = ""
    """What the plan changes: `prod`. A pull request has a comment for each."""


class Report(Protocol):
    """What a module in this folder offers."""

    def render(self, verdict: Verdict, options: Options) -> str:
        """The whole report; ends with a newline."""


def render(name: str, verdict: Verdict, options: Options) -> str:
    """The verdict in the format `name`, a key of `REPORTS`.

    Raises Refusal when there is no such format.
    """
    if name not in REPORTS:
        raise Refusal(f'there is no report format "{name}"; there are {", ".join(REPORTS)}')
    return cast("Report", import_module(REPORTS[name])).render(verdict, options)
