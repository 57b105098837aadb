"""Whole manifests, and all that the policies say of them."""

from __future__ import annotations

from base64 import b64encode
from decimal import Decimal

import pytest

from sources.manifests.manifest import findings, inventory, job, only, said

TUNE = """\
# A fine-tuning run on EKS with Karpenter
apiVersion: kubeflow.org/v1
kind: PyTorchJob
metadata:
  name: llama-tune
  namespace: nlp
  labels: {kueue.x-k8s.io/queue-name: gpu, project: atlas}
spec:
  runPolicy: {activeDeadlineSeconds: 14400, suspend: true}
  pytorchReplicaSpecs:
    Master: &role
      replicas: 1
      template:
        metadata:
          labels: &tags
            project: atlas
            stage: fine-tuning
            model: llama-3-70b
            experiment-id: exp-2041
            dataset: support-tickets
            owner-team: nlp
          annotations:
            cost-budget-limit: 250/hour
        spec:
          nodeSelector:
            node.kubernetes.io/instance-type: p5.48xlarge
            topology.kubernetes.io/region: us-east-1
          containers:
            - name: pytorch
              image: registry.example.com/tune:7
              env:
                - {name: WANDB_PROJECT, value: atlas}
              resources:
                requests: {cpu: "96", memory: 1Ti}
                limits: {nvidia.com/gpu: "8"}
    Worker:
      <<: *role
      replicas: 3
"""


def test_a_tuning_job_with_everything_said() -> None:
    found = only(TUNE)

    assert (found.id, found.kind, found.type) == (
        "PyTorchJob/nlp/llama-tune",
        "training_job",
        "kubeflow.org/PyTorchJob",
    )
    assert (found.provider, found.region, found.count) == ("aws", "us-east-1", 4)
    assert found.accelerator is not None
    assert (found.accelerator.model, found.accelerator.count) == ("H100", 8)
    assert found.hourly_usd == Decimal("220.16")
    assert found.attributes["deadline_hours"] == 4
    assert found.origin is not None
    assert (found.origin.file, found.origin.line) == ("a.yaml", 2)
    assert found.unknown == {}
    assert findings(inventory(TUNE)) == []


def test_the_same_job_over_its_limit_and_its_region() -> None:
    text = TUNE.replace("250/hour", "200/hour")
    residency = {"datasets": {"support-tickets": "personal-eu"}}

    assert [(f.policy, f.attribute) for f in findings(inventory(text), residency=residency)] == [
        ("BUD001", "tags.cost-budget-limit"),
        ("RES001", "region"),
    ]
    (message,) = said(inventory(text), "BUD001")
    assert message == (
        "PyTorchJob/nlp/llama-tune costs $220.16 an hour (p5.48xlarge in us-east-1,"
        " skypilot-catalog v9/aws/vms.csv@2c3d7ea, as of 2026), over its limit of $200 an hour"
    )


def test_a_month_is_no_longer_than_the_deadline() -> None:
    text = TUNE.replace("250/hour", '"800"')

    (message,) = said(inventory(text), "BUD001")
    assert message == (
        "PyTorchJob/nlp/llama-tune costs $880.64 a month (55.04 USD/h × 4 × 4 h to its deadline; p5.48xlarge in"
        " us-east-1, skypilot-catalog v9/aws/vms.csv@2c3d7ea, as of 2026), over its limit of $800"
    )
    assert said(inventory(text.replace("14400", "7200")), "BUD001") == []


DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: chat
  labels: {project: atlas, owner-team: nlp, stage: inference, model: llama-3-8b, cost-budget-limit: 2000-USD-month}
spec:
  selector: {matchLabels: {app: chat}}
  template:
    metadata:
      labels: {app: chat, project: atlas}
    spec:
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
              - matchExpressions:
                  - {key: cloud.google.com/gke-accelerator, operator: In, values: [nvidia-l4]}
                  - {key: topology.kubernetes.io/zone, operator: In, values: [europe-west4-a, europe-west4-b]}
      containers:
        - name: vllm
          image: registry.example.com/vllm:1
          resources: {limits: {nvidia.com/gpu: 1}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: chat}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: chat}
  minReplicas: 2
  maxReplicas: 9
"""


def test_a_deployment_whose_labels_stay_on_it() -> None:
    found = inventory(DEPLOYMENT)
    (chat,) = found.resources

    assert (chat.region, chat.provider, chat.count, chat.max_count) == ("europe-west4", "gcp", 2, 9)
    assert chat.accelerator is not None
    assert chat.accelerator.model == "L4"
    assert "by the node (g2-standard" in chat.unknown["hourly_usd"]
    assert [(f.policy, f.attribute, bool(f.reason)) for f in findings(found)] == [
        ("BUD001", "hourly_usd", True),
        ("BUD004", "hourly_usd", True),
        ("TAG005", "attributes.delivered_tags", False),
    ]
    assert said(found, "TAG005") == [
        "Deployment/chat carries tags that do not reach what it launches: cost-budget-limit, model, owner-team, stage"
    ]


def test_the_machine_gives_it_a_price() -> None:
    text = DEPLOYMENT.replace(
        "affinity:", "nodeSelector: {node.kubernetes.io/instance-type: g2-standard-8}\n      affinity:"
    )
    (chat,) = inventory(text).resources

    assert chat.price is not None
    assert chat.price.instance_type == "g2-standard-8"
    assert chat.hourly_usd == chat.price.usd_per_hour * 2
    assert chat.max_hourly_usd == chat.price.usd_per_hour * 9


def test_a_part_of_a_node_is_that_part_of_its_price() -> None:
    pod = "nodeSelector: {node.kubernetes.io/instance-type: p5.48xlarge, topology.kubernetes.io/zone: us-east-1b}"
    found = only(job(pod=pod, asks="nvidia.com/gpu: 2"))

    assert found.hourly_usd == Decimal("13.76")
    assert found.price is not None
    assert (found.price.usd_per_hour, found.price.note) == (Decimal("55.04"), "a pod takes 2 of its 8 accelerators")


def test_what_selects_nothing_is_unknown_and_never_free() -> None:
    found = inventory(job())
    (train,) = found.resources

    assert (train.provider, train.region, train.hourly_usd) == ("kubernetes", None, None)
    assert train.unknown["region"] == "it selects no region: it lies where its cluster lies"
    assert (
        train.unknown["hourly_usd"]
        == train.unknown["accelerator.model"]
        == ("no selector tells the accelerator's model")
    )
    assert {f.policy for f in findings(found)} == {"TAG001", "BUD004"}
    assert all(f.reason for f in findings(found) if f.policy == "BUD004")


def test_a_literal_key_is_found_and_never_shown() -> None:
    key = "sk-proj-" + "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY"
    pod = f"""
        apiVersion: v1
        kind: Pod
        metadata: {{name: chat}}
        spec:
          containers:
            - {{name: main, image: x, env: [{{name: OPENAI_API_KEY, value: {key}}}]}}
        """
    found = inventory(pod)

    assert said(found, "KEY003") == ["Pod/chat holds a key for openai in spec.containers.0.env.0.value"]
    assert key in found.secrets
    assert key not in repr(found.resources)


def test_a_secret_is_read_through_its_base64() -> None:
    key = "sk-proj-" + "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY"
    found = inventory(
        f"""
        apiVersion: v1
        kind: Secret
        metadata: {{name: openai, namespace: nlp}}
        data: {{token: {b64encode(key.encode()).decode()}, password: {b64encode(b"hunter22").decode()}}}
        """
    )

    assert [(r.id, r.kind) for r in found.resources] == [("Secret/nlp/openai", "other")]
    assert said(found, "KEY003") == ["Secret/nlp/openai holds a key for openai in data.token"]
    assert {"hunter22", key} <= {*found.secrets}


SKY = """\
name: tune
num_nodes: 2
resources:
  infra: aws/us-east-1
  accelerators: A100:8
  labels: {project: atlas, owner-team: nlp, stage: fine-tuning, model: llama, experiment-id: exp-1, dataset: tickets,
    cost-budget-limit: 50/hour}
envs: {HF_HOME: /models}
setup: pip install -r requirements.txt
run: torchrun train.py
"""


def test_a_skypilot_task() -> None:
    found = only(SKY)

    assert (found.id, found.type, found.provider, found.region) == ("Task/tune", "skypilot/Task", "aws", "us-east-1")
    assert found.attributes == {"instance_type": "p4d.24xlarge"}
    assert (found.count, found.hourly_usd) == (2, Decimal("43.915284"))
    assert findings(inventory(SKY)) == []


def test_of_what_skypilot_may_take_the_dearest_counts() -> None:
    text = SKY.replace("  infra: aws/us-east-1\n", "").replace(
        "accelerators: A100:8",
        "accelerators: H100:8\n  any_of: [{infra: aws/us-east-1}, {infra: gcp/us-central1, use_spot: true}]",
    )
    found = only(text)

    assert found.provider == "skypilot"
    assert found.unknown == {"region": "it may be us-central1 or us-east-1"}
    assert found.purchase == "on_demand"
    assert found.hourly_usd == Decimal("110.08")


def test_skypilot_without_a_place() -> None:
    text = SKY.replace("  infra: aws/us-east-1\n", "")

    assert only(text).unknown["hourly_usd"] == "no cloud is named: SkyPilot takes whichever is enabled and cheapest"
    assert only(SKY.replace("aws/us-east-1", "aws")).unknown["hourly_usd"] == (
        "no region is named: SkyPilot takes the cheapest it finds"
    )
    assert [f.policy for f in findings(inventory(text))] == ["BUD001", "BUD004"]


@pytest.mark.parametrize(
    ("resources", "provider", "model", "hourly_usd"),
    [
        ("{cloud: gcp, zone: us-central1-a, accelerators: 'L4:1', use_spot: true}", "gcp", "L4", "0.397336"),
        ("{infra: gcp/us-east1, accelerators: tpu-v6e-8}", "gcp", "tpu-v6e", "21.6"),
        ("{instance_type: p4d.24xlarge, region: us-east-1}", "aws", "A100", "21.957642"),
        ("{infra: aws/us-east-1, accelerators: [A10G:1, T4:1]}", "aws", "A10G", "1.006"),
        ("{infra: aws/us-east-1, accelerators: {T4, L4}}", "aws", "L4", "0.8048"),
        ("{infra: azure/eastus, gpus: 'H100:1'}", "azure", "H100", "6.98"),
        ("{infra: k8s/prod, accelerators: 'H100:8'}", "kubernetes", "H100", None),
        ("{infra: aws/us-east-1, accelerators: 'Z9:8'}", "aws", "unknown", None),
        ("{infra: aws/us-east-1, accelerators: '${GPUS}'}", "aws", "unknown", None),
        ("{infra: aws/us-east-1, accelerators: 'A100:many'}", "aws", "A100", None),
    ],
)
def test_what_skypilot_takes(resources: str, provider: str, model: str, hourly_usd: str | None) -> None:
    found = only(f"resources: {resources}\nrun: x\n")

    assert (found.id, found.provider) == ("Task/a", provider)
    assert (found.accelerator.model if found.accelerator else "unknown") == model
    assert (str(found.hourly_usd) if found.hourly_usd is not None else None) == hourly_usd
    assert ("hourly_usd" in found.unknown) == (hourly_usd is None)


def test_a_service_of_skypilot_grows() -> None:
    service = "service: {readiness_probe: /, replica_policy: {min_replicas: 1, max_replicas: 3}}"
    found = only(f"{SKY}{service}\n")

    assert (found.kind, found.count, found.max_count) == ("model_endpoint", 2, 6)
    assert found.max_hourly_usd == Decimal("131.745852")


def test_labels_of_some_machines_only_are_unknown() -> None:
    found = only("resources: {any_of: [{infra: aws, labels: {project: a}}, {infra: gcp}]}\nrun: x\n")

    assert found.unknown["tags.project"] == "it depends on which of its resources is taken"


def test_of_several_machines_with_the_same_cards_skypilot_takes_the_cheapest() -> None:
    found = only("resources: {infra: aws/us-east-1, accelerators: 'T4:1'}\nrun: x\n")

    assert found.price is not None
    assert (found.price.instance_type, found.hourly_usd) == ("g4dn.xlarge", Decimal("0.526"))
    assert found.price.note == "the cheapest of 5 types with 1 × T4, which SkyPilot takes first"


def test_a_machine_that_the_book_lacks_has_no_price_and_says_so() -> None:
    place = "node.kubernetes.io/instance-type: p5.48xlarge, topology.kubernetes.io/region: af-south-1"
    found = only(job(pod=f"nodeSelector: {{{place}}}"))

    assert found.hourly_usd is None
    assert found.unknown == {"hourly_usd": "the price book has no row for p5.48xlarge in af-south-1"}
