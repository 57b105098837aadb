"""The example plan is what Terraform makes of the example, and no committed plan tells where it was made."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from real_terraform import COMMITTED, EXAMPLES, PROJECT, essentials

FOLDER_OF_A_MACHINE = re.compile(r'"[^"]*(?<![\w./])/(?:home|root|tmp|opt|work|var|usr|Users|private)/[^"]*"')


@pytest.mark.terraform
@pytest.mark.xdist_group("terraform")
def test_from_hcl_to_findings(make_plan: Callable[..., bytes], tmp_path: Path) -> None:
    """Terraform plans the example now, and governor says of it what it says of the committed plan."""
    made, committed = tmp_path / "plan.json", EXAMPLES / "plan.json"
    made.write_bytes(make_plan(EXAMPLES))
    assert essentials(made.read_bytes()) == essentials(committed.read_bytes())
    verdict = report(made)
    assert verdict["findings"] == report(committed)["findings"]
    places = {
        (f["policy"], f["resource"], f["origin"]["file"], f["origin"]["line"])
        for f in verdict["findings"]
        if f["origin"]
    }
    above, _, _ = (EXAMPLES / "main.tf").read_text("utf-8").partition('resource "aws_instance" "weekend_run"')
    line = above.count("\n") + 1
    assert ("TAG001", "aws_instance.weekend_run", "examples/main.tf", line) in places


def report(plan: Path) -> dict[str, Any]:
    """What `governor check` reports of a plan of the example, in its organisation."""
    command = [
        sys.executable,
        "-m",
        "governor",
        "check",
        str(plan),
        "--today",
        "2026-11-24",
        "-f",
        "json",
        "--exit-zero",
    ]
    organisation = ["--config", "examples/governor.yaml", "--source", "examples"]
    ran = subprocess.run([*command, *organisation], cwd=PROJECT, capture_output=True, check=True, env=dict(os.environ))
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.parent.name)
def test_a_committed_plan_gives_nothing_away(path: Path) -> None:
    text = path.read_text()
    hosts = set(re.findall(r"https?://[^/\"]+|127\.0\.0\.1|localhost", text))
    assert (FOLDER_OF_A_MACHINE.findall(text), hosts) == ([], set())
    assert len(text) < 300_000


def test_the_example_holds_what_newcomers_are_shown() -> None:
    document = (EXAMPLES / "plan.json").read_bytes()
    plan = json.loads(document)
    resources = essentials(document)
    types = [resource["type"] for resource in resources.values()]

    assert len(resources) >= 25
    assert {
        "aws_autoscaling_group",
        "aws_bedrock_inference_profile",
        "aws_bedrock_provisioned_model_throughput",
        "aws_eks_node_group",
        "aws_iam_access_key",
        "aws_iam_service_specific_credential",
        "aws_s3_bucket_replication_configuration",
        "aws_sagemaker_endpoint_configuration",
        "aws_spot_instance_request",
    } <= set(types)
    assert 'module.workspace["vis.1"].aws_instance.workbench' in resources
    assert "tags" in resources["aws_instance.speech_evaluation"]["unknown"]
    assert resources["aws_instance.weekend_run"]["instance types"] == ["p5.48xlarge"]
    assert resources["aws_instance.weekend_run"]["tags"] is None
    assert (plan["complete"], plan["errored"]) == (True, False)
