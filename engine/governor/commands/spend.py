"""`governor spend`: bills in, sums by tag out."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from governor import log
from governor.commands import bills, output, workspace
from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Tagged
from governor.reports.grouping import carried

if TYPE_CHECKING:
    from governor.spend.ledger import Sum

NO_VALUE = "(none)"


def run(
    *,
    places: Sequence[str],
    by: Sequence[str],
    month: str,
    store: Path | None,
    format: str,
    policies: Sequence[str],
    config: Path | None,
    allow_floating: bool,
    today: date,
) -> int:
    """Print sums, dearest first, and on stderr what could not be read; the exit code: 3 when something could not."""
    from governor.spend import facts

    if month and not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", month):
        raise Refusal(f"{month!r} is not a month: write YYYY-MM", place="--month")
    space = workspace.enter(config, policies, floating=allow_floating)
    with bills.opened(places, space) as ledger:
        sums = ledger.by(by, month)
        if store:
            ledger.keep(store)
        tagged = facts.tagged(ledger, month or f"{today:%Y-%m}")
    if format == "json":
        sys.stdout.write(_json(by, sums, space.settings.spend.cost, tagged, ledger.gaps))
    else:
        _table(by, sums, tagged)
        for gap in ledger.gaps:
            log.say(f"{gap.place}: {gap.reason}", "warning")
    return CANNOT_JUDGE if ledger.gaps else 0


def _json(by: Sequence[str], sums: Sequence[Sum], cost: str, tagged: Tagged | None, gaps: Sequence[object]) -> str:
    document = {
        "cost": cost,
        "by": by,
        "sums": [
            {"values": dict(zip(by, one.values, strict=True)), "usd": one.usd, "charges": one.charges} for one in sums
        ],
        "tagged": tagged,
        "gaps": gaps,
    }
    return msgspec.json.format(msgspec.json.Encoder(decimal_format="number").encode(document), indent=2).decode() + "\n"


def _table(by: Sequence[str], sums: Sequence[Sum], tagged: Tagged | None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in by:
        table.add_column(name, overflow="fold")
    table.add_column("USD", justify="right")
    table.add_column("share", justify="right")
    table.add_column("charges", justify="right")
    total = sum((one.usd for one in sums), Decimal(0))
    for one in sums:
        share = f"{one.usd / total * 100:.1f} %" if total > 0 else ""
        table.add_row(*(value or NO_VALUE for value in one.values), f"{one.usd:,.2f}", share, f"{one.charges:,}")
    shown = sys.stdout.isatty()
    console = Console(width=None if shown else output.PIPED_WIDTH, no_color=not output.colour(shown), highlight=False)
    console.print(table)
    if tagged:
        console.print(f"\n{carried(tagged)}", soft_wrap=True)
