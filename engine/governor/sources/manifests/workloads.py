"""Kinds of objects in, the pods they launch out: templates, how many of each, and for how long.

Fields are those of the kinds' own API references; docs/manifests.md lists the kinds. Counts that the object leaves out
are the defaults of its API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from governor.sources.manifests.reading import FILLED_IN_LATER, is_open, mappings, string
from governor.sources.terraform_plan.reading import at, items, mapping, number


class Pods(Struct):
    """Pods of one template."""

    template: Mapping[str, Any]
    """`{metadata, spec}`."""
    count: int | None = 1
    """How many run; None when that is not known."""
    max_count: int | None = None
    """How many it may grow to."""


class Launch(Struct):
    """What an object launches."""

    kind: str
    pods: list[Pods] = field(default_factory=list)
    unknown: dict[str, str] = field(default_factory=dict)
    """Path of the resource → why it is not known."""
    deadline_seconds: int | None = None
    """Seconds after which it is ended, all its retries included."""
    labels: dict[str, Any] = field(default_factory=dict)
    """Labels that it hands on to its pods, beside those of their templates."""
    templates_elsewhere: str = ""
    """Where the rest of the pods' template stands: what that adds is not known."""

    def number(self, value: Any, default: int | None, what: str) -> int | None:
        """A count that is written; the default where it is not. One that cannot be read is not known."""
        if value is None:
            return default
        found = number(value)
        if found is None:
            why = f"{what} is {FILLED_IN_LATER}" if is_open(string(value)) else f"{what} is not a whole number"
            self.unknown["count"] = self.unknown["hourly_usd"] = why
        return found

    def add(self, template: Any, count: int | None = 1, max_count: int | None = None) -> None:
        """Note pods of a template."""
        if not any(True for _ in mappings(at(template, "spec.containers"))):
            self.no_template("it has no pod template with containers")
            return
        self.pods.append(Pods(mapping(template), count, max_count))

    def no_template(self, why: str) -> None:
        """What its pods ask for is not known."""
        for path in ("accelerator", "hourly_usd"):
            self.unknown.setdefault(path, why)

    def at_most(self, seconds: Any) -> None:
        """Note its deadline."""
        self.deadline_seconds = number(seconds)


Reader = Callable[[Launch, Mapping[str, Any]], None]


def launch(type: str, document: Mapping[str, Any]) -> Launch | None:
    """What an object of a known kind launches; None for another kind. `type` is `group/Kind`, or `Kind` of the core."""
    found = KINDS.get(type)
    if found is None:
        return None
    kind, reader = found
    launched = Launch(kind)
    reader(launched, document)
    return launched


def _pod(found: Launch, document: Mapping[str, Any]) -> None:
    found.add(document)


def _replicas(found: Launch, document: Mapping[str, Any]) -> None:
    spec = mapping(document.get("spec"))
    found.add(spec.get("template"), found.number(spec.get("replicas"), 1, "replicas"))


def _daemon_set(found: Launch, document: Mapping[str, Any]) -> None:
    found.add(at(document, "spec.template"), None)
    found.unknown["count"] = found.unknown["hourly_usd"] = "it runs on every node that its selector fits"


def _job(found: Launch, document: Mapping[str, Any]) -> None:
    _of_job(found, document, 1)
    found.at_most(at(document, "spec.activeDeadlineSeconds"))


def _of_job(found: Launch, job: Mapping[str, Any], times: int | None) -> None:
    """The pods of a Job's spec, which other kinds hold as a template, too."""
    spec = mapping(job.get("spec"))
    count = found.number(spec.get("parallelism"), 1, "parallelism")
    completions = found.number(spec.get("completions"), None, "completions")
    if count is not None and completions is not None:
        count = min(count, completions)
    found.add(spec.get("template"), None if count is None or times is None else count * times)


def _cron_job(found: Launch, document: Mapping[str, Any]) -> None:
    _of_job(found, mapping(at(document, "spec.jobTemplate")), 1)


def _replica_specs(name: str) -> Reader:
    """A job of Kubeflow's training operator: `spec.pytorchReplicaSpecs.Worker.{replicas, template}`."""

    def read(found: Launch, document: Mapping[str, Any]) -> None:
        spec = mapping(document.get("spec"))
        roles = mapping(spec.get(name))
        if not roles:
            found.no_template(f"it has no {name}")
        most = found.number(at(spec, "elasticPolicy.maxReplicas"), None, "maxReplicas")
        for role, replicas in roles.items():
            count = found.number(mapping(replicas).get("replicas"), 1, f"replicas of {role}")
            found.add(mapping(replicas).get("template"), count, most if role == "Worker" else None)
        deadline = at(spec, "runPolicy.activeDeadlineSeconds")
        found.at_most(spec.get("activeDeadlineSeconds") if deadline is None else deadline)

    return read


def _train_job(found: Launch, document: Mapping[str, Any]) -> None:
    """Most of the template stands in a runtime of the cluster; what the job says of resources goes over it."""
    spec, trainer = mapping(document.get("spec")), mapping(at(document, "spec.trainer"))
    runtime = string(at(spec, "runtimeRef.name")) or "its runtime"
    count = found.number(trainer.get("numNodes"), None, "numNodes")
    if count is None:
        found.unknown.setdefault("count", f"numNodes stands in the runtime {runtime}")
        found.unknown.setdefault("hourly_usd", found.unknown["count"])
    patch = _patched(spec)
    template = {
        "metadata": patch.get("metadata"),
        "spec": {**mapping(patch.get("spec")), "containers": [{"resources": trainer.get("resourcesPerNode")}]},
    }
    found.add(template, count)
    if "resourcesPerNode" not in trainer:
        found.no_template(f"its resources stand in the runtime {runtime}")
    found.labels = dict(mapping(spec.get("labels")))
    found.templates_elsewhere = f"the rest of its template stands in the runtime {runtime}"
    found.at_most(spec.get("activeDeadlineSeconds"))


def _patched(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pod template that overrides or patches the runtime's, for the job that trains."""
    for override in mappings(spec.get("podTemplateOverrides")):
        if any(job.get("name") == "node" for job in mappings(override.get("targetJobs"))):
            return override
    for patch in mappings(spec.get("runtimePatches")):
        for job in mappings(at(patch, "trainingRuntimeSpec.template.spec.replicatedJobs")):
            if job.get("name") == "node":
                return mapping(at(job, "template.spec.template"))
    return {}


def _job_set(found: Launch, document: Mapping[str, Any]) -> None:
    jobs = [*mappings(at(document, "spec.replicatedJobs"))]
    if not jobs:
        found.no_template("it has no replicatedJobs")
    for job in jobs:
        _of_job(found, mapping(job.get("template")), found.number(job.get("replicas"), 1, "replicas"))


def _leader_workers(found: Launch, document: Mapping[str, Any]) -> None:
    spec = mapping(document.get("spec"))
    group = mapping(spec.get("leaderWorkerTemplate"))
    groups = found.number(spec.get("replicas"), 1, "replicas")
    size = found.number(group.get("size"), 1, "size")
    known = groups is not None and size is not None
    found.add(group.get("leaderTemplate") or group.get("workerTemplate"), groups)
    if size != 1:
        found.add(group.get("workerTemplate"), groups * (size - 1) if known else None)  # type: ignore[operator]


def _ray_cluster(found: Launch, spec: Mapping[str, Any]) -> None:
    if not spec:
        found.no_template("it names a cluster that this input does not hold")
        return
    found.add(at(spec, "headGroupSpec.template"))
    grows = spec.get("enableInTreeAutoscaling") is True
    for group in mappings(spec.get("workerGroupSpecs")):
        hosts = found.number(group.get("numOfHosts"), 1, "numOfHosts")
        least = found.number(group.get("minReplicas"), 0, "minReplicas")
        count = found.number(group.get("replicas"), least, "replicas")
        most = found.number(group.get("maxReplicas"), None, "maxReplicas") if grows else None
        found.add(group.get("template"), _times(count, hosts), _times(most, hosts))


def _times(count: int | None, each: int | None) -> int | None:
    return None if count is None or each is None else count * each


def _ray(path: str) -> Reader:
    """A kind with a Ray cluster at a path."""

    def read(found: Launch, document: Mapping[str, Any]) -> None:
        _ray_cluster(found, mapping(at(document, path)))
        if found.kind == "workload":
            found.at_most(at(document, "spec.activeDeadlineSeconds"))

    return read


def _inference_service(found: Launch, document: Mapping[str, Any]) -> None:
    """Each component is a pod's spec with a model server among its fields, under the name of its framework."""
    spec = mapping(document.get("spec"))
    if not mapping(spec.get("predictor")):
        found.no_template("it has no predictor")
    # KServe gives its pods the labels of the service.
    found.labels = dict(mapping(at(document, "metadata.labels")))
    for name in ("predictor", "transformer", "explainer"):
        component = mapping(spec.get(name))
        if not component:
            continue
        least = found.number(component.get("minReplicas"), 1, f"minReplicas of the {name}")
        most = found.number(component.get("maxReplicas"), None, f"maxReplicas of the {name}")
        metadata = {"labels": component.get("labels"), "annotations": component.get("annotations")}
        servers = [
            value
            for key, value in component.items()
            if isinstance(value, dict) and key != "workerSpec" and {"resources", "storageUri", "modelFormat"} & {*value}
        ]
        containers = [*items(component.get("containers")), *servers]
        found.add({"metadata": metadata, "spec": {**component, "containers": containers}}, least, most or None)
        if worker := mapping(component.get("workerSpec")):
            stages = found.number(worker.get("pipelineParallelSize"), 1, "pipelineParallelSize")
            found.add({"spec": worker}, None if stages is None else _times(least, max(stages - 1, 0)))
        if any("resources" not in server for server in servers):
            _runtime_may_ask(found, component)


def _runtime_may_ask(found: Launch, component: Mapping[str, Any]) -> None:
    runtime = string(at(component, "model.runtime"))
    found.no_template(f"its resources stand in the serving runtime{f' {runtime}' if runtime else ''}")


def _notebook(found: Launch, document: Mapping[str, Any]) -> None:
    # The controller gives the pod the labels of the notebook.
    found.labels = dict(mapping(at(document, "metadata.labels")))
    found.add(at(document, "spec.template"))


def _volcano_job(found: Launch, document: Mapping[str, Any]) -> None:
    tasks = [*mappings(at(document, "spec.tasks"))]
    if not tasks:
        found.no_template("it has no tasks")
    for task in tasks:
        found.add(task.get("template"), found.number(task.get("replicas"), 1, "replicas"))


def _knative_service(found: Launch, document: Mapping[str, Any]) -> None:
    notes = mapping(at(document, "spec.template.metadata.annotations"))
    least = found.number(notes.get("autoscaling.knative.dev/min-scale"), 0, "min-scale")
    most = found.number(notes.get("autoscaling.knative.dev/max-scale"), None, "max-scale")
    found.add(at(document, "spec.template"), least, most or None)


def _workflow(path: str) -> Reader:
    """Argo's workflows: templates that are pods, and steps that name them."""

    def read(found: Launch, document: Mapping[str, Any]) -> None:
        from governor.sources.manifests.argo import workflow

        workflow(found, mapping(at(document, path)))

    return read


KINDS: dict[str, tuple[str, Reader]] = {
    "Pod": ("workload", _pod),
    "ReplicationController": ("workload", _replicas),
    "apps/Deployment": ("workload", _replicas),
    "apps/StatefulSet": ("workload", _replicas),
    "apps/ReplicaSet": ("workload", _replicas),
    "apps/DaemonSet": ("workload", _daemon_set),
    "batch/Job": ("workload", _job),
    "batch/CronJob": ("workload", _cron_job),
    "kubeflow.org/PyTorchJob": ("training_job", _replica_specs("pytorchReplicaSpecs")),
    "kubeflow.org/TFJob": ("training_job", _replica_specs("tfReplicaSpecs")),
    "kubeflow.org/MPIJob": ("training_job", _replica_specs("mpiReplicaSpecs")),
    "kubeflow.org/XGBoostJob": ("training_job", _replica_specs("xgbReplicaSpecs")),
    "kubeflow.org/PaddleJob": ("training_job", _replica_specs("paddleReplicaSpecs")),
    "kubeflow.org/JAXJob": ("training_job", _replica_specs("jaxReplicaSpecs")),
    "kubeflow.org/MXJob": ("training_job", _replica_specs("mxReplicaSpecs")),
    "kubeflow.org/Notebook": ("notebook", _notebook),
    "trainer.kubeflow.org/TrainJob": ("training_job", _train_job),
    "jobset.x-k8s.io/JobSet": ("workload", _job_set),
    "leaderworkerset.x-k8s.io/LeaderWorkerSet": ("workload", _leader_workers),
    "ray.io/RayCluster": ("cluster", _ray("spec")),
    "ray.io/RayJob": ("workload", _ray("spec.rayClusterSpec")),
    "ray.io/RayService": ("model_endpoint", _ray("spec.rayClusterConfig")),
    "serving.kserve.io/InferenceService": ("model_endpoint", _inference_service),
    "serving.knative.dev/Service": ("workload", _knative_service),
    "batch.volcano.sh/Job": ("workload", _volcano_job),
    "argoproj.io/Rollout": ("workload", _replicas),
    "argoproj.io/Workflow": ("workload", _workflow("spec")),
    "argoproj.io/WorkflowTemplate": ("workload", _workflow("spec")),
    "argoproj.io/ClusterWorkflowTemplate": ("workload", _workflow("spec")),
    "argoproj.io/CronWorkflow": ("workload", _workflow("spec.workflowSpec")),
}
"""Type → our kind, and what reads it."""

LAUNCH_NOTHING = frozenset(
    {
        "PodTemplate", "ResourceQuota", "LimitRange", "Node",
        "apiextensions.k8s.io/CustomResourceDefinition",
        "trainer.kubeflow.org/TrainingRuntime", "trainer.kubeflow.org/ClusterTrainingRuntime",
        "serving.kserve.io/ServingRuntime", "serving.kserve.io/ClusterServingRuntime",
        "kueue.x-k8s.io/ClusterQueue", "kueue.x-k8s.io/ResourceFlavor", "kueue.x-k8s.io/Cohort",
        "karpenter.sh/NodePool", "autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject",
    }
)  # fmt: skip
"""Kinds that speak of accelerators or hold templates, and launch no pod themselves."""
