"""What a provider configuration gives to its resources: a region and default tags, as far as the plan tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

import msgspec

from governor.catalog import regions
from governor.sources.terraform_plan.configuration import Blocks, constant, references
from governor.sources.terraform_plan.decode import Plan, ProviderConfig, StateModule, StateResource
from governor.sources.terraform_plan.reading import as_text, block, mapping, text

_Value = TypeVar("_Value")


class Found(NamedTuple, Generic[_Value]):
    """What a provider configuration gives."""

    value: _Value | None
    why: str
    """Why it is not known; empty when it is."""
    written: tuple[str, ...] = ()
    """Where in the plan it is written: `configuration`, `provider_config`, …"""
    witnesses: tuple[str, ...] = ()
    """Addresses of the resources that show it."""
    literal: bool = False
    """Whether it is written out, so that no witness was needed."""


class Providers:
    """Provider configurations of one plan, by `provider_config_key`."""

    def __init__(self, plan: Plan, blocks: Blocks) -> None:
        self._blocks = blocks
        self._configured = plan.configuration is not None
        self._configs = plan.configuration.provider_config if plan.configuration else {}
        self._seen_regions: dict[str, dict[str, list[str]]] = {}
        self._seen_default_tags: dict[str, list[tuple[dict[str, str], list[str]]]] = {}
        self._regions: dict[str, Found[str]] = {}
        if plan.prior_state and plan.prior_state.values:
            for resource in _state(plan.prior_state.values.root_module):
                self._learn(resource)

    def _learn(self, resource: StateResource) -> None:
        """Data sources that were read while planning say what their provider is set to."""
        if resource.mode != "data" or resource.type not in _TELLING:
            return
        found = self._blocks.at(resource.address)
        if found is None or "region" in found.expressions or "name" in found.expressions:
            return
        values = mapping(msgspec.json.decode(resource.values))
        if resource.type == "aws_default_tags":
            tags = {k: as_text(v) for k, v in mapping(values.get("tags")).items()}
            self.saw_default_tags(found.provider_key, tags, resource.address)
        elif region := text(values.get("region")) or text(values.get("name")):
            self.saw_region(found.provider_key, region, resource.address)

    def saw_region(self, key: str, region: str, witness: str) -> None:
        """A resource of this provider is known to lie in a region: evidence for its siblings."""
        self._seen_regions.setdefault(key, {}).setdefault(region, []).append(witness)

    def saw_default_tags(self, key: str, tags: dict[str, str], witness: str) -> None:
        """A resource without tags of its own shows exactly the default tags of its provider."""
        seen = self._seen_default_tags.setdefault(key, [])
        for known, witnesses in seen:
            if known == tags:
                witnesses.append(witness)
                return
        seen.append((tags, [witness]))

    def region(self, key: str) -> tuple[str | None, str]:
        """(region, "") or (None, why it is not known). Ask when all evidence is in."""
        return self.find_region(key)[:2]

    def find_region(self, key: str) -> Found[str]:
        """The region, and where it stands."""
        if key not in self._regions:
            self._regions[key] = self._find_region(key)
        return self._regions[key]

    def _find_region(self, key: str) -> Found[str]:
        config = self._config(key)
        if config is None:
            return Found(None, _WHICH)
        cloud = "gcp" if config.name.startswith("google") else "aws"
        expression = config.expressions.get("region")
        own = _written(key, "region") if expression else ()
        seen = self._seen_regions.get(key, {})
        region, witnesses = next(iter(seen.items())) if len(seen) == 1 else ("", [])
        if written := text(constant(expression)):
            return Found(written, "", own, tuple(witnesses), literal=True)
        if region:
            return Found(region, "", own, tuple(witnesses))
        if expression is None and cloud == "gcp":
            zone = text(constant(config.expressions.get("zone")))
            if zone and (region_of_zone := regions.region_of_zone(cloud, zone)):
                return Found(region_of_zone, "", _written(key, "zone"))
        value = text(self._blocks.value(config.module_address, expression))
        if value and regions.find(cloud, value):
            return Found(value, "", own)
        if names := references(expression):
            return Found(None, f"the region of provider {key} comes from {names[0]}, which the plan does not tell", own)
        from_where = "the environment" if cloud == "gcp" else "AWS_REGION or a profile"
        return Found(None, f"provider {key} sets no region: it comes from {from_where}")

    def default_tags(self, key: str) -> tuple[dict[str, str] | None, str]:
        """(tags, "") or (None, why they are not known)."""
        return self.find_defaults(key, "default_tags")[:2]

    def default_labels(self, key: str) -> tuple[dict[str, str] | None, str]:
        """The same of the Google provider."""
        return self.find_defaults(key, "default_labels")[:2]

    def find_defaults(self, key: str, name: str) -> Found[dict[str, str]]:
        """What `default_tags` or `default_labels` of a provider hold, and where it stands."""
        config = self._config(key)
        written = config.expressions.get(name) if config else None
        own = _written(key, name) if written else ()
        seen = self._seen_default_tags.get(key, [])
        if len(seen) == 1:
            ((tags, witnesses),) = seen
            return Found(tags, "", own, tuple(witnesses))
        if config is None:
            return Found(None, _WHICH)
        if not written:
            return Found({}, "")
        expression = block(written).get("tags") if name == "default_tags" else written
        if isinstance(found := constant(expression), dict):
            return Found({tag: as_text(value) for tag, value in found.items()}, "", own)
        names = references(expression)
        origin = f"come from {names[0]}, which the plan does not tell" if names else "are not in the plan"
        return Found(None, f"the {name} of provider {key} {origin}", own)

    def argument(self, key: str, name: str) -> str | None:
        """The text of an argument of a provider block, where it is written or that of a variable."""
        config = self._config(key)
        expression = config.expressions.get(name) if config else None
        return text(self._blocks.value(config.module_address, expression)) if config and expression else None

    def _config(self, key: str) -> ProviderConfig | None:
        """The configuration of a key; an empty one when nobody configures that provider."""
        if key in self._configs:
            return self._configs[key]
        if self._configured and key and ":" not in key and "." not in key:
            return ProviderConfig(key)
        return None


_WHICH = "the plan does not tell which provider configuration it uses"
_TELLING = ("aws_region", "aws_default_tags", "google_client_config")


def _written(key: str, name: str) -> tuple[str, ...]:
    return "configuration", "provider_config", key, "expressions", name


def _state(module: StateModule) -> Iterator[StateResource]:
    yield from module.resources
    for child in module.child_modules:
        yield from _state(child)
