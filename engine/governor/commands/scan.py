"""`governor scan`: accounts in, reports on what runs there and an exit code out."""

from __future__ import annotations

import re

from msgspec.structs import replace

from governor import sources
from governor.catalog.prices import PriceBook
from governor.commands import overseen
from governor.commands.check import Judging, Options
from governor.commands.inputs import Given
from governor.commands.progress import Progress
from governor.errors import Refusal
from governor.model import Inventory, Stage
from governor.sources import aws
from governor.sources.aws.listers import LISTERS

_ACCOUNT = re.compile(r"[0-9]{12}")


class _Live(Given, frozen=True):
    """Accounts, judged as one."""

    scope: aws.Scope = aws.Scope()

    @property
    def stage(self) -> Stage:
        return aws.STAGE

    def read(self, prices: PriceBook) -> Inventory:
        with Progress() as progress:
            inventory = aws.scan(
                self.scope, prices, lambda done, total: progress.tell(f"{done} of {total} shards read")
            )
        return replace(inventory, notes=(*inventory.notes, *self.notes))


def run(scope: aws.Scope, options: Options) -> int:
    """Read what the scope names, judge and report it. Raises Refusal before anything is read or written."""
    with overseen.run(options):
        _check(scope)
        judging = Judging(options, aws.STAGE, of_plans=False)
        with judging.turn(_what(scope)):
            return judging.report(judging.verdict(_Live("aws", (), sources.Options(), scope=scope)))


def _what(scope: aws.Scope) -> str:
    """What is scanned, in words that are the same in every run of it."""
    parts = (("organization",) if scope.organization else scope.accounts, scope.regions, scope.services)
    return "; ".join(" ".join(sorted(part)) for part in parts)


def _check(scope: aws.Scope) -> None:
    if not scope.accounts and not scope.organization:
        raise Refusal("nothing to scan: name accounts with --account, or take --organization")
    if scope.accounts and scope.organization:
        raise Refusal("--organization takes every account: give no --account beside it")
    for account in scope.accounts:
        if not _ACCOUNT.fullmatch(account):
            raise Refusal(f"{account!r} is no account of AWS: an id has 12 digits", place="--account")
    if scope.organization and not scope.role:
        raise Refusal("--organization reads several accounts: name the role to assume in each with --role")
    for service in scope.services:
        if service not in LISTERS:
            raise Refusal(f"no service is called {service!r}: there are {', '.join(LISTERS)}", place="--service")
