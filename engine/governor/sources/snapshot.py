"""A snapshot: an inventory as one compressed file, written as it is collected and judged again later.

The file is gzip over JSON, a record a line, so that `zcat FILE | jq` shows it to anybody: a header first; resources,
removed resources, spend, gaps and shards; last what is known only then, with the number of records and a digest of all
lines before it. What the inventory holds secret is in none of them. See docs/history-and-backtest.md.
"""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr, replace

from governor import __version__
from governor.catalog.prices import PriceBook
from governor.errors import CANNOT_JUDGE, Refusal
from governor.judge import Blotter
from governor.model import Exemption, Gap, Inventory, Resource, Shard, Spend, Stage
from governor.sources import PIPED, Options

STAGE: Stage = "live"
VERSION = 1

_GZIP = b"\x1f\x8b"
_BEGINNING = b'{"governor_snapshot":'
_WITHHELD = "withheld when the snapshot was written"
_REPEATED = ("kind", "type", "provider", "account", "region", "state", "created_at", "controller", "shard")
_TAGS_OF_SPEND = ("project", "experiment", "model", "dataset", "stage", "team")
_ANEW = "take the snapshot anew"


class Header(Struct, frozen=True, kw_only=True):
    """What a snapshot is of. The first line of the file."""

    governor_snapshot: int = VERSION
    governor: str = __version__
    """The version that wrote it."""
    taken_at: str
    """ISO 8601, with the offset from UTC."""
    stage: Stage
    source: str
    """What was read."""

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self.source}, as of {self.taken_at}" if self.taken_at else self.source


class _End(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The last line: what a run knows at its end."""

    records: int
    sha256: str
    not_covered: dict[str, int] = {}
    notes: tuple[str, ...] = ()
    clean: int = 0
    unit: str = "resource"
    allowed: dict[str, Exemption] = {}


class _Line(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Any other line; one of these."""

    resource: Resource | None = None
    removed: Resource | None = None
    spend: Spend | None = None
    gap: Gap | None = None
    shard: Shard | None = None
    decimals: list[list[str | int]] = []
    """Where a resource's attributes hold decimals: JSON has them as text."""
    end: _End | None = None


_ENCODER = msgspec.json.Encoder()
_HEADER = msgspec.json.Decoder(Header)
_LINE = msgspec.json.Decoder(_Line)


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


class Writer:
    """Writes a snapshot record by record. The file is there when all of it is: `with Writer(path, header) as file`."""

    def __init__(self, path: Path, header: Header, secrets: Sequence[str] = ()) -> None:
        """`secrets` are withheld from every record. Raises Refusal where the file cannot be written."""
        self._path, self._half = path, path.with_name(f"{path.name}.{os.getpid()}.part")
        self._secrets = secrets
        self._blot = Blotter(secrets)
        self._digest: _Digest = sha256()
        self._records = 0
        with _writing(path):
            self._raw = self._half.open("wb")
            # No name and no time in the container: one inventory, one file.
            self._zip = gzip.GzipFile("", "wb", 6, self._raw, mtime=0)
            self._file = io.BufferedWriter(self._zip, 1 << 20)
            self._write(replace(header, source=self._blot.text(header.source)))

    def resource(self, resource: Resource, *, removed: bool = False) -> None:
        """One that exists afterwards, or one that the change takes away."""
        safe = _withheld(resource, self._blot) if self._secrets else resource
        decimals = [*_decimals(safe.attributes)]
        self._record(_Line(removed=safe, decimals=decimals) if removed else _Line(resource=safe, decimals=decimals))

    def spend(self, fact: Spend) -> None:
        tags = {name: self._blot.text(getattr(fact, name)) for name in _TAGS_OF_SPEND}
        self._record(_Line(spend=replace(fact, **tags) if self._secrets else fact))

    def gap(self, gap: Gap) -> None:
        self._record(_Line(gap=Gap(self._blot.text(gap.place), self._blot.text(gap.reason))))

    def shard(self, shard: Shard) -> None:
        self._record(_Line(shard=shard))

    def end(
        self,
        *,
        not_covered: dict[str, int],
        notes: Sequence[str],
        clean: int,
        unit: str,
        allowed: dict[str, Exemption],
    ) -> None:
        """What is known once everything is read; without it the file is not whole, and is not kept."""
        end = _End(
            records=self._records,
            sha256=self._digest.hexdigest(),
            not_covered=not_covered,
            notes=tuple(map(self._blot.text, notes)),
            clean=clean,
            unit=unit,
            allowed=allowed,
        )
        with _writing(self._path):
            self._write(_Line(end=end))
            for file in (self._file, self._raw):
                file.close()
            self._half.replace(self._path)

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._raw.closed:
            self._raw.close()
        self._half.unlink(missing_ok=True)

    def _record(self, line: _Line) -> None:
        with _writing(self._path):
            self._write(line)
        self._records += 1

    def _write(self, record: Header | _Line) -> None:
        line = _ENCODER.encode(record) + b"\n"
        self._digest.update(line)
        self._file.write(line)


def write(inventory: Inventory, path: Path, taken_at: str) -> None:
    """Write an inventory that was taken at this time (ISO 8601), unless it says so itself."""
    header = Header(taken_at=inventory.taken_at or taken_at, stage=inventory.stage, source=inventory.source)
    with Writer(path, header, inventory.secrets) as file:
        for resource in inventory.resources:
            file.resource(resource)
        for resource in inventory.removed:
            file.resource(resource, removed=True)
        for fact in inventory.spend:
            file.spend(fact)
        for gap in inventory.gaps:
            file.gap(gap)
        for shard in inventory.shards:
            file.shard(shard)
        file.end(
            not_covered=inventory.not_covered,
            notes=inventory.notes,
            clean=inventory.clean,
            unit=inventory.unit,
            allowed=inventory.allowed,
        )


def takes(path: Path, piped: bytes = b"") -> bool:
    """A file, or standard input, that begins as a snapshot does, whatever its name."""
    try:
        if path == PIPED:
            return _begins(io.BytesIO(piped))
        if path.is_dir():
            return False
        with path.open("rb") as file:
            return _begins(file)
    except OSError:
        return False


def _begins(file: IO[bytes]) -> bool:
    beginning = file.read(1024)
    if not beginning.startswith(_GZIP):
        return False
    try:
        text = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(beginning, len(_BEGINNING))
    except zlib.error:
        return False
    return text == _BEGINNING


def header(path: Path, piped: bytes = b"") -> Header:
    """What a snapshot is of; nothing else of it is read. Raises Refusal."""
    with _lines(path, piped) as lines:
        return _header(next(lines), path)


def read(paths: Sequence[Path], *, piped: bytes = b"", prices: PriceBook, options: Options) -> Inventory:
    """The inventory, which says in its source when it was taken. Prices are those of then. Raises Refusal."""
    (path,) = paths
    inventory = load(path, piped)
    written = Header(taken_at=inventory.taken_at, stage=inventory.stage, source=inventory.source)
    return replace(inventory, source=written.name)


def load(path: Path, piped: bytes = b"") -> Inventory:
    """The inventory as it was written. Raises Refusal for a file that is damaged, or ends early."""
    resources: list[Resource] = []
    removed: list[Resource] = []
    spend: list[Spend] = []
    gaps: list[Gap] = []
    shards: list[Shard] = []
    digest, records, end = sha256(), 0, None
    words: dict[str, str] = {}
    with _lines(path, piped) as lines:
        first = next(lines)
        head = _header(first, path)
        digest.update(first)
        for text in lines:
            line = _LINE.decode(text)
            for steps in line.decimals:
                _restore(line, steps)
            if line.resource is not None:
                _share(line.resource, words)
                resources.append(line.resource)
            elif line.removed is not None:
                removed.append(line.removed)
            elif line.spend is not None:
                spend.append(line.spend)
            elif line.gap is not None:
                gaps.append(line.gap)
            elif line.shard is not None:
                shards.append(line.shard)
            else:
                end = line.end
                continue
            digest.update(text)
            records += 1
    if end is None or (end.records, end.sha256) != (records, digest.hexdigest()):
        raise _damaged("it is not as it was written", path)
    return Inventory(
        stage=head.stage,
        resources=tuple(resources),
        removed=tuple(removed),
        spend=tuple(spend),
        gaps=tuple(gaps),
        shards=tuple(shards),
        not_covered=end.not_covered,
        notes=end.notes,
        clean=end.clean,
        unit=end.unit,
        allowed=end.allowed,
        taken_at=head.taken_at,
        source=head.source,
    )


@contextmanager
def _lines(path: Path, piped: bytes) -> Iterator[Iterator[bytes]]:
    """The lines of a file; what is wrong with it is a Refusal."""
    try:
        with gzip.open(io.BytesIO(piped) if path == PIPED else path) as file:
            yield iter(file)
    except (EOFError, StopIteration):
        raise _damaged("it ends early", path) from None
    except (gzip.BadGzipFile, zlib.error):
        raise _damaged("it is not as it was written", path) from None
    except msgspec.MsgspecError as error:
        raise _damaged(str(error), path) from None
    except OSError as error:
        raise Refusal(f"cannot be read: {error.strerror}", place=str(path), code=CANNOT_JUDGE) from None
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError):  # of values that nobody wrote
        raise _damaged("it is not as it was written", path) from None


def _header(line: bytes, path: Path) -> Header:
    version = msgspec.json.decode(line, type=dict[str, Any]).get("governor_snapshot")
    if version != VERSION:
        raise Refusal(
            f"this snapshot is of version {version}, and this governor reads {VERSION}: take the governor that wrote"
            " it, or a newer one",
            place=str(path),
            code=CANNOT_JUDGE,
        )
    return _HEADER.decode(line)


def _damaged(why: str, path: Path) -> Refusal:
    return Refusal(f"this snapshot is damaged ({why}): {_ANEW}", place=str(path), code=CANNOT_JUDGE)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refusal(f"cannot be written ({error.strerror}): choose another file", place=str(path)) from None


def _share(resource: Resource, words: dict[str, str]) -> None:
    """Keep each word once: a million resources have a thousand tags' values and regions between them."""
    for key, value in resource.tags.items():
        resource.tags[key] = words.setdefault(value, value)
    for name in _REPEATED:
        if value := getattr(resource, name):
            force_setattr(resource, name, words.setdefault(value, value))


def _decimals(value: Any) -> Iterator[list[str | int]]:
    """The steps to each decimal in what may be anything."""
    if not isinstance(value, (dict, list, tuple)):
        return
    for step, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(item, Decimal):
            yield [step]
        else:
            yield from ([step, *rest] for rest in _decimals(item))


def _restore(line: _Line, steps: Sequence[str | int]) -> None:
    resource = line.resource or line.removed
    holder: Any = resource.attributes if resource else None
    for step in steps[:-1]:
        holder = holder[step]
    holder[steps[-1]] = Decimal(holder[steps[-1]])


def _withheld(resource: Resource, blot: Blotter) -> Resource:
    """The resource without secrets; a fact that held one is unknown from now on. An address is no secret."""
    unknown = dict(resource.unknown)
    tags = {}
    for key, value in resource.tags.items():
        name, safe = blot.text(key), blot.text(value)
        tags[name] = safe
        if name != key:
            unknown.setdefault("tags.*", _WITHHELD)
        elif safe != value:
            unknown.setdefault(f"tags.{name}", _WITHHELD)
    attributes = {}
    for key, value in resource.attributes.items():
        name, safe = blot.text(key), blot.value(value)
        attributes[name] = safe
        if name != key or _ENCODER.encode(safe) != _ENCODER.encode(value):
            unknown.setdefault(f"attributes.{name}", _WITHHELD)
    for name in ("account", "region", "state", "controller"):
        value = getattr(resource, name)
        if value is not None and blot.text(value) != value:
            unknown.setdefault(name, _WITHHELD)
            resource = replace(resource, **{name: None})
    return replace(
        resource,
        tags=tags,
        attributes=attributes,
        unknown={path: blot.text(why) for path, why in unknown.items()},
    )
