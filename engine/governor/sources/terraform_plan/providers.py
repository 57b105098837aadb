"""What a provider configuration gives to its resources: a region and default tags, as far as the plan tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from governor.catalog import regions
from governor.sources.terraform_plan.configuration import Blocks, constant, references
from governor.sources.terraform_plan.decode import Plan, ProviderConfig, StateModule, StateResource
from governor.sources.terraform_plan.reading import block, mapping, text


class Providers:
    """Provider configurations of one plan, by `provider_config_key`."""

    def __init__(self, plan: Plan, blocks: Blocks) -> None:
        self._plan = plan
        self._configs = plan.configuration.provider_config if plan.configuration else {}
        self._seen_regions: dict[str, set[str]] = {}
        self._seen_default_tags: dict[str, dict[str, str]] = {}
        self._regions: dict[str, tuple[str | None, str]] = {}
        if plan.prior_state and plan.prior_state.values:
            for module, resource in _state(plan.prior_state.values.root_module):
                self._learn(resource, module, blocks)

    def _learn(self, resource: StateResource, module: str, blocks: Blocks) -> None:
        """Data sources that were read while planning say what their provider is set to."""
        if resource.mode != "data" or resource.type not in ("aws_region", "aws_default_tags"):
            return
        found = blocks.find(module, resource.type, resource.address.rsplit(".", 1)[-1].partition("[")[0], "data")
        if found is None:
            return
        values = mapping(msgspec.json.decode(resource.values))
        if resource.type == "aws_region" and (region := text(values.get("name")) or text(values.get("region"))):
            if "region" not in found.expressions and "name" not in found.expressions:
                self.saw_region(found.provider_key, region)
        elif resource.type == "aws_default_tags":
            self._seen_default_tags[found.provider_key] = {
                str(key): str(value) for key, value in mapping(values.get("tags")).items()
            }

    def saw_region(self, key: str, region: str) -> None:
        """A resource of this provider is known to lie in a region: evidence for its siblings."""
        self._seen_regions.setdefault(key, set()).add(region)

    def saw_default_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """A resource without tags of its own shows exactly the default tags of its provider."""
        self._seen_default_tags.setdefault(key, dict(tags))

    def region(self, key: str) -> tuple[str | None, str]:
        """(region, "") or (None, why it is not known). Ask when all evidence is in."""
        if key not in self._regions:
            self._regions[key] = self._find_region(key)
        return self._regions[key]

    def _find_region(self, key: str) -> tuple[str | None, str]:
        config = self._config(key)
        if config is None:
            return None, "the plan does not tell which provider configuration its module uses"
        expression = config.expressions.get("region")
        if written := text(constant(expression)):
            return written, ""
        seen = self._seen_regions.get(key, set())
        if len(seen) == 1:
            return next(iter(seen)), ""
        names = references(expression)
        for name in names:
            head, _, rest = name.partition(".")
            variable = self._plan.variables.get(rest) if head == "var" else None
            value = text(variable.value) if variable else None
            # An expression over a variable looks like the variable itself; only a region can be one.
            if value and regions.find("gcp" if config.name.startswith("google") else "aws", value):
                return value, ""
        if names:
            return None, f"the region of provider {key} comes from {names[0]}, which the plan does not hold"
        if config.name.startswith("google"):
            return None, f"provider {key} sets no region: it comes from the environment"
        return None, f"provider {key} sets no region: it comes from AWS_REGION or a profile"

    def default_tags(self, key: str) -> tuple[dict[str, str] | None, str]:
        """(tags, "") or (None, why they are not known)."""
        config = self._config(key)
        if config is None:
            return None, "the plan does not tell which provider configuration its module uses"
        written = config.expressions.get("default_tags")
        if not written:
            return {}, ""
        expression = block(written).get("tags")
        if isinstance(found := constant(expression), dict):
            return {name: str(value) for name, value in found.items()}, ""
        if key in self._seen_default_tags:
            return self._seen_default_tags[key], ""
        names = references(expression)
        origin = f"come from {names[0]}, which the plan does not hold" if names else "are not in the plan"
        return None, f"the default_tags of provider {key} {origin}"

    def _config(self, key: str) -> ProviderConfig | None:
        """The configuration of a key. Terraform before 1.1 writes `module:aws` for one that is handed down."""
        if key in self._configs:
            return self._configs[key]
        name = key.rpartition(":")[2].partition(".")[0]
        same = [config for config in self._configs.values() if config.name == name]
        return same[0] if len(same) == 1 else None


def _state(module: StateModule) -> Iterator[tuple[str, StateResource]]:
    for resource in module.resources:
        prefix, _, _ = resource.address.rpartition("data.")
        yield prefix.rstrip("."), resource
    for child in module.child_modules:
        yield from _state(child)
