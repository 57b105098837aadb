"""`governor azure generate`: from the data of the policies to whole files, and back."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from commands.conftest import Governor
from core.policy_folders import write
from governor.azure_model import ArmResource, Estate
from governor.catalog import azure_aliases
from governor.languages.azure_policy.evaluation import Evaluation, Policies
from governor.sources.azure import exports

GROUP = "/providers/Microsoft.Management/managementGroups/platform"
SUBSCRIPTION = "/subscriptions/11111111-2222-3333-4444-555555555555"

SMALL = """\
tags:
  project: null
  stage: null
  model: null
  experiment-id: null
  dataset: null
  owner-team: null
  cost-budget-limit: null
  it's.ours: {description: A name that needs care., values: [yes-1, "${no}"]}
mandatory:
  paid: {kinds: [bucket], tags: ["it's.ours"]}
  compute: null
  accelerated_clusters: null
  models: null
  accelerated_models: null
  experiments: null
  accelerated_experiments: null
  data: null
"""

RULE = """\
  policy_rule = <<JSON
{
  "if": {
    "allOf": [
      {
        "field": "type",
        "equals": "Microsoft.Storage/storageAccounts"
      },
      {
        "anyOf": [
          {
            "field": "tags['it''s.ours']",
            "exists": "false"
          },
          {
            "value": "[trim(field('tags[''it''''s.ours'']'))]",
            "equals": ""
          }
        ]
      }
    ]
  },
  "then": {
    "effect": "[parameters('effect')]"
  }
}
JSON
}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A repository whose taxonomy has one tag."""
    return write(tmp_path, {"governor.yaml": "policies: [builtin, policies]\n", "policies/tagging/data.yaml": SMALL})


def texts(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text("utf-8") for file in folder.rglob("*") if file.is_file()}


def test_terraform_has_everything_from_the_rule_to_the_role(governor: Governor, small: Path) -> None:
    run = governor("azure", "generate", "--scope", GROUP, "--only", "tagging", "--effect", "Deny", "--out", "out")

    assert (run.code, run.out) == (
        0,
        "4 definitions, 2 initiatives, 2 assignments in out; files written: 5, removed: 0\n",
    )
    made = texts(small / "out")
    assert sorted(made) == ["NOT-EXPRESSED.md", "assignments.tf", "definitions.tf", "initiatives.tf", "versions.tf"]
    assert made["definitions.tf"].count('resource "azurerm_policy_definition"') == 4
    assert RULE in made["definitions.tf"]
    assert '"match": "$${no}"' in made["definitions.tf"], "a template of Terraform stays text"
    assert "\"value\": \"[resourceGroup().tags['it''s.ours']]\"" in made["definitions.tf"]
    assert made["initiatives.tf"].count("policy_definition_id = azurerm_policy_definition.governor_") == 4
    assert '"effect": {\n    "value": "Deny"\n  }' in made["assignments.tf"]
    assert 'type = "SystemAssigned"' in made["assignments.tf"]
    principal = "azurerm_management_group_policy_assignment.governor_tags_inherited.identity[0].principal_id"
    assert f"principal_id       = {principal}\n" in made["assignments.tf"]
    assert "- TAG003: the spellings that read like a tag have no end" in made["NOT-EXPRESSED.md"]
    assert "governor: not expressed: TAG003: the spellings" in run.err


@pytest.mark.parametrize("scope", ["", GROUP, SUBSCRIPTION, f"{SUBSCRIPTION}/resourceGroups/ml"])
def test_terraform_finds_nothing_to_format(governor: Governor, tmp_path: Path, scope: str) -> None:
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("terraform is not on PATH")

    assert governor("azure", "generate", "--scope", scope).code == 0

    ran = subprocess.run([terraform, "fmt", "-check", "-diff", "azure-policy"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "")
    kind = {"": None, GROUP: "management_group", SUBSCRIPTION: "subscription"}.get(scope, "resource_group")
    written = texts(tmp_path / "azure-policy")
    assert ("assignments.tf" in written) == bool(kind)
    assert ("management_group_id" in written["definitions.tf"]) == (scope in ("", GROUP))
    if kind:
        assert f'resource "azurerm_{kind}_policy_assignment" "governor_tagging"' in written["assignments.tf"]


@pytest.mark.parametrize("layout", ["epac", "arm", "portal"])
def test_what_is_written_is_read_back(governor: Governor, tmp_path: Path, layout: str) -> None:
    governor("azure", "generate", "--layout", layout, "--scope", GROUP)

    read = exports.read([tmp_path / "azure-policy"])

    assert len(read.definitions) == 26
    rules = {one.name: one.rule for one in read.definitions}
    assert rules["governor-tag-project-missing"]["then"] == {"effect": "[parameters('effect')]"}
    assert "[trim(field('tags[''project'']'))]" in json.dumps(rules["governor-tag-project-missing"])
    assert sorted(one.name for one in read.initiatives) == [
        "governor-residency",
        "governor-tagging",
        "governor-tags-inherited",
    ]
    inherited = {one.name: one for one in read.assignments}["governor-tags-inherited"]
    assert (inherited.scope, inherited.identity, inherited.location) == (GROUP, "SystemAssigned", "westeurope")


@pytest.mark.parametrize("layout", ["epac", "arm", "portal"])
def test_what_is_read_back_is_evaluated(governor: Governor, tmp_path: Path, layout: str) -> None:
    governor("azure", "generate", "--layout", layout, "--scope", SUBSCRIPTION)
    policies = Policies(exports.read([tmp_path / "azure-policy"]), azure_aliases.shipped(), datetime.now(UTC))
    compute = "Microsoft.MachineLearningServices/workspaces/computes"
    resource = ArmResource(
        id=f"{SUBSCRIPTION}/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c",
        type=compute,
        body={
            "type": compute,
            "name": "w/c",
            "location": "westeurope",
            "tags": {"project": "atlas", "stage": "Inference", "owner-team": " ", "cost-budget-limit": "12.5/hour"},
            "properties": {"computeType": "AmlCompute", "properties": {"vmSize": "Standard_NC24ads_A100_v4"}},
        },
    )

    ((_, judged),) = Evaluation(policies, Estate(resources=(resource,))).results()

    assert not policies.problems
    broken = {result.reference for _, result in judged if result.state == "NonCompliant" and result.effect == "audit"}
    lacking = {f"tag-{tag}-missing" for tag in ("owner-team", "model", "experiment-id", "dataset")}
    assert broken == {*lacking, "tag-stage-value"}


def test_the_same_data_gives_the_same_files_and_what_is_gone_is_removed(governor: Governor, tmp_path: Path) -> None:
    governor("azure", "generate", "--layout", "epac", "--out", "out")
    write(tmp_path, {"out/Definitions/global-settings.jsonc": '{"filled": "in"}'})
    before = texts(tmp_path / "out")

    again = governor("azure", "generate", "--layout", "epac", "--out", "out")
    assert "files written: 0, removed: 0" in again.out
    assert texts(tmp_path / "out") == before

    write(tmp_path, {"governor.yaml": "policies: [builtin, policies]\n", "policies/tagging/data.yaml": SMALL})
    less = governor("azure", "generate", "--layout", "epac", "--out", "out")
    assert less.code == 0
    kept = {name for name in texts(tmp_path / "out") if "governor-tag-" in name}
    assert len(kept) == 3
    assert not any("project" in name for name in kept)


def test_a_policy_that_is_off_is_not_written(governor: Governor, tmp_path: Path) -> None:
    write(tmp_path, {"governor.yaml": "levels: [{policies: 'TAG*', level: off}]\n"})

    assert governor("azure", "generate").out.startswith("1 definition, 1 initiative, 0 assignments")
    assert governor("azure", "generate", "--only", "tagging").code == 4


def test_a_file_of_somebody_else_stays(governor: Governor, tmp_path: Path) -> None:
    write(tmp_path, {"azure-policy/definitions.tf": "# mine\n"})

    run = governor("azure", "generate")

    assert run.code == 2
    assert "azure-policy/definitions.tf: this file is there already, and governor did not write it" in run.err
    assert texts(tmp_path / "azure-policy") == {"definitions.tf": "# mine\n"}


def test_what_tells_of_it_but_is_no_file_of_a_layout_is_not_removed(governor: Governor, tmp_path: Path) -> None:
    exported = '[{"name": "governor-tag-project-missing", "metadata": {"madeBy": "governor azure generate"}}]'
    mine = {
        "README.md": "Run `governor azure generate` when the taxonomy changes.\n",
        "main.tf": 'module "policy" {} # `governor azure generate` writes the rest\n',
        "plan.json": exported,
        "export/definitions.json": exported,
        "Definitions/policyDefinitions/own.jsonc": exported,
    }
    write(tmp_path, mine)

    for layout in ("epac", "arm", "portal", "terraform"):
        assert governor("azure", "generate", "--layout", layout, "--scope", SUBSCRIPTION, "--out", ".").code == 0

    left = texts(tmp_path)
    assert {name: left.get(name) for name in mine} == mine
    assert sorted(left.keys() - mine.keys()) == [
        "Definitions/global-settings.jsonc",
        "NOT-EXPRESSED.md",
        "assignments.tf",
        "definitions.tf",
        "initiatives.tf",
        "versions.tf",
    ], "of each layout the next removed what it had written"


@pytest.mark.parametrize(
    ("data", "line", "complaint"),
    [
        ({"tags": {"a/b": {"description": "x"}}}, 3, "Azure allows no '/' in the name of a tag: rename it"),
        ({"tags": {"x" * 513: {"description": "x"}}}, 3, "Azure has no tag of 513 characters: 512 are the most"),
        ({"tags": {"Project": {"description": "x"}}}, 3, "to Azure, Project and project are one tag: rename it"),
        (
            {"tags": {"size": {"description": "x", "values": ["s", "y" * 257]}}},
            7,
            "no tag of Azure holds 257 characters",
        ),
        ({"projects": {"z" * 257: {}}}, 3, "no tag of Azure holds 257 characters"),
        (
            {"tags": {"size": {"description": "x", "values": [str(number) for number in range(4200)]}}},
            3,
            "and Azure takes 4096: shorten the list",
        ),
    ],
)
def test_what_azure_cannot_hold_is_refused_in_its_line(
    governor: Governor, tmp_path: Path, data: Any, line: int, complaint: str
) -> None:
    text = "# The taxonomy\n" + json.dumps(data, indent=1).removeprefix("{\n").removesuffix("\n}") + "\n"
    write(tmp_path, {"governor.yaml": "policies: [builtin, own]\n", "own/tagging/data.yaml": f"{{\n{text}}}\n"})

    run = governor("azure", "generate")

    assert run.code == 2
    assert complaint in run.err
    assert f"own/tagging/data.yaml:{line + 1}: " in run.err
    assert not (tmp_path / "azure-policy").exists()


def test_a_scope_that_is_none_is_refused(governor: Governor) -> None:
    run = governor("azure", "generate", "--scope", "platform")

    assert run.code == 2
    assert "platform: no scope of an assignment: write /providers/Microsoft.Management" in run.err
