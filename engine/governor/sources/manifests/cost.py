"""What pods, and machines, cost by the hour: the part of a node that their accelerators are."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from governor.catalog.accelerators import accelerator_of, facts
from governor.catalog.prices import PriceBook, PriceRow
from governor.model import Accelerator, Price, Purchase

ON_CLUSTER = "kubernetes"
"""Provider of what runs in a cluster whose cloud is not told."""


class Priced(Struct):
    """One pod's, or one machine's, accelerator and price."""

    accelerator: Accelerator | None = None
    unknown_model: str = ""
    types: tuple[str, ...] = ()
    price: Price | None = None
    """Of a whole node; its note says what part of it is taken."""
    hourly_usd: Decimal | None = None
    """Of one pod, USD per hour."""
    why_no_price: str = ""


def shown(count: Fraction) -> float:
    """Whole numbers as integers, so that reports read `8`, not `8.0`."""
    return count.numerator if count.denominator == 1 else round(float(count), 4)


def by_type(
    book: PriceBook, provider: str, region: str | None, types: Sequence[str], count: Fraction, purchase: Purchase
) -> Priced:
    """Accelerators on a node of whichever of the types is to be had: the dearest counts."""
    found = Priced(types=tuple(types))
    for type in types:
        carried = accelerator_of(provider, type)
        if carried is None:
            continue
        part = Fraction(count) / Fraction(carried.count)
        price = book.price(provider, region, type, purchase)
        if price is None:
            found.why_no_price = book.why_no_price(provider, region, type, purchase)
        dearer = price is not None and (found.hourly_usd is None or _part(price.usd_per_hour, part) > found.hourly_usd)
        if found.accelerator is None or dearer:
            found.accelerator = replace(carried, count=shown(count))
        if price is not None and dearer:
            found.hourly_usd, found.price = _part(price.usd_per_hour, part), _noted(price, count, carried.count)
    if found.accelerator is None:
        found.accelerator = Accelerator("unknown", shown(count))
        found.unknown_model = f"{' or '.join(types)} has no accelerator that is known"
        found.why_no_price = found.why_no_price or found.unknown_model
    if found.why_no_price:
        found.price = found.hourly_usd = None
    return found


def by_model(
    book: PriceBook,
    provider: str,
    region: str | None,
    models: Sequence[str],
    count: Fraction,
    purchase: Purchase,
    fits: Sequence[str] = (),
    per_node: int | None = None,
) -> Priced:
    """Accelerators of whichever of the models is to be had, on a node whose type is not told.

    There is a price where every node that may carry them asks the same for one. `fits` are the families that a node
    may be of, `per_node` the number that it carries.
    """
    model = models[0] if len({*models}) == 1 else "unknown"
    known = facts(model)
    found = Priced(Accelerator(model, shown(count), known.memory_gib if known else None))
    if len({*models}) > 1:
        found.unknown_model = f"it may be {' or '.join(models)}"
    elif model == "unknown":
        found.unknown_model = "its name is not in the catalogue"
    if provider == ON_CLUSTER:
        found.why_no_price = "its nodes are not told: select node.kubernetes.io/instance-type and a region"
    elif region is None:
        found.why_no_price = "its region is not known"
    elif found.unknown_model:
        found.why_no_price = found.unknown_model
    if found.why_no_price:
        return found
    assert region is not None
    rows = [
        row
        for row in book.with_accelerator(provider, region, model)
        if (not fits or row.instance_type.startswith(tuple(f"{family}{mark}" for family in fits for mark in ".-")))
        and (per_node is None or row.accelerator_count == per_node)
        and (_is_chip(row) or Fraction(row.accelerator_count or 0) >= count)
    ]
    prices = [(row, price) for row in rows if (price := book.price(provider, region, row.instance_type, purchase))]
    each = {_part(price.usd_per_hour, count / Fraction(row.accelerator_count or 1)) for row, price in prices}
    if len(each) == 1:
        row, price = prices[0]
        found.hourly_usd, found.price = each.pop(), _noted(price, count, row.accelerator_count or 1)
        found.types = tuple(row.instance_type for row, _ in prices) if not _is_chip(row) else ()
    elif each:
        names = ", ".join(row.instance_type for row, _ in prices[:3]) + (" …" if len(prices) > 3 else "")
        found.why_no_price = (
            f"{model} in {region} costs {min(each):.2f} to {max(each):.2f} USD/h, by the node ({names}): select its"
            " node.kubernetes.io/instance-type"
        )
    else:
        found.why_no_price = f"the price book has no node with {shown(count)} × {model} in {region}"
    return found


def _is_chip(row: PriceRow) -> bool:
    """TPUs are priced by the chip, whatever machine they are on."""
    return row.instance_type.endswith("-chip")


def _part(usd_per_hour: Decimal, part: Fraction) -> Decimal:
    return (usd_per_hour * part.numerator / part.denominator).quantize(Decimal("0.000001")).normalize()


def _noted(price: Price, count: Fraction, carried: float) -> Price:
    if Fraction(carried) == count:
        return price
    note = f"a pod takes {shown(count)} of its {shown(Fraction(carried))} accelerators"
    return replace(price, note=f"{price.note}, {note}" if price.note else note)
