"""`governor scan` of subscriptions of Azure, from the command line to reports and exit code, against a fake Azure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_aws import ACCOUNT, COMPLETE, Cloud
from fake_azure import Azure, Credential, Reply, running
from sources.azure.test_estate_rows import GROUP, SUBSCRIPTION, container, row

from .conftest import Governor

ID = SUBSCRIPTION.rpartition("/")[2]
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/trainer"
SIZE = {"hardwareProfile": {"vmSize": "Standard_ND96isr_H100_v5"}}
TAGS = {"project": "vision", "owner-team": "ml"}


@pytest.fixture
def azure(governor: Governor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    """A fake Azure with one machine, which governor.yaml names; tags alone are judged."""
    with running(tmp_path) as (azure, authority):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
        monkeypatch.setattr("azure.identity.DefaultAzureCredential", Credential)
        settings = {
            "levels": [{"policies": "*", "level": "off"}, {"policies": "TAG001", "level": "deny"}],
            "scan": {"azure": {"endpoint": azure.base_url}},
        }
        Path("governor.yaml").write_text(json.dumps(settings), "utf-8")
        azure.tables["resourcecontainers"] = [
            container(SUBSCRIPTION, "microsoft.resources/subscriptions"),
            container(GROUP, "microsoft.resources/subscriptions/resourcegroups"),
        ]
        azure.tables["resources"] = [row(VM, properties=SIZE, tags=TAGS)]
        yield azure


def test_what_runs_in_azure_is_judged_by_the_policies_that_judge_plans(governor: Governor, azure: Azure) -> None:
    run = governor("scan", "--subscription", ID, "-f", "json")

    report = json.loads(run.out)
    assert run.code == 1
    missing = {(finding["resource"], finding["attribute"]) for finding in report["findings"]}
    expected = ("stage", "cost-budget-limit", "model", "dataset")
    assert missing >= {(VM, f"tags.{tag}") for tag in expected}
    assert missing.isdisjoint({(VM, "tags.project"), (VM, "tags.owner-team")})
    assert {finding["hourly_usd"] is not None for finding in report["findings"]} == {True}
    assert {method for method, _ in azure.asked} == {"POST"}, "one machine has no children to list"
    assert report["run"]["source"] == f"Azure {ID}"


def test_both_clouds_are_one_judgement(governor: Governor, azure: Azure, cloud: Cloud) -> None:
    bare, whole = cloud.bucket("bare"), cloud.bucket("whole", **COMPLETE, dataset="tickets")

    run = governor(
        "scan",
        "--account",
        ACCOUNT,
        "--region",
        "us-east-1",
        "--service",
        "buckets",
        "--subscription",
        ID,
        "-f",
        "json",
    )

    found = {finding["resource"] for finding in json.loads(run.out)["findings"]}
    assert (run.code, found) == (1, {bare, VM})
    assert whole not in found


def test_what_may_not_be_read_is_a_gap_and_never_a_pass(governor: Governor, azure: Azure) -> None:
    account = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/openai"
    azure.tables["resources"] = [row(account, tags=TAGS)]
    forbidden = Reply(403, {"error": {"code": "AuthorizationFailed", "message": "no"}})
    azure.spoil = lambda path, time: forbidden if path.endswith("/deployments") else None

    told, strict = governor("scan", "--subscription", ID), governor("scan", "--subscription", ID, "--strict")

    assert strict.code == 3
    assert "the identity needs the role Reader there" in " ".join(told.out.split())


def test_an_azure_that_refuses_everything_is_no_clean_run(governor: Governor, azure: Azure) -> None:
    azure.spoil = lambda path, time: Reply(401, {"error": {"code": "Unauthorized", "message": "no"}})

    run = governor("scan", "--subscription", ID)

    assert run.code == 3
    assert "Azure could not be read" in run.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--subscription", "prod"), "'prod' is no subscription of Azure"),
        (("--subscription", ID, "--management-group", "ml"), "a management group means every subscription below it"),
        ((), "name subscriptions of Azure with --subscription"),
    ],
)
def test_a_scope_that_cannot_be_is_refused(
    governor: Governor, azure: Azure, arguments: tuple[str, ...], complaint: str
) -> None:
    run = governor("scan", *arguments)
    assert run.code == 2
    assert complaint in run.err
    assert azure.asked == []
