"""The example plan is what Terraform makes of the example, and no committed plan tells where it was made."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from real_terraform import COMMITTED, EXAMPLES, essentials

FOLDER_OF_A_MACHINE = re.compile(r'"[^"]*(?<![\w./])/(?:home|root|tmp|opt|work|var|usr|Users|private)/[^"]*"')


@pytest.mark.terraform
@pytest.mark.xdist_group("terraform")
def test_the_example_plan_is_what_terraform_makes_of_the_example(make_plan: Callable[..., bytes]) -> None:
    assert essentials(make_plan(EXAMPLES)) == essentials((EXAMPLES / "plan.json").read_bytes())


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
