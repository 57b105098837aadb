"""Facts of Amazon's types that no plain path gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from governor.catalog import endpoints, regions
from governor.model import Purchase
from governor.sources.terraform_plan.draft import AFTER_APPLY, NOT_YET, Draft, Target
from governor.sources.terraform_plan.reading import amount, at, block, blocks, is_unknown, items, mapping, number, text

_MARKETS: dict[str, Purchase] = {"spot": "spot", "capacity-block": "capacity_block"}


def instance(draft: Draft) -> None:
    draft.purchase = _MARKETS.get(text(draft.get("instance_market_options.0.market_type")) or "", "on_demand")
    if _launch_template_block(draft) and (not draft.get("instance_type")):
        _through_template(draft, 1, 1)
    else:
        draft.launches("instance_type")


def spot_request(draft: Draft) -> None:
    """Its tags stay on the request: the instance it starts gets none."""
    draft.purchase = "spot"
    draft.launches("instance_type")
    draft.delivered = {}


def autoscaling_group(draft: Draft) -> None:
    """Tags in `tag` blocks, each of which may or may not reach the instances; the type through the launch template."""
    _group_tags(draft)
    desired = draft.counts("desired_capacity", draft.counts("min_size", 1))
    most = draft.counts("max_size", desired)
    mixed = block(draft.get("mixed_instances_policy"))
    if mixed:
        _mixed(draft, mixed, desired, most)
        return
    if name := text(draft.get("launch_configuration")):
        found = draft.leads_to("launch_configuration") or draft.plan.named(
            draft.resource, "aws_launch_configuration", "name", name
        )
        _from_templates(draft, found, desired, most, f"launch configuration {name}")
        return
    _through_template(draft, desired, most)


def _group_tags(draft: Draft) -> None:
    if draft.why_unknown("tag"):
        draft.unknown["tags"] = draft.why_unknown("tag")
    delivered: dict[str, str] = {}
    for position, tag in enumerate(items(draft.get("tag"))):
        tag = mapping(tag)
        key = text(tag.get("key"))
        if key is None:
            draft.unknown["tags.*"] = f"the key of a tag is {AFTER_APPLY}"
            continue
        value = tag.get("value")
        if why := draft.why_unknown(f"tag.{position}.value"):
            draft.unknown[f"tags.{key}"] = why
            value = NOT_YET
        draft.tags[key] = value if isinstance(value, str) else ""
        if tag.get("propagate_at_launch") is not False:
            delivered[key] = draft.tags[key]
    for tag in items(draft.get("tags")):
        tag = mapping(tag)
        if key := text(tag.get("key")):
            draft.tags[key] = str(tag.get("value", ""))
            if str(tag.get("propagate_at_launch")).lower() != "false":
                delivered[key] = draft.tags[key]
    draft.delivered = delivered


def _mixed(draft: Draft, mixed: Mapping[str, Any], desired: int | None, most: int | None) -> None:
    distribution = block(mixed.get("instances_distribution"))
    if not (number(distribution.get("on_demand_base_capacity")) or 0) and (
        number(distribution.get("on_demand_percentage_above_base_capacity")) == 0
    ):
        draft.purchase = "spot"
    template = block(mixed.get("launch_template"))
    types = [t for override in blocks(template.get("override")) if (t := text(override.get("instance_type")))]
    if types:
        draft.launches_any(types, desired, most)
        _deliver_from_templates(
            draft, draft.leads_to("mixed_instances_policy.0.launch_template.0.launch_template_specification")
        )
        return
    path = "mixed_instances_policy.0.launch_template.0.launch_template_specification"
    _from_templates(draft, draft.leads_to(path), desired, most, "its launch template")


def _launch_template_block(draft: Draft) -> bool:
    return bool(block(draft.get("launch_template"))) or bool(draft.leads_to("launch_template"))


def _through_template(draft: Draft, desired: int | None, most: int | None) -> None:
    """The type from the launch template, found by reference or by name."""
    written = block(draft.get("launch_template"))
    found = draft.leads_to("launch_template")
    if not found and (name := text(written.get("name"))):
        found = draft.plan.named(draft.resource, "aws_launch_template", "name", name)
    _from_templates(draft, found, desired, most, "its launch template")


def _from_templates(draft: Draft, found: list[Target], desired: int | None, most: int | None, what: str) -> None:
    templates = [t for t in found if t.resource.type in ("aws_launch_template", "aws_launch_configuration")]
    if not templates:
        draft.type_unknown(f"the instance type stands in {what}, which this plan does not hold")
        return
    types: list[str] = []
    for template in templates:
        if kind := text(template.after.get("instance_type")):
            types.append(kind)
        else:
            draft.type_unknown(f"{template.resource.address} does not tell its instance type")
        market = text(at(template.after, "instance_market_options.0.market_type"))
        if market in _MARKETS:
            draft.purchase = _MARKETS[market]
    draft.launches_any(types, desired, most)
    _deliver_from_templates(draft, templates)


def _deliver_from_templates(draft: Draft, templates: list[Target]) -> None:
    """What a launch template writes on instances reaches them whoever launches them."""
    if draft.delivered is None:
        return
    for template in templates:
        specified, why = _specified(template.after, template.unknown_after)
        draft.delivered = {**specified, **draft.delivered}
        if why:
            draft.unknown["attributes.delivered_tags"] = why


def _specified(after: Mapping[str, Any], unknown_after: Any) -> tuple[dict[str, str], str]:
    """Tags of the instances in tag_specifications, and why they are not known."""
    found: dict[str, str] = {}
    for position, specification in enumerate(blocks(after.get("tag_specifications"))):
        if specification.get("resource_type") == "instance":
            if is_unknown(unknown_after, f"tag_specifications.{position}.tags"):
                return found, f"tag_specifications.{position}.tags is {AFTER_APPLY}"
            found.update({k: str(v) for k, v in mapping(specification.get("tags")).items() if v is not None})
    return found, "tag_specifications is " + AFTER_APPLY if is_unknown(unknown_after, "tag_specifications") else ""


def launch_template(draft: Draft) -> None:
    """Its own tags mark the template; instances get those of tag_specifications."""
    draft.says("instance_type", "instance_type")
    draft.delivered, why = _specified(draft.after, draft.unknown_after)
    if why:
        draft.unknown["attributes.delivered_tags"] = why


def launch_configuration(draft: Draft) -> None:
    draft.says("instance_type", "instance_type")


def spot_fleet(draft: Draft) -> None:
    draft.purchase = "spot"
    types = [t for s in blocks(draft.get("launch_specification")) if (t := text(s.get("instance_type")))]
    _alternatives(draft, types, draft.counts("target_capacity", 1), "launch_template_config")


def fleet(draft: Draft) -> None:
    capacity = block(draft.get("target_capacity_specification"))
    if text(capacity.get("default_target_capacity_type")) == "spot":
        draft.purchase = "spot"
    desired = number(capacity.get("total_target_capacity"))
    overrides = [o for c in blocks(draft.get("launch_template_config")) for o in blocks(c.get("override"))]
    _alternatives(
        draft, [t for o in overrides if (t := text(o.get("instance_type")))], desired, "launch_template_config"
    )


def _alternatives(draft: Draft, types: list[str], desired: int | None, template_path: str) -> None:
    if types:
        draft.launches_any(types, desired, desired)
    else:
        _from_templates(draft, draft.leads_to(template_path), desired, desired, "its launch template")


def batch_environment(draft: Draft) -> None:
    """Counted in vCPUs, so neither count nor cost follows from the plan."""
    resources = block(draft.get("compute_resources"))
    kind = (text(resources.get("type")) or "").upper()
    if kind.startswith("FARGATE") or not resources:
        return
    if kind == "SPOT":
        draft.purchase = "spot"
    types = [t for t in items(resources.get("instance_type")) if isinstance(t, str) and "." in t]
    draft.attributes["instance_types"] = types
    if draft.launches_any(types, 0, 0) and draft.has_accelerator():
        draft.unknown["hourly_usd"] = "a batch environment scales in vCPUs: the plan holds no number of instances"


def capacity_block(draft: Draft) -> None:
    draft.purchase = "capacity_block"
    count = draft.counts("instance_count", 1)
    if not draft.launches("instance_type", count, count):
        draft.type_unknown("a capacity block tells its instance type only after it is bought")


def eks_node_group(draft: Draft) -> None:
    capacity = (text(draft.get("capacity_type")) or "").upper()
    draft.purchase = {"SPOT": "spot", "CAPACITY_BLOCK": "capacity_block"}.get(capacity, "on_demand")  # type: ignore[assignment]
    desired = draft.counts("scaling_config.0.desired_size", 1)
    most = draft.counts("scaling_config.0.max_size", desired)
    if _launch_template_block(draft) and not draft.get("instance_types"):
        _through_template(draft, desired, most)
    elif draft.get("instance_types"):
        draft.launches("instance_types", desired, most)
    elif text(draft.expression("instance_types")) or draft.leads_to("instance_types"):
        draft.type_unknown(f"instance_types is {AFTER_APPLY}")


def sagemaker_space(draft: Draft) -> None:
    for settings in (block(draft.get("space_settings")),):
        for app in settings.values():
            if kind := text(at(app, "0.default_resource_spec.0.instance_type")):
                draft.launches_any([kind], 1, 1)


def sagemaker_endpoint(draft: Draft) -> None:
    """Every variant, the shadow ones too, runs its own instances."""
    for name in ("production_variants", "shadow_production_variants"):
        for position, variant in enumerate(blocks(draft.get(name))):
            path = f"{name}.{position}"
            if block(variant.get("serverless_config")):
                continue
            desired = draft.counts(f"{path}.initial_instance_count", 1)
            scaling = block(variant.get("managed_instance_scaling"))
            draft.launches(f"{path}.instance_type", desired, number(scaling.get("max_instance_count")))


def hyperpod(draft: Draft) -> None:
    for name in ("instance_group", "instance_groups"):
        for position, group in enumerate(blocks(draft.get(name))):
            count = number(group.get("instance_count"))
            draft.launches(f"{name}.{position}.instance_type", count, count)


def bedrock_custom_model(draft: Draft) -> None:
    draft.says("model", "base_model_identifier")


def bedrock_inference_profile(draft: Draft) -> None:
    _model(draft, "model_source.0.copy_from")


def bedrock_agent(draft: Draft) -> None:
    _model(draft, "foundation_model")


def bedrock_throughput(draft: Draft) -> None:
    _model(draft, "model_arn")
    if units := number(draft.get("model_units")):
        draft.attributes["units"] = units


def _model(draft: Draft, path: str) -> None:
    if why := draft.why_unknown(path):
        draft.unknown["attributes.model"] = draft.unknown["attributes.processing"] = why
    elif model := text(draft.get(path)):
        draft.attributes["model"] = model
        if processing := endpoints.processing_of_model("aws", model):
            draft.attributes["processing"] = processing


def iam_access_key(draft: Draft) -> None:
    _key(draft, "aws", owner="user")


def iam_service_credential(draft: Draft) -> None:
    service = text(draft.get("service_name")) or ""
    _key(draft, "aws-bedrock" if service.startswith("bedrock") else "aws", owner="user_name")


def _key(draft: Draft, provider: str, owner: str) -> None:
    key = {"provider": provider}
    if why := draft.why_unknown(owner):
        draft.unknown["attributes.key.owner"] = why
    elif name := text(draft.get(owner)):
        key["owner"] = name
    draft.attributes["key"] = key


def s3_bucket(draft: Draft) -> None:
    """Replication written inside the bucket, as providers before 4.0 had it."""
    rules = blocks(at(draft.get("replication_configuration"), "0.rules"))
    if rules:
        _copies(draft, [at(rule, "destination.0.bucket") for rule in rules], "replication_configuration")


def s3_replication(draft: Draft) -> None:
    """A copy of what the source bucket holds: it has the source's tags and region."""
    _stand_for(draft, draft.leads_to("bucket"))
    rules = blocks(draft.get("rule"))
    _copies(draft, [at(rule, "destination.0.bucket") for rule in rules], "rule")


def efs_replication(draft: Draft) -> None:
    _stand_for(draft, draft.leads_to("source_file_system_id"))
    found = [
        r
        for d in blocks(draft.get("destination"))
        if (r := text(d.get("region")) or _zone(d.get("availability_zone_name")))
    ]
    _note_copies(draft, found, "" if found else f"destination is {AFTER_APPLY}")


def backup_plan(draft: Draft) -> None:
    arns = [
        c.get("destination_vault_arn") for rule in blocks(draft.get("rule")) for c in blocks(rule.get("copy_action"))
    ]
    if arns or draft.why_unknown("rule"):
        _copies(draft, arns, "rule")
    else:
        draft.attributes["copies_to"] = []


def snapshot(draft: Draft) -> None:
    draft.says("size_gib", "volume_size")
    if size := amount(draft.get("volume_size")):
        draft.attributes["size_gib"] = size


def _stand_for(draft: Draft, targets: list[Target]) -> None:
    """Judge a rule about another resource by that resource's tags and region."""
    draft.stands_for = targets[0].resource if len(targets) == 1 else None


def _copies(draft: Draft, buckets: list[Any], path: str) -> None:
    """Destination regions: from an ARN that holds one, or through the reference to the resource in the plan."""
    found: list[str] = []
    missing = not buckets
    for bucket in buckets:
        region = regions.region_of_arn(bucket) if isinstance(bucket, str) else None
        if region:
            found.append(region)
            continue
        missing = True
    if missing:
        for target in draft.leads_to(path):
            if (
                target.resource.type in ("aws_s3_bucket", "aws_backup_vault")
                and target.resource is not draft.stands_for
            ):
                region = draft.plan.region_of(target.resource)
                if region:
                    found.append(region)
                    missing = False
    if missing and isinstance(first := next((b for b in buckets if isinstance(b, str)), None), str):
        name = re.sub("^arn:[a-z-]+:s3:::", "", first)
        for target in draft.plan.named(draft.resource, "aws_s3_bucket", "bucket", name):
            if region := draft.plan.region_of(target.resource):
                found.append(region)
                missing = False
    _note_copies(
        draft, found, f"the region of its destination is {AFTER_APPLY}, or lies outside this plan" if missing else ""
    )


def _note_copies(draft: Draft, found: list[str], why: str) -> None:
    if found:
        draft.attributes["copies_to"] = sorted(set(found))
    if why:
        draft.unknown["attributes.copies_to"] = why


def _zone(zone: Any) -> str | None:
    return regions.region_of_zone("aws", zone) if isinstance(zone, str) else None


READERS: dict[str, Callable[[Draft], None]] = {
    function.__name__: function
    for function in (
        instance, spot_request, autoscaling_group, launch_template, launch_configuration, spot_fleet, fleet,
        batch_environment, capacity_block, eks_node_group, sagemaker_space, sagemaker_endpoint, hyperpod,
        bedrock_custom_model, bedrock_inference_profile, bedrock_agent, bedrock_throughput, iam_access_key,
        iam_service_credential, s3_bucket, s3_replication, efs_replication, backup_plan, snapshot,
    )
}  # fmt: skip
