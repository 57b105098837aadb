"""Aliases of Azure Policy: the names that policies have for properties of resources, and where those lie.

An alias means something for one resource type only: `Microsoft.Compute/imagePublisher` lies elsewhere in a scale set
than in a virtual machine. What a person dumps with `az provider list --expand resourceTypes/aliases` lies on top of the
table that governor ships.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct


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
        self._names = frozenset(name for kind in types.values() for name in kind.aliases)

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
        return Aliases({**self._types, **other._types})

    def __iter__(self) -> Iterator[ResourceType]:
        return iter(self._types.values())


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
