"""Resources that policies of Azure are evaluated on, from whatever tells of them.

What an input is, its content decides: rows of Resource Graph or lists of Azure's APIs, an ARM template, a Terraform
plan, a folder of Terraform code, or a folder of such files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from governor.azure_model import ArmResource, Estate
from governor.catalog.prices import PriceBook
from governor.errors import CANNOT_JUDGE, Refusal
from governor.jsonfile import too_deep
from governor.model import Gap
from governor.sources import PIPED, Options, left_out, terraform_hcl
from governor.sources.azure.deployment import is_template
from governor.sources.azure.estate import rows, template
from governor.sources.terraform_plan.decode import plain

_WHAT_IT_MAY_BE = (
    "give what `az graph query` or `az resource list` printed, an ARM template, or a plan (`terraform show -json`)"
)


_BEGINNING = 4000
_PLAN = re.compile(rb'\{\s*"format_version"')
"""How a plan begins, whatever a wrapper prints before it."""
_BYTE = re.compile(r"byte (\d+)")


def read(path: Path, piped: bytes = b"") -> Estate:
    """The resources in a file, in standard input (`-`, which holds `piped`), or in a folder.

    Of a folder of Terraform code its root module is read, else every JSON file in it; a file that holds no resources is
    a gap then. Raises Refusal for what cannot be read.
    """
    if path == PIPED:
        return _of_bytes(piped, "standard input")
    try:
        if not path.is_dir():
            return _of_bytes(path.read_bytes(), str(path))
        if terraform_hcl.takes(path, b""):
            return _of_code(path)
        files = sorted(
            file for file in path.rglob("*.json") if not any(map(left_out, file.relative_to(path).parts[:-1]))
        )
        if not files:
            raise Refusal("this folder holds no JSON file and no Terraform code", place=str(path), code=CANNOT_JUDGE)
        estate = merged([_or_gap(file) for file in files], str(path))
        if not estate.resources and not estate.gaps:
            raise _nothing_in(str(path))
        return estate
    except OSError as error:
        raise Refusal(f"cannot be read: {error.strerror}", place=str(path), code=CANNOT_JUDGE) from None


def merged(estates: Iterable[Estate], place: str) -> Estate:
    """Several as one. The first that tells of a resource counts; a type is listed where every list of it is whole."""
    estates = list(estates)
    resources: dict[str, ArmResource] = {}
    for estate in estates:
        for resource in estate.resources:
            known = "(unknown)" not in resource.id
            resources.setdefault(resource.id.lower() if known else f"{len(resources)}", resource)
    listed = {type for estate in estates for type in estate.listed}
    for estate in estates:
        listed -= {type for resource in estate.resources if (type := resource.type.lower()) not in estate.listed}
    return Estate(
        resources=tuple(resources.values()),
        listed=frozenset(listed),
        ancestors={name: chain for estate in estates for name, chain in estate.ancestors.items()},
        gaps=tuple(gap for estate in estates for gap in estate.gaps),
        notes=tuple(note for estate in estates for note in estate.notes),
        secrets=tuple(sorted({secret for estate in estates for secret in estate.secrets}, key=len, reverse=True)),
        source=place,
    )


def _or_gap(file: Path) -> Estate:
    try:
        return _of_bytes(file.read_bytes(), str(file))
    except _OnlyPolicies:
        return Estate(resources=())  # folders of exports hold these beside an inventory
    except Refusal as refusal:
        return Estate(resources=(), gaps=(Gap(refusal.place, refusal.message),))


def _of_code(path: Path) -> Estate:
    from governor.sources.azure.estate import terraform

    inventory, collector = terraform_hcl.collected(path, prices=PriceBook.shipped(), options=Options())
    return terraform.estate_of(collector, inventory, of_code=True)


def _of_bytes(data: bytes, place: str) -> Estate:
    text = plain(data, place)
    try:
        return _told(text, place)
    except RecursionError:
        raise _nested(place) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        found = _BYTE.search(str(error))
        line = text.count(b"\n", 0, int(found[1])) + 1 if found else 0
        where = f"{place}:{line}" if line else place
        raise Refusal(f"this is not JSON ({error}): {_WHAT_IT_MAY_BE}", place=where, code=CANNOT_JUDGE) from None


def _nested(place: str) -> Refusal:
    return Refusal("its JSON is nested too deeply", place=place, code=CANNOT_JUDGE)


def _told(text: bytes, place: str) -> Estate:
    if _PLAN.search(text, 0, _BEGINNING):
        return _of_plan(text, place)
    document = msgspec.json.decode(text)
    if _is_plan(document):
        return _of_plan(text, place)
    if too_deep(document):
        raise _nested(place)
    if is_template(document):
        return template.estate_of(document, place)
    if page := rows.page_of(document):
        if rows.is_policies(page):
            raise _nothing_in(place, _OnlyPolicies)
        return rows.estate_of([page], place)
    raise _nothing_in(place)


class _OnlyPolicies(Refusal):
    """A file holds objects of Azure Policy, and no resources."""


def _nothing_in(place: str, kind: type[Refusal] = Refusal) -> Refusal:
    return kind(f"no resources of Azure are in it: {_WHAT_IT_MAY_BE}", place=place, code=CANNOT_JUDGE)


def _of_plan(text: bytes, place: str) -> Estate:
    from governor.sources.azure.estate import terraform

    return terraform.from_plan(text, place=place)


def _is_plan(document: Any) -> bool:
    return isinstance(document, dict) and not document.keys().isdisjoint(
        ("resource_changes", "planned_values", "terraform_version", "lineage")
    )
