"""FOCUS exports in, rows of charges out: columns of DuckDB, with a column for each key of the taxonomy.

What cannot be read is a gap with its line, and never dropped in silence. Columns follow FOCUS 1.4, what is ours begins
with `x_`: https://focus.finops.org/focus-specification/
"""

from __future__ import annotations

import csv
import glob
import gzip
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Gap
from governor.spend.tags import Taxonomy

if TYPE_CHECKING:
    import duckdb

MONEY = "DECIMAL(38, 15)"
_MANDATORY = {
    "EffectiveCost": MONEY,
    "BilledCost": MONEY,
    "BillingCurrency": "VARCHAR",
    "BillingPeriodStart": "TIMESTAMPTZ",
    "ChargePeriodStart": "TIMESTAMPTZ",
    "ChargePeriodEnd": "TIMESTAMPTZ",
    "ChargeCategory": "VARCHAR",
}
"""Column → type. Mandatory and never null in every version; a row without one cannot be counted."""
OPTIONAL = {
    "ChargeClass": ("ChargeClass",),
    "ServiceProviderName": ("ServiceProviderName", "ProviderName", "PublisherName"),
    "HostProviderName": ("HostProviderName", "ProviderName"),
    "BillingAccountId": ("BillingAccountId",),
    "SubAccountId": ("SubAccountId",),
    "ServiceCategory": ("ServiceCategory",),
    "ServiceName": ("ServiceName",),
    "RegionId": ("RegionId", "Region"),
    "ResourceId": ("ResourceId",),
    "Tags": ("Tags",),
    "AllocatedTags": ("AllocatedTags",),
}
"""Column of 1.4 → what it is read from, best first: 1.3 took the place of ProviderName and PublisherName."""
STATE = "x_governor_tags"
"""`tagged`, `untagged` (no tag at all) or `unknown` (Tags that are no JSON)."""
_FILE = "x_governor_file"
"""The number of the file that a row stands in."""
_SHOWN_GAPS = 20
"""Gaps of one file that are listed one by one; the others are counted."""
_TAGS_BYTES = 64 << 20
"""What the tags of one charge may hold at most."""
KEY = "governor"
_COMPARED = 1_000_000
"""Charges, about, by which files are held beside one another."""
_SAME = 0.5
"""Share of a file's charges from which on another file that has them, too, is taken for the same bill."""


class Reading:
    def __init__(self, connection: duckdb.DuckDBPyConnection, taxonomy: Taxonomy, folder: Path) -> None:
        self._connection, self._taxonomy, self._folder = connection, taxonomy, folder
        self._gaps: list[Gap] = []

    def all(self, places: Sequence[str]) -> list[Gap]:
        """Make `charges` of all that the places hold; the gaps."""
        files = [*{_same(file): file for place in places for file in self._files(place)}.values()]
        if len(files) == 1 and self._is_kept(files[0]):
            # As it lies there: nothing is copied before it is summed.
            self._connection.execute(f"CREATE VIEW charges AS SELECT * FROM read_parquet({quoted(files[0])})")
            return self._gaps
        types = {**_MANDATORY, **dict.fromkeys(OPTIONAL, "VARCHAR")}
        columns = ", ".join(f"{name} {'TIMESTAMP' if type == 'TIMESTAMPTZ' else type}" for name, type in types.items())
        self._connection.execute(f"CREATE TABLE rows ({columns}, {_FILE} UINTEGER)")
        for number, file in enumerate(files):
            self._connection.execute(f"ALTER TABLE rows ALTER {_FILE} SET DEFAULT {number}")
            with complaints(file, "cannot be read"):
                self._file(file)
        with complaints("spend", "the tags cannot be read"):
            self._promote(files)
        if len(files) > 1:
            self._refuse_overlaps(files)
        return self._gaps

    def _refuse_overlaps(self, files: Sequence[str]) -> None:
        """Exports of a month to date, of one day and of the next, hold the same charges: sums of both are wrong.

        A charge has no id in FOCUS: it is known by all that is read of it, where that is told once in its file.
        """
        known = [*_MANDATORY, *(name for name in OPTIONAL if not name.endswith("Tags")), STATE]
        known += [identifier(f"x_{key}") for key in self._taxonomy.names]
        found = self._connection.execute(
            f"WITH every AS (SELECT {_FILE} AS file, hash({', '.join(known)}) AS charge FROM charges_of_files"
            " WHERE EffectiveCost <> 0 OR BilledCost <> 0),"
            f" sample AS (SELECT * FROM every WHERE charge % (SELECT 1 + count(*) // {_COMPARED} FROM rows) = 0),"
            " once AS (SELECT file, charge FROM sample GROUP BY ALL HAVING count(*) = 1),"
            " sizes AS (SELECT file, count(*) AS size FROM once GROUP BY ALL)"
            " SELECT a.file, b.file, count(*) / first(sizes.size) AS share"
            " FROM once a JOIN once b ON a.charge = b.charge AND a.file <> b.file JOIN sizes ON sizes.file = a.file"
            f" GROUP BY ALL HAVING share >= {_SAME} ORDER BY share DESC, a.file, b.file LIMIT 1"
        ).fetchone()
        if found:
            one, other, share = found
            raise Refusal(
                f"{share:.0%} of its charges stand in {files[other]}, too, and would count twice: give one of them",
                place=files[one],
                code=CANNOT_JUDGE,
            )

    def _files(self, place: str) -> list[str]:
        if "://" in place:
            with complaints(place, "cannot be read"):
                if place.startswith("s3://"):
                    self._connection.execute("CREATE OR REPLACE SECRET (TYPE s3, PROVIDER credential_chain)")
                found = [row[0] for row in self._connection.execute("SELECT file FROM glob(?)", [place]).fetchall()]
        elif Path(place).is_dir():
            found = [str(file) for file in Path(place).rglob("*") if file.is_file() and _is_export(file.name)]
        else:
            found = [place] if Path(place).is_file() else glob.glob(place, recursive=True)
        if not found:
            raise Refusal("no bill is here: give *.csv, *.csv.gz or *.parquet", place=place, code=CANNOT_JUDGE)
        return sorted(found)

    def _file(self, file: str) -> None:
        if _is_parquet(file):
            self._parquet(file)
        else:
            self._csv(file)

    def _parquet(self, file: str) -> None:
        source = f"read_parquet({quoted(file)}, file_row_number = true)"
        if self._is_kept(file):
            names = ", ".join([*_MANDATORY, *OPTIONAL])
            self._connection.execute(f"INSERT INTO rows BY NAME SELECT {names} FROM {source}")
            return
        described = self._connection.execute(f"DESCRIBE SELECT * FROM read_parquet({quoted(file)})").fetchall()
        types = {row[0]: row[1] for row in described}
        _has_mandatory(types, file)
        wanted = {name: f"TRY_CAST({name} AS {type})" for name, type in _MANDATORY.items()}
        known = " AND ".join(f"{expression} IS NOT NULL" for expression in wanted.values())
        self._insert(source, types, wanted, f"WHERE {known}")
        bad = self._connection.execute(f"SELECT file_row_number FROM {source} WHERE NOT ({known})").fetchall()
        missing = ", ".join(_MANDATORY)
        self._tell(file, ((f"row {row + 1}", f"one of {missing} has no value that can be read") for (row,) in bad))

    def _csv(self, file: str) -> None:
        form = "header = true, delim = ',', quote = '\"', escape = '\"'"
        types = dict.fromkeys(self._header(file), "VARCHAR")
        _has_mandatory(types, file)
        exact = {name.casefold(): name for name in types}
        wanted = {exact[name.casefold()]: type for name, type in _MANDATORY.items()}
        columns = ", ".join(f"{quoted(name)}: '{wanted.get(name, 'VARCHAR')}'" for name in types)
        self._connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
        source = (
            f"read_csv({quoted(file)}, {form}, auto_detect = false, nullstr = ['', 'NULL'],"
            f" columns = {{{columns}}},"
            " store_rejects = true, rejects_limit = 0)"
        )
        self._insert(source, types, {name: name for name in _MANDATORY})
        bad = self._connection.execute(
            "SELECT line_byte_position, first(column_name ORDER BY column_idx), first(error_type ORDER BY column_idx)"
            " FROM reject_errors GROUP BY 1 ORDER BY 1"
        ).fetchall()
        found: dict[int | str, str] = {}
        if bad:
            lines = _lines(file, [position for position, _, _ in bad])
            for line, (_, name, kind) in zip(lines, bad, strict=True):
                found[line] = _REJECTED.get(kind, _CANNOT).format(name or "a column")
        found.update(self._without_value(file, found))
        self._tell(file, sorted(found.items(), key=lambda one: (isinstance(one[0], str), one[0])))

    def _without_value(self, file: str, told: Collection[int | str]) -> dict[int | str, str]:
        """Take out rows without a value that must be there; their lines, but for those that were told, and why.

        DuckDB's `force_not_null` would reject them, and mistakes the column when not all columns are read (2.0.1).
        """
        lacking = " OR ".join(f"{name} IS NULL" for name in _MANDATORY)
        (count,) = self._connection.execute(f"SELECT count(*) FROM rows WHERE {lacking}").fetchone() or (0,)
        if not count:
            return {}
        self._connection.execute(f"DELETE FROM rows WHERE {lacking}")
        if "://" in file:
            return {"": f"{count} rows are not counted: one of {', '.join(_MANDATORY)} has no value"}
        return {
            line: f"the row is not counted: {name} has no value that can be read"
            for line, row in _rows(file)
            for name in [next((name for name in _MANDATORY if row.get(name.casefold()) is None), "")]
            if name and line not in told
        }

    def _insert(self, source: str, types: Mapping[str, str], wanted: Mapping[str, str], where: str = "") -> None:
        has = {name.casefold() for name in types}
        chosen = []
        for name, type in _MANDATORY.items():
            at = f"timezone('UTC', {wanted[name]})" if type == "TIMESTAMPTZ" else wanted[name]
            chosen.append(f"{at} AS {name}")
        for name, names in OPTIONAL.items():
            there = [each for each in names if each.casefold() in has]
            text = ", ".join(_text(each, types) for each in there)
            chosen.append(f"{f'coalesce({text})' if there else 'NULL'} AS {name}")
        self._connection.execute(f"INSERT INTO rows BY NAME SELECT {', '.join(chosen)} FROM {source} {where}")

    def _header(self, file: str) -> list[str]:
        """The names in the first line, read and not guessed: DuckDB gives up guessing where rows are wrong."""
        if "://" in file:
            guess = f"read_csv({quoted(file)}, header = true, delim = ',', all_varchar = true, ignore_errors = true)"
            return [row[0] for row in self._connection.execute(f"DESCRIBE SELECT * FROM {guess}").fetchall()]
        try:
            with _open(file) as opened:
                first = opened.readline().decode("utf-8-sig")
        except (OSError, EOFError, UnicodeError) as error:
            raise Refusal(f"cannot be read: {error}", place=file, code=CANNOT_JUDGE) from None
        return next(csv.reader([first]), [])

    def _promote(self, files: Sequence[str]) -> None:
        """Give each row the values that its tags have for the taxonomy: each distinct text of tags is read once."""
        names = ("own", "allocated", STATE, *(f"x_{key}" for key in self._taxonomy.names))
        promoted = self._folder / "tags.json"
        unreadable = set()
        found = self._connection.execute("SELECT DISTINCT Tags, AllocatedTags FROM rows")
        encode = msgspec.json.Encoder().encode
        none = [""] * len(self._taxonomy.names)
        with promoted.open("wb") as opened:
            while rows := found.fetchmany(10_000):
                for own, allocated in rows:
                    tags = self._taxonomy.promote(own, allocated)
                    if tags is None:
                        unreadable.add((own, allocated))
                    state = "unknown" if tags is None else "untagged" if tags.untagged else "tagged"
                    values = (own or "", allocated or "", state, *(tags.values if tags else none))
                    opened.write(encode(dict(zip(names, values, strict=True))) + b"\n")
        shape = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
        columns = "".join(f", nullif(t.{identifier(name)}, '') AS {identifier(name)}" for name in names[3:])
        self._connection.execute(
            f"CREATE TABLE tags AS SELECT * FROM read_json({quoted(str(promoted))}, format = 'newline_delimited',"
            f" maximum_object_size = {_TAGS_BYTES}, columns = {{{shape}}})"
        )
        self._connection.execute(
            f"CREATE VIEW charges_of_files AS SELECT r.*, t.{STATE}{columns} FROM rows r JOIN tags t"
            " ON coalesce(r.Tags, '') = t.own AND coalesce(r.AllocatedTags, '') = t.allocated"
        )
        self._connection.execute(f"CREATE VIEW charges AS SELECT * EXCLUDE ({_FILE}) FROM charges_of_files")
        if unreadable:
            self._tell_unreadable(files, unreadable)

    def _tell_unreadable(self, files: Sequence[str], unreadable: set[tuple[str | None, str | None]]) -> None:
        """Where the tags stand that nothing can read."""
        row = self._connection.execute(f"SELECT count(*) FROM charges WHERE {STATE} = 'unknown'").fetchone()
        told = 0
        for file in files:
            if "://" in file or _is_parquet(file):
                continue
            lines = [line for line, row in _rows(file) if (row.get("tags"), row.get("allocatedtags")) in unreadable]
            told += len(lines)
            self._tell(
                file, ((line, "Tags are no JSON object: counted, and their tags are not known") for line in lines)
            )
        if row and (left := row[0] - told) > 0:
            self._gaps.append(
                Gap("spend", f"{left} charges have Tags that are no JSON object: their tags are not known")
            )

    def _tell(self, file: str, bad: Iterable[tuple[Any, str]]) -> None:
        found = list(bad)
        self._gaps += [Gap(f"{file}:{line}", reason) for line, reason in found[:_SHOWN_GAPS]]
        if (more := len(found) - _SHOWN_GAPS) > 0:
            self._gaps.append(Gap(file, f"{more} more rows like these"))

    def _is_kept(self, file: str) -> bool:
        """Whether `Ledger.keep` wrote a file for this taxonomy. Its gaps are then among ours."""
        if not _is_parquet(file):
            return False
        with complaints(file, "cannot be read"):
            row = self._connection.execute(
                "SELECT decode(value) FROM parquet_kv_metadata(?) WHERE decode(key) = ?", [file, KEY]
            ).fetchone()
        if row is None:
            return False
        known = json.loads(row[0])
        if known["taxonomy"] != {key: list(names) for key, names in self._taxonomy.names.items()}:
            raise Refusal(
                "it was written for another taxonomy: read the bills again and write it anew with --store",
                place=file,
                code=CANNOT_JUDGE,
            )
        self._gaps += [Gap(place, reason) for place, reason in known["gaps"]]
        return True


def _same(file: str) -> str:
    """What two names of one file have in common."""
    return file if "://" in file else str(Path(file).resolve())


_CANNOT = "the row cannot be read, at {}"
_REJECTED = {
    "CAST": "the row is not counted: {} has no value that can be read",
    "MISSING COLUMNS": "the row is not counted: it ends before {}",
    "TOO MANY COLUMNS": "the row is not counted: it has more columns than the first line",
}


def _has_mandatory(names: Iterable[str], file: str) -> None:
    there = {name.casefold() for name in names}
    if missing := [name for name in _MANDATORY if name.casefold() not in there]:
        raise Refusal(
            f"this is no FOCUS Cost and Usage export: it has no {', '.join(missing)}", place=file, code=CANNOT_JUDGE
        )


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(name: str, types: Mapping[str, str]) -> str:
    """A column as text. Tags may be a map or a struct in Parquet."""
    type = next(type for each, type in types.items() if each.casefold() == name.casefold())
    if type == "VARCHAR":
        return f"nullif({name}, '')"
    return f"to_json({name})::VARCHAR" if type.startswith(("MAP", "STRUCT")) else f"{name}::VARCHAR"


def _is_export(name: str) -> bool:
    return name.endswith((".csv", ".csv.gz", ".parquet"))


def _is_parquet(file: str) -> bool:
    return file.endswith(".parquet")


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _open(file: str) -> Any:
    return gzip.open(file, "rb") if file.endswith(".gz") else open(file, "rb")


def _lines(file: str, positions: Sequence[int]) -> list[int | str]:
    """The line in which each position, from 1 and rising, lies; a position where the file cannot be read here."""
    if "://" in file:
        return [f"byte {position}" for position in positions]
    found: list[int | str] = []
    line, at = 1, 0
    with _open(file) as opened:
        for position in positions:
            while at < position and (block := opened.read(min(1 << 20, position - at))):
                line += block.count(b"\n")
                at += len(block)
            found.append(line)
    return found


def _rows(file: str) -> Iterator[tuple[int, dict[str, str | None]]]:
    """The line on which each row of a CSV file here begins, and its values by name in small letters."""
    csv.field_size_limit(1 << 30)
    opener: Callable[..., Any] = gzip.open if file.endswith(".gz") else open
    with opener(file, "rt", encoding="utf-8-sig", errors="replace", newline="") as opened:
        rows = csv.reader(opened)
        names = [name.casefold() for name in next(rows, [])]
        before = rows.line_num
        for row in rows:
            yield before + 1, {n: None if v in ("", "NULL") else v for n, v in zip(names, row, strict=False)}
            before = rows.line_num


@contextmanager
def complaints(place: str, what: str) -> Iterator[None]:
    """What DuckDB complains about, in one line."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        told = str(error).strip().splitlines()[0]
        raise Refusal(f"{what}: {told}", place=place, code=CANNOT_JUDGE) from None
