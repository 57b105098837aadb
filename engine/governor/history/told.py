"""Whom runs told of what, and when: so that nobody is told twice, or too often."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sql

from governor.history import Run
from governor.history.tables import MESSAGES, TOLD

if TYPE_CHECKING:
    from governor.history.store import Store


class Memory:
    """What owners know of the findings of one subject."""

    def __init__(self, store: Store, run: Run) -> None:
        """As of a run that the store holds. What stands no longer is forgotten: were it back, it would be new."""
        self._store, self._run = store, run
        with store.writing() as db:
            db.execute(sql.delete(TOLD).where(*self._of(TOLD), TOLD.c.fingerprint.not_in(store.standing(run))))

    def told(self, owner: str) -> set[str]:
        """Fingerprints of what an owner was told of."""
        with self._store.reading() as db:
            return set(db.scalars(sql.select(TOLD.c.fingerprint).where(*self._of(TOLD, owner))))

    def last(self, owner: str) -> datetime | None:
        """When an owner was last sent a message."""
        with self._store.reading() as db:
            sent = db.scalar(sql.select(MESSAGES.c.sent_at).where(*self._of(MESSAGES, owner)))
        return datetime.fromisoformat(sent) if sent else None

    def keep(self, owner: str, fingerprints: Collection[str], now: datetime) -> None:
        """An owner was sent a message about these."""
        of = {"subject": self._run.subject, "stage": self._run.stage, "owner": owner}
        with self._store.writing() as db:
            known = set(db.scalars(sql.select(TOLD.c.fingerprint).where(*self._of(TOLD, owner))))
            db.execute(sql.delete(MESSAGES).where(*self._of(MESSAGES, owner)))
            if new := [{**of, "fingerprint": each} for each in fingerprints if each not in known]:
                db.execute(sql.insert(TOLD), new)
            db.execute(sql.insert(MESSAGES).values(**of, sent_at=now.isoformat(timespec="seconds")))

    def _of(self, table: sql.Table, owner: str | None = None) -> list[sql.ColumnElement[bool]]:
        given = {"subject": self._run.subject, "stage": self._run.stage}
        if owner is not None:
            given["owner"] = owner
        return [table.c[name] == value for name, value in given.items()]
