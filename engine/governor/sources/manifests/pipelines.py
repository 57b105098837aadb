"""Compiled Kubeflow pipelines (the intermediate representation of v2); v1 compiles to Argo workflows.

Fields are those of https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from governor.catalog.prices import PriceBook
from governor.model import Resource
from governor.sources.manifests.documents import Document
from governor.sources.manifests.kubernetes import assemble
from governor.sources.manifests.pods import is_device, need
from governor.sources.manifests.reading import is_open, string
from governor.sources.manifests.workloads import Launch
from governor.sources.terraform_plan.reading import at, mapping

TYPE = "kubeflow/Pipeline"

Platforms = Mapping[str, Mapping[str, Any]]
"""Executor → what a platform document says of its pod."""


def is_pipeline(document: Any) -> bool:
    """Whether a document is a compiled pipeline."""
    return bool(mapping(at(document, "deploymentSpec.executors"))) and "pipelineInfo" in mapping(document)


def is_platform(document: Any) -> bool:
    """Whether it is what follows a pipeline, and tells where its pods run."""
    return bool(mapping(at(document, "platforms.kubernetes")))


def platforms(documents: Sequence[Document]) -> Platforms:
    """What the platform documents say of each executor, by file and name."""
    found: dict[str, Mapping[str, Any]] = {}
    for document in documents:
        executors = at(document.data, "platforms.kubernetes.deploymentSpec.executors")
        for name, spec in mapping(executors).items():
            found[name] = mapping(spec)
    return found


def resource(pipeline: Mapping[str, Any], known: Platforms, prices: PriceBook) -> Resource:
    """The facts of a pipeline. More than one accelerated step is not summed: when each runs is not written here."""
    found = Launch("workload")
    accelerated = 0
    for name, executor in mapping(at(pipeline, "deploymentSpec.executors")).items():
        container = mapping(mapping(executor).get("container"))
        if "customJob" in mapping(executor):
            found.no_template(f"{name} is a job of the platform, which is not read")
        if not container:
            continue
        platform = known.get(name, {})
        spec = {
            "containers": [{"resources": {"limits": _limits(mapping(container.get("resources")))}}],
            "nodeSelector": {**_model(container), **mapping(at(platform, "nodeSelector.labels"))},
        }
        needs = need(spec)
        accelerated += bool(needs.count or needs.unknown)
        metadata = {part: at(platform, f"podMetadata.{part}") for part in ("labels", "annotations")}
        found.add({"metadata": metadata, "spec": spec})
    if accelerated > 1:
        found.unknown["count"] = found.unknown["hourly_usd"] = "how many of its steps run at once is not written"
    name = string(at(pipeline, "pipelineInfo.name")) or "unnamed"
    return assemble(f"Pipeline/{name}", TYPE, found, {}, prices)


def _limits(resources: Mapping[str, Any]) -> dict[str, Any]:
    accelerator = mapping(resources.get("accelerator"))
    if not accelerator:
        return {}
    name = string(accelerator.get("resourceType")) or string(accelerator.get("type"))
    count = accelerator.get("resourceCount") or accelerator.get("count") or "1"
    if is_open(name) or not is_device(name):
        name = "nvidia.com/gpu"
    return {name: count}


def _model(container: Mapping[str, Any]) -> dict[str, str]:
    """The model that `set_accelerator_type` names: `NVIDIA_TESLA_T4`, or a label of GKE."""
    accelerator = mapping(at(container, "resources.accelerator"))
    name = string(accelerator.get("resourceType")) or string(accelerator.get("type"))
    if not name or is_device(name) or is_open(name):
        return {}
    return {"nvidia.com/gpu.product": name}
