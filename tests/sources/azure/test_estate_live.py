"""A fake Azure in, its estate out; and nothing but reads on the way."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_azure import GRAPH, Azure, Credential, Reply, running
from governor.errors import Refusal
from governor.model import Gap
from governor.sources.azure import live
from sources.azure.test_estate_rows import DISK, GROUP, SUBSCRIPTION, container, row

ACCOUNT = f"{GROUP}/providers/Microsoft.CognitiveServices/accounts/openai"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ws"
DEPLOYMENTS, COMPUTES = f"{ACCOUNT}/deployments", f"{WORKSPACE}/computes"


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    with running(tmp_path) as (azure, authority):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
        azure.tables["resources"] = [row(), row(ACCOUNT), row(WORKSPACE)]
        azure.tables["resourcecontainers"] = [
            container(
                SUBSCRIPTION,
                "microsoft.resources/subscriptions",
                properties={"managementGroupAncestorsChain": [{"name": "mg"}]},
            ),
            container(GROUP, "microsoft.resources/subscriptions/resourcegroups"),
        ]
        azure.lists = {
            DEPLOYMENTS.lower(): [child(DEPLOYMENTS, f"gpt-{number}") for number in range(3)],
            COMPUTES.lower(): [child(COMPUTES, "cluster")],
        }
        yield azure
        assert set(azure.asked) <= {("POST", GRAPH), ("GET", DEPLOYMENTS), ("GET", COMPUTES)}, "reads, and nothing else"


def child(above: str, name: str) -> dict[str, Any]:
    provider, *steps = above.rpartition("/providers/")[2].split("/")
    type = "/".join([provider, *steps[::2]])
    return {"id": f"{above}/{name}", "name": name, "type": type, "properties": {"provisioningState": "Succeeded"}}


def reader(azure: Azure, **more: Any) -> live.Azure:
    return live.Azure(credential=Credential(), base_url=azure.base_url, **more)


def test_all_that_lies_in_azure(azure: Azure) -> None:
    azure.page = 2

    found = reader(azure).estate()

    assert {resource.id for resource in found.resources} == {
        SUBSCRIPTION,
        GROUP,
        DISK,
        ACCOUNT,
        WORKSPACE,
        f"{COMPUTES}/cluster",
        *(f"{DEPLOYMENTS}/gpt-{number}" for number in range(3)),
    }
    assert found.listed == {
        "microsoft.resources/subscriptions",
        "microsoft.resources/subscriptions/resourcegroups",
        "microsoft.compute/disks",
        "microsoft.cognitiveservices/accounts",
        "microsoft.cognitiveservices/accounts/deployments",
        "microsoft.machinelearningservices/workspaces",
        "microsoft.machinelearningservices/workspaces/computes",
    }
    assert found.ancestors == {SUBSCRIPTION: ("mg",)}
    assert found.gaps == ()
    assert found.source == "Azure"
    assert azure.asked.count(("POST", GRAPH)) == 3, "two pages of resources, and one of containers"
    assert azure.asked.count(("GET", DEPLOYMENTS)) == 2


def test_an_account_without_deployments_has_none(azure: Azure) -> None:
    azure.lists[DEPLOYMENTS.lower()] = []

    assert "microsoft.cognitiveservices/accounts/deployments" in reader(azure).estate().listed


@pytest.mark.parametrize(
    ("scope", "asked"),
    [
        ({"subscriptions": ["a", "b"]}, {"subscriptions": ["a", "b"]}),
        ({"management_groups": ["mg"]}, {"managementGroups": ["mg"]}),
        ({}, {}),
    ],
)
def test_what_is_asked_about(azure: Azure, scope: dict[str, Any], asked: dict[str, Any]) -> None:
    reader(azure, **scope).query("policyresources | order by id asc")

    options = {"$top": 1000, "resultFormat": "objectArray", "allowPartialScopes": False}
    assert azure.queries == [{"query": "policyresources | order by id asc", "options": options, **asked}]


def test_rows_of_policies_are_given_as_they_are(azure: Azure) -> None:
    azure.tables["policyresources"] = [{"id": "/a", "type": "microsoft.policyinsights/policystates"}]

    assert reader(azure).query("policyresources | order by id asc") == live.Rows(
        [{"id": "/a", "type": "microsoft.policyinsights/policystates"}]
    )


def test_azure_is_asked_again_when_it_says_wait(azure: Azure) -> None:
    later = Reply(429, {"error": {"code": "RateLimiting"}}, {"Retry-After": "0.01"})
    used_up = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:00.01"}
    azure.spoil = lambda path, time: (
        later if time < 2 else Reply(200, {"totalRecords": 0, "count": 0, "data": []}, used_up) if time == 2 else None
    )

    found = reader(azure).estate()

    assert {resource.id for resource in found.resources} == {SUBSCRIPTION, GROUP}
    assert found.gaps == ()


@pytest.mark.parametrize("path", [DEPLOYMENTS, COMPUTES])
@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (
            Reply(403, {"error": {"code": "AuthorizationFailed", "message": "no"}}),
            "Azure refused (403 AuthorizationFailed): the identity needs the role Reader there",
        ),
        (Reply(404, {"error": {"code": "ResourceNotFound"}}), "Azure refused (404 ResourceNotFound)"),
        (Reply(200, b"{"), "the answer cannot be read"),
        (Reply(200, {"a": 1}), "the answer holds no list"),
        (
            Reply(200, {"value": [], "nextLink": "https://example.org/steal"}),
            "its next page lies on another host: it was not asked",
        ),
        (
            Reply(409, {"error": {"code": "MissingSubscriptionRegistration", "message": "register"}}),
            "Azure refused (409 MissingSubscriptionRegistration)",
        ),
    ],
)  # fmt: skip
def test_a_list_of_children_that_fails_is_a_gap(azure: Azure, path: str, reply: Reply, reason: str) -> None:
    azure.spoil = lambda asked, time: reply if asked == path else None

    found = reader(azure).estate()

    assert found.gaps == (Gap(path, reason),)
    whole = {
        "microsoft.cognitiveservices/accounts/deployments",
        "microsoft.machinelearningservices/workspaces/computes",
    }
    assert len(found.listed & whole) == 1, "the other one is whole"
    assert ACCOUNT in {resource.id for resource in found.resources}


def rows_of(**more: Any) -> Reply:
    return Reply(200, {"totalRecords": 1, "count": 1, "resultTruncated": "false", "data": [row()], **more})


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (rows_of(resultTruncated="true"), "Azure cut the answer short"),
        (rows_of(totalRecords=7), "Azure gave 1 of 7 rows"),
        (rows_of(data={"columns": [], "rows": []}), "the answer holds no rows"),
        (rows_of(**{"$skipToken": "again"}), "its pages lead in a circle"),
        (Reply(400, {"error": {"code": "BadRequest", "message": "secret query"}}), "Azure refused (400"),
    ],
)
def test_a_query_that_is_not_whole_is_a_gap_and_lists_nothing(azure: Azure, reply: Reply, reason: str) -> None:
    azure.spoil = lambda path, time: reply if path == GRAPH and azure.resources_asked() else None

    found = reader(azure).estate()

    (gap,) = found.gaps
    assert gap.place == "Resource Graph, resources"
    assert gap.reason.startswith(reason)
    assert "secret" not in gap.reason
    assert found.listed == {"microsoft.resources/subscriptions", "microsoft.resources/subscriptions/resourcegroups"}


def test_nothing_at_all_is_a_refusal(azure: Azure) -> None:
    azure.spoil = lambda path, time: Reply(401, {"error": {"code": "InvalidAuthenticationToken", "message": "x"}})

    with pytest.raises(Refusal, match="Azure could not be read: Azure refused \\(401") as refused:
        reader(azure).estate()

    assert refused.value.code == 3


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST", "HEAD"])
def test_what_might_change_something_is_not_sent(azure: Azure, method: str) -> None:
    from azure.core.rest import HttpRequest

    with pytest.raises(live.NotARead, match=f"{method} /subscriptions/s/register"):
        reader(azure)._client.send_request(HttpRequest(method, f"{azure.base_url}/subscriptions/s/register"))

    assert azure.asked == []


def test_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)

    with pytest.raises(Refusal, match=r"Azure is read with its SDK: pip install 'gpu-governor\[azure\]'"):
        live.Azure()


def test_answers_that_azure_gave_to_others(azure: Azure, shared: Path) -> None:
    """Recorded by Cloud Custodian against the real Azure."""
    recorded: dict[str, Any] = {}
    for name in (
        "AiFoundryCognitiveServiceDeploymentTest.ai-foundry-cognitiveservice-deployment-get",
        "MachineLearningWorkspaceComputeInstancesFilterTest.test_query",
    ):
        text = (shared / f"samples/azure/exports/c7n/{name}.json").read_text()
        for call in json.loads(text)["interactions"]:
            recorded[call["request"]["uri"].partition("?")[0].rpartition("/")[2]] = call["response"]["body"]["data"]
    azure.lists[DEPLOYMENTS.lower()] = recorded["deployments"]["value"]
    azure.lists[COMPUTES.lower()] = recorded["computes"]["value"]

    found = {resource.body["name"]: resource for resource in reader(azure).estate().resources}

    assert found["cctest-gpt4o-mini"].body["sku"] == {"name": "Standard", "capacity": 1}
    assert found["vvmlwrkspc11"].body["properties"]["properties"]["vmSize"] == "STANDARD_D1_V2"
    assert found["vvmlwrkspc11"].body["location"] == "eastus"
