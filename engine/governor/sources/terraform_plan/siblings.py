"""The other resources of a plan: which one a reference or a name means, and what it will be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from governor.catalog.prices import PriceBook
from governor.sources.terraform_plan.configuration import Block, Blocks, without_indexes
from governor.sources.terraform_plan.decode import ResourceChange
from governor.sources.terraform_plan.places import own_region
from governor.sources.terraform_plan.providers import Providers
from governor.sources.terraform_plan.reading import at, text
from governor.sources.terraform_plan.withhold import Withholder

GONE = (["delete"], ["forget"])

_STEP = re.compile(r'module\.[^.\[]+(?:\[(?:"(?:[^"\\]|\\.)*"|-?\d+)\])?')
_Path = tuple[str, ...]


class Target(Struct):
    """A resource that another one refers to: what it will be, or what it was when the past is asked about."""

    resource: ResourceChange
    after: Mapping[str, Any]
    unknown_after: Any
    marks: Any
    block: Block | None


class PlanFacts:
    """What a reader may ask of the whole plan."""

    def __init__(
        self,
        blocks: Blocks,
        providers: Providers,
        prices: PriceBook,
        changes: list[ResourceChange],
        withholder: Withholder,
    ) -> None:
        self.blocks = blocks
        self.providers = providers
        self.prices = prices
        self.own_regions: dict[str, str] = {}
        """Address → region that the resource itself tells."""
        self._changes = changes
        self._withholder = withholder
        self._by_block: dict[str, dict[_Path, list[ResourceChange]]] | None = None
        self._by_type: dict[str, list[ResourceChange]] | None = None
        self._by_name: dict[tuple[str, str, bool], dict[str, dict[str, list[ResourceChange]]]] = {}
        self._targets: dict[tuple[int, bool], Target] = {}

    def targets(self, asker: ResourceChange, block: Block, expression: Any, before: bool = False) -> list[Target]:
        """Where an expression leads. Among instances of one block, those nearest to the asker win, then its own index.

        Several are left when the plan does not tell which of them is meant.
        """
        found: list[Target] = []
        for address, indexes in self.blocks.follow(block, expression).items():
            near = [c for c in self._nearest(address, asker.module_address) if before or c.change.actions not in GONE]
            if named := [c for c in near if any(c.address.endswith(index) for index in indexes)]:
                near = named
            elif same := [c for c in near if c.index is not None and c.index == asker.index]:
                near = same
            found.extend(t for change in near if (t := self._target(change, before)))
        return found

    def named(self, asker: ResourceChange, type: str, path: str, name: str, before: bool = False) -> list[Target]:
        """Resources of a type that carry a name at a path; those of the asker's own module, if there are any."""
        if (type, path, before) not in self._by_name:
            index = self._by_name[type, path, before] = {}
            for change in self._of_type(type):
                if not before and change.change.actions in GONE:
                    continue
                target = self._target(change, before)
                if target and (found := text(at(target.after, path))):
                    index.setdefault(found, {}).setdefault(change.module_address, []).append(change)
        modules = self._by_name[type, path, before].get(name, {})
        near = modules.get(asker.module_address) or [change for module in modules.values() for change in module]
        return [t for change in near if (t := self._target(change, before))]

    def referring(self, type: str, path: str, to: ResourceChange) -> list[Target]:
        """Resources of a type that lead to this one at a path."""
        found = []
        for change in self._of_type(type):
            target = self._target(change, False)
            if target and target.block and change.change.actions not in GONE:
                leads = self.targets(change, target.block, at(target.block.expressions, path))
                found.extend([target] if any(lead.resource is to for lead in leads) else [])
        return found

    def region_of(self, change: ResourceChange) -> str | None:
        """The region of another resource of the plan. Ask when every resource's own evidence is in."""
        if change.address in self.own_regions:
            return self.own_regions[change.address]
        target = self._target(change, False)
        if target and (region := own_region(change.type, target.after)):
            return region
        block = self.blocks.find(change.module_address, change.type, change.name)
        return self.providers.region(block.provider_key)[0] if block else None

    def _of_type(self, type: str) -> list[ResourceChange]:
        if self._by_type is None:
            self._by_type = {}
            for change in self._changes:
                if change.mode == "managed" and not change.deposed:
                    self._by_type.setdefault(change.type, []).append(change)
        return self._by_type.get(type, [])

    def _target(self, change: ResourceChange, before: bool) -> Target | None:
        key = (id(change), before)
        if key not in self._targets:
            raw = change.change
            values, marks = self._withholder.before(raw) if before else self._withholder.after(raw)
            if before and not values:
                return None
            unknown = None if before else msgspec.json.decode(raw.after_unknown)
            block = self.blocks.find(change.module_address, change.type, change.name)
            self._targets[key] = Target(change, values, unknown, marks, block)
        return self._targets[key]

    def _nearest(self, address: str, module_address: str) -> list[ResourceChange]:
        """The instances of a block (its address has no indexes) that share most module instances with the asker."""
        if self._by_block is None:
            self._by_block = {}
            for change in self._changes:
                if change.mode == "managed" and not change.deposed:
                    by_path = self._by_block.setdefault(without_indexes(change.address), {})
                    path = _path(change.module_address)
                    for depth in range(len(path) + 1):
                        by_path.setdefault(path[:depth], []).append(change)
        by_path = self._by_block.get(address, {})
        path = _path(module_address)
        return next((by_path[path[:n]] for n in range(len(path), -1, -1) if path[:n] in by_path), [])


@cache
def _path(module_address: str) -> _Path:
    """The module instances of an address, outermost first."""
    return tuple(_STEP.findall(module_address)) if module_address else ()
