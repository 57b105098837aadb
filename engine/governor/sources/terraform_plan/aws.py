"""Facts of Amazon's types that no plain path gives."""

from __future__ import annotations

from collections.abc import Callable

from governor.catalog import endpoints
from governor.catalog.accelerators import accelerator_of
from governor.sources.terraform_plan import aws_copies, aws_groups
from governor.sources.terraform_plan.aws_templates import (
    market,
    specified,
    through_template,
    uses_template,
    within_reservation,
)
from governor.sources.terraform_plan.draft import AFTER_APPLY, Draft
from governor.sources.terraform_plan.reading import amount, block, blocks, number, text


def instance(draft: Draft) -> None:
    draft.purchase = market(draft, "instance_market_options") or "on_demand"
    if uses_template(draft) and not draft.get("instance_type") and not draft.written("instance_type"):
        through_template(draft, 1, 1)
    elif not draft.launches("instance_type") and not draft.after:
        draft.type_unknown(f"instance_type is {AFTER_APPLY}")
    within_reservation(draft, draft.after, draft.leads_to("capacity_reservation_specification"))


def spot_request(draft: Draft) -> None:
    """Its tags stay on the request: the instance it starts gets none."""
    draft.delivered = {}
    if uses_template(draft) and not draft.get("instance_type") and not draft.written("instance_type"):
        through_template(draft, 1, 1)
    else:
        draft.launches("instance_type")
    draft.purchase = "spot"


def launch_template(draft: Draft) -> None:
    """Its own tags mark the template; instances get those of tag_specifications."""
    draft.says("instance_type", "instance_type")
    draft.delivered, why = specified(draft.after, draft.unknown_after, draft.marks)
    if why:
        draft.unknown["attributes.delivered_tags"] = why


def launch_configuration(draft: Draft) -> None:
    draft.says("instance_type", "instance_type")


def batch_environment(draft: Draft) -> None:
    """Counted in vCPUs, so neither count nor cost follows from the plan."""
    resources = block(draft.get("compute_resources"))
    draft.says("min_vcpus", "compute_resources.0.min_vcpus")
    draft.says("desired_vcpus", "compute_resources.0.desired_vcpus")
    kind = (text(resources.get("type")) or "").upper()
    if kind.startswith("FARGATE") or not resources:
        return
    if kind == "SPOT":
        draft.purchase = "spot"
    if why := draft.why_unknown("compute_resources.0.instance_type"):
        draft.type_unknown(f"compute_resources.0.instance_type is {why}")
        return
    written = resources.get("instance_type")
    # "p4d" and "optimal" name families: which sizes are taken is decided when jobs come.
    types = [t for t in (written if isinstance(written, list) else []) if isinstance(t, str)]
    draft.attributes["instance_types"] = types
    whole = [t for t in types if "." in t]
    known = draft.launches_any(whole, 0, 0) and draft.has_accelerator()
    families = [t for t in types if "." not in t and accelerator_of("aws", f"{t}.xlarge")]
    if families and not known:
        draft.type_unknown(f"a batch environment takes any size of {', '.join(families)}")
    elif known:
        draft.unknown["hourly_usd"] = "a batch environment scales in vCPUs: the plan holds no number of instances"
    draft.unknown["count"] = "a batch environment scales in vCPUs: the plan holds no number of instances"


def capacity_block(draft: Draft) -> None:
    draft.purchase = "capacity_block"
    count = draft.counts("instance_count", 1)
    if draft.get("instance_count") is None:
        draft.unknown["count"] = "a capacity block tells its number of instances only after it is bought"
    if draft.get("instance_type"):
        draft.launches("instance_type", count, count)
    else:
        draft.type_unknown("a capacity block tells its instance type only after it is bought")


def eks_node_group(draft: Draft) -> None:
    """Its tags stay on the node group: instances get those of the launch template."""
    capacity = (text(draft.get("capacity_type")) or "").upper()
    draft.purchase = {"SPOT": "spot", "CAPACITY_BLOCK": "capacity_block"}.get(capacity, "on_demand")  # type: ignore[assignment]
    desired = draft.counts("scaling_config.0.desired_size", 1)
    most = draft.counts("scaling_config.0.max_size", desired)
    draft.delivered = {}
    templated = uses_template(draft)
    if draft.get("instance_types"):
        draft.launches("instance_types", desired, most)
        if templated:
            through_template(draft, desired, most, type_too=False)
    elif draft.why_unknown("instance_types") and draft.written("instance_types"):
        draft.type_unknown(f"instance_types is {draft.why_unknown('instance_types')}")
    elif templated:
        through_template(draft, desired, most, default=_EKS_DEFAULT)
    else:
        draft.launches_any([_EKS_DEFAULT], desired, most)


_EKS_DEFAULT = "t3.medium"
"""https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html"""


def sagemaker_space(draft: Draft) -> None:
    """A space runs one app at a time: the dearest type counts."""
    path = "space_settings.0.{}.0.default_resource_spec.0.instance_type"
    apps = [path.format(app) for app in block(draft.get("space_settings")) if app.endswith("_app_settings")]
    for app in apps:
        if (why := draft.why_unknown(app)) and draft.written(app):
            draft.type_unknown(f"{app} is {why}")
    draft.launches_any([kind for app in apps if (kind := text(draft.get(app)))], 1, 1)


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
    for position in range(len(blocks(draft.get("instance_group")))):
        count = draft.counts(f"instance_group.{position}.instance_count")
        draft.launches(f"instance_group.{position}.instance_type", count, count)


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
    draft.unknown["hourly_usd"] = "the price book has no prices of model units"


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


def snapshot(draft: Draft) -> None:
    if size := amount(draft.get("volume_size")):
        draft.attributes["size_gib"] = size
        return
    sizes = {amount(target.after.get("size")) for target in draft.leads_to("volume_id")} - {None}
    if len(sizes) == 1:
        draft.attributes["size_gib"] = sizes.pop()
    elif why := draft.why_unknown("volume_size"):
        draft.unknown["attributes.size_gib"] = why


READERS: dict[str, Callable[[Draft], None]] = {
    function.__name__: function
    for function in (
        instance, spot_request, launch_template, launch_configuration, batch_environment, capacity_block,
        eks_node_group, sagemaker_space, sagemaker_endpoint, bedrock_custom_model, bedrock_inference_profile,
        bedrock_agent, bedrock_throughput, iam_access_key, iam_service_credential, snapshot,
        hyperpod, aws_groups.autoscaling_group, aws_groups.spot_fleet, aws_groups.fleet,
        aws_copies.s3_bucket, aws_copies.s3_replication, aws_copies.efs_replication, aws_copies.backup_plan,
    )
}  # fmt: skip
