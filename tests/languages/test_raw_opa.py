"""Raw policies say what OPA, and so conftest, says of the same plan."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from core.policy_folders import write
from core.raw_folders import V0, judged
from governor import library
from real_terraform import EXAMPLES

STYLES: dict[str, tuple[str, str]] = {
    "old": ("v0", V0),
    "old, with helpers": (
        "v0",
        """\
package main

import input as tfplan

wanted = {"project", "cost-center"}

taggable[change] { change := tfplan.resource_changes[_]; change.change.after.tags }

missing(change) = left { left := wanted - {key | change.change.after.tags[key]} } else = wanted { true }

deny[msg] {
  change := taggable[_]
  left := missing(change)
  count(left) > 0
  msg := sprintf("%v lacks %s", [change.address, concat(", ", sort(left))])
}

violation_region[{"msg": msg, "details": {"address": change.address, "nodes": nodes}}] {
  change = tfplan.resource_changes[i]
  change.type == "aws_eks_node_group"
  nodes = change.change.after.scaling_config[_].max_size
  nodes > 1
  msg = sprintf("%q may grow to %d nodes (%v)", [change.address, nodes, i > 0])
}

warn[msg] {
  re_match("^aws_(s3|fsx)", tfplan.resource_changes[_].type)
  all([true, 1 < 2])
  msg := "there is storage"
}

exception[rules] { tfplan.terraform_version == "none"; rules := ["region"] }
""",
    ),
    "future keywords": (
        "v0",
        """\
package terraform.analysis

import future.keywords

creates[address] := change {
  some change in input.resource_changes
  "create" in change.change.actions
  address := change.address
}

deny_creates contains msg if {
  some address, change in creates
  every action in change.change.actions { action != "delete" }
  startswith(change.type, "aws_instance")
  msg := sprintf("%s is new: %s", [address, change.change.after.instance_type])
}
""",
    ),
    "new": (
        "v1",
        """\
package terraform.analysis

import rego.v1

weights := {"aws_instance": 10, "aws_s3_bucket": 1}

score := sum([weight |
	some change in input.resource_changes
	weight := object.get(weights, change.type, 0)
])

deny contains sprintf("this plan weighs %d", [score]) if score > 20

warn_types contains {"msg": msg, "severity": "LOW", "count": number} if {
	some type in {change.type | some change in input.resource_changes}
	number := count([1 | some change in input.resource_changes; change.type == type])
	number > 2
	msg := sprintf("%d of %s", [number, type])
}

deny_blocks contains msg if {
	walk(input.configuration, [path, value])
	path[count(path) - 1] == "instance_type"
	msg := sprintf("%v at %s", [value, concat("/", [step | some part in path; step := sprintf("%v", [part])])])
}
""",
    ),
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", ["plan.json", "platform"])
def test_both_engines_say_the_same(style: str, name: str, opa: str, tmp_path: Path, request: Any) -> None:
    file = EXAMPLES / name if name == "plan.json" else request.getfixturevalue("shared") / "plans/platform/plan.json"
    version, text = STYLES[style]
    folder = write(tmp_path, {"policy.rego": text})

    judgement = judged(folder, file.read_bytes())

    assert judgement.failures == []
    for policy in library.load([], raw=[folder]).policies:
        ours = [(f.msg, f.details) for f in judgement.findings if f.policy == policy.id]
        theirs = [told(item) for item in ask(opa, version, folder, file, policy.rule)]
        assert sorted(ours, key=repr) == sorted(theirs, key=repr), policy.id
    assert len(judgement.findings) > 0


def told(item: Any) -> tuple[str, dict[str, Any]]:
    """Message and details of what a rule says, as conftest reads it."""
    if isinstance(item, str):
        return item, {}
    details = {key: value for key, value in item.items() if key != "msg"}
    return item["msg"], details.get("details", details)


def ask(opa: str, version: str, folder: Path, plan: Path, rule: str) -> list[Any]:
    """What OPA answers."""
    old = ["--v0-compatible"] if version == "v0" else []
    command = [opa, "eval", *old, "--format=json", f"--data={folder}", f"--input={plan}", rule]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    found: list[Any] = json.loads(finished.stdout)["result"][0]["expressions"][0]["value"]
    return found
