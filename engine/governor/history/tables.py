"""The tables of a history, and what leads from each shape of them to the next.

The shape has a version, and `MIGRATIONS` leads from each to the next: a list, not alembic, which brings a folder of
scripts, a file of settings and Mako for what is one function a version, run when a store is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import sqlalchemy as sql


class Usd(sql.TypeDecorator[Decimal]):
    """An amount of USD, kept as whole billionths: exact in sums, and the same in every database."""

    impl = sql.Numeric(30, 0)
    cache_ok = True

    def load_dialect_impl(self, dialect: sql.Dialect) -> Any:
        return sql.BigInteger() if dialect.name == "sqlite" else sql.Numeric(30, 0)

    def process_bind_param(self, value: Decimal | None, dialect: sql.Dialect) -> int | None:
        return None if value is None else int((value * 10**9).to_integral_value())

    def process_result_value(self, value: Any, dialect: sql.Dialect) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-9).normalize() + 0


class Words(sql.TypeDecorator[str]):
    """Text of others, such as the value of a tag, as every database holds it: none may cost a run its place here.

    Without what PostgreSQL or UTF-8 has no room for; in a key, where PostgreSQL wants it short, with a digest in the
    place of its end.
    """

    impl = sql.Text
    cache_ok = True

    def __init__(self, most: int | None = None) -> None:
        super().__init__()
        self.most = most

    def process_bind_param(self, value: str | None, dialect: sql.Dialect) -> str | None:
        if value is None:
            return None
        text = value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
        if self.most is None or len(text) <= self.most:
            return text
        digest = blake2b(text.encode(), digest_size=8).hexdigest()
        return f"{text[: self.most - len(digest) - 1]}…{digest}"


_KEY = Words(500)

META = sql.MetaData()
VERSION = sql.Table("governor_history", META, sql.Column("version", sql.Integer, nullable=False))
RUNS = sql.Table(
    "runs",
    META,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("taken_at", sql.String(40), nullable=False),
    sql.Column("subject", _KEY, nullable=False),
    sql.Column("stage", sql.String(10), nullable=False),
    sql.Column("source", Words, nullable=False),
    sql.Column("library", sql.String(64), nullable=False),
    sql.Column("governor", sql.String(40), nullable=False),
    *(
        sql.Column(name, sql.Integer, nullable=False)
        for name in ("resources", "open", "exempt", "baselined", "undetermined", "failures", "gaps", "unpriced")
    ),
    sql.Column("hourly_usd", Usd, nullable=False),
    sql.Column("at_stake_usd", Usd, nullable=False),
    sql.UniqueConstraint("subject", "stage", "taken_at"),
)
FINDINGS = sql.Table(
    "findings",
    META,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("subject", _KEY, nullable=False),
    sql.Column("stage", sql.String(10), nullable=False),
    sql.Column("fingerprint", sql.String(32), nullable=False),
    *(
        sql.Column(name, Words, nullable=False)
        for name in ("policy", "resource", "attribute", "kind", "msg", "owner", "account", "project")
    ),
    sql.Column("state", sql.String(12), nullable=False),
    sql.Column("hourly_usd", Usd),
    sql.Column("first_seen", sql.String(40), nullable=False),
    sql.Column("last_seen", sql.String(40), nullable=False),
    sql.UniqueConstraint("subject", "stage", "fingerprint"),
)
SIGHTINGS = sql.Table(
    "sightings",
    META,
    sql.Column("run", sql.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sql.Column("finding", sql.ForeignKey("findings.id", ondelete="CASCADE"), primary_key=True),
    sql.Column("state", sql.String(12), nullable=False),
    sql.Column("hourly_usd", Usd),
    sqlite_with_rowid=False,
)
SIGHTINGS_OF = sql.Index("sightings_of", SIGHTINGS.c.finding)
"""Without it, each finding that is deleted would be sought in all sightings."""
FIGURES = sql.Table(
    "figures",
    META,
    sql.Column("run", sql.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sql.Column("dimension", sql.String(10), primary_key=True),
    sql.Column("name", _KEY, primary_key=True),
    sql.Column("open", sql.Integer, nullable=False),
    sql.Column("undetermined", sql.Integer, nullable=False),
    sql.Column("at_stake_usd", Usd, nullable=False),
    sql.Column("unpriced", sql.Integer, nullable=False),
    sqlite_with_rowid=False,
)
SHARDS = sql.Table(
    "shards",
    META,
    sql.Column("run", sql.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sql.Column("place", sql.String(200), primary_key=True),
    sql.Column("standing", sql.String(12), nullable=False),
    sql.Column("resources", sql.Integer, nullable=False),
    sql.Column("tagged", sql.Integer, nullable=False),
    sql.Column("untagged", sql.Integer, nullable=False),
    sqlite_with_rowid=False,
)


def _of_owner() -> tuple[sql.Column[str], ...]:
    return (
        sql.Column("subject", _KEY, primary_key=True),
        sql.Column("stage", sql.String(10), primary_key=True),
        sql.Column("owner", _KEY, primary_key=True),
    )


TOLD = sql.Table("told", META, *_of_owner(), sql.Column("fingerprint", sql.String(32), primary_key=True))
MESSAGES = sql.Table("messages", META, *_of_owner(), sql.Column("sent_at", sql.String(40), nullable=False))

Migration = Callable[[sql.Connection], None]


def _tables(*tables: sql.Table) -> Migration:
    return lambda db: META.create_all(db, tables=tables)


MIGRATIONS: tuple[Migration, ...] = (
    _tables(VERSION, RUNS, FINDINGS, SIGHTINGS, FIGURES),
    _tables(TOLD, MESSAGES),
    _tables(SHARDS),
    lambda db: SIGHTINGS_OF.create(db, checkfirst=True),
)
"""What makes version 1 of nothing, version 2 of version 1, and so on. What has been released stays as it is."""
