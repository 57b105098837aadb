"""The database behind a history: SQLite in a file, or PostgreSQL by its URL.

Writers take turns: a writer holds the store's lock from its first question to its commit. `tables` says what is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from msgspec.structs import asdict, replace
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from governor.errors import CANNOT_JUDGE, Refusal
from governor.history import Difference, Dimension, Figure, Run, Seen, Sighting, figures, turns
from governor.history.tables import FIGURES, FINDINGS, MIGRATIONS, RUNS, SHARDS, SIGHTINGS, VERSION
from governor.model import Finding, Shard, Verdict

_LOCK = 0x676F7665726E6F72
"""The key of our advisory lock on PostgreSQL: "governor"."""
_TURNS = 0x676F7665
"""The first half of the keys of turns: "gove"."""
_HOLDER = """
SELECT application_name AS who, to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS+00:00') AS since
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND classid = :kind AND objid = :key
AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_SECRET = ("password", "sslpassword")
"""What libpq takes from the query of a URL, too."""
_PATIENCE = 60
"""Seconds that a writer waits for another one."""
_KEPT = 2
"""Runs of a subject that are never deleted: the last one is told beside the one before."""
_MANY = 500
"""Rows of one statement: SQLite takes 32,766 values."""


class Store:
    """An open history. Close it, or use it in `with`."""

    def __init__(self, place: str, *, begin: bool = False) -> None:
        """`place` is a file or a URL; `begin` makes what is not there. Raises Refusal, too, for a newer store."""
        self._place = place
        url = address(place)
        if url.get_backend_name() == "sqlite" and url.database and not begin and not Path(url.database).is_file():
            raise Refusal("no such history: `governor check … --history FILE` begins one", place=self.name)
        try:
            self._engine = sql.create_engine(
                url, connect_args={"timeout": _PATIENCE} if url.get_backend_name() == "sqlite" else {}
            )
        except ModuleNotFoundError as error:
            raise Refusal(f"this history needs {error.name}: pip install 'gpu-governor[history]'") from None
        if self._engine.dialect.name == "sqlite":
            sql.event.listen(self._engine, "connect", _sqlite_opens)
            sql.event.listen(self._engine, "begin", _sqlite_begins)
        try:
            with self._told():
                self._migrate(begin)
        except Refusal:
            self._engine.dispose()
            raise

    @property
    def name(self) -> str:
        """The place as it is shown: without a password."""
        if "://" not in self._place:
            return self._place
        url = address(self._place).difference_update_query(_SECRET)
        return url.render_as_string(hide_password=True)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    @contextmanager
    def turn(self, subject: str) -> Iterator[None]:
        """Hold the turn of a subject. Raises Overlap, which names the run that holds it.

        On PostgreSQL, by an advisory lock of a session, which ends with the connection; its name is who holds it.
        """
        if self._engine.dialect.name == "sqlite":
            with turns.turn(Path(self._engine.url.database or ""), subject):
                yield
            return
        lock = (_TURNS, turns.key(subject))
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            with self._told():
                taken = db.scalar(sql.select(sql.func.pg_try_advisory_lock(*lock)))
                if not taken:
                    held = db.execute(sql.text(_HOLDER), {"kind": lock[0], "key": lock[1]}).one_or_none()
                    raise turns.Overlap(f"{held.who}, since {held.since}" if held else "", self.name)
                db.execute(sql.select(sql.func.set_config("application_name", turns.me(), sql.false())))
            try:
                yield
            finally:
                db.invalidate()  # the pool would keep the session, and the lock with it

    def record(self, run: Run, found: Sequence[Sighting], verdict: Verdict, resources: Collection[str]) -> None:
        """Write a run; one of the same subject and time is written over.

        What was open in the run before and cannot be told now (its policy failed, or `resources`, the ids that were
        seen, lack it beside a gap) stays, undetermined.
        """
        with self._told(), self._writing() as db:
            of = (RUNS.c.subject == run.subject, RUNS.c.stage == run.stage)
            db.execute(sql.delete(RUNS).where(*of, RUNS.c.taken_at == run.taken_at))
            before = self._before(db, run)
            sighted = [*found]
            if before is not None:
                names = {sighting.finding.fingerprint for sighting in found}
                sighted += [
                    Sighting(finding, "undetermined")
                    for finding in self._open(db, before)
                    if finding.fingerprint not in names and _untold(finding, verdict, resources)
                ]
            sighted = [*{sighting.finding.fingerprint: sighting for sighting in reversed(sighted)}.values()]
            number = db.execute(sql.insert(RUNS).values(asdict(run)).returning(RUNS.c.id)).scalar_one()
            ids = self._findings(db, run, sighted)
            _insert(
                db,
                SIGHTINGS,
                [
                    {
                        "run": number,
                        "finding": ids[s.finding.fingerprint],
                        "state": s.state,
                        "hourly_usd": s.finding.hourly_usd,
                    }
                    for s in sighted
                ],
            )
            _insert(db, FIGURES, [{"run": number, **asdict(figure)} for figure in figures(sighted, verdict.policies)])
            before_shards = self._believed(db) if verdict.shards else {}
            _insert(
                db,
                SHARDS,
                [
                    {"run": number, **asdict(shard)}
                    for shard in verdict.shards
                    # Most of an organisation's shards are empty, and always were.
                    if shard.resources or shard.standing != "whole" or shard.place in before_shards
                ],
            )

    def forget(self, before: date) -> None:
        """Delete the runs of before a day, and the findings that no run has any more.

        What the next run is held beside stays: the last two runs of each subject, and the last in which a shard was
        believed.
        """
        nth = sql.func.row_number().over(
            partition_by=(RUNS.c.subject, RUNS.c.stage), order_by=(RUNS.c.taken_at.desc(), RUNS.c.id.desc())
        )
        ranked = sql.select(RUNS.c.id, nth.label("nth")).subquery()
        with self._told(), self._writing() as db:
            gone = db.execute(
                sql.delete(RUNS).where(
                    RUNS.c.taken_at < before.isoformat(),
                    RUNS.c.id.not_in(sql.select(ranked.c.id).where(ranked.c.nth <= _KEPT)),
                    RUNS.c.id.not_in(_of_believed(SHARDS.c.run)),
                    RUNS.c.id.not_in(_of_believed(SHARDS.c.run, tags_known=True)),
                )
            )
            if gone.rowcount:
                seen = sql.exists().where(SIGHTINGS.c.finding == FINDINGS.c.id)
                db.execute(sql.delete(FINDINGS).where(FINDINGS.c.last_seen < before.isoformat(), ~seen))

    def believed(self) -> dict[str, tuple[Shard, str]]:
        """Place → each shard as it was when it was last read whole and not quarantined, and when that was.

        With its tags as they were when most of them could be read, which may have been before.
        """
        with self._told(), self._engine.connect() as db:
            return self._believed(db)

    def runs(self, *, subject: str | None = None, since: date | None = None) -> list[Run]:
        """Oldest first."""
        query = sql.select(RUNS).order_by(RUNS.c.taken_at, RUNS.c.id)
        if subject is not None:
            query = query.where(RUNS.c.subject == subject)
        if since is not None:
            query = query.where(RUNS.c.taken_at >= since.isoformat())
        with self._told(), self._engine.connect() as db:
            return [_run(row) for row in db.execute(query)]

    @contextmanager
    def writing(self) -> Iterator[sql.Connection]:
        """A transaction that no other writer is beside. Raises Refusal where the database does not do it."""
        with self._told(), self._writing() as db:
            yield db

    @contextmanager
    def reading(self) -> Iterator[sql.Connection]:
        """A transaction that only reads. Raises Refusal likewise."""
        with self._told(), self._engine.connect() as db:
            yield db

    @staticmethod
    def standing(run: Run) -> sql.Select[tuple[str]]:
        """The fingerprints of what stands in a run, or cannot be told in it."""
        return (
            sql.select(FINDINGS.c.fingerprint)
            .join_from(SIGHTINGS, FINDINGS)
            .join_from(SIGHTINGS, RUNS)
            .where(RUNS.c.subject == run.subject, RUNS.c.stage == run.stage, RUNS.c.taken_at == run.taken_at)
            .where(SIGHTINGS.c.state.in_([*_STANDING, "undetermined"]))
        )

    def figures(self, dimension: Dimension, runs: Sequence[Run]) -> list[tuple[Run, list[Figure]]]:
        """The figures of runs in a dimension, in the order of the runs."""
        query = (
            sql.select(RUNS.c.subject, RUNS.c.stage, RUNS.c.taken_at, FIGURES)
            .join(FIGURES, FIGURES.c.run == RUNS.c.id)
            .where(FIGURES.c.dimension == dimension)
        )
        if runs:
            query = query.where(RUNS.c.taken_at >= min(run.taken_at for run in runs))
        held: dict[tuple[str, str, str], list[Figure]] = {}
        with self._told(), self._engine.connect() as db:
            for row in db.execute(query):
                figure = Figure(**{name: getattr(row, name) for name in Figure.__struct_fields__})
                held.setdefault((row.subject, row.stage, row.taken_at), []).append(figure)
        return [(run, held.get((run.subject, run.stage, run.taken_at), [])) for run in runs]

    def difference(self, run: Run) -> Difference:
        """A run beside the one before it, of the same subject and stage."""
        with self._told(), self._engine.connect() as db:
            before = self._before(db, run)
            now = self._states(db, self._number(db, run))
            then = {} if before is None else self._states(db, before)
            asked = set(
                db.scalars(
                    sql.select(FIGURES.c.name).where(
                        FIGURES.c.run == self._number(db, run), FIGURES.c.dimension == "policy"
                    )
                )
            )
            earlier = None
            if before is not None:
                earlier = _run(db.execute(sql.select(RUNS).where(RUNS.c.id == before)).one())
        was = {name: seen for name, (state, seen) in then.items() if state in _STANDING}
        left = {name: seen for name, seen in was.items() if now.get(name, ("",))[0] not in _STANDING}

        def now_in(state: str) -> list[Seen]:
            return [seen for name, seen in left.items() if name in now and now[name][0] == state]

        missing = [seen for name, seen in left.items() if name not in now]
        return Difference(
            run=run,
            before=earlier,
            new=[seen for name, (state, seen) in now.items() if state in _STANDING and name not in was],
            gone=[seen for seen in missing if seen.policy in asked],
            untold=now_in("undetermined"),
            exempt=now_in("exempt"),
            not_asked=[seen for seen in missing if seen.policy not in asked],
        )

    def _migrate(self, begin: bool) -> None:
        with self._writing() as db:
            there = sql.inspect(db).has_table(VERSION.name)
            if not there and not begin:
                raise Refusal(
                    "this database holds no history: `governor check … --history` begins one", place=self.name
                )
            version = (db.scalar(sql.select(VERSION.c.version)) or 0) if there else 0
            if version > len(MIGRATIONS):
                raise Refusal(
                    f"this history is of version {version}, and this governor knows {len(MIGRATIONS)}: update governor",
                    place=self.name,
                )
            for migrate in MIGRATIONS[version:]:
                migrate(db)
            if version < len(MIGRATIONS):
                db.execute(sql.delete(VERSION))
                db.execute(sql.insert(VERSION).values(version=len(MIGRATIONS)))

    @contextmanager
    def _writing(self) -> Iterator[sql.Connection]:
        """A transaction that no other writer is beside."""
        with self._engine.connect().execution_options(governor_writes=True) as db, db.begin():
            if db.dialect.name == "postgresql":
                db.execute(sql.select(sql.func.pg_advisory_xact_lock(_LOCK)))
            yield db

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What a database complains of, in a line, without a password."""
        try:
            yield
        except OperationalError as error:
            why = str(error.orig).strip().splitlines()[0]
            raise Refusal(f"the history cannot be used: {why}", place=self.name, code=CANNOT_JUDGE) from None
        except SQLAlchemyError as error:
            why = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise Refusal(f"this is no history of governor's: {why}", place=self.name, code=CANNOT_JUDGE) from None

    @staticmethod
    def _believed(db: sql.Connection) -> dict[str, tuple[Shard, str]]:
        def found(query: sql.Select[Any]) -> dict[str, tuple[Shard, str]]:
            return {
                row.place: (Shard(**{name: getattr(row, name) for name in Shard.__struct_fields__}), row.taken_at)
                for row in db.execute(query)
            }

        last = found(_of_believed(SHARDS, RUNS.c.taken_at))
        for place, (shard, _) in found(_of_believed(SHARDS, RUNS.c.taken_at, tags_known=True)).items():
            latest, when = last[place]
            last[place] = (replace(latest, tagged=shard.tagged, untagged=shard.untagged), when)
        return last

    @staticmethod
    def _number(db: sql.Connection, run: Run) -> int:
        number: int = db.execute(
            sql.select(RUNS.c.id).where(
                RUNS.c.subject == run.subject, RUNS.c.stage == run.stage, RUNS.c.taken_at == run.taken_at
            )
        ).scalar_one()
        return number

    @staticmethod
    def _before(db: sql.Connection, run: Run) -> int | None:
        return db.scalar(
            sql.select(RUNS.c.id)
            .where(RUNS.c.subject == run.subject, RUNS.c.stage == run.stage, RUNS.c.taken_at < run.taken_at)
            .order_by(RUNS.c.taken_at.desc())
            .limit(1)
        )

    @staticmethod
    def _states(db: sql.Connection, run: int) -> dict[str, tuple[str, Seen]]:
        """Fingerprint → (state in this run, the finding)."""
        query = sql.select(SIGHTINGS.c.state.label("then"), FINDINGS).join(FINDINGS).where(SIGHTINGS.c.run == run)
        return {
            row.fingerprint: (row.then, Seen(**{name: getattr(row, name) for name in Seen.__struct_fields__}))
            for row in db.execute(query.order_by(FINDINGS.c.policy, FINDINGS.c.resource, FINDINGS.c.attribute))
        }

    @staticmethod
    def _open(db: sql.Connection, run: int) -> Iterator[Finding]:
        """The findings that stood in a run, or could not be told in it."""
        query = (
            sql.select(FINDINGS)
            .join(SIGHTINGS)
            .where(SIGHTINGS.c.run == run, SIGHTINGS.c.state.in_([*_STANDING, "undetermined"]))
        )
        for row in db.execute(query):
            yield Finding(
                **{name: getattr(row, name) for name in Finding.__struct_fields__ if name in FINDINGS.c},
            )

    @staticmethod
    def _findings(db: sql.Connection, run: Run, found: Sequence[Sighting]) -> dict[str, int]:
        """Write what is known of findings; fingerprint → id."""
        insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[db.dialect.name]
        ids: dict[str, int] = {}
        for start in range(0, len(found), _MANY):
            rows = [
                {
                    "subject": run.subject,
                    "stage": run.stage,
                    "fingerprint": s.finding.fingerprint,
                    **{name: getattr(s.finding, name) for name in Finding.__struct_fields__ if name in FINDINGS.c},
                    "state": s.state,
                    "first_seen": run.taken_at,
                    "last_seen": run.taken_at,
                }
                for s in found[start : start + _MANY]
            ]
            written = insert(FINDINGS).values(rows)
            new = written.excluded
            latest = new.last_seen >= FINDINGS.c.last_seen
            ids |= {
                row.fingerprint: row.id
                for row in db.execute(
                    written.on_conflict_do_update(
                        index_elements=["subject", "stage", "fingerprint"],
                        set_={
                            **{
                                name: sql.case((latest, new[name]), else_=FINDINGS.c[name])
                                for name in ("msg", "owner", "account", "project", "state", "hourly_usd", "last_seen")
                            },
                            "first_seen": sql.case(
                                (new.first_seen < FINDINGS.c.first_seen, new.first_seen), else_=FINDINGS.c.first_seen
                            ),
                        },
                    ).returning(FINDINGS.c.id, FINDINGS.c.fingerprint)
                )
            }
        return ids


_STANDING = ("open", "baselined")


def _of_believed(*columns: Any, tags_known: bool = False) -> sql.Select[Any]:
    """Of each shard, the rows of when it was last read whole and not quarantined.

    `tags_known`: and most of its tags, too. A night on which they may not be read says nothing of them.
    """
    believed = [SHARDS.c.standing == "whole"]
    if tags_known:
        believed.append((SHARDS.c.tagged + SHARDS.c.untagged) * 2 >= SHARDS.c.resources)
    last = (
        sql.select(SHARDS.c.place, sql.func.max(RUNS.c.taken_at).label("taken_at"))
        .join(RUNS)
        .where(*believed)
        .group_by(SHARDS.c.place)
        .subquery()
    )
    return (
        sql.select(*columns)
        .select_from(SHARDS)
        .join(RUNS)
        .join(last, (last.c.place == SHARDS.c.place) & (last.c.taken_at == RUNS.c.taken_at))
        .where(*believed)
    )


def address(place: str) -> sql.URL:
    """The URL of a store: a file is one of SQLite, PostgreSQL is spoken to by psycopg. Raises Refusal."""
    if "://" not in place:
        return sql.URL.create("sqlite", database=place)
    try:
        url = sql.make_url(place)
    except SQLAlchemyError:
        raise Refusal("this is no URL of a database: write postgresql://user@host/name, or a file") from None
    kinds = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg", "sqlite": "sqlite"}
    if url.drivername not in kinds:
        raise Refusal(f"a history lies in a file or in PostgreSQL, not in {url.drivername}: write postgresql://…")
    return url.set(drivername=kinds[url.drivername])


def _sqlite_opens(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver would begin transactions of its own
    connection.execute("PRAGMA foreign_keys = ON")


def _sqlite_begins(db: sql.Connection) -> None:
    # A reader that turns writer inside its transaction is refused when another wrote meanwhile.
    db.exec_driver_sql("BEGIN IMMEDIATE" if db.get_execution_options().get("governor_writes") else "BEGIN")


def _insert(db: sql.Connection, table: sql.Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        db.execute(sql.insert(table), rows)


def _run(row: sql.Row[Any]) -> Run:
    return Run(**{name: getattr(row, name) for name in Run.__struct_fields__})


def _untold(finding: Finding, verdict: Verdict, resources: Collection[str]) -> bool:
    """Whether it may still be there: its policy failed, or what it is about was not seen beside a gap."""
    failed = {(failure.policy, failure.resource) for failure in verdict.failures}
    return (
        (finding.policy, "") in failed
        or (finding.policy, finding.resource) in failed
        or (bool(verdict.gaps) and finding.policy in verdict.policies and finding.resource not in resources)
    )
