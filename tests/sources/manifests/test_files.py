"""Files as they come: broken, hostile, of other tools, not yet rendered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from governor.catalog.prices import PriceBook
from governor.errors import CANNOT_JUDGE, Refusal
from governor.model import Gap
from governor.sources import Options, manifests
from governor.sources.manifests import documents
from sources.manifests.manifest import findings, inventory, job, only

BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (letter + 1, letter + 1, b",".join([b"*%c" % letter] * 9)) for letter in range(97, 110)
)


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        (b"kind: Job\n bad: [", "f.yaml:2:5", "this is not YAML: mapping values are not allowed in this context"),
        (b"a: [1,", "f.yaml:2:1", "this is not YAML: did not find expected node content"),
        (b"a: 1\n---\na: {b: 1,\n b: 2}", "f.yaml:4", "the key 'b' stands twice: keep one"),
        (b"? [a]\n: b", "f.yaml:1", "a key is text here, not an alias, a list or a mapping"),
        (b"a: &a [*a]", "f.yaml:1", "this YAML contains itself"),
        (b"a: *b", "f.yaml:1", "this is not YAML: no anchor is called b"),
        (b"<<: text", "f.yaml:1", "<< takes a mapping, or a list of them"),
        (BOMB, "f.yaml:7", "this document holds more than 2,000,000 values, its aliases written out"),
        (b"[" * 100_000, "f.yaml:1", "this YAML is nested more than 200 levels deep"),
        (b"- " * 50_000, "f.yaml:1", "this YAML is nested more than 200 levels deep"),
        (b"\x80\x81", "f.yaml", "this file is not UTF-8 text"),
        (b"a: \0", "f.yaml", "this is not YAML: unacceptable character #x0000: control characters are not allowed"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else None,
)
def test_what_cannot_be_read_is_refused_with_its_line(data: bytes, place: str, message: str) -> None:
    with pytest.raises(Refusal) as refused:
        documents.read(data, "f.yaml")

    assert (refused.value.place, refused.value.message) == (place, message)
    assert refused.value.code == CANNOT_JUDGE


def test_scalars_stay_as_they_are_written() -> None:
    (found,), _ = documents.read(b"a: 010\nb: 1e3\nc: 'null'\nd: ~\ne: true\nf: 'true'\ng: off\nh: 2026-01-01\n", "f")

    assert found.data == {
        "a": "010", "b": "1e3", "c": "null", "d": None, "e": True, "f": "true", "g": "off", "h": "2026-01-01"
    }  # fmt: skip


def test_tags_make_no_objects() -> None:
    (found,), _ = documents.read(b"a: !!python/object/apply:os.system [echo]\nb: !vault x\n", "f")

    assert found.data == {"a": ["echo"], "b": "x"}


@pytest.mark.parametrize("text", ["", "---\n---\n", "# nothing\n", "null\n"])
def test_an_empty_file_says_so(text: str) -> None:
    found = inventory(text)

    assert found.resources == ()
    assert found.notes == ("nothing in this input launches anything",)


def test_json_is_read_as_well() -> None:
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
        "spec": {"containers": [{"resources": {"limits": {"nvidia.com/gpu": 2}}}]},
    }  # fmt: skip

    found = only(json.dumps(pod, indent="\t"))
    assert found.accelerator is not None
    assert found.accelerator.count == 2


@pytest.mark.parametrize(
    "line",
    [
        "  replicas: {{ .Values.replicas }}",
        "  {{- if .Values.gpu }}",
        "  labels: {{ include \"chart.labels\" . | nindent 4 }}",
        "  name: {{ $name }}",
        "  data: {{ toYaml .Values.data }}",
        "  {{ if .x }}",
        '  name: {{ printf "%s" .x }}',
        "  {{ end }}",
    ],
)  # fmt: skip
def test_a_helm_template_is_a_gap(line: str) -> None:
    found = inventory(f"apiVersion: v1\nkind: Pod\nspec:\n{line}\n")

    assert found.resources == ()
    assert found.gaps == (Gap("a.yaml:4", "a Helm template: render it first, with helm template … | governor check -"),)


@pytest.mark.parametrize(
    "value",
    ["{{inputs.parameters.x}}", "{{ item }}", "{{=inputs.parameters.n * 2}}", "{{workflow.name}}-a", "a{{b c}}"],
)
def test_parameters_of_argo_are_no_helm(value: str) -> None:
    found = inventory(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a, labels: {{project: '{value}'}}}}\n")

    assert found.gaps == ()
    assert found.resources[0].unknown["tags.project"] == "filled in later"


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ("apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n", "ConfigMap"),
        ("apiVersion: v1\nkind: Service\nspec: {ports: []}\n", "Service"),
        ("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n",
         "kustomize.config.k8s.io/Kustomization"),
        ("apiVersion: v1\nkind: ResourceQuota\nspec: {hard: {requests.nvidia.com/gpu: 4, nvidia.com/gpu: 4}}\n",
         "ResourceQuota"),
        ("apiVersion: kueue.x-k8s.io/v1beta1\nkind: ClusterQueue\nspec: {groups: [{name: nvidia.com/gpu}]}\n",
         "kueue.x-k8s.io/ClusterQueue"),
        ("replicaCount: 2\nimage: {tag: x}\n", "document"),
        ("- a\n- b\n", "document"),
        ("text\n", "document"),
        ("on: push\njobs: {test: {steps: [{run: make}]}}\n", "document"),
    ],
)  # fmt: skip
def test_what_launches_nothing_is_passed_by_and_counted(text: str, type: str) -> None:
    found = inventory(text)

    assert (found.resources, found.gaps, found.not_covered) == ((), (), {type: 1})


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: x.example.com/v1\nkind: Trainer\nspec: {gpus: {nvidia.com/gpu: 8}}\n",
        "apiVersion: x.example.com/v1\nkind: Trainer\nspec: {pod: {containers: [{image: x}]}}\n",
        "apiVersion: x.example.com/v1\nkind: Trainer\nspec: {device: nvidia.com/mig-1g.5gb}\n",
        "resources: {limits: {nvidia.com/gpu: 1}}\nreplicaCount: 3\n",
        "- {limits: {amd.com/gpu: 1}}\n",
    ],
)
def test_what_may_launch_and_is_not_known_is_a_gap(text: str) -> None:
    found = inventory(text)
    (gap,) = found.gaps

    assert gap.place == "a.yaml:1"
    assert gap.reason.endswith("it speaks of pods or accelerators: it was not judged")
    assert found.resources == ()


def test_files_of_a_folder(tmp_path: Path) -> None:
    for name, text in {
        "a.yaml": job(asks="cpu: 1"),
        "sub/b.yml": job(asks="cpu: 1").replace("name: train", "name: b"),
        "sub/c.json": '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "c"}, "spec": {}}',
        "sub/plan.json": '{"format_version": "1.2", "apiVersion": 1}',
        ".hidden/d.yaml": "[",
        "notes.txt": "[",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")

    found = manifests.read([tmp_path], prices=PriceBook.shipped(), options=Options())

    assert [r.id for r in found.resources] == ["Job/nlp/train", "Job/nlp/b", "Pod/c"]
    assert manifests.takes(tmp_path)
    assert not manifests.takes(tmp_path / "sub" / "plan.json")


@pytest.mark.parametrize(
    ("beginning", "manifest"),
    [
        (b"apiVersion: v1\n", True),
        (b"---\n# Source: chart/templates/a.yaml\napiVersion: v1\n", True),
        (b'{"kind": "List", "apiVersion": "v1"}', True),
        (b"name: tune\nresources: {accelerators: A100}\n", True),
        (b'{"format_version":"1.2","resource_changes":[{"apiVersion":1}]}', False),
        (b'Initializing...\n{"format_version":"1.2"}', False),
        (b"{}", False),
        (b"", False),
        (b"\x1f\x8b\x08", False),
        (b"replicaCount: 1\n", False),
    ],
)
def test_what_has_no_name_is_told_by_how_it_begins(beginning: bytes, manifest: bool) -> None:
    assert manifests.takes(Path("-"), beginning) is manifest


def test_an_autoscaler_may_stand_in_another_file() -> None:
    deployment = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{}]}}}\n"
    )
    scaler = """\
        apiVersion: keda.sh/v1alpha1
        kind: ScaledObject
        metadata: {name: a}
        spec: {scaleTargetRef: {name: a}, maxReplicaCount: 7}
        """

    for texts in ((deployment, scaler), (scaler, deployment)):
        found = only(*texts)
        assert (found.count, found.max_count) == (0, 7)


def test_secrets_of_a_task_are_withheld() -> None:
    found = inventory("run: x\nresources: {cpus: 2}\nsecrets: {WANDB: abcdefgh}\n")

    assert found.secrets == ("abcdefgh",)
    assert "abcdefgh" not in repr((found.resources, findings(found)))
