"""One service of one region of one account, read in one go. What fails in it is a gap, and leaves the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from itertools import islice
from typing import Any, TypeVar

from msgspec import Struct

from governor import model, traces
from governor.catalog.kinds import SHAPES
from governor.catalog.prices import PriceBook
from governor.model import Gap, Resource
from governor.sources.aws.clients import CONNECTIONS, Clients, errors, reason, unless_not_offered
from governor.sources.terraform_plan.secrets import keys_in
from governor.sources.terraform_plan.withhold import WITHHELD

_Thing = TypeVar("_Thing")
_Answer = TypeVar("_Answer")

EVERYWHERE = "every region"
"""The region of a shard whose service lists all regions at once."""


_AHEAD = CONNECTIONS * 8
"""Questions that wait for an answer at most."""


class Shard(Struct, frozen=True):
    """One service of one region of one account."""

    account: str
    region: str
    service: str
    """A name of `listers.LISTERS`."""

    def __str__(self) -> str:
        return f"{self.account}/{self.region}/{self.service}"


class Found(Struct, frozen=True):
    """What a shard holds, as far as it could be read; and what could not."""

    shard: model.Shard
    resources: Sequence[Resource]
    gaps: Sequence[Gap]


class Tags(Struct, frozen=True):
    """Tags that are known, none of them perhaps; or why they are not."""

    values: Mapping[str, str] = {}
    why_unknown: str = ""


class Broken(Exception):  # noqa: N818
    """An answer that lacks what every whole one has."""


class Reader:
    """Asks AWS for a lister, and makes resources of what it finds."""

    def __init__(self, shard: Shard, partition: str, clients: Clients, prices: PriceBook, executor: Executor) -> None:
        self.place, self.partition, self.prices = str(shard), partition, prices
        self.account, self.region = shard.account, shard.region
        self._clients, self._executor = clients, executor
        self._missing: Counter[str] = Counter()

    def client(self, service: str, region: str | None = None) -> Any:
        """The client of a service, in the region of the shard unless another is named."""
        return self._clients.get(service, region or self.region)

    def list(
        self, service: str, operation: str, key: str, *, region: str | None = None, page_size: int = 0, **asked: Any
    ) -> Iterator[Any]:
        """The items under `key` of every page. Raises what botocore raises, or Broken, at the page that fails."""
        client = self.client(service, region)

        def pages() -> Iterator[Any]:
            if client.can_paginate(operation):
                paging = {"PaginationConfig": {"PageSize": page_size}} if page_size else {}
                yield from client.get_paginator(operation).paginate(**asked, **paging)
            else:
                yield getattr(client, operation)(**asked)

        for page in unless_not_offered(pages()):
            # botocore takes JSON that breaks off for an answer without members.
            if key not in page:
                raise Broken(f"{operation}: the answer breaks off")
            yield from page[key]

    def each(self, question: Callable[[_Thing], _Answer], things: Iterable[_Thing]) -> Iterator[_Answer]:
        """The answers to a question about each thing, several asked at once, in the order of the things."""
        rest = iter(things)
        while some := list(islice(rest, _AHEAD)):
            yield from self._executor.map(question, some)

    def attempt(self, question: Callable[[], _Answer], what: str) -> tuple[_Answer | None, str]:
        """(answer, ""), or (None, why there is none). What is missing becomes a gap of the shard."""
        try:
            return question(), ""
        except errors() as error:
            why = reason(error)
        except (Broken, KeyError) as error:
            why = _lacking(error)
        self.missing(f"{what} not read: {why}")
        return None, why

    def details(
        self, question: Callable[[_Thing], _Answer], things: Iterable[_Thing], what: str
    ) -> Iterator[tuple[_Thing, _Answer | None, str]]:
        """(thing, answer, "") for each thing, or (thing, None, why there is none)."""
        return self.each(lambda thing: (thing, *self.attempt(lambda: question(thing), what)), things)

    def tags(self, question: Callable[[], Any]) -> Tags:
        """Tags that a question of their own asks for, in whatever form they come."""
        answer, why = self.attempt(lambda: pairs(question()), "tags")
        return Tags(why_unknown=why) if answer is None else Tags(answer)

    def missing(self, what: str) -> None:
        """Note that something of the shard is not known."""
        self._missing[what] += 1

    def gaps(self) -> Iterator[Gap]:
        """What was missed, a line for each reason."""
        for what, times in self._missing.items():
            yield Gap(self.place, what if times == 1 else f"{what} ({times} times)")

    def arn(self, service: str, rest: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{rest}"

    def resource(
        self,
        type: str,
        id: str,
        tags: Tags,
        *,
        kind: str | None = None,
        holds: Mapping[str, Any] | None = None,
        attributes: Mapping[str, Any] | None = None,
        unknown: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> Resource:
        """A resource of a Terraform type; of a type that stands in no plan, `kind` is told.

        In `holds`, and in its tags, AI keys are sought; where they stand is kept, and none of them is.
        """
        values, why = {k: v for k, v in tags.values.items() if not k.startswith("aws:")}, dict(unknown or {})
        if tags.why_unknown:
            why["tags"] = tags.why_unknown
        found = [sighting for sighting, _ in keys_in({"tags": values, **(holds or {})})]
        for name in values:
            if any(True for _ in keys_in({name: values[name]})):
                values[name], why[f"tags.{name}"] = WITHHELD, "it holds an AI key"
        told = dict(attributes or {})
        if found:
            told["ai_keys"] = found
        return Resource(
            id=id,
            kind=kind or SHAPES[type].kind,
            type=type,
            provider="aws",
            account=self.account,
            region=facts.pop("region", self.region),
            tags=values,
            attributes=told,
            unknown=why,
            shard=self.place,
            **facts,
        )


def pairs(tags: Any) -> dict[str, str]:
    """Tags as a mapping, of a mapping or of a list of `{Key, Value}` in any of the cases that AWS writes them in."""
    if isinstance(tags, Mapping):
        return dict(tags)
    return {tag.get("Key") or tag["key"]: tag.get("Value") or tag.get("value") or "" for tag in tags or ()}


def read(reader: Reader, lister: Callable[[Reader], Iterator[Resource]]) -> Found:
    """What a shard holds. Never raises for what AWS does."""
    found: list[Resource] = []
    broken = ""
    place = reader.place
    account, region, service = place.split("/")
    with traces.span("shard", phase=False, account=account, region=region, service=service) as span:
        try:
            found.extend(lister(reader))  # what came before an error stays
        except errors() as error:
            broken = reason(error)
        except (Broken, KeyError) as error:
            broken = _lacking(error)
        if broken:
            reader.missing(_broken_off(broken, found))
        gaps = tuple(reader.gaps())
        span.tell(resources=len(found), gaps=len(gaps))
    known = [resource for resource in found if "tags" not in resource.unknown]
    tagged = sum(bool(resource.tags) for resource in known)
    shard = model.Shard(
        place=place,
        standing="incomplete" if broken else "whole",
        resources=len(found),
        tagged=tagged,
        untagged=len(known) - tagged,
    )
    return Found(shard, found, gaps)


def _lacking(error: Broken | KeyError) -> str:
    return f"an answer lacks {error}" if isinstance(error, KeyError) else str(error)


def _broken_off(why: str, found: Sequence[Resource]) -> str:
    return f"incomplete after {len(found)} resources: {why}" if found else f"not read: {why}"
