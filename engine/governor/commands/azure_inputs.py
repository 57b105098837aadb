"""What the commands of Azure Policy begin with: exports, and the resources they are evaluated on."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from governor import jsonfile, reports, sources
from governor.azure.words import short, source_of, title
from governor.azure_model import Estate, Export, Written
from governor.catalog import azure_aliases
from governor.catalog.prices import PriceBook
from governor.commands import inputs, output
from governor.commands.workspace import near
from governor.errors import CANNOT_JUDGE, Refusal
from governor.judge import Blotter
from governor.languages.azure_policy.assignments import Assigned, Problem
from governor.languages.azure_policy.evaluation import Evaluation, Policies
from governor.languages.azure_policy.operators import Semantics
from governor.languages.azure_policy.related import NOT_TOLD
from governor.model import Gap, Inventory, Origin
from governor.reports.grouping import plain
from governor.reports.page import Page, Span
from governor.sources import PIPED, terraform_plan
from governor.sources.azure import estate as resources
from governor.sources.azure import exports
from governor.sources.terraform_plan.locate import Locator

_SUBSCRIPTION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Given(Struct, frozen=True):
    """Policies, and what they are evaluated on."""

    export: Export
    policies: Policies
    estate: Estate
    piped: bytes = b""
    """What standard input held."""

    @property
    def evaluation(self) -> Evaluation:
        return Evaluation(self.policies, self.estate)

    @property
    def gaps(self) -> Sequence[Gap]:
        return (*self.export.gaps, *self.estate.gaps)

    @property
    def notes(self) -> Sequence[str]:
        return (*self.export.notes, *self.estate.notes)

    @property
    def source(self) -> str:
        """What was read, for people."""
        return f"policies of {self.export.source} on {self.estate.source}"


def read(
    paths: Sequence[str],
    on: str,
    *,
    states: Path | None = None,
    source: Path | None = None,
    subscription: str = "",
    aliases: Path | None = None,
    semantics: Semantics = "documented",
    today: date | None = None,
) -> Given:
    """Read it all. Raises Refusal for what cannot be, and where nothing is assigned."""
    if subscription and not _SUBSCRIPTION.fullmatch(subscription):
        raise Refusal(
            "no id of a subscription: give what `az account show --query id` prints",
            place=f"--subscription (or ARM_SUBSCRIPTION_ID) {subscription}",
        )
    piped = piped_of(paths, on)
    export = exports.read([*map(Path, paths), *([states] if states else [])], piped)
    if not export.assignments:
        raise Refusal(
            "nothing is assigned in it: export the assignments, too (`az policy assignment list`)",
            place=", ".join(paths), code=CANNOT_JUDGE,
        )  # fmt: skip
    now = datetime(today.year, today.month, today.day, tzinfo=UTC) if today else datetime.now(UTC)
    estate = _located(Path(on), piped, source) if source else resources.read(Path(on), piped)
    if subscription:
        estate = _placed(estate, subscription)
    return Given(export, Policies(export, known_aliases(aliases), now, semantics), estate, piped)


def piped_of(paths: Sequence[str], on: str) -> bytes:
    """What standard input holds, where it is one of the inputs. Raises Refusal where it is more than one."""
    if [*paths, on].count("-") > 1:
        raise Refusal("standard input holds one thing: give the other by its path")
    return sys.stdin.buffer.read() if "-" in (*paths, on) else b""


def known_aliases(file: Path | None) -> azure_aliases.Aliases:
    """Those that governor knows, and those of a file over them."""
    return azure_aliases.load(file) if file else azure_aliases.shipped()


def of_terraform(on: str, piped: bytes, prices: PriceBook, source: Path | None = None) -> Inventory:
    """What our policies judge of a plan, or of code."""
    found = inputs.only(on, sources.Options(code=source), piped=piped)
    if not found.is_plan:
        return found.read(prices)
    data, place, locator = found.plan()
    return terraform_plan.collect(data, place=place, prices=prices, locator=locator)


def _located(path: Path, piped: bytes, source: Path) -> Estate:
    """The resources of a plan, with the lines of the code it was made of."""
    from governor.sources.azure.estate import terraform

    if not source.is_dir():
        raise Refusal("--source wants the folder that holds the HCL", place=str(source))
    if path.is_dir():
        raise Refusal("--source is for a plan: leave it out, a folder of code tells its lines", place=str(path))
    try:
        data = piped if path == PIPED else path.read_bytes()
    except OSError as error:
        raise Refusal(f"cannot be read: {error.strerror}", place=str(path), code=CANNOT_JUDGE) from None
    return terraform.from_plan(data, place=str(path), locator=Locator(source))


def _placed(estate: Estate, subscription: str) -> Estate:
    """The same, where what does not tell its subscription lies in this one."""
    untold, told = f"/subscriptions/{NOT_TOLD}", f"/subscriptions/{subscription}"
    return replace(
        estate,
        resources=tuple(
            replace(resource, id=told + resource.id.removeprefix(untold))
            if resource.id.startswith(untold)
            else resource
            for resource in estate.resources
        ),
    )


def place_of(problem: Problem) -> str:
    """`file:line` of what is wrong; empty where nobody knows."""
    written = problem.written
    if written is None:
        return ""
    return f"{near(written.file)}:{_line(written, problem.pointer) or written.line}"


def _line(written: Written, pointer: Sequence[str | int]) -> int:
    try:
        text = jsonfile.decode(Path(written.file).read_bytes(), written.file)
        return jsonfile.position(text, (*written.pointer, *pointer))[0]
    except (OSError, Refusal, ValueError, IndexError):
        return 0  # it was piped, or is a table


def lines_of(origin: Origin | None) -> str:
    """`  main.tf:12`, where that is known."""
    return f"  {plain(f'{origin.file}:{origin.line}')}" if origin else ""


def heading(one: Assigned) -> list[Span]:
    """A policy, and what assigns it."""
    return [
        (plain(title(one)), "bold"),
        (f"  {plain(source_of(one))} on {plain(short(one.assignment.scope))}", "dim"),
        ("  DoNotEnforce" if not one.assignment.enforced else "", "cyan"),
    ]


def not_judged(page: Page, apart: str) -> None:
    """Say loudly that no assignment holds where the resources lie; see `results.apart`."""
    if apart:
        page.section("NOTHING JUDGED", "bold red", plain(apart))


def options_of(verbose: bool) -> reports.Options:
    """How standard output wants it."""
    shown = sys.stdout.isatty()
    return reports.Options(width=output.width(shown), colour=output.colour(shown), verbose=verbose)


def write_json(document: Any, blot: Blotter) -> None:
    """Print a document, without the secrets of the input."""
    text = msgspec.json.format(msgspec.json.encode(blot.value(msgspec.to_builtins(document))), indent=2)
    sys.stdout.write(text.decode() + "\n")
