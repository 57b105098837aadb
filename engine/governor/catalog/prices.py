"""Instance types in, USD per hour out: the shipped price book, and an organisation's own prices on top of it.

Prices are list prices of one whole instance. docs/catalogue.md says where each comes from and how it ages.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

from msgspec import Struct

from governor.catalog import tables
from governor.errors import Refusal
from governor.model import Price, Purchase

COLUMNS = (
    "provider",
    "region",
    "instance_type",
    "accelerator",
    "accelerator_count",
    "accelerator_memory_gib",
    "on_demand_usd_hour",
    "spot_usd_hour",
    "as_of",
    "source",
)
"""The columns of a price file, the shipped one and an organisation's own."""

_REQUIRED = ("provider", "region", "instance_type", "as_of", "source")

_STAND_INS: dict[Purchase, str] = {
    "spot": "no spot price in the book: the on-demand price is the ceiling",
    "reserved": "no commitment price in the book: the on-demand price is the ceiling",
    # A capacity block is priced apart from on-demand and can cost more, so this is no ceiling.
    "capacity_block": "no capacity-block price in the book: the on-demand price stands in",
}

# https://aws.amazon.com/ec2/capacityblocks/ is the only way to buy these.
_CAPACITY_BLOCKS_ONLY = ("p5e.", "p6e-")

_DAY = re.compile(r"\d{4}(-\d{2}-\d{2})?", re.ASCII)


class PriceRow(Struct, frozen=True, gc=False):
    """What one instance type costs in one region."""

    provider: str
    region: str
    instance_type: str
    accelerator: str
    """Model, as `accelerators.csv` writes it; "" when the row does not say."""
    accelerator_count: float | None
    """Accelerators in one instance; a fraction for shared ones; None when the source does not say."""
    accelerator_memory_gib: float | None
    """Memory of one accelerator, GiB."""
    on_demand_usd_hour: Decimal | None
    """USD per hour of one instance; None when it is not sold on demand."""
    spot_usd_hour: Decimal | None
    """USD per hour of one instance, a snapshot of a moving price; None when not in the book."""
    as_of: str
    """YYYY-MM-DD or YYYY."""
    source: str


_Key = tuple[str, str, str]
_Cells = list[str]


class PriceBook:
    """Price rows by provider, region and instance type. Letter case and spaces in names do not count."""

    __slots__ = ("_by_accelerator", "_by_place", "_by_type")

    def __init__(self, rows: Mapping[_Key, PriceRow | _Cells]) -> None:
        # A row stays the cells of its file until someone asks for it: a run needs a handful of thousands.
        self._by_place: dict[_Key, PriceRow | _Cells] = dict(rows)
        self._by_type: dict[tuple[str, str], _Key] = {(key[0], key[2]): key for key in self._by_place}
        self._by_accelerator: dict[tuple[str, str, str], list[_Key]] = {}

    @staticmethod
    @cache
    def shipped() -> PriceBook:
        """The book that comes with governor; read once, when first asked for."""
        return PriceBook({_key(*cells[:3]): cells for cells in tables.records("gpu_prices.csv")})

    def with_rows(self, path: Path) -> PriceBook:
        """This book with the rows of an organisation's own CSV over it.

        The file has the columns of `COLUMNS` in any order; accelerator columns and one of the two prices may be left
        out or blank. Its prices replace both prices of the row they cover; accelerator cells left blank keep what the
        book knows. Raises `Refusal` at `file:line` for the first row that is wrong.
        """
        rows = dict(self._by_place)
        lines: dict[_Key, int] = {}
        for line, row in _read_own(path):
            key = _key(row.provider, row.region, row.instance_type)
            if key in lines:
                raise Refusal(
                    f"{row.instance_type} in {row.region} has a price at line {lines[key]} already: keep one of them",
                    place=f"{path}:{line}",
                )
            lines[key] = line
            rows[key] = _complete(row, self.of_type(row.provider, row.instance_type))
        return PriceBook(rows)

    def find(self, provider: str, region: str, instance_type: str) -> PriceRow | None:
        """The row of exactly this type in exactly this region."""
        return self._row(_key(provider, region, instance_type))

    def of_type(self, provider: str, instance_type: str) -> PriceRow | None:
        """A row of this type in any region: for what holds everywhere, such as its accelerator."""
        key = self._by_type.get((tables.fold(provider), tables.fold(instance_type)))
        return None if key is None else self._row(key)

    def with_accelerator(self, provider: str, region: str, model: str) -> list[PriceRow]:
        """The rows of a region whose instances carry this accelerator, as the price book writes it."""
        if not self._by_accelerator:
            for key, cells in self._by_place.items():
                carried = cells[3] if isinstance(cells, list) else cells.accelerator
                self._by_accelerator.setdefault((key[0], key[1], carried), []).append(key)
        keys = self._by_accelerator.get((tables.fold(provider), tables.fold(region), model), ())
        return [row for key in keys if (row := self._row(key))]

    def price(self, provider: str, region: str | None, instance_type: str, purchase: Purchase) -> Price | None:
        """USD per hour of one instance, or None; `why_no_price` says why there is none.

        Where the book lacks the price of the way it is bought, the on-demand price is given with a note.
        """
        row = self.find(provider, region, instance_type) if region else None
        if row is None:
            return None
        if purchase == "spot" and row.spot_usd_hour is not None:
            amount, note = row.spot_usd_hour, ""
        elif row.on_demand_usd_hour is not None:
            amount, note = row.on_demand_usd_hour, _STAND_INS.get(purchase, "")
        else:
            return None
        return Price(amount, row.instance_type, row.region, row.source, row.as_of, note)

    def why_no_price(self, provider: str, region: str | None, instance_type: str, purchase: Purchase) -> str:
        """A short reason for a person, or "" when there is a price."""
        if not instance_type:
            return "its instance type is not known"
        if not region:
            return "its region is not known"
        row = self.find(provider, region, instance_type)
        if row is None:
            if provider == "aws" and instance_type.startswith("ml."):
                return f"the price book has no SageMaker prices, so none for {instance_type} in {region}"
            return f"the price book has no row for {instance_type} in {region}"
        if self.price(provider, region, instance_type, purchase) is not None:
            return ""
        sold = "capacity blocks" if instance_type.startswith(_CAPACITY_BLOCKS_ONLY) else "spot"
        return f"the price book has no on-demand price for {instance_type} in {region} ({sold} only)"

    def __len__(self) -> int:
        return len(self._by_place)

    def __iter__(self) -> Iterator[PriceRow]:
        """Every row, in the order of the files."""
        for key in self._by_place:
            row = self._row(key)
            assert row is not None
            yield row

    def _row(self, key: _Key) -> PriceRow | None:
        row = self._by_place.get(key)
        if isinstance(row, list):
            row = self._by_place[key] = _row(row)
        return row


def stale(price: Price, today: date, max_age_days: int) -> bool:
    """True when the price was last known to be true more than `max_age_days` before `today`."""
    return age_days(price, today) > max_age_days


def age_days(price: Price, today: date) -> int:
    """Days since the price was last known to be true.

    A price that names only its year counts as of 1 January of that year, the oldest it can be.
    """
    return (today - _first_day(price.as_of)).days


def _first_day(as_of: str) -> date:
    return date.fromisoformat(as_of if len(as_of) > 4 else f"{as_of}-01-01")


def _key(provider: str, region: str, instance_type: str) -> _Key:
    return tables.fold(provider), tables.fold(region), tables.fold(instance_type)


def _row(cells: _Cells) -> PriceRow:
    provider, region, instance_type, accelerator, count, memory, on_demand, spot, as_of, source = cells
    return PriceRow(
        provider,
        region,
        instance_type,
        accelerator,
        tables.number(count),
        tables.number(memory),
        Decimal(on_demand) if on_demand else None,
        Decimal(spot) if spot else None,
        as_of,
        source,
    )


def _complete(own: PriceRow, known: PriceRow | None) -> PriceRow:
    if known is None or own.accelerator:
        return own
    return PriceRow(
        own.provider,
        own.region,
        own.instance_type,
        known.accelerator,
        known.accelerator_count,
        known.accelerator_memory_gib,
        own.on_demand_usd_hour,
        own.spot_usd_hour,
        own.as_of,
        own.source,
    )


def _read_own(path: Path) -> Iterator[tuple[int, PriceRow]]:
    """Line and row of every row of an organisation's price file."""
    try:
        # A spreadsheet saves CSV with a byte order mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(header, f"{path}:1")
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    place = f"{path}:{reader.line_num}"
                    yield reader.line_num, _own_row(header, [cell.strip() for cell in cells], place)
    except OSError as error:
        raise Refusal(f"the price file cannot be read: {error.strerror}", place=str(path)) from error
    except UnicodeDecodeError as error:
        raise Refusal("the price file is not UTF-8: save it as CSV (UTF-8)", place=str(path)) from error
    except csv.Error as error:
        raise Refusal(f"the price file is not CSV ({error}): close its quotes", place=str(path)) from error


def _check_header(header: list[str], place: str) -> None:
    for name in header:
        if name not in COLUMNS:
            raise Refusal(f"unknown column {name!r}: the columns are {', '.join(COLUMNS)}", place=place)
        if header.count(name) > 1:
            raise Refusal(f"column {name!r} stands there twice: keep one of them", place=place)
    missing = [name for name in _REQUIRED if name not in header]
    if missing:
        raise Refusal(f"the header lacks {', '.join(missing)}: add these columns", place=place)
    if "on_demand_usd_hour" not in header and "spot_usd_hour" not in header:
        raise Refusal("the header has no price: add on_demand_usd_hour or spot_usd_hour", place=place)


def _own_row(header: list[str], cells: list[str], place: str) -> PriceRow:
    if len(cells) != len(header):
        raise Refusal(f"the row has {len(cells)} cells, the header {len(header)}: make them agree", place=place)
    row = dict(zip(header, cells, strict=True))
    for name in _REQUIRED:
        if not row[name]:
            raise Refusal(f"{name} is blank: fill it in", place=place)
    _check_day(row["as_of"], place)
    on_demand = _amount(row, "on_demand_usd_hour", place)
    spot = _amount(row, "spot_usd_hour", place)
    if on_demand is None and spot is None:
        raise Refusal("the row has no price: fill in on_demand_usd_hour or spot_usd_hour", place=place)
    count = _amount(row, "accelerator_count", place)
    memory = _amount(row, "accelerator_memory_gib", place)
    return PriceRow(
        row["provider"].lower(),
        row["region"],
        row["instance_type"],
        row.get("accelerator", ""),
        None if count is None else float(count),
        None if memory is None else float(memory),
        on_demand,
        spot,
        row["as_of"],
        row["source"],
    )


def _check_day(text: str, place: str) -> None:
    try:
        if _DAY.fullmatch(text):
            _first_day(text)
            return
    except ValueError:
        pass
    raise Refusal(f"as_of {text!r} is no day: write YYYY-MM-DD or YYYY", place=place)


def _amount(row: dict[str, str], name: str, place: str) -> Decimal | None:
    text = row.get(name, "")
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise Refusal(f"{name} {text!r} is no amount: write a number such as 12.34", place=place)
    return amount
