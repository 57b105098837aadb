"""What lies in Azure now: Resource Graph for resources and policies, Resource Manager for children it does not list.

Reads only: nothing but GET, and the POST that a query of Resource Graph is, leaves this module. What could not be read
is a gap, and the types it concerns are not listed as whole.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from governor.azure_model import ArmResource, Estate
from governor.catalog.prices import PriceBook
from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Gap, Inventory
from governor.sources.azure.estate import merged, rows
from governor.sources.azure.estate.ours import inventory

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.pipeline import PipelineResponse

PUBLIC = "https://management.azure.com"
GRAPH = "/providers/Microsoft.ResourceGraph/resources"

CHILDREN: Mapping[str, tuple[str, str]] = {
    "microsoft.cognitiveservices/accounts": ("deployments", "2024-10-01"),
    "microsoft.machinelearningservices/workspaces": ("computes", "2024-10-01"),
}
"""Type → (children that Resource Graph does not list, version of the API that lists them)."""

_ROWS = 1000
"""Rows of one page of Resource Graph, which is as many as it gives."""

_SUBSCRIPTIONS = 200
"""Subscriptions of one query."""

_PAGES = 200
"""Pages of one list of children at most."""

_AT_ONCE = 8
_TRIES = 6
_LONGEST_WAIT = 60.0
"""Seconds that Azure may ask to wait for before a request is sent again."""
_SILENCE = 60
"""Seconds that Azure may be silent."""


class Scope(Struct, frozen=True, kw_only=True):
    """What is asked for."""

    subscriptions: Sequence[str] = ()
    management_groups: Sequence[str] = ()
    endpoint: str = PUBLIC
    """Where Resource Manager answers; clouds of governments and of China have their own."""

    def __bool__(self) -> bool:
        return bool(self.subscriptions or self.management_groups)


class NotARead(Exception):  # noqa: N818
    """A request that might change something. It was not sent."""


def scan(scope: Scope, prices: PriceBook) -> Inventory:
    """What runs in the scope, and as gaps what could not be read. Raises Refusal when nothing at all could."""
    taken_at = datetime.now(UTC).isoformat(timespec="seconds")
    azure = Azure(subscriptions=scope.subscriptions, management_groups=scope.management_groups, base_url=scope.endpoint)
    return replace(inventory(azure.estate(), prices), taken_at=taken_at)


class Rows(Struct, frozen=True):
    """What a query of Resource Graph answered."""

    rows: Sequence[Mapping[str, Any]]
    gaps: tuple[Gap, ...] = ()
    """Why these are not all, if they are not."""


class Azure:
    """Azure, as one identity sees it: all of it, or some subscriptions or management groups."""

    def __init__(
        self,
        *,
        subscriptions: Sequence[str] = (),
        management_groups: Sequence[str] = (),
        credential: TokenCredential | None = None,
        base_url: str = PUBLIC,
    ) -> None:
        """`credential` is azure-identity's default chain unless one is given. Raises Refusal without the extra."""
        self._subscriptions = tuple(subscriptions)
        self._management_groups = tuple(management_groups)
        self._base_url = base_url
        self._client, self._graph = _clients(credential, base_url)

    def estate(self) -> Estate:
        """Every resource. Raises Refusal when Azure answers nothing at all."""
        tables = {name: self.query(f"{name} | order by id asc") for name in ("resources", "resourcecontainers")}
        if all(table.gaps and not table.rows for table in tables.values()):
            gap = tables["resources"].gaps[0]
            raise Refusal(f"Azure could not be read: {gap.reason}", place=gap.place, code=CANNOT_JUDGE)
        found = [_estate(table, f"Resource Graph, {name}", chosen=True) for name, table in tables.items()]
        found += self._children(found[0])
        return replace(merged(found, "Azure"), source=f"Azure {self._named()}".rstrip())

    def query(self, query: str) -> Rows:
        """The rows of a query, page by page."""
        scopes: list[dict[str, Any]] = [{}]
        if self._management_groups:
            scopes = [{"management_groups": list(self._management_groups)}]
        elif self._subscriptions:
            some = [
                self._subscriptions[n : n + _SUBSCRIPTIONS] for n in range(0, len(self._subscriptions), _SUBSCRIPTIONS)
            ]
            scopes = [{"subscriptions": list(each)} for each in some]
        answers = [self._pages(query, scope) for scope in scopes]
        return Rows(
            [row for answer in answers for row in answer.rows], tuple(gap for answer in answers for gap in answer.gaps)
        )

    def _pages(self, query: str, scope: Mapping[str, Any]) -> Rows:
        from azure.core.exceptions import AzureError
        from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions

        found: list[Mapping[str, Any]] = []
        place = f"Resource Graph, {query.partition(' ')[0]}"
        token: str | None = None
        seen: set[str] = set()
        while True:
            options = QueryRequestOptions(top=_ROWS, skip_token=token, result_format="objectArray")
            try:
                page = self._graph.resources(QueryRequest(query=query, options=options, **scope))
            except AzureError as error:
                return Rows(found, (Gap(place, reason(error)),))
            data = page.data if isinstance(page.data, list) else None
            if data is None or not all(isinstance(row, dict) for row in data):
                return Rows(found, (Gap(place, "the answer holds no rows"),))
            found += data
            token = page.skip_token
            if not token:
                return Rows(found, tuple(_cut_short(place, page, len(found))))
            if token in seen:
                return Rows(found, (Gap(place, "its pages lead in a circle"),))
            seen.add(token)

    def _children(self, resources: Estate) -> Iterator[Estate]:
        """What lies in the resources of some types, an estate a type."""
        for type, (step, version) in CHILDREN.items():
            parents = [resource for resource in resources.resources if resource.type.lower() == type]
            if not parents:
                continue
            with ThreadPoolExecutor(_AT_ONCE) as threads:
                lists = list(threads.map(lambda parent: self._list(parent, step, version), parents))  # noqa: B023
            of_children = [_estate(found, parent.id) for parent, found in zip(parents, lists, strict=True)]
            whole = type in resources.listed and not any(found.gaps for found in lists)
            child = f"{type}/{step}".lower()
            estate = merged(of_children, "")
            yield replace(estate, listed=frozenset({child}) if whole else frozenset())

    def _list(self, parent: ArmResource, step: str, version: str) -> Rows:
        from azure.core.exceptions import AzureError, DecodeError
        from azure.core.rest import HttpRequest

        found: list[Mapping[str, Any]] = []
        place = f"{parent.id}/{step}"
        url = f"{self._base_url}{place}?api-version={version}"
        for _ in range(_PAGES):
            try:
                response = self._client.send_request(HttpRequest("GET", url))
                response.raise_for_status()
                page = response.json()
            except (AzureError, DecodeError, ValueError) as error:
                return Rows(found, (Gap(place, reason(error)),))
            items = page.get("value") if isinstance(page, dict) else None
            if not isinstance(items, list):
                return Rows(found, (Gap(place, "the answer holds no list"),))
            found += (item for item in items if isinstance(item, dict))
            following = page.get("nextLink")
            if not following:
                return Rows(found)
            if urlsplit(following)[:2] != urlsplit(self._base_url)[:2]:
                return Rows(found, (Gap(place, "its next page lies on another host: it was not asked"),))
            url = following
        return Rows(found, (Gap(place, f"it has more than {_PAGES} pages: the rest was not read"),))

    def _named(self) -> str:
        named = [*self._management_groups, *self._subscriptions]
        return ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")


def reason(error: Exception) -> str:
    """What went wrong, in a few words: status and code of an answer, without what it quotes."""
    status = getattr(error, "status_code", None)
    if isinstance(error, ValueError) or (status or 400) < 400:
        return "the answer cannot be read"
    if status is None:
        return f"Azure did not answer: {type(error).__name__}"
    code = getattr(getattr(error, "error", None), "code", None)
    words = f"Azure refused ({status}{f' {code}' if code else ''})"
    if status in (401, 403):
        return f"{words}: the identity needs the role Reader there"
    return words


def _estate(found: Rows, place: str, *, chosen: bool = False) -> Estate:
    whole = rows.estate_of([rows.Page(found.rows, chosen=chosen)], place)
    return replace(whole, gaps=(*whole.gaps, *found.gaps), listed=frozenset() if found.gaps else whole.listed)


def _cut_short(place: str, page: Any, count: int) -> Iterator[Gap]:
    if str(getattr(page.result_truncated, "value", page.result_truncated)).lower() == "true":
        yield Gap(place, "Azure cut the answer short (resultTruncated): name subscriptions to ask for less at a time")
    elif isinstance(page.total_records, int) and page.total_records > count:
        yield Gap(place, f"Azure gave {count:,} of {page.total_records:,} rows")


def _pace(response: PipelineResponse[Any, Any]) -> None:
    """Wait where the quota of queries is used up: the next one would be refused."""
    headers = response.http_response.headers
    if headers.get("x-ms-user-quota-remaining") == "0":
        time.sleep(min(_seconds(headers.get("x-ms-user-quota-resets-after", "")), _LONGEST_WAIT))


def _seconds(clock: str) -> float:
    """`hh:mm:ss` in seconds; 5, which is how long a quota of Resource Graph is for, where that is not told."""
    try:
        hours, minutes, seconds = clock.split(":")
        return timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds)).total_seconds()
    except ValueError:
        return 5.0


def _clients(credential: TokenCredential | None, base_url: str) -> tuple[Any, Any]:
    """(a client of Resource Manager, one of Resource Graph) that share a pipeline which sends reads only."""
    try:
        from azure.core.pipeline import policies
        from azure.identity import DefaultAzureCredential
        from azure.mgmt.core import ARMPipelineClient
        from azure.mgmt.resourcegraph import ResourceGraphClient
    except ImportError:
        raise Refusal("Azure is read with its SDK: pip install 'gpu-governor[azure]'") from None

    class Patience(policies.RetryPolicy):  # type: ignore[type-arg]
        def get_retry_after(self, response: PipelineResponse[Any, Any]) -> float | None:
            asked = super().get_retry_after(response)
            return None if asked is None else min(asked, _LONGEST_WAIT)

    class ReadsOnly(policies.SansIOHTTPPolicy):  # type: ignore[type-arg]
        def on_request(self, request: Any) -> None:
            sent = request.http_request
            if sent.method != "GET" and (sent.method, urlsplit(sent.url).path) != ("POST", GRAPH):
                raise NotARead(f"{sent.method} {urlsplit(sent.url).path}")

    credential = credential or DefaultAzureCredential()
    # The SDK's own pipeline would register providers, follow redirects, and log.
    pipeline = [
        policies.RequestIdPolicy(),
        policies.HeadersPolicy(),
        policies.UserAgentPolicy("governor"),
        policies.ContentDecodePolicy(),
        Patience(retry_total=_TRIES, retry_status=_TRIES, retry_backoff_max=int(_LONGEST_WAIT)),
        policies.CustomHookPolicy(raw_response_hook=_pace),
        policies.BearerTokenCredentialPolicy(credential, f"{base_url}/.default"),
        ReadsOnly(),
    ]
    client: Any = ARMPipelineClient(base_url=base_url, policies=pipeline, connection_timeout=10, read_timeout=_SILENCE)
    graph = ResourceGraphClient(credential, base_url, policies=pipeline, connection_timeout=10, read_timeout=_SILENCE)
    return client, graph
