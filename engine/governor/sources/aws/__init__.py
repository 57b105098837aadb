"""Accounts of AWS in, an inventory of what runs there out. Reads only: see `reads`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from hashlib import blake2b

from governor.catalog.prices import PriceBook
from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Gap, Inventory, Stage
from governor.sources.aws import distant
from governor.sources.aws.accounts import Account, Scope, enter, planned
from governor.sources.aws.clients import CONNECTIONS, HOME_REGION, Clients, errors, or_refuse, reason
from governor.sources.aws.listers import LISTERS, OF_ALL_REGIONS
from governor.sources.aws.reads import OF_SERVICE
from governor.sources.aws.shards import EVERYWHERE, Found, Reader, Shard, read
from governor.workers.pool import LOST, Pool

__all__ = ["STAGE", "Scope", "scan"]

STAGE: Stage = "live"

_SHARDS_AT_ONCE = 8

_NAMED = 4
"""Accounts, regions or services that a report names."""


Tell = Callable[[int, int], None]
"""Told how many of how many shards are read."""


def scan(scope: Scope, prices: PriceBook, tell: Tell = lambda done, total: None, pool: Pool | None = None) -> Inventory:
    """What runs in the scope, and as gaps what could not be read. Raises Refusal when nothing at all could.

    Shards are read by threads of this process, or by the workers of a pool.
    """
    taken_at = _now().isoformat(timespec="seconds")
    own = Clients()
    caller = or_refuse(own.account, "AWS does not say whose credentials these are")
    gaps: list[Gap] = []
    accounts: list[Account] = []
    for id in planned(scope, own):
        account = enter(scope, own, caller, id)
        if isinstance(account, Gap):
            gaps.append(account)
        else:
            accounts.append(account)
    shards = [(account, shard) for account in accounts for shard in _shards(scope, account, gaps)]
    absent = {(shard.service, shard.region) for account, shard in shards if not _offered(account, shard)}
    shards = [(account, shard) for account, shard in shards if (shard.service, shard.region) not in absent]
    if pool:
        found = _by_workers(pool, scope, prices, [shard for _, shard in shards], tell)
    else:
        found = _by_threads(prices, shards, tell)
    resources = {resource.id: resource for one in found for resource in one.resources}
    gaps += (gap for one in found for gap in one.gaps)
    read_whole = any(not one.gaps for one in found)
    if not resources and not read_whole:
        first = gaps[0] if gaps else Gap("", "there is nothing to read")
        raise Refusal(f"nothing could be read: {first.reason}", place=first.place, code=CANNOT_JUDGE)
    return Inventory(
        stage=STAGE,
        resources=tuple(resources.values()),
        gaps=tuple(gaps),
        shards=tuple(one.shard for one in found),
        notes=(_absent(absent),) if absent else (),
        taken_at=taken_at,
        source=_named(scope, caller[0]),
    )


def _by_threads(prices: PriceBook, shards: Sequence[tuple[Account, Shard]], tell: Tell) -> list[Found]:
    with ThreadPoolExecutor(CONNECTIONS) as details, ThreadPoolExecutor(_SHARDS_AT_ONCE) as pool:
        running = [
            pool.submit(
                read, Reader(shard, account.partition, account.clients, prices, details), LISTERS[shard.service]
            )
            for account, shard in shards
        ]
        for done, _ in enumerate(as_completed(running), start=1):
            tell(done, len(running))
        return [future.result() for future in running]


def _by_workers(pool: Pool, scope: Scope, prices: PriceBook, shards: Sequence[Shard], tell: Tell) -> list[Found]:
    found: dict[int, Found] = {}
    for number, answer in pool.map(distant.Shards(scope, prices), map(distant.encoded, shards)):
        found[number] = distant.missing(shards[number], LOST) if answer is None else distant.decoded(answer)
        tell(len(found), len(shards))
    return [found[number] for number in range(len(shards))]


def _now() -> datetime:
    return datetime.now(UTC)


def _shards(scope: Scope, account: Account, gaps: list[Gap]) -> Iterator[Shard]:
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
    """The first names in words; the digest behind them tells one long list from another."""
    names = sorted(names)
    if len(names) <= _NAMED:
        return ", ".join(names)
    digest = blake2b(" ".join(names).encode(), digest_size=4).hexdigest()
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more ({digest})"


def _offered(account: Account, shard: Shard) -> bool:
    """A service that AWS does not have in a region is no gap of it."""
    asked = OF_SERVICE[shard.service]
    return shard.region == EVERYWHERE or all(account.clients.offers(s, account.partition, shard.region) for s in asked)


def _absent(shards: Iterable[tuple[str, str]]) -> str:
    from botocore import __version__

    names = ", ".join(f"{service} in {region}" for service, region in sorted(shards))
    return f"not asked, as botocore {__version__} knows of no such service there: {names}"
