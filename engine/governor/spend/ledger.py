"""Bills that have been read in, sums and days out; sums are decimals, not floating point."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from msgspec import Struct

from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Gap
from governor.spend import Settings
from governor.spend.reading import KEY, MONEY, OPTIONAL, STATE, Reading, complaints, identifier, quoted
from governor.spend.tags import Taxonomy

if TYPE_CHECKING:
    import duckdb

USD = "USD"

RUNNING = (
    "ChargeCategory = 'Usage' AND coalesce(ChargeClass, '') <> 'Correction'"
    " AND ChargePeriodEnd - ChargePeriodStart <= INTERVAL 1 DAY"
)
"""What goes on costing: a fee for the month, a purchase, a tax or a credit is counted once."""
TAGGABLE = "ChargeCategory IN ('Usage', 'Purchase')"


class Sum(Struct, frozen=True):
    """What charges with the same values cost together."""

    values: tuple[str | None, ...]
    """One for each column that was asked for; None where a charge has no value."""
    usd: Decimal
    charges: int


class Day(Struct, frozen=True):
    """What one combination of tags cost on one day."""

    month: date
    """The first day of the month that it counts in."""
    day: date
    provider: str
    values: tuple[str, ...]
    tags_unknown: bool
    usd: Decimal
    running_usd: Decimal
    taggable_usd: Decimal
    untagged_usd: Decimal
    first: datetime | None
    """When the first running charge begins, UTC."""
    through: datetime | None
    """When the last running charge ends."""


class Ledger:
    """Bills that have been read. A context manager gives it: see `read`."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, taxonomy: Taxonomy, settings: Settings, gaps: Sequence[Gap]
    ) -> None:
        self.gaps = gaps
        self.taxonomy = taxonomy
        self._connection = connection
        self._cost = _in_usd(connection, settings)
        # What a commitment is worth belongs to the time it is used; an invoice to the month it is for.
        self._period = "ChargePeriodStart" if settings.cost == "EffectiveCost" else "BillingPeriodStart"

    @property
    def columns(self) -> list[str]:
        """What sums can be asked by."""
        return [*self.taxonomy.names, "month", *(name for name in OPTIONAL if not name.endswith("Tags")),
                "ChargeCategory"]  # fmt: skip

    def by(self, names: Sequence[str], month: str = "") -> list[Sum]:
        """Sums by columns, dearest first; of one month (YYYY-MM), or of all. Raises Refusal for an unknown column."""
        for name in names:
            if name not in self.columns:
                raise Refusal(f"spend has no {name}: there are {', '.join(self.columns)}")
        keys = [self._expression(name) for name in names]
        where, given = (f"WHERE {self._expression('month')} = ?", [month]) if month else ("", [])
        asked = "".join(f"{key}, " for key in keys)
        found = self._connection.execute(
            f"SELECT {asked}coalesce(sum({self._cost}), 0), count(*) FROM charges {where} GROUP BY ALL", given
        ).fetchall()
        sums = [Sum(tuple(values), usd, charges) for *values, usd, charges in found]
        return sorted(sums, key=lambda one: (-one.usd, tuple(value or "" for value in one.values)))

    def days(self, keys: Sequence[str], since: date, until: date) -> Iterator[Day]:
        """What each combination of tags cost on each day, of charges that begin on a day from `since` to `until`.

        A charge that counts in a month from that of `since` on is among them whenever it began.
        """
        month = f"date_trunc('month', {self._period})::DATE"
        day = "ChargePeriodStart::DATE"
        running = f"{RUNNING} AND {month} = date_trunc('month', ChargePeriodStart)::DATE"
        values = ", ".join(self._expression(key) for key in keys)
        found = self._connection.execute(
            f"SELECT {month}, {day}, coalesce(ServiceProviderName, ''), {STATE} = 'unknown', {values},"
            f" sum({self._cost}), coalesce(sum({self._cost}) FILTER ({running}), 0),"
            f" coalesce(sum({self._cost}) FILTER ({TAGGABLE}), 0),"
            f" coalesce(sum({self._cost}) FILTER ({TAGGABLE} AND {STATE} = 'untagged'), 0),"
            f" min(ChargePeriodStart) FILTER ({running}), max(ChargePeriodEnd) FILTER ({running})"
            f" FROM charges WHERE {day} <= ? AND {self._period}::DATE >= ? AND {self._period}::DATE <= ? GROUP BY ALL",
            [until, since, until],
        )
        while rows := found.fetchmany(10_000):
            for counted, at, provider, unknown, *rest in rows:
                texts = tuple(value or "" for value in rest[: len(keys)])
                yield Day(counted, at, provider, texts, unknown, *rest[len(keys) :])

    def carried(self, keys: Sequence[str], month: str) -> list[tuple[tuple[bool, ...], bool, Decimal]]:
        """Which of the keys charges of a month carry, whether they carry no tag at all, and what they cost together.

        Of what can carry tags; charges whose tags are not known are left out.
        """
        carries = "".join(f"{self._expression(key)} IS NOT NULL, " for key in keys)
        found = self._connection.execute(
            f"SELECT {carries}{STATE} = 'untagged', sum({self._cost}) FROM charges"
            f" WHERE {TAGGABLE} AND {STATE} <> 'unknown' AND {self._expression('month')} = ? GROUP BY ALL",
            [month],
        ).fetchall()
        return [(tuple(carried), untagged, usd) for *carried, untagged, usd in found]

    def last(self) -> datetime | None:
        """When the last charge ends, UTC; None where there is none."""
        row = self._connection.execute("SELECT max(ChargePeriodEnd) FROM charges").fetchone()
        return row[0] if row else None

    def keep(self, file: Path) -> None:
        """Write the ledger as one Parquet file, which `read` takes as it is."""
        known = json.dumps({"taxonomy": self.taxonomy.names, "gaps": [[gap.place, gap.reason] for gap in self.gaps]})
        with complaints(str(file), "cannot be written"):
            self._connection.execute(
                f"COPY (SELECT * FROM charges) TO {quoted(str(file))}"
                f" (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{KEY}: {quoted(known)}}})"
            )

    def _expression(self, name: str) -> str:
        if name == "month":
            return f"strftime({self._period}, '%Y-%m')"
        return identifier(f"x_{name}") if name in self.taxonomy.names else name


@contextmanager
def read(places: Sequence[str], taxonomy: Taxonomy, settings: Settings) -> Iterator[Ledger]:
    """Files (CSV, gzipped or not, and Parquet), folders, globs, and what DuckDB reads besides, as `s3://…`.

    Raises Refusal, with exit code 3, for what cannot be read, is no FOCUS Cost and Usage, or is in a currency without
    a rate.
    """
    try:
        import duckdb
    except ImportError:
        raise Refusal("bills are read with DuckDB: pip install 'gpu-governor[spend]'") from None
    with TemporaryDirectory(prefix="governor-") as folder, duckdb.connect(str(Path(folder, "ledger"))) as connection:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        connection.execute(f"SET temp_directory = {quoted(folder)}")
        gaps = Reading(connection, taxonomy, Path(folder)).all(places)
        yield Ledger(connection, taxonomy, settings, gaps)


def _in_usd(connection: duckdb.DuckDBPyConnection, settings: Settings) -> str:
    """The expression of a cost in USD. Raises Refusal for a currency without a rate."""
    found = connection.execute("SELECT DISTINCT BillingCurrency FROM charges ORDER BY 1").fetchall()
    others = [currency for (currency,) in found if currency != USD]
    if lacking := [currency for currency in others if currency not in settings.rates]:
        raise Refusal(
            f"charges are in {', '.join(lacking)}: give the rate (USD for one) in governor.yaml, such as"
            f" `spend: {{rates: {{{lacking[0]}: 1.1}}}}`",
            place="spend",
            code=CANNOT_JUDGE,
        )
    if not others:
        return settings.cost
    rates = " ".join(f"WHEN {quoted(name)} THEN {settings.rates[name]!r}::DOUBLE" for name in others)
    converted = f"CAST({settings.cost}::DOUBLE * CASE BillingCurrency {rates} END AS {MONEY})"
    return f"CASE WHEN BillingCurrency = '{USD}' THEN {settings.cost} ELSE {converted} END"
