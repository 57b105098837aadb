"""Amazon's groups of instances: autoscaling groups and fleets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governor.sources.terraform_plan.aws_templates import deliver, from_templates, templates, through_template
from governor.sources.terraform_plan.draft import AFTER_APPLY, NOT_TOLD, NOT_YET, Draft
from governor.sources.terraform_plan.reading import as_text, block, blocks, items, mapping, number, text
from governor.sources.terraform_plan.siblings import Target
from governor.sources.terraform_plan.withhold import SENSITIVE, WITHHELD

_Override = tuple[str, Mapping[str, Any]]
"""The path of a block, and the block."""


def autoscaling_group(draft: Draft) -> None:
    """Tags in `tag` blocks, each of which may or may not reach the instances; the type through the launch template."""
    group_tags(draft)
    desired = draft.counts("desired_capacity", draft.counts("min_size", 1))
    most = draft.counts("max_size", desired)
    if (unit := text(draft.get("desired_capacity_type"))) and unit != "units":
        _in_units(draft, unit)
    if mixed := block(draft.get("mixed_instances_policy")):
        _mixed(draft, mixed, desired, most)
    elif name := text(draft.get("launch_configuration")):
        found = draft.leads_to("launch_configuration") or draft.named("aws_launch_configuration", "name", name)
        from_templates(draft, found, desired, most, f"launch configuration {name}")
    elif found := draft.leads_to("launch_configuration"):
        from_templates(draft, found, desired, most, "its launch configuration")
    else:
        through_template(draft, desired, most)


def group_tags(draft: Draft) -> None:
    """A list of key, value and whether it reaches the instances. Default tags of the provider do not come here."""
    if why := draft.why_unknown("tag") or draft.why_unknown("tags"):
        draft.unknown["tags"] = draft.unknown["attributes.delivered_tags"] = why
        return
    delivered: dict[str, str] = {}
    # `tags` is how providers before 4.0 wrote many.
    for name in ("tag", "tags"):
        for position, written in enumerate(items(draft.get(name))):
            tag = mapping(written)
            key = text(tag.get("key"))
            if key is None:
                draft.unknown["tags.*"] = (
                    f"the key of a tag is {draft.why_unknown(f'{name}.{position}.key') or 'not there'}"
                )
                continue
            value = as_text(tag.get("value"))
            if why := draft.why_unknown(f"{name}.{position}.value"):
                draft.unknown[f"tags.{key}"] = why
                value = {SENSITIVE: WITHHELD, AFTER_APPLY: NOT_YET}.get(why, NOT_TOLD)
                if why == SENSITIVE:
                    draft.sensitive.append(f"tags.{key}")
            draft.tags[key] = value
            if as_text(tag.get("propagate_at_launch")).lower() != "false":
                delivered[key] = value
    draft.delivered = delivered


def _mixed(draft: Draft, mixed: Mapping[str, Any], desired: int | None, most: int | None) -> None:
    distribution = block(mixed.get("instances_distribution"))
    if not (number(distribution.get("on_demand_base_capacity")) or 0) and (
        number(distribution.get("on_demand_percentage_above_base_capacity")) == 0
    ):
        draft.purchase = "spot"
    path = "mixed_instances_policy.0.launch_template.0"
    template = block(mixed.get("launch_template"))
    found = templates(
        draft, f"{path}.launch_template_specification", block(template.get("launch_template_specification"))
    )
    overrides = _at(f"{path}.override", template.get("override"))
    _overridden(draft, found, overrides, desired, most)


def _at(path: str, written: Any) -> list[_Override]:
    """Blocks, each with its path."""
    return [(f"{path}.{position}", override) for position, override in enumerate(blocks(written))]


def _overridden(
    draft: Draft,
    found: list[Target],
    overrides: list[_Override],
    desired: int | None,
    most: int | None,
    several: bool = False,
) -> None:
    """Types of the overrides, which take the place of the template's; one that names none leaves it."""
    types = [t for _, override in overrides if (t := text(override.get("instance_type")))]
    from_template = False
    for path, override in overrides:
        if why := draft.why_unknown(f"{path}.instance_type"):
            draft.type_unknown(f"{path}.instance_type is {why}")
        elif block(override.get("instance_requirements")):
            draft.type_unknown("its instance types are chosen by requirements when it launches")
        elif not text(override.get("instance_type")):
            from_template = True
        if (weight := override.get("weighted_capacity")) is not None and number(weight) not in (None, 1):
            _in_units(draft, "weights")
    if not types:
        if "attributes.instance_type" not in draft.unknown:
            from_templates(draft, found, desired, most, "its launch template", several=several)
        return
    if from_template:
        for target in found:
            if kind := text(target.after.get("instance_type")):
                types.append(kind)
            else:
                draft.type_unknown(f"{target.resource.address} does not tell its instance type")
        if not found:
            draft.type_unknown("an instance type stands in its launch template, which this plan does not hold")
    draft.launches_any(list(dict.fromkeys(types)), desired, most)
    if found:
        deliver(draft, found)
    elif draft.delivered is not None:
        draft.unknown["attributes.delivered_tags"] = "its launch template is not in this plan"


def _in_units(draft: Draft, unit: str) -> None:
    draft.unknown["count"] = draft.unknown["hourly_usd"] = f"its capacity is counted in {unit}, not in instances"


def spot_fleet(draft: Draft) -> None:
    """Its tags stay on the request; a launch specification brings its own."""
    capacity = draft.counts("target_capacity", 1)
    draft.purchase = "on_demand" if number(draft.get("on_demand_target_capacity")) else "spot"
    if (unit := text(draft.get("target_capacity_unit_type"))) and unit != "units":
        _in_units(draft, unit)
    specifications = blocks(draft.get("launch_specification"))
    if specifications:
        tags = [mapping(s.get("tags")) for s in specifications]
        # What reaches the instances for certain is what every specification writes.
        draft.delivered = {k: as_text(v) for k, v in tags[0].items() if all(k in other for other in tags)}
        for position in range(len(specifications)):
            if why := draft.why_unknown(f"launch_specification.{position}.tags"):
                draft.unknown["attributes.delivered_tags"] = f"launch_specification.{position}.tags is {why}"
        kept, draft.delivered = draft.delivered, None
        _overridden(draft, [], _at("launch_specification", specifications), capacity, capacity)
        draft.delivered = kept
        return
    _fleet(draft, "launch_template_config", "overrides", capacity)


def fleet(draft: Draft) -> None:
    """Its tags stay on the fleet, and reach instances through the template only."""
    capacity = block(draft.get("target_capacity_specification"))
    draft.purchase = (
        "spot"
        if text(capacity.get("default_target_capacity_type")) == "spot"
        and not number(capacity.get("on_demand_target_capacity"))
        else "on_demand"
    )
    if (unit := text(capacity.get("target_capacity_unit_type"))) and unit != "units":
        _in_units(draft, unit)
    _fleet(
        draft,
        "launch_template_config",
        "override",
        draft.counts("target_capacity_specification.0.total_target_capacity"),
    )


def _fleet(draft: Draft, path: str, name: str, capacity: int | None) -> None:
    draft.delivered = {}
    found: list[Target] = []
    overrides: list[_Override] = []
    for place, config in _at(path, draft.get(path)):
        specification = block(config.get("launch_template_specification"))
        found.extend(templates(draft, path, specification))
        overrides.extend(_at(f"{place}.{name}", config.get(name)) or [(place, {})])
    if not found:
        found = [t for t in draft.leads_to(path) if t.resource.type == "aws_launch_template"]
    found = list({id(t.resource): t for t in found}.values())
    bought = draft.purchase
    _overridden(draft, found, overrides, capacity, capacity, several=True)
    draft.purchase = bought
