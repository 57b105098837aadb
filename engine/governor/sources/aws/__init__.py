"""Accounts of AWS in, an inventory of what runs there out. Reads only: see `reads`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime

from msgspec import Struct

from governor.catalog.prices import PriceBook
from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Gap, Inventory, Resource, Stage
from governor.sources.aws.clients import CONNECTIONS, HOME_REGION, Clients, errors, or_refuse, reason
from governor.sources.aws.listers import LISTERS, OF_ALL_REGIONS
from governor.sources.aws.reads import OF_SERVICE
from governor.sources.aws.shards import EVERYWHERE, Reader, Shard, read

STAGE: Stage = "live"

_SHARDS_AT_ONCE = 8

_NAMED = 4
"""Accounts, regions or services that a report names."""


class Scope(Struct, frozen=True, kw_only=True):
    """What is scanned. Nothing is that is not named here."""

    accounts: Sequence[str] = ()
    """Ids of accounts; without one, `organization` says which."""
    organization: bool = False
    """Every active account of the organisation."""
    exclude: Sequence[str] = ()
    """Ids of accounts of the organisation that are left out."""
    regions: Sequence[str] = ()
    """Empty: every region that is enabled in an account."""
    services: Sequence[str] = ()
    """Names of `LISTERS`. Empty: all."""
    role: str = ""
    """Name of the role that is assumed in each account. Without one, the caller's own account is read as it is."""
    external_id: str | None = None


class _Account(Struct, frozen=True):
    id: str
    partition: str
    clients: Clients


Tell = Callable[[int, int], None]
"""Told how many of how many shards are read."""


def scan(scope: Scope, prices: PriceBook, tell: Tell = lambda done, total: None) -> Inventory:
    """What runs in the scope, and as gaps what could not be read. Raises Refusal when nothing at all could."""
    taken_at = _now().isoformat(timespec="seconds")
    own = Clients()
    caller = or_refuse(own.account, "AWS does not say whose credentials these are")
    gaps: list[Gap] = []
    accounts = [account for id in _planned(scope, own) if (account := _enter(scope, own, caller, id, gaps))]
    shards = [(account, shard) for account in accounts for shard in _shards(scope, account, gaps)]
    absent = {(shard.service, shard.region) for account, shard in shards if not _offered(account, shard)}
    shards = [(account, shard) for account, shard in shards if (shard.service, shard.region) not in absent]
    resources: dict[str, Resource] = {}
    read_whole = 0
    with ThreadPoolExecutor(CONNECTIONS) as details, ThreadPoolExecutor(_SHARDS_AT_ONCE) as pool:
        readers = [
            (LISTERS[shard.service], Reader(shard, account.partition, account.clients, prices, details))
            for account, shard in shards
        ]
        running = [pool.submit(read, reader, lister) for lister, reader in readers]
        for done, future in enumerate(as_completed(running), start=1):
            tell(done, len(running))
            read_whole += not future.result().gaps
        for future in running:
            found = future.result()
            resources.update((resource.id, resource) for resource in found.resources)
            gaps += found.gaps
    if not resources and not read_whole:
        first = gaps[0] if gaps else Gap("", "there is nothing to read")
        raise Refusal(f"nothing could be read: {first.reason}", place=first.place, code=CANNOT_JUDGE)
    return Inventory(
        stage=STAGE,
        resources=tuple(resources.values()),
        gaps=tuple(gaps),
        shards=tuple(future.result().shard for future in running),
        notes=(_absent(absent),) if absent else (),
        taken_at=taken_at,
        source=_named(scope, caller[0]),
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _planned(scope: Scope, own: Clients) -> Sequence[str]:
    if not scope.organization:
        return scope.accounts
    organization = own.get("organizations", HOME_REGION)

    def active() -> list[str]:
        pages = organization.get_paginator("list_accounts").paginate()
        found = [each["Id"] for page in pages for each in page["Accounts"] if each["Status"] == "ACTIVE"]
        return [id for id in found if id not in scope.exclude]

    return or_refuse(active, "the accounts of the organisation cannot be listed")


def _enter(scope: Scope, own: Clients, caller: tuple[str, str], id: str, gaps: list[Gap]) -> _Account | None:
    """An account, once AWS has said that the credentials are of it and no other."""
    partition = caller[1]
    if not scope.role:
        if caller[0] != id:
            raise Refusal(
                f"these credentials are of account {caller[0]}: name it, or a role to assume in {id} with --role",
                place=id,
            )
        return _Account(id, partition, own)
    try:
        clients = own.of_role(f"arn:{partition}:iam::{id}:role/{scope.role}", scope.external_id)
        found = clients.account()[0]
    except errors() as error:
        gaps.append(Gap(id, f"not read: {reason(error)}"))
        return None
    if found != id:
        raise Refusal(f"the role {scope.role} led into account {found}: nothing was read", place=id, code=CANNOT_JUDGE)
    return _Account(id, partition, clients)


def _shards(scope: Scope, account: _Account, gaps: list[Gap]) -> Iterator[Shard]:
    services = scope.services or tuple(LISTERS)
    for service in services:
        if service in OF_ALL_REGIONS:
            yield Shard(account.id, EVERYWHERE, service)
    regions = scope.regions
    if not regions:
        try:
            # Without AllRegions: those that are enabled.
            answer = account.clients.get("ec2", HOME_REGION).describe_regions()
            regions = [each["RegionName"] for each in answer["Regions"]]
        except errors() as error:
            gaps.append(Gap(account.id, f"its regions are not known, so none was read: {reason(error)}"))
    for region in regions:
        for service in services:
            if service not in OF_ALL_REGIONS:
                yield Shard(account.id, region, service)


def _named(scope: Scope, caller: str) -> str:
    """What a history knows runs of this scope by: the same every night, whatever could be read."""
    accounts = f"the organisation of {caller}" if scope.organization else f"account {_listed(scope.accounts)}"
    narrowed = "; ".join(_listed(names) for names in (scope.regions, scope.services) if names)
    return f"AWS, {accounts}{f' ({narrowed})' if narrowed else ''}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _offered(account: _Account, shard: Shard) -> bool:
    """A service that AWS does not have in a region is no gap of it."""
    asked = OF_SERVICE[shard.service]
    return shard.region == EVERYWHERE or all(account.clients.offers(s, account.partition, shard.region) for s in asked)


def _absent(shards: Iterable[tuple[str, str]]) -> str:
    from botocore import __version__

    names = ", ".join(f"{service} in {region}" for service, region in sorted(shards))
    return f"not asked, as botocore {__version__} knows of no such service there: {names}"
