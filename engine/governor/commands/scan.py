"""`governor scan`: accounts of AWS and subscriptions of Azure in, reports on what runs there and an exit code out."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from msgspec.structs import replace

from governor import sources, yamlfile
from governor.catalog.prices import PriceBook
from governor.commands import history as past
from governor.commands import output, overseen
from governor.commands.check import Judging, Options
from governor.commands.inputs import Given
from governor.commands.progress import Progress
from governor.commands.workers import pool
from governor.commands.workspace import settings_of
from governor.config import Quarantine, Scan
from governor.errors import Refusal
from governor.exemptions import glob
from governor.history import Difference
from governor.history.quarantine import quarantined
from governor.model import Inventory, Shard, Stage, Verdict
from governor.sources import aws, snapshot
from governor.sources.aws.listers import LISTERS
from governor.sources.azure import live
from governor.workers.pool import Pool

LAST = "last"
"""What `--diff` calls the run before, in the history."""

_ACCOUNT = re.compile(r"[0-9]{12}")
_SUBSCRIPTION = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class _Live(Given, frozen=True):
    """Accounts and subscriptions, judged as one."""

    scope: aws.Scope = aws.Scope()
    azure: live.Scope = live.Scope()
    believed: Mapping[str, tuple[Shard, str]] = {}
    """Shards as a history believes them."""
    limits: Quarantine = Quarantine()
    accepted: Sequence[str] = ()
    pool: Pool | None = None
    """Who reads the shards; None: threads of this process."""

    @property
    def stage(self) -> Stage:
        return aws.STAGE

    def read(self, prices: PriceBook) -> Inventory:
        found = []
        if self.scope.accounts or self.scope.organization:
            with Progress("shards read") as progress:
                found.append(aws.scan(self.scope, prices, progress.tell, self.pool))
        if self.azure:
            found.append(live.scan(self.azure, prices))
        return quarantined(_joined(found), self.believed, self.limits, self.accepted)


def _joined(found: Sequence[Inventory]) -> Inventory:
    """What runs in several clouds, as one."""
    first, *others = found
    for other in others:
        first = replace(
            first,
            resources=(*first.resources, *other.resources),
            gaps=(*first.gaps, *other.gaps),
            shards=(*first.shards, *other.shards),
            not_covered={**first.not_covered, **other.not_covered},
            notes=(*first.notes, *other.notes),
            secrets=tuple(sorted({*first.secrets, *other.secrets}, key=len, reverse=True)),
            source=f"{first.source}; {other.source}",
        )
    return first


def run(
    asked: aws.Scope,
    options: Options,
    *,
    azure: live.Scope,
    accepted: Sequence[str] = (),
    diff: str = "",
) -> int:
    """Read what is asked for, or what the settings name, judge and report it. Raises Refusal before anything is read.

    `accepted` are globs over shards whose change is right. `diff` tells what is new and gone: since the `last` run of
    the history, or since a snapshot was taken.
    """
    with overseen.run(options):
        settings, file = settings_of(options.config)
        subscriptions = _azure(azure, settings.scan, file)
        scope = _scope(asked, settings.scan, file, alone=not subscriptions)
        if (accepted or diff == LAST) and not options.history:
            raise Refusal(f"{'--accept' if accepted else '--diff last'} is about the run before: give --history STORE")
        before = snapshot.header(Path(diff)) if diff not in ("", LAST) else None
        believed = _believed(options.history, accepted)
        judging = Judging(options, aws.STAGE, of_plans=False)
        given = _Live(
            "aws", (), sources.Options(), scope=scope, azure=subscriptions,
            believed=believed, limits=settings.scan.quarantine, accepted=accepted, pool=pool(options.workers),
        )  # fmt: skip
        with judging.turn(_what(scope, subscriptions)):
            inventory, verdict = judging.judged(given)
            code = judging.report(verdict)
        if diff:
            now = (verdict, inventory)
            difference = _since(Path(diff), before, judging, now) if before else judging.difference()
            _tell(past.told(difference), options)
        return code


def _what(scope: aws.Scope, azure: live.Scope) -> str:
    """What is scanned, in words that are the same in every run of it."""
    parts = [("organization",) if scope.organization else scope.accounts, scope.regions, scope.services]
    if azure:
        parts += [azure.subscriptions, azure.management_groups]
    return "; ".join(" ".join(sorted(part)) for part in parts)


def _azure(asked: live.Scope, settings: Scan, file: Path | None) -> live.Scope:
    """What is asked for of Azure, or what the settings say. Raises Refusal for what is no subscription."""
    named = bool(asked)
    scope = live.Scope(
        subscriptions=asked.subscriptions if named else settings.azure.subscriptions,
        management_groups=asked.management_groups if named else settings.azure.management_groups,
        endpoint=settings.azure.endpoint or live.PUBLIC,
    )
    place = "" if named or not file else yamlfile.place(file, ("scan", "azure"))
    for subscription in scope.subscriptions:
        if not _SUBSCRIPTION.fullmatch(subscription):
            raise Refusal(
                f"{subscription!r} is no subscription of Azure: its id reads 11111111-1111-1111-1111-111111111111",
                place=place or "--subscription",
            )
    if scope.subscriptions and scope.management_groups:
        raise Refusal(
            "a management group means every subscription below it: name no subscriptions beside it", place=place
        )
    return scope


def _scope(asked: aws.Scope, settings: Scan, file: Path | None, *, alone: bool) -> aws.Scope:
    """What is asked for, and beside it what the settings say. Raises Refusal for what cannot be scanned."""

    def refusal(message: str, option: str, name: str) -> Refusal:
        return Refusal(
            message, place=option if getattr(asked, name) or not file else yamlfile.place(file, ("scan", name))
        )

    named = bool(asked.accounts or asked.organization)
    scope = aws.Scope(
        accounts=_each(asked.accounts if named else settings.accounts),
        organization=asked.organization if named else settings.organization,
        exclude=settings.exclude,
        regions=_each(asked.regions or settings.regions),
        services=_each(asked.services or settings.services),
        role=asked.role or settings.role or "",
        external_id=asked.external_id or _external_id(settings),
    )
    if not scope.accounts and not scope.organization:
        if not alone:
            return scope
        raise Refusal(
            "nothing to scan: name accounts with --account, take --organization, or name subscriptions of Azure with"
            " --subscription; or say so under `scan` in governor.yaml"
        )
    if scope.accounts and scope.organization:
        raise refusal("--organization takes every account: give no --account beside it", "", "organization")
    for name, option in (("accounts", "--account"), ("exclude", "")):
        for account in getattr(scope, name):
            if not _ACCOUNT.fullmatch(account):
                raise refusal(f"{account!r} is no account of AWS: an id has 12 digits", option, name)
    for account in scope.accounts:
        if account in scope.exclude:
            raise refusal(
                f"account {account} is excluded: see `scan.exclude` in governor.yaml", "--account", "accounts"
            )
    if scope.organization and not scope.role:
        raise refusal(
            "--organization reads several accounts: name the role to assume in each with --role", "", "organization"
        )
    if ":" in scope.role:
        raise refusal(f"{scope.role!r} is an ARN, which is of one account: give the role's name", "--role", "role")
    for service in scope.services:
        if service not in LISTERS:
            raise refusal(f"no service is called {service!r}: there are {', '.join(LISTERS)}", "--service", "services")
    return scope


def _each(names: Sequence[str]) -> tuple[str, ...]:
    """Each name once: what is named twice would be read twice."""
    return tuple(dict.fromkeys(names))


def _external_id(settings: Scan) -> str | None:
    name = settings.external_id_env
    if name and not os.environ.get(name):
        raise Refusal(f"{name} is not set: `scan.external_id_env` says that it holds the external id")
    return os.environ[name] if name else None


def _believed(history: str, accepted: Sequence[str]) -> Mapping[str, tuple[Shard, str]]:
    """Shards as the history believes them. Raises Refusal for a pattern that means none of them."""
    if not history:
        return {}
    with past.opened(history, begin=True) as store:
        believed = store.believed()
    for pattern in accepted:
        if not any(map(glob(pattern).fullmatch, believed)):
            raise Refusal(
                f"no shard in the history is called {pattern}: write ACCOUNT/REGION/SERVICE", place="--accept"
            )
    return believed


def _since(file: Path, before: snapshot.Header, judging: Judging, now: tuple[Verdict, Inventory]) -> Difference:
    """What was found beside what the same policies find in a snapshot, as of its own day."""
    inventory = snapshot.load(file)
    day = date.fromisoformat(past.moment(before.taken_at)[:10])
    then = judging.on(day).of(inventory)
    return past.difference((then, inventory), now)


def _tell(difference: str, options: Options) -> None:
    """Beside the table; where another report goes to standard output, on stderr."""
    stdout = next((name for name, file in output.parse(options.formats) if file is None), "table")
    (sys.stdout if stdout == "table" else sys.stderr).write(f"\n{difference}")
