"""Facts of Google's types that no plain path gives."""

from __future__ import annotations

from collections.abc import Callable

from governor.catalog import endpoints
from governor.model import Accelerator
from governor.sources.terraform_plan.draft import AFTER_APPLY, Draft
from governor.sources.terraform_plan.reading import amount, at, block, blocks, items, number, text
from governor.sources.terraform_plan.siblings import Target


def compute_instance(draft: Draft) -> None:
    _spot(draft, "scheduling.0.")
    draft.launches("machine_type")
    _attached(draft, "guest_accelerator")


def instance_template(draft: Draft) -> None:
    draft.says("instance_type", "machine_type")


def instance_group(draft: Draft) -> None:
    """The type stands in the instance template of its version."""
    desired = draft.counts("target_size", 1)
    templates = [t for t in draft.leads_to("version") if t.resource.type.endswith("instance_template")]
    if not templates:
        draft.type_unknown("the machine type stands in its instance template, which this plan does not hold")
    for template in templates:
        _from_template(draft, template, desired)
    for policy in blocks(draft.get("autoscaling_policy")):
        for line in draft.lines:
            line.max_count = number(policy.get("max_replicas"))


def _from_template(draft: Draft, template: Target, desired: int | None) -> None:
    if machine := text(template.after.get("machine_type")):
        draft.launches_any([machine], desired, desired)
    else:
        draft.type_unknown(f"{template.resource.address} does not tell its machine type")
    if (
        at(template.after, "scheduling.0.preemptible") is True
        or at(template.after, "scheduling.0.provisioning_model") == "SPOT"
    ):
        draft.purchase = "spot"
    _note_attached(draft, template.after.get("guest_accelerator"))
    labels = template.after.get("labels")
    draft.delivered = {k: str(v) for k, v in labels.items()} if isinstance(labels, dict) else {}


def compute_reservation(draft: Draft) -> None:
    count = draft.counts("specific_reservation.0.count", 1)
    draft.launches("specific_reservation.0.instance_properties.0.machine_type", count, count)
    _attached(draft, "specific_reservation.0.instance_properties.0.guest_accelerators")


def gke_cluster(draft: Draft) -> None:
    """A cluster without a pool of its own starts one machine a zone of its default type."""
    if block(draft.get("node_config")) and draft.get("remove_default_node_pool") is not True:
        _nodes(draft)


def gke_node_pool(draft: Draft) -> None:
    _nodes(draft)


def _nodes(draft: Draft) -> None:
    _spot(draft, "node_config.0.")
    scaling = block(draft.get("autoscaling"))
    zones = max(1, len(items(draft.get("node_locations"))))
    least = draft.counts("initial_node_count", number(scaling.get("min_node_count")))
    desired = draft.counts("node_count", least)
    most = number(scaling.get("total_max_node_count")) or (number(scaling.get("max_node_count")) or 0) * zones
    count = (1 if desired is None else desired) * zones
    draft.launches("node_config.0.machine_type", count, most or count)
    _attached(draft, "node_config.0.guest_accelerator")


def tpu(draft: Draft) -> None:
    """`v5litepod-8` counts cores or chips by generation: the type names the accelerator, the price is per chip."""
    kind = text(draft.get("accelerator_type"))
    if kind is None:
        draft.type_unknown(f"accelerator_type is {AFTER_APPLY}")
        return
    generation = kind.partition("-")[0].replace("litepod", "e")
    draft.accelerator = Accelerator(f"tpu-{generation}")
    draft.attributes["instance_type"] = kind
    draft.unknown["hourly_usd"] = f"the price book holds TPU prices per chip, not for {kind}"


def workbench(draft: Draft) -> None:
    draft.launches("gce_setup.0.machine_type")
    _attached(draft, "gce_setup.0.accelerator_configs")


def notebooks_instance(draft: Draft) -> None:
    draft.launches("machine_type")
    _attached(draft, "accelerator_config")


def notebooks_runtime(draft: Draft) -> None:
    config = "virtual_machine.0.virtual_machine_config.0"
    draft.launches(f"{config}.machine_type")
    _attached(draft, f"{config}.accelerator_config")


def vertex_endpoint(draft: Draft) -> None:
    _processing(draft)


def model_garden(draft: Draft) -> None:
    draft.says("model", "publisher_model_name")
    _processing(draft)
    _dedicated(draft, "deploy_config.0.dedicated_resources.0")


def vertex_pool(draft: Draft) -> None:
    _dedicated(draft, "dedicated_resources.0")


def _dedicated(draft: Draft, path: str) -> None:
    least = draft.counts(f"{path}.min_replica_count", 1)
    draft.launches(f"{path}.machine_spec.0.machine_type", least, draft.counts(f"{path}.max_replica_count", least))
    _attached(draft, f"{path}.machine_spec")


def _processing(draft: Draft) -> None:
    if location := text(draft.get("location")) or text(draft.get("region")):
        draft.attributes["processing"] = endpoints.processing_of_location(location)


def regional_disk(draft: Draft) -> None:
    """Copies stay in its region."""


def disk_snapshot(draft: Draft) -> None:
    if places := [p.lower() for p in items(draft.get("storage_locations")) if isinstance(p, str)]:
        draft.attributes["copies_to"] = places


def storage_bucket(draft: Draft) -> None:
    """A dual-region bucket names where its copies lie."""
    placement = block(draft.get("custom_placement_config"))
    if places := [p.lower() for p in items(placement.get("data_locations")) if isinstance(p, str)]:
        draft.attributes["copies_to"] = places


def transfer_job(draft: Draft) -> None:
    sources = [
        t for t in draft.leads_to("transfer_spec.0.gcs_data_source") if t.resource.type == "google_storage_bucket"
    ]
    sinks = [t for t in draft.leads_to("transfer_spec.0.gcs_data_sink") if t.resource.type == "google_storage_bucket"]
    draft.stands_for = sources[0].resource if len(sources) == 1 else None
    found = sorted({region for t in sinks if (region := draft.plan.region_of(t.resource))})
    if found:
        draft.attributes["copies_to"] = found
    else:
        draft.unknown["attributes.copies_to"] = "the region of its destination lies outside this plan"


def google_api_key(draft: Draft) -> None:
    key = {"provider": "gcp"}
    for ours, path in (("name", "name"), ("container", "project")):
        if value := text(draft.get(path)):
            key[ours] = value
    draft.attributes["key"] = key


def google_service_account_key(draft: Draft) -> None:
    key = {"provider": "gcp"}
    if why := draft.why_unknown("service_account_id"):
        draft.unknown["attributes.key.owner"] = why
    elif owner := text(draft.get("service_account_id")):
        key["owner"] = owner
    draft.attributes["key"] = key


def _spot(draft: Draft, prefix: str) -> None:
    if any(draft.get(f"{prefix}{name}") in (True, "SPOT") for name in ("preemptible", "spot", "provisioning_model")):
        draft.purchase = "spot"


def _attached(draft: Draft, path: str) -> None:
    if why := draft.why_unknown(path):
        # Computed on machine types that bring their own GPUs, and then the type tells.
        if draft.lines and not draft.has_accelerator() and draft.expression(path) is not None:
            draft.unknown["accelerator"] = draft.unknown["hourly_usd"] = f"{path} is {why}"
        return
    _note_attached(draft, draft.get(path))


def _note_attached(draft: Draft, value: object) -> None:
    """GPUs hung onto a general machine. The price book holds machines, not single cards."""
    for accelerator in blocks(value):
        kind = text(accelerator.get("type")) or text(accelerator.get("accelerator_type"))
        count = (
            amount(accelerator.get("count"))
            or amount(accelerator.get("core_count"))
            or amount(accelerator.get("accelerator_count"))
        )
        if kind and count != 0:
            model = (
                kind.rpartition("/")[2]
                .lower()
                .removeprefix("nvidia_")
                .removeprefix("nvidia-")
                .removeprefix("tesla-")
                .removeprefix("tesla_")
            )
            if not draft.has_accelerator():
                draft.accelerator = Accelerator(model.upper(), float(count or 1))
                draft.unknown["hourly_usd"] = f"the price book has no price for {kind} on a general machine"


READERS: dict[str, Callable[[Draft], None]] = {
    function.__name__: function
    for function in (
        compute_instance, instance_template, instance_group, compute_reservation, gke_cluster, gke_node_pool, tpu,
        workbench, notebooks_instance, notebooks_runtime, vertex_endpoint, model_garden, vertex_pool, regional_disk,
        disk_snapshot, storage_bucket, transfer_job, google_api_key, google_service_account_key,
    )
}  # fmt: skip
