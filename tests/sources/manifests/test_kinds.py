"""What each kind launches: how many pods, with what, until when."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from governor.sources.manifests.workloads import KINDS
from sources.manifests.manifest import inventory, only

WRITTEN = yaml.safe_load((Path(__file__).parent / "kinds.yaml").read_text("utf-8"))
OBJECTS = [name for name in WRITTEN if name != "templates"]


def written(name: str, **changes: object) -> str:
    """The object of a kind; `changes` go over its spec."""
    version, kind = name.split()
    metadata = {"name": "a", "namespace": "nlp"}
    spec = {**WRITTEN[name]["spec"], **changes}
    return json.dumps({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})


def test_every_kind_is_here() -> None:
    assert {f"{v.rpartition('/')[0]}/{k}".lstrip("/") for v, k in (name.split() for name in OBJECTS)} == KINDS.keys()


@pytest.mark.parametrize("name", OBJECTS)
def test_what_a_kind_launches(name: str) -> None:
    found = only(written(name))
    group = {
        "batch.volcano.sh/v1alpha1 Job": ".batch.volcano.sh",
        "serving.knative.dev/v1 Service": ".serving.knative.dev",
    }
    assert found.id == f"{name.split()[1]}{group.get(name, '')}/nlp/a"
    assert found.accelerator is not None
    assert found.accelerator.count == 2
    assert [found.count, found.max_count] == WRITTEN[name]["pods"]


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_without_its_parts_is_unknown_and_not_without_accelerators(name: str) -> None:
    version, kind = name.split()
    for spec in ("", "spec: {}", "spec: []", "spec: {template: {}}"):
        found = only(f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n{spec}\n")

        assert found.unknown["accelerator"]
        assert found.hourly_usd is None


def test_the_page_lists_the_kinds() -> None:
    page = (Path(__file__).parents[3] / "docs" / "manifests.md").read_text("utf-8")
    table = page.partition("## Kinds")[2].partition("\n## ")[0]

    assert {*re.findall(r"`([a-z0-9.-]+/[A-Z]\w+|Pod|ReplicationController)`", table)} == {*KINDS}


def test_a_count_that_is_filled_in_later() -> None:
    found = only(written("apps/v1 Deployment", replicas="${REPLICAS}"))

    assert found.count is None
    assert found.unknown["count"] == found.unknown["hourly_usd"] == "replicas is filled in later"


def test_a_list_is_its_items() -> None:
    items = "".join(f"- {written(name)}\n" for name in ("apps/v1 Deployment", "batch/v1 Job"))
    found = inventory(f"apiVersion: v1\nkind: List\nitems:\n{items}").resources

    assert [(r.id, r.origin and r.origin.line) for r in found] == [("Deployment/nlp/a", 4), ("Job/nlp/a", 5)]


@pytest.mark.parametrize(
    ("name", "reach"),
    [
        ("serving.kserve.io/v1beta1 InferenceService", {"project": "atlas"}),
        ("kubeflow.org/v1 Notebook", {"project": "atlas"}),
        ("serving.knative.dev/v1 Service", {}),
        ("batch.volcano.sh/v1alpha1 Job", {"project": "borealis"}),
    ],
)
def test_some_controllers_hand_the_labels_of_the_object_on(name: str, reach: dict[str, str]) -> None:
    document = json.loads(written(name))
    document["metadata"]["labels"] = {"project": "atlas"}
    if name.startswith("kubeflow"):
        document["spec"]["template"]["metadata"] = {}

    assert only(json.dumps(document)).attributes["delivered_tags"] == reach


@pytest.mark.parametrize("labelled", [0, 1])
def test_labels_of_some_pods_only_do_not_reach_all(labelled: int) -> None:
    templates: list[dict[str, Any]] = [{"spec": {"containers": [{"image": "x"}]}} for _ in range(2)]
    templates[labelled]["metadata"] = {"labels": {"project": "borealis"}}
    roles = {"Master": {"template": templates[0]}, "Worker": {"template": templates[1]}}
    found = only(written("kubeflow.org/v1 PyTorchJob", pytorchReplicaSpecs=roles))

    assert found.tags == {"project": "borealis"}
    assert found.attributes["delivered_tags"] == {}


def test_the_rest_of_a_train_job_stands_in_its_runtime() -> None:
    text = """
        apiVersion: trainer.kubeflow.org/v1alpha1
        kind: TrainJob
        metadata: {name: tune, labels: {project: atlas}}
        spec: {runtimeRef: {name: torch-distributed}, trainer: {image: x}}
        """
    found = only(text)

    assert found.unknown == {
        "accelerator": "its resources stand in the runtime torch-distributed",
        "attributes.delivered_tags": "the rest of its template stands in the runtime torch-distributed",
        "count": "numNodes stands in the runtime torch-distributed",
        "hourly_usd": "numNodes stands in the runtime torch-distributed",
        "region": "it selects no region: it lies where its cluster lies",
    }


WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: eval-, namespace: nlp}
spec:
  entrypoint: main
  podMetadata: {labels: {project: atlas}}
  templates:
    - name: main
      dag:
        tasks:
          - {name: fetch, template: fetch}
          - {name: score, template: score, dependencies: [fetch]%s}
    - {name: fetch, container: {image: x}}
    - name: score
      nodeSelector: {node.kubernetes.io/instance-type: g6.xlarge, topology.kubernetes.io/region: us-east-1}
      metadata: {labels: {model: "{{workflow.parameters.model}}"}}
      container: {image: x, resources: {limits: {nvidia.com/gpu: 1}}}
"""


def test_one_accelerated_step_of_a_workflow() -> None:
    found = only(WORKFLOW % "")

    assert (found.id, found.count, found.attributes["instance_type"]) == ("Workflow/nlp/eval-", 1, "g6.xlarge")
    assert found.hourly_usd is not None
    assert found.tags == {"project": "atlas", "model": "{{workflow.parameters.model}}"}
    assert found.unknown == {"region": "some of its pods select no region", "tags.model": "filled in later"}


@pytest.mark.parametrize("fan_out", [", withItems: [1, 2]", ", withParam: '{{tasks.fetch.outputs.result}}'"])
def test_a_step_that_fans_out(fan_out: str) -> None:
    found = only(WORKFLOW % fan_out)

    assert found.unknown["hourly_usd"] == "how many of its steps run at once is not written"
    assert found.hourly_usd is None


def test_a_step_below_a_step_that_fans_out() -> None:
    text = WORKFLOW % "" + "    - {name: all, steps: [[{name: each, template: main, withItems: [a, b]}]]}\n"

    assert only(text.replace("entrypoint: main", "entrypoint: all")).hourly_usd is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("    - {name: fetch,", "    - {podSpecPatch: '{}', name: fetch,"), "podSpecPatch changes its pods"),
        (("template: fetch}", "templateRef: {name: shared, template: x}}"), "a step of it stands in another template"),
        (("{name: fetch, container: {image: x}}", "{name: fetch, resource: {action: create}}"),
         "its step fetch creates an object that is not read"),
    ],
)  # fmt: skip
def test_what_a_workflow_leaves_to_others(change: tuple[str, str], why: str) -> None:
    assert only((WORKFLOW % "").replace(*change)).unknown["accelerator"] == why


PIPELINE = """\
pipelineInfo: {name: tune}
root: {dag: {tasks: {}}}
schemaVersion: 2.1.0
deploymentSpec:
  executors:
    exec-prepare: {container: {image: x}}
    exec-train:
      container:
        image: x
        resources: {cpuLimit: 8.0, accelerator: {count: '2', type: %s}}
"""
PLATFORM = """\
---
platforms:
  kubernetes:
    deploymentSpec:
      executors:
        exec-train:
          nodeSelector:
            labels: {node.kubernetes.io/instance-type: a2-highgpu-2g, topology.kubernetes.io/region: us-central1}
          podMetadata: {labels: {project: atlas}}
"""


def test_a_compiled_pipeline() -> None:
    found = only(PIPELINE % "NVIDIA_TESLA_A100")

    assert (found.id, found.type, found.count) == ("Pipeline/tune", "kubeflow/Pipeline", 1)
    assert found.accelerator is not None
    assert (found.accelerator.model, found.accelerator.count) == ("A100", 2)
    assert found.hourly_usd is None


def test_where_a_pipeline_runs() -> None:
    found = only(PIPELINE % "nvidia.com/gpu" + PLATFORM)

    assert found.hourly_usd is not None
    assert str(found.hourly_usd) == "7.34677"
    assert found.tags == {"project": "atlas"}
