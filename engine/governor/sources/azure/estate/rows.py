"""Resources as Azure lists them: rows of Resource Graph, `az resource list`, pages of ARM's REST API.

Resource Graph writes what is absent as `""`, `{}` or null. A column that no row has was left out by whoever asked, so
that nothing is known of it: `az resource list` tells no properties.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from governor.azure_model import ArmResource, Estate, Unknown
from governor.catalog.tables import fold
from governor.model import Gap

SUBSCRIPTION = "Microsoft.Resources/subscriptions"
GROUP = "Microsoft.Resources/subscriptions/resourceGroups"

_KEPT = (
    "name", "type", "location", "tags", "kind", "sku", "identity", "zones", "plan", "managedBy", "extendedLocation",
    "properties",
)  # fmt: skip
_ASKED_FOR = ("tags", "location", "kind", "sku", "identity")
_ANCESTORS = "managementGroupAncestorsChain"
_ID = re.compile(r"/subscriptions/[^/]+(?:/resourceGroups/(?P<group>[^/]+))?", re.IGNORECASE)
_NO_RESOURCES = ("microsoft.management/managementgroups", "microsoft.authorization/policy", "microsoft.policyinsights/")
"""What the sources of policies read."""


class Page(Struct):
    """Rows, and whether there are more."""

    rows: Sequence[Any]
    more: str = ""
    """Why these are not all."""
    chosen: bool = False
    """Whether a query chose the columns: one that no row has was not asked for. REST leaves out what is absent."""


def page_of(document: Any) -> Page | None:
    """The rows in what a command or an API answered; None when it holds none."""
    if isinstance(document, list):
        return Page(document, chosen=True) if all(_is_row(row) for row in document) else None
    if not isinstance(document, dict):
        return None
    if _is_row(document):
        return Page([document])
    for name in ("data", "value"):
        rows = _table(document.get(name))
        if isinstance(rows, list) and all(map(_is_row, rows)):
            return Page(rows, _more(document, len(rows)), chosen=name == "data")
    return None


def is_policies(page: Page) -> bool:
    """Whether all that a page holds are objects of Azure Policy."""
    return bool(page.rows) and all(type_of(row).lower().startswith(_NO_RESOURCES) for row in page.rows)


def _is_row(row: Any) -> bool:
    if not isinstance(row, dict):
        return False
    id = row.get("id")
    return isinstance(id, str) and id.startswith("/")


def _table(data: Any) -> Any:
    """Resource Graph's other format: columns, and rows of values."""
    if isinstance(data, dict) and isinstance(columns := data.get("columns"), list):
        names = [column.get("name") if isinstance(column, dict) else None for column in columns]
        return [dict(zip(names, row, strict=False)) for row in data.get("rows") or () if isinstance(row, list)]
    return data


def _more(document: Mapping[str, Any], count: int) -> str:
    total = document.get("totalRecords", document.get("total_records"))
    if isinstance(total, int) and total > count:
        return f"it holds {count:,} of {total:,} resources: ask for the rest (`--first 1000`, `--skip-token`)"
    if str(document.get("resultTruncated", document.get("result_truncated", ""))).lower() == "true":
        return "Azure cut the answer short (resultTruncated): ask for less at a time"
    if any(document.get(name) for name in ("$skipToken", "skipToken", "skip_token", "nextLink")):
        return "it is one page of several: more follow its skip token"
    return ""


def estate_of(pages: Iterable[Page], place: str) -> Estate:
    """The resources in pages of one file. What a page lacks makes no type complete: see `Estate.listed`."""
    resources: dict[str, ArmResource] = {}
    ancestors: dict[str, tuple[str, ...]] = {}
    gaps: list[Gap] = []
    whole = True
    for page in pages:
        left_out = _left_out(page.rows) if page.chosen else {}
        if page.more:
            gaps.append(Gap(place, page.more))
            whole = False
        for row in page.rows:
            if (type := type_of(row).lower()).startswith(_NO_RESOURCES):
                continue
            if not type:
                gaps.append(Gap(place, f"a row tells no type, so that it was not taken in: {row['id']}"))
                continue
            resource = _resource(row, left_out)
            resources.setdefault(resource.id.lower(), resource)
            if chain := _chain(row):
                ancestors[resource.id.lower()] = chain
    for resource in list(resources.values()):
        for child in children(resource):
            resources.setdefault(child.id.lower(), child)
    listed = {resource.type.lower() for resource in resources.values()} if whole else set()
    listed |= {f"{type}/{step}".lower() for type, (_, step) in _NESTED.items() if type in listed}
    return Estate(
        resources=tuple(resources.values()),
        listed=frozenset(listed),
        ancestors=ancestors,
        gaps=tuple(gaps),
        source=f"resources of Azure {place}",
    )


def _left_out(rows: Sequence[Mapping[str, Any]]) -> dict[str, Unknown]:
    """Columns that a query did not ask for."""
    written = set().union(*rows)
    return {name: Unknown(f"the export has no column {name}") for name in _ASKED_FOR if name not in written}


def _resource(row: Mapping[str, Any], left_out: Mapping[str, Unknown]) -> ArmResource:
    id = row["id"]
    type = type_of(row)
    body: dict[str, Any] = {**left_out}
    body |= {name: row[name] for name in _KEPT if row.get(name) not in (None, "", {}, [])}
    body["type"] = type
    body.setdefault("name", id.rpartition("/")[2])
    if "properties" not in body:
        told = isinstance(row.get("properties"), dict)
        body["properties"] = {} if told else Unknown("the export does not tell its properties")
    if isinstance(location := body.get("location"), str):
        body["location"] = fold(location)
    return ArmResource(id=id, type=type, body=body, api_version=str(row.get("apiVersion") or ""))


def type_of(row: Mapping[str, Any]) -> str:
    """The type of a resource as it says, or as its id does."""
    id: str = row["id"]
    type = row.get("type")
    if match := _ID.fullmatch(id.rstrip("/")):
        return GROUP if match["group"] else SUBSCRIPTION
    if isinstance(type, str) and type:
        return type
    _, within, path = id.rpartition("/providers/")
    provider, *steps = path.split("/")
    return "/".join([provider, *steps[::2]]) if within else ""


def _chain(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the management groups above a subscription, nearest first."""
    properties = row.get("properties")
    chain = properties.get(_ANCESTORS) if isinstance(properties, dict) else None
    return tuple(str(group["name"]).lower() for group in chain or () if isinstance(group, dict) and group.get("name"))


_NESTED = {
    "microsoft.containerservice/managedclusters": ("agentPoolProfiles", "agentPools"),
    "microsoft.network/networksecuritygroups": ("securityRules", "securityRules"),
    "microsoft.network/virtualnetworks": ("subnets", "subnets"),
}
"""Type → where its children stand in its properties, and the last step of their type."""


def children(resource: ArmResource) -> Iterator[ArmResource]:
    """The children that Azure tells of within a resource, as resources: Resource Graph does not list them."""
    name, step = _NESTED.get(resource.type.lower(), ("", ""))
    properties = resource.body.get("properties")
    written = properties.get(name) if name and isinstance(properties, dict) else None
    for child in written if isinstance(written, list) else ():
        if isinstance(child, dict) and isinstance(child.get("name"), str):
            own = child.get("properties")
            inner = own if isinstance(own, dict) else {key: value for key, value in child.items() if key != "name"}
            type = f"{resource.type}/{step}"
            yield ArmResource(
                id=child["id"] if isinstance(child.get("id"), str) else f"{resource.id}/{step}/{child['name']}",
                type=type,
                body={"type": type, "name": child["name"], "properties": inner},
            )
