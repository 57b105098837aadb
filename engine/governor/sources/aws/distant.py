"""Shards read by workers: each with clients of its own, and with what a worker is told in the place of a session."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msgspec import msgpack

from governor import __version__, model
from governor.catalog.prices import PriceBook
from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Gap
from governor.sources.aws.accounts import Account, Scope, enter
from governor.sources.aws.clients import CONNECTIONS, Clients, or_refuse
from governor.sources.aws.listers import LISTERS
from governor.sources.aws.shards import Found, Reader, Shard, read


class Shards:
    """A task for workers: a shard in, what it holds out. It travels with the scope and the prices, and no credentials.

    A worker has the credentials that its own machine gives it, and assumes the role by itself. Whose they are is asked
    there, too.
    """

    def __init__(self, scope: Scope, prices: PriceBook) -> None:
        self._told = (__version__, scope, prices)
        self._session: _Session | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _anew, self._told

    def __call__(self, item: bytes) -> bytes:
        """A shard, and what is found, encoded."""
        if self._session is None:
            self._session = _Session(*self._told[1:])
        return pickle.dumps(self._session.read(msgpack.decode(item, type=Shard)))


def _anew(version: str, scope: Scope, prices: PriceBook) -> Shards:
    if version != __version__:
        raise Refusal(
            f"a worker has governor {__version__}, and this is {version}: install the same", code=CANNOT_JUDGE
        )
    return Shards(scope, prices)


class _Session:
    """What a worker keeps from one shard to the next."""

    def __init__(self, scope: Scope, prices: PriceBook) -> None:
        self._scope, self._prices = scope, prices
        self._own = Clients()
        self._caller = or_refuse(self._own.account, "AWS does not say whose credentials a worker has")
        self._executor = ThreadPoolExecutor(CONNECTIONS)
        self._accounts: dict[str, Account | Gap] = {}

    def read(self, shard: Shard) -> Found:
        account = self._accounts.get(shard.account)
        if account is None:
            account = self._accounts[shard.account] = enter(self._scope, self._own, self._caller, shard.account)
        if isinstance(account, Gap):
            return missing(shard, account.reason)
        reader = Reader(shard, account.partition, account.clients, self._prices, self._executor)
        return read(reader, LISTERS[shard.service])


def encoded(shard: Shard) -> bytes:
    """A shard as workers are given it."""
    return msgpack.encode(shard)


def decoded(answer: bytes) -> Found:
    """What a worker found."""
    found: Found = pickle.loads(answer)
    return found


def missing(shard: Shard, why: str) -> Found:
    """What is known of a shard that could not be read at all."""
    state = model.Shard(place=str(shard), standing="incomplete", resources=0, tagged=0, untagged=0)
    return Found(state, (), (Gap(str(shard), why),))
