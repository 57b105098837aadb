"""Argo workflows: which templates are pods, and how many run at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from governor.sources.manifests.pods import need
from governor.sources.manifests.reading import mappings, string
from governor.sources.manifests.workloads import Launch
from governor.sources.terraform_plan.reading import items, mapping

_FAN_OUT = ("withItems", "withParam", "withSequence")


def workflow(found: Launch, spec: Mapping[str, Any]) -> None:
    """Read a workflow's spec. Of several accelerated steps it is not known which run at once."""
    if reference := mapping(spec.get("workflowTemplateRef")):
        found.no_template(f"its steps stand in the template {string(reference.get('name'))}")
        return
    found.at_most(spec.get("activeDeadlineSeconds"))
    templates = [*mappings(spec.get("templates"))]
    if not templates:
        found.no_template("it has no templates")
    calls = _calls(found, spec, templates)
    accelerated = 0
    for template in templates:
        containers = [mapping(template.get(name)) for name in ("container", "script") if template.get(name)]
        containers += [*mappings(mapping(template.get("containerSet")).get("containers"))]
        name = string(template.get("name"))
        if template.get("resource") or template.get("plugin"):
            found.no_template(f"its step {name} creates an object that is not read")
        if not containers:
            continue
        pod = _pod(spec, template, containers)
        if "podSpecPatch" in spec or "podSpecPatch" in template:
            found.no_template("podSpecPatch changes its pods")
        needs = need(pod["spec"])
        runs = calls.get(name, 0)
        if needs.count or needs.unknown:
            accelerated += runs
        found.add(pod, 1 if runs else 0)
    if accelerated > 1:
        found.unknown["count"] = found.unknown["hourly_usd"] = "how many of its steps run at once is not written"


def _pod(spec: Mapping[str, Any], template: Mapping[str, Any], containers: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The pod of a template. What the template says goes over what the workflow says."""
    common, own = mapping(spec.get("podMetadata")), mapping(template.get("metadata"))
    metadata = {part: {**mapping(common.get(part)), **mapping(own.get(part))} for part in ("labels", "annotations")}
    sidecars = [{**sidecar, "restartPolicy": "Always"} for sidecar in mappings(template.get("sidecars"))]
    pod: dict[str, Any] = {
        "containers": containers,
        "initContainers": [*sidecars, *items(template.get("initContainers"))],
        "nodeSelector": template.get("nodeSelector") or spec.get("nodeSelector"),
        "affinity": template.get("affinity") or spec.get("affinity"),
    }
    return {"metadata": metadata, "spec": pod}


def _calls(found: Launch, spec: Mapping[str, Any], templates: list[Mapping[str, Any]]) -> Counter[str]:
    """How often each template is run: by the entrypoint, by steps and by tasks. A fan-out counts twice: many."""
    calls: Counter[str] = Counter()
    called_by: dict[str, set[str]] = {}
    start = string(spec.get("entrypoint"))
    for name in (start, string(spec.get("onExit"))):
        if name:
            calls[name] += 1
    for template in templates:
        groups = [step for group in items(template.get("steps")) for step in mappings(group)]
        for step in (*groups, *mappings(mapping(template.get("dag")).get("tasks"))):
            if step.get("templateRef"):
                found.no_template("a step of it stands in another template")
            name = string(step.get("template"))
            calls[name] += 2 if any(fan in step for fan in _FAN_OUT) else 1
            called_by.setdefault(string(template.get("name")), set()).add(name)
    if not start:
        # A template that others take steps from: each of its own may be run.
        for template in templates:
            calls[string(template.get("name"))] += 1
    # What is run many times runs what it calls many times.
    many = [name for name, number in calls.items() if number > 1]
    while many:
        for name in called_by.get(many.pop(), ()):
            if calls[name] < 2:
                calls[name] = 2
                many.append(name)
    return calls
