"""`--notify`: owners are told of their findings, through apprise; and who was told is kept in the history."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from governor import log
from governor.config import Notify
from governor.errors import Refusal
from governor.model import Verdict
from governor.notices import Notice, notices, text
from governor.reports.grouping import count

if TYPE_CHECKING:
    from governor.history.told import Memory

How = Literal["", "send", "dry-run"]


class Notifier:
    """Tells owners, each only of what is theirs."""

    def __init__(self, settings: Notify | None, home: Path, how: How, environment: str) -> None:
        """Raises Refusal before anything is judged, unless every address is there and good; a dry run asks for none."""
        if settings is None or not (settings.routes or settings.default):
            raise Refusal("--notify knows nobody to tell: name them under `notify` in governor.yaml")
        self._settings, self._environment = settings, environment
        targets = {*(route.to for route in settings.routes), *filter(None, [settings.default])}
        self._targets = {to: _target(to, home) for to in sorted(targets)} if how == "send" else {}

    def tell(self, verdict: Verdict, memory: Memory | None) -> None:
        """Send what is to be sent. What cannot be delivered is a warning, and is tried again by the next run."""
        found, nobodys = notices(verdict, self._settings)
        if nobodys:
            log.say(f"nobody is told of {count(nobodys, 'finding')}: no route takes them, and there is no default")
        for notice in found:
            if due := self._due(notice, memory):
                self._send(due, verdict, memory)

    def _due(self, notice: Notice, memory: Memory | None) -> Notice | None:
        """What an owner is to be told now. Without a memory, everything."""
        if memory is None:
            return notice
        known = memory.told(notice.owner) if self._settings.tell == "new" else frozenset[str]()
        findings = [finding for finding in notice.findings if finding.fingerprint not in known]
        if not findings:
            return None
        last = memory.last(notice.owner)
        if last and _now() - last < timedelta(hours=self._settings.every_hours):
            wait = f"{notice.who} was last told {last.isoformat()}, and is told every {self._settings.every_hours:g} h"
            log.say(f"{count(len(findings), 'finding')} wait: {wait}")
            return None
        return replace(notice, findings=findings)

    def _send(self, notice: Notice, verdict: Verdict, memory: Memory | None) -> None:
        new = memory is not None and self._settings.tell == "new"
        title, body = text(notice, verdict, self._environment, new=new)
        number = count(len(notice.findings), "finding")
        if not self._targets:
            log.say(f"would be sent to {notice.to}:\n\n{title}\n\n{body}\n", to=notice.to, owner=notice.owner)
            return
        why = _delivered(self._targets[notice.to], title, body)
        if why:
            log.say(
                f"warning: {notice.who} was not told of {number}, the exit code stands: {notice.to} took no message"
                f" ({why}). The next run tries again",
                "warning",
            )
            return
        if memory:
            memory.keep(notice.owner, {finding.fingerprint for finding in notice.findings}, _now())
        log.say(f"{notice.who} was told of {number}: {notice.to}", owner=notice.owner, to=notice.to)


def _target(to: str, home: Path) -> Any:
    """What sends to an address; it is in no message of ours."""
    try:
        import apprise
    except ModuleNotFoundError:
        raise Refusal("--notify needs apprise: pip install 'gpu-governor[notify]'") from None
    _quiet()
    kind, _, name = to.partition(":")
    if kind == "env":
        address = os.environ.get(name, "").strip()
        if not address:
            raise Refusal("this variable of the environment is not set: put an address of apprise in it", place=name)
    else:
        try:
            address = (home / name).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise Refusal("the address in this file cannot be read", place=str(home / name)) from None
    target = apprise.Apprise()
    if not target.add(address) or not target:
        raise Refusal(
            "what stands there is no address that apprise knows: https://hooks.slack.com/…, mailtos://…", place=to
        )
    return target


def _delivered(target: Any, title: str, body: str) -> str:
    """Nothing, or why a message was not taken, without the address."""
    import logging

    import apprise

    with apprise.LogCapture(level=logging.WARNING) as said:  # type: ignore[no-untyped-call]
        try:
            if target.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
                return ""
        except TypeError:  # so apprise says of a message that is empty
            return "the message is empty"
        return _reason(said.getvalue().splitlines())


def _reason(said: Sequence[str]) -> str:
    """What apprise says holds addresses: only a status is passed on."""
    status = next((found[1] for line in said if (found := re.search(r"error=(\d{3})\b", line))), "")
    return f"status {status}" if status else "it was not reached, or refused"


def _quiet() -> None:
    """apprise tells of addresses on stderr."""
    import logging

    logger = logging.getLogger("apprise")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False


def _now() -> datetime:
    return datetime.now(UTC)
