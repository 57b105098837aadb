"""What a provider configuration gives to its resources: a region and default tags, as far as the plan tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from governor.catalog import regions
from governor.sources.terraform_plan.configuration import Blocks, constant, references
from governor.sources.terraform_plan.decode import Plan, ProviderConfig, StateModule, StateResource
from governor.sources.terraform_plan.reading import as_text, block, mapping, text


class Providers:
    """Provider configurations of one plan, by `provider_config_key`."""

    def __init__(self, plan: Plan, blocks: Blocks) -> None:
        self._blocks = blocks
        self._configured = plan.configuration is not None
        self._configs = plan.configuration.provider_config if plan.configuration else {}
        self._seen_regions: dict[str, set[str]] = {}
        self._seen_default_tags: dict[str, list[dict[str, str]]] = {}
        self._regions: dict[str, tuple[str | None, str]] = {}
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
            self.saw_default_tags(found.provider_key, {k: as_text(v) for k, v in mapping(values.get("tags")).items()})
        elif region := text(values.get("region")) or text(values.get("name")):
            self.saw_region(found.provider_key, region)

    def saw_region(self, key: str, region: str) -> None:
        """A resource of this provider is known to lie in a region: evidence for its siblings."""
        self._seen_regions.setdefault(key, set()).add(region)

    def saw_default_tags(self, key: str, tags: dict[str, str]) -> None:
        """A resource without tags of its own shows exactly the default tags of its provider."""
        seen = self._seen_default_tags.setdefault(key, [])
        if tags not in seen:
            seen.append(tags)

    def region(self, key: str) -> tuple[str | None, str]:
        """(region, "") or (None, why it is not known). Ask when all evidence is in."""
        if key not in self._regions:
            self._regions[key] = self._find_region(key)
        return self._regions[key]

    def _find_region(self, key: str) -> tuple[str | None, str]:
        config = self._config(key)
        if config is None:
            return None, _WHICH
        cloud = "gcp" if config.name.startswith("google") else "aws"
        expression = config.expressions.get("region")
        if written := text(constant(expression)):
            return written, ""
        seen = self._seen_regions.get(key, set())
        if len(seen) == 1:
            return next(iter(seen)), ""
        if expression is None and cloud == "gcp":
            zone = text(constant(config.expressions.get("zone")))
            if zone and (region := regions.region_of_zone(cloud, zone)):
                return region, ""
        value = text(self._blocks.value(config.module_address, expression))
        if value and regions.find(cloud, value):
            return value, ""
        if names := references(expression):
            return None, f"the region of provider {key} comes from {names[0]}, which the plan does not tell"
        from_where = "the environment" if cloud == "gcp" else "AWS_REGION or a profile"
        return None, f"provider {key} sets no region: it comes from {from_where}"

    def default_tags(self, key: str) -> tuple[dict[str, str] | None, str]:
        """(tags, "") or (None, why they are not known)."""
        return self._defaults(key, "default_tags", lambda written: block(written).get("tags"))

    def default_labels(self, key: str) -> tuple[dict[str, str] | None, str]:
        """The same of the Google provider."""
        return self._defaults(key, "default_labels", lambda written: written)

    def _defaults(self, key: str, name: str, inner: Callable[[Any], Any]) -> tuple[dict[str, str] | None, str]:
        seen = self._seen_default_tags.get(key, [])
        if len(seen) == 1:
            return seen[0], ""
        config = self._config(key)
        if config is None:
            return None, _WHICH
        written = config.expressions.get(name)
        if not written:
            return {}, ""
        expression = inner(written)
        if isinstance(found := constant(expression), dict):
            return {tag: as_text(value) for tag, value in found.items()}, ""
        names = references(expression)
        origin = f"come from {names[0]}, which the plan does not tell" if names else "are not in the plan"
        return None, f"the {name} of provider {key} {origin}"

    def _config(self, key: str) -> ProviderConfig | None:
        """The configuration of a key; an empty one when nobody configures that provider."""
        if key in self._configs:
            return self._configs[key]
        if self._configured and key and ":" not in key and "." not in key:
            return ProviderConfig(key)
        return None


_WHICH = "the plan does not tell which provider configuration it uses"
_TELLING = ("aws_region", "aws_default_tags", "google_client_config")


def _state(module: StateModule) -> Iterator[StateResource]:
    yield from module.resources
    for child in module.child_modules:
        yield from _state(child)
