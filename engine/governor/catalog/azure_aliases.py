"""Aliases of Azure Policy: the names that policies have for properties of resources, and where those lie.

An alias means something for one resource type only: `Microsoft.Compute/imagePublisher` lies elsewhere in a scale set
than in a virtual machine. What a person dumps with `az provider list --expand resourceTypes/aliases` lies on top of the
table that governor ships.
"""

from __future__ import annotations

import gzip
import json
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from governor.catalog import tables
from governor.errors import Refusal


class Alias(Struct, frozen=True, gc=False):
    """Where one property lies."""

    name: str
    path: str
    """`properties.hardwareProfile.vmSize`; `[*]` stands for each element of an array."""
    versions: Mapping[str, str] = {}
    """Version of the API → path, where it is another."""
    modifiable: bool | None = None
    """Whether `modify` may change it; None where the table does not tell."""


class ResourceType(Struct, frozen=True):
    """What policies can know of one resource type."""

    name: str
    """`Microsoft.Compute/virtualMachines`."""
    tracked: bool | None
    """Whether it has tags and a location, as policies of mode Indexed ask; None where the table does not tell."""
    aliases: Mapping[str, Alias]
    """Lower-case name → alias."""


class Aliases:
    """A table of aliases by resource type, both without case."""

    def __init__(self, types: Mapping[str, ResourceType]) -> None:
        self._types = types

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(name for kind in self for name in kind.aliases)

    def type(self, name: str) -> ResourceType | None:
        """A resource type; None when the table has none of that name."""
        return self._types.get(name.lower())

    def find(self, resource_type: str, alias: str) -> Alias | None:
        """An alias of a type; None when the table has none of that name for it.

        Tables list what is named after a child type under its parent, too, and an array sometimes by its elements only.
        """
        own, alias = resource_type.lower(), alias.lower()
        kind = self._types.get(own)
        if kind is None and alias.startswith(f"{own}/"):
            kind = self._types.get(own.rpartition("/")[0])
        if kind is None:
            return None
        found = kind.aliases.get(alias)
        if found is None and (elements := kind.aliases.get(f"{alias}[*]")):
            versions = {version: path.removesuffix("[*]") for version, path in elements.versions.items()}
            return Alias(alias, elements.path.removesuffix("[*]"), versions, elements.modifiable)
        return found

    def knows(self, alias: str) -> bool:
        """Whether any type has such an alias."""
        return alias.lower() in self._names

    def under(self, other: Aliases) -> Aliases:
        """This table, with the types of another over it: a type of the other replaces the one of that name."""
        return Aliases(ChainMap(other._types, self._types))  # type: ignore[arg-type]  # nothing is written to it

    def __iter__(self) -> Iterator[ResourceType]:
        return iter(self._types.values())


@cache
def shipped() -> Aliases:
    """The table that comes with governor: a type is made when it is asked for. See docs/catalogue.md."""
    text = gzip.decompress((tables.DATA / "azure_aliases.txt.gz").read_bytes()).decode()
    return Aliases(_Written(text))


def load(path: Path) -> Aliases:
    """What `az provider list --expand resourceTypes/aliases` printed into a file, over the shipped table.

    Raises Refusal for a file that is not such a list.
    """
    try:
        written = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise Refusal(f"cannot be read: {error.strerror}", place=str(path)) from None
    except json.JSONDecodeError as error:
        raise Refusal(f"this is not JSON: {error.msg}; {_DUMP}", place=f"{path}:{error.lineno}") from None
    except (UnicodeDecodeError, RecursionError):
        raise Refusal(f"this is not JSON; {_DUMP}", place=str(path)) from None
    if isinstance(written, dict):
        written = written.get("value", [written])
    try:
        msgspec.convert(written, list[_Namespace])
    except msgspec.ValidationError as error:
        raise Refusal(f"this is no list of resource providers: {error}; {_DUMP}", place=str(path)) from None
    return shipped().under(from_providers(written))


_DUMP = "write it with `az provider list --expand resourceTypes/aliases`"


class _PathOfVersions(Struct, rename="camel"):
    path: str | None = None
    api_versions: list[str] | None = None


class _AliasOfProvider(Struct, rename="camel"):
    name: str
    default_path: str | None = None
    paths: list[_PathOfVersions] | None = None
    default_metadata: dict[str, Any] | None = None


class _TypeOfProvider(Struct, rename="camel"):
    resource_type: str
    aliases: list[_AliasOfProvider] | None = None
    capabilities: str | None = None


class _Namespace(Struct, rename="camel"):
    namespace: str
    resource_types: list[_TypeOfProvider] | None = None


class _Written(Mapping[str, ResourceType]):
    """The types of the shipped file, each made of its lines when it is asked for."""

    def __init__(self, text: str) -> None:
        sections = text[text.index("\nMicrosoft.") :].replace("\n ", "\0").splitlines()[1:]
        self._sections = {section[: section.find("\0")].split(" ")[0].lower(): section for section in sections}
        self._made: dict[str, ResourceType] = {}

    def __getitem__(self, name: str) -> ResourceType:
        if name not in self._made:
            self._made[name] = _type(self._sections[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sections)

    def __len__(self) -> int:
        return len(self._sections)


def _type(section: str) -> ResourceType:
    header, *lines = section.split("\0")
    name, _, mark = header.partition(" ")
    namespace = name.partition("/")[0]
    aliases = {}
    for line in lines:
        rest, sign, path = line.partition("=")
        if not sign:
            rest, path = line.replace("!", ""), f"properties.{line.replace('!', '.properties')}"
        full = f"{namespace}{rest}" if rest.startswith("/") else f"{name}/{rest}"
        aliases[full.lower()] = Alias(full, path or rest)
    return ResourceType(name, {"+": True, "-": False}.get(mark), aliases)


def from_providers(namespaces: Sequence[Mapping[str, Any]]) -> Aliases:
    """The table in what `az provider list --expand resourceTypes/aliases` prints.

    A type that stands there twice has the aliases of both.
    """
    types: dict[str, ResourceType] = {}
    for namespace in namespaces:
        for written in namespace.get("resourceTypes") or ():
            name = f"{namespace['namespace']}/{written['resourceType']}"
            known = types.get(name.lower())
            aliases = dict(known.aliases) if known else {}
            aliases.update((alias["name"].lower(), _alias(alias)) for alias in written.get("aliases") or ())
            types[name.lower()] = ResourceType(name, _tracked(written.get("capabilities")), aliases)
    return Aliases(types)


def _alias(written: Mapping[str, Any]) -> Alias:
    paths = [path for path in written.get("paths") or () if path.get("path")]
    default = written.get("defaultPath") or (paths[-1]["path"] if paths else "")
    versions = {
        version: path["path"] for path in paths if path["path"] != default for version in path.get("apiVersions") or ()
    }
    metadata = written.get("defaultMetadata") or {}
    modifiable = None if "attributes" not in metadata else "modifiable" in str(metadata["attributes"]).lower()
    return Alias(written["name"], default, versions, modifiable)


def _tracked(capabilities: str | None) -> bool | None:
    if capabilities is None:
        return None
    return "SupportsTags" in capabilities and "SupportsLocation" in capabilities
