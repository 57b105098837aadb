"""What commands read of bills: places in, facts of actual cost beside an inventory out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from governor import library
from governor.commands.workspace import Workspace
from governor.model import Gap, Inventory, Spend, Stage
from governor.spend.tags import Taxonomy

if TYPE_CHECKING:
    from governor.spend.ledger import Ledger


class Bills(Struct, frozen=True):
    """What bills say, read once for all judgements of a run."""

    spend: Sequence[Spend] = ()
    gaps: Sequence[Gap] = ()
    notes: Sequence[str] = ()

    def beside(self, inventory: Inventory) -> Inventory:
        """The inventory with what bills say."""
        return replace(
            inventory,
            spend=tuple(self.spend),
            gaps=(*inventory.gaps, *self.gaps),
            notes=(*inventory.notes, *self.notes),
        )


def given(places: Sequence[str], space: Workspace, stage: Stage, today: date) -> Bills:
    """What policies see of the bills in these places. Raises Refusal for what cannot be read."""
    if not places:
        missing = "no bills are given (--spend): policies of actual cost find nothing"
        return Bills(notes=[missing] if stage == "live" else [])
    from governor.spend.facts import facts

    with opened(places, space) as ledger:
        spend, gaps, last = facts(ledger, today), ledger.gaps, ledger.last()
    month = f"{today:%Y-%m}"
    notes = [f"{currency} counted at {rate:g} USD" for currency, rate in sorted(space.settings.spend.rates.items())]
    if not any(one.month == month and one.usd for one in spend):
        ends = f"the last charge ends {last:%Y-%m-%d}" if last else "they hold no charge"
        notes.append(f"bills say nothing of {month} ({ends}): policies of actual cost know no more than that")
    return Bills(spend, gaps, notes)


@contextmanager
def opened(places: Sequence[str], space: Workspace) -> Iterator[Ledger]:
    """The ledger of bills, with the keys of the taxonomy as columns."""
    from governor.spend import ledger

    with ledger.read(places, taxonomy(space), space.settings.spend) as read:
        yield read


def taxonomy(space: Workspace) -> Taxonomy:
    """The tags of the concern tagging, the shipped ones where the settings name no such concern."""
    concerns = library.read_concerns(space.folders)
    tagging = concerns.get("tagging") or library.read_concerns([library.builtin()])["tagging"]
    return Taxonomy(tagging.config.get("tags", {}))
