"""What a pod asks for, and where it may run."""

from __future__ import annotations

import pytest

from sources.manifests.manifest import inventory, job, only


@pytest.mark.parametrize(
    ("asks", "model", "count"),
    [
        ("nvidia.com/gpu: 1", "unknown", 1),
        ('nvidia.com/gpu: "8"', "unknown", 8),
        ("amd.com/gpu: 4", "unknown", 4),
        ("gpu.intel.com/i915: 1", "unknown", 1),
        ("gpu.intel.com/xe: 2", "unknown", 2),
        ("google.com/tpu: 4", "unknown", 4),
        ("aws.amazon.com/neuron: 16", "unknown", 16),
        ("aws.amazon.com/neurondevice: 1", "unknown", 1),
        ("habana.ai/gaudi: 8", "unknown", 8),
        ("nvidia.com/mig-1g.5gb: 1", "A100", 0.1429),
        ("nvidia.com/mig-3g.71gb: 2", "H200", 0.8571),
        ("nvidia.com/mig-1g.10gb: 7", "unknown", 1),
        ("nvidia.com/mig-2g.12gb: 1", "unknown", 0.5),
        ("nvidia.com/gpu: 1k", "unknown", 1000),
    ],
)
def test_resources_that_are_accelerators(asks: str, model: str, count: float) -> None:
    found = only(job(asks=asks))

    assert found.accelerator is not None
    assert (found.accelerator.model, found.accelerator.count) == (model, count)
    assert "hourly_usd" in found.unknown


@pytest.mark.parametrize(
    "asks", ["cpu: 4, memory: 8Gi", "nvidia.com/gpu: 0", "gpu.intel.com/monitoring: 1", "hugepages-2Mi: 1Gi"]
)
def test_resources_that_are_none(asks: str) -> None:
    found = only(job(asks=asks))

    assert found.accelerator is None
    assert "accelerator" not in found.unknown
    assert "hourly_usd" not in found.unknown


@pytest.mark.parametrize(
    ("asks", "path", "why"),
    [
        ("nvidia.com/gpu: '{{inputs.parameters.gpus}}'", "accelerator", "its nvidia.com/gpu is not a whole number"),
        ("nvidia.com/gpu: 0.5", "accelerator", "its nvidia.com/gpu is not a whole number"),
        (
            "nvidia.com/gpu.shared: 1",
            "accelerator.count",
            "how many share one is not written beside nvidia.com/gpu.shared",
        ),
        ("nvidia.com/gpucores: 30", "accelerator.count", "nvidia.com/gpucores asks for a part of a GPU"),
        ("nvidia.com/mig-odd: 1", "accelerator.count", "nvidia.com/mig-odd is no profile that is known"),
    ],
)
def test_requests_that_do_not_tell(asks: str, path: str, why: str) -> None:
    found = only(job(asks=asks))

    assert found.unknown[path] == why
    assert found.hourly_usd is None


def test_devices_that_are_claimed() -> None:
    found = only(job(pod="resourceClaims: [{name: gpu, resourceClaimTemplateName: h100}]", asks="cpu: 1"))

    assert found.unknown["accelerator"] == "it claims devices by gpu, whose class the cluster knows"


GPU = "resources: {limits: {nvidia.com/gpu: %d}}"


@pytest.mark.parametrize(
    ("containers", "count"),
    [
        (f"containers: [{{{GPU % 2}}}, {{{GPU % 1}}}]", 3),
        (f"initContainers: [{{{GPU % 4}}}, {{{GPU % 2}}}], containers: [{{{GPU % 1}}}]", 4),
        (f"initContainers: [{{restartPolicy: Always, {GPU % 1}}}], containers: [{{{GPU % 2}}}]", 3),
        (f"initContainers: [{{restartPolicy: Always, {GPU % 1}}}, {{{GPU % 3}}}], containers: [{{{GPU % 2}}}]", 4),
        ("containers: [{resources: {requests: {nvidia.com/gpu: 2}, limits: {nvidia.com/gpu: 2}}}]", 2),
    ],
)
def test_containers_run_together_and_init_containers_before_them(containers: str, count: int) -> None:
    found = only(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{{containers}}}\n")

    assert found.accelerator is not None
    assert found.accelerator.count == count


@pytest.mark.parametrize(
    ("selector", "provider", "model"),
    [
        ("cloud.google.com/gke-accelerator: nvidia-l4", "gcp", "L4"),
        ("cloud.google.com/gke-accelerator: nvidia-h100-mega-80gb", "gcp", "H100"),
        ("cloud.google.com/gke-accelerator: nvidia-tesla-a100", "gcp", "A100"),
        ("cloud.google.com/gke-tpu-accelerator: tpu-v5-lite-podslice", "gcp", "tpu-v5e"),
        ("karpenter.k8s.aws/instance-gpu-name: h200", "aws", "H200"),
        (
            "karpenter.k8s.aws/instance-gpu-name: a100, karpenter.k8s.aws/instance-gpu-memory: '81920'",
            "aws",
            "A100-80GB",
        ),
        ("karpenter.k8s.aws/instance-accelerator-name: trainium2", "aws", "Trainium2"),
        ("eks.amazonaws.com/instance-gpu-name: l40s", "aws", "L40S"),
        ("karpenter.azure.com/sku-gpu-name: A100", "azure", "A100"),
        ("nvidia.com/gpu.product: NVIDIA-A100-SXM4-80GB", "kubernetes", "A100-80GB"),
        ("nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3-MIG-1g.10gb", "kubernetes", "H100"),
        ("nvidia.com/gpu.product: Tesla-V100-SXM2-32GB", "kubernetes", "V100-32GB"),
        ("nvidia.com/gpu.product: NVIDIA-GeForce-RTX-4090", "kubernetes", "unknown"),
        ("amd.com/gpu.product-name: AMD_Instinct_MI300X_OAM", "kubernetes", "MI300X"),
        ("node.kubernetes.io/instance-type: p4de.24xlarge", "aws", "A100-80GB"),
        ("node.kubernetes.io/instance-type: Standard_ND96isr_H100_v5", "azure", "H100"),
        ("node.kubernetes.io/instance-type: a3-highgpu-8g", "gcp", "H100"),
        ("kubernetes.azure.com/accelerator: nvidia", "azure", "unknown"),
        ("accelerator: nvidia", "kubernetes", "unknown"),
    ],
)
def test_selectors_that_tell_the_accelerator(selector: str, provider: str, model: str) -> None:
    found = only(job(pod=f"nodeSelector: {{{selector}}}"))

    assert found.accelerator is not None
    assert (found.provider, found.accelerator.model) == (provider, model)
    assert ("accelerator.model" in found.unknown) == (model == "unknown")


@pytest.mark.parametrize(
    ("selector", "provider", "region"),
    [
        ("topology.kubernetes.io/region: eu-central-1", "aws", "eu-central-1"),
        ("topology.kubernetes.io/region: westeurope", "azure", "westeurope"),
        ("topology.kubernetes.io/region: europe-west4", "gcp", "europe-west4"),
        ("topology.kubernetes.io/zone: us-east-1a", "aws", "us-east-1"),
        ("topology.kubernetes.io/zone: westeurope-2", "azure", "westeurope"),
        ("failure-domain.beta.kubernetes.io/zone: us-central1-b", "gcp", "us-central1"),
        ("topology.kubernetes.io/region: rack-7", "kubernetes", "rack-7"),
    ],
)
def test_selectors_that_tell_the_region(selector: str, provider: str, region: str) -> None:
    found = only(job(pod=f"nodeSelector: {{{selector}}}"))

    assert (found.provider, found.region) == (provider, region)


@pytest.mark.parametrize(
    ("selector", "purchase"),
    [
        ("karpenter.sh/capacity-type: spot", "spot"),
        ("karpenter.sh/capacity-type: on-demand", "on_demand"),
        ("cloud.google.com/gke-spot: 'true'", "spot"),
        ("cloud.google.com/gke-provisioning: spot", "spot"),
        ("eks.amazonaws.com/capacityType: SPOT", "spot"),
        ("kubernetes.azure.com/scalesetpriority: spot", "spot"),
        ("kubernetes.azure.com/scalesetpriority: regular", "on_demand"),
    ],
)
def test_selectors_that_tell_how_it_is_bought(selector: str, purchase: str) -> None:
    assert only(job(pod=f"nodeSelector: {{{selector}}}")).purchase == purchase


def affinity(*terms: str, kind: str = "requiredDuringSchedulingIgnoredDuringExecution") -> str:
    """Node affinity to any of the terms."""
    return f"affinity: {{nodeAffinity: {{{kind}: {{nodeSelectorTerms: [{', '.join(terms)}]}}}}}}"


def within(key: str, *values: str, operator: str = "In") -> str:
    return f"{{key: {key}, operator: {operator}, values: [{', '.join(values)}]}}"


TYPE, REGION = "node.kubernetes.io/instance-type", "topology.kubernetes.io/region"


def test_of_several_machines_the_dearest_counts() -> None:
    both = within(TYPE, "p4d.24xlarge", "p5.48xlarge")
    found = only(
        job(pod=affinity(f"{{matchExpressions: [{both}, {within(REGION, 'us-east-1')}]}}"), asks="nvidia.com/gpu: 8")
    )

    assert found.price is not None
    assert found.price.instance_type == "p5.48xlarge"
    assert found.attributes["instance_types"] == ["p4d.24xlarge", "p5.48xlarge"]


def test_of_several_regions_none_is_known() -> None:
    found = only(
        job(pod=affinity(*(f"{{matchExpressions: [{within(REGION, r)}]}}" for r in ("us-east-1", "eu-west-1"))))
    )

    assert (found.region, found.unknown["region"]) == (None, "it may be eu-west-1 or us-east-1")


PREFERENCE = f"{{weight: 1, preference: {{matchExpressions: [{within(REGION, 'us-east-1')}]}}}}"


@pytest.mark.parametrize(
    "pod",
    [
        affinity(f"{{matchExpressions: [{within(REGION, 'us-east-1')}]}}", "{matchFields: []}"),
        affinity(f"{{matchExpressions: [{within(REGION, 'us-east-1', operator='NotIn')}]}}"),
        f"affinity: {{nodeAffinity: {{preferredDuringSchedulingIgnoredDuringExecution: [{PREFERENCE}]}}}}",
    ],
)
def test_what_need_not_hold_is_not_counted_on(pod: str) -> None:
    assert only(job(pod=pod)).region is None


def test_all_nodes_of_a_model_ask_the_same() -> None:
    pod = "nodeSelector: {karpenter.k8s.aws/instance-gpu-name: h100, topology.kubernetes.io/region: us-east-1}"

    assert str(only(job(pod=pod, asks="nvidia.com/gpu: 4")).hourly_usd) == "27.52"


def test_the_family_or_the_number_on_a_node_tells_which() -> None:
    place = "cloud.google.com/gke-accelerator: nvidia-tesla-a100, topology.kubernetes.io/region: us-central1"
    untold = only(job(pod=f"nodeSelector: {{{place}}}", asks="nvidia.com/gpu: 8"))
    told = only(
        job(pod=f"nodeSelector: {{{place}, cloud.google.com/gke-accelerator-count: '8'}}", asks="nvidia.com/gpu: 8")
    )

    assert untold.hourly_usd is None
    assert "select its node.kubernetes.io/instance-type" in untold.unknown["hourly_usd"]
    assert str(told.hourly_usd) == "29.38708"


def test_a_tpu_is_paid_by_the_chip() -> None:
    place = "cloud.google.com/gke-tpu-accelerator: tpu-v6e-slice, topology.kubernetes.io/region: us-east1"
    found = only(job(pod=f"nodeSelector: {{{place}}}", asks="google.com/tpu: 4", spec="parallelism: 4"))

    assert str(found.hourly_usd) == "43.2"
    assert "instance_type" not in found.attributes


def test_a_selector_that_is_filled_in_later() -> None:
    found = only(job(pod="nodeSelector: {topology.kubernetes.io/region: '${REGION}'}"))

    assert found.unknown["region"] == "topology.kubernetes.io/region is filled in later"


def test_annotations_stand_in_for_labels_that_cannot_hold_a_value() -> None:
    text = """
        apiVersion: v1
        kind: Pod
        metadata:
          name: a
          labels: {project: atlas, governor.dev/stage: inference, cost-budget-limit: 5000}
          annotations:
            model: org/llama 3
            governor.dev/dataset: "tickets, 2026"
            cost-budget-limit: 12.5/hour
            prometheus.io/scrape: "true"
        spec: {containers: [{image: x}]}
        """
    assert only(text).tags == {
        "project": "atlas",
        "stage": "inference",
        "model": "org/llama 3",
        "dataset": "tickets, 2026",
        "cost-budget-limit": "5000",
    }


def test_a_name_that_comes_twice_is_told_apart_by_its_file() -> None:
    text = job(asks="cpu: 1")
    found = inventory(text, f"{text}---\n{text}")

    assert [r.id for r in found.resources] == [
        "Job/nlp/train (a.yaml)", "Job/nlp/train (b.yaml)", "Job/nlp/train (b.yaml #2)"
    ]  # fmt: skip


def test_what_kubectl_prints_is_not_counted_twice() -> None:
    def written(kind: str, name: str, owner: str) -> str:
        template = "spec: {containers: [{image: x}]}"
        spec = template if kind == "Pod" else f"spec: {{template: {{{template}}}}}"
        return f"""\
apiVersion: {"v1" if kind == "Pod" else "apps/v1"}
kind: {kind}
metadata: {{name: {name}, namespace: nlp, uid: u-{name}, ownerReferences: [{owner}]}}
{spec}
---
"""

    replica_set = "{apiVersion: apps/v1, kind: ReplicaSet, name: chat-1, controller: true}"
    deployment = "{apiVersion: apps/v1, kind: Deployment, name: chat, controller: true}"
    pods = [written("Pod", f"chat-1-{n}", replica_set) for n in range(3)]
    rest = [written("ReplicaSet", "chat-1", deployment), written("Deployment", "chat", "")]

    whole = inventory("".join(pods + rest))
    assert [r.id for r in whole.resources] == ["Deployment/nlp/chat"]
    assert whole.notes == ("4 objects of a cluster are judged as what made them",)
    assert len(inventory("".join(pods)).resources) == 3
    assert len(inventory("".join(pods + rest).replace("uid: ", "name-of-uid: ")).resources) == 5


def test_a_card_hung_onto_a_general_machine() -> None:
    place = "node.kubernetes.io/instance-type: n1-standard-8, cloud.google.com/gke-accelerator: nvidia-tesla-t4"
    found = only(job(pod=f"nodeSelector: {{{place}, topology.kubernetes.io/region: us-central1}}"))

    assert found.accelerator is not None
    assert found.accelerator.model == "T4"
    assert found.unknown == {"hourly_usd": "the price book has no node with 1 × T4 in us-central1"}


def test_machines_of_ones_own_are_of_no_cloud() -> None:
    found = only(job(pod="nodeSelector: {node.kubernetes.io/instance-type: gd-8xh100ib-i128}"))

    assert found.provider == "kubernetes"


def test_a_count_that_is_not_known_hides_no_price_where_there_is_none() -> None:
    text = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{}]}}}\n"

    assert set(only(text).unknown) == {"count", "region"}


def test_of_one_label_the_pods_value_counts() -> None:
    text = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: a, labels: {project: atlas, stage: inference}}
        spec: {template: {metadata: {labels: {project: borealis}}, spec: {containers: [{}]}}}
        """
    found = only(text)

    assert found.tags == {"project": "borealis", "stage": "inference"}
    assert found.attributes["delivered_tags"] == {"project": "borealis"}
