"""Aliases of Azure Policy: the shipped table, and a user's own over it."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from governor.catalog import azure_aliases
from governor.errors import Refusal

SAMPLES = "samples/azure"
VM = "Microsoft.Compute/virtualMachines"
SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"
OF_AI = ("cognitiveservices", "machinelearningservices", "compute", "containerservice", "search", "storage")


@pytest.mark.parametrize(
    ("type", "alias", "path"),
    [
        (VM, f"{VM}/noSuchThing", None),
        (VM, "Microsoft.Compute/virtualMachines/sku.name", "properties.hardwareProfile.vmSize"),
        (VM, "Microsoft.Compute/imagePublisher", "properties.storageProfile.imageReference.publisher"),
        (
            SCALE_SET.upper(),
            "microsoft.compute/IMAGEPUBLISHER",
            "properties.virtualMachineProfile.storageProfile.imageReference.publisher",
        ),
        (
            "Microsoft.MachineLearningServices/workspaces/computes",
            "Microsoft.MachineLearningServices/workspaces/computes/vmSize",
            "properties.properties.vmSize",
        ),
        (
            "Microsoft.CognitiveServices/accounts/deployments",
            "Microsoft.CognitiveServices/accounts/deployments/sku.name",
            "sku.name",
        ),
        (
            "Microsoft.CognitiveServices/accounts",
            "Microsoft.CognitiveServices/accounts/disableLocalAuth",
            "properties.disableLocalAuth",
        ),
        (
            "Microsoft.Network/networkSecurityGroups",
            "Microsoft.Network/networkSecurityGroups/securityRules[*].protocol",
            "properties.securityRules[*].properties.protocol",
        ),
        (
            "Microsoft.MachineLearningServices/workspaces",
            "Microsoft.MachineLearningServices/workspaces/managedNetwork.isolationMode",
            "properties.managedNetwork.isolationMode",
        ),
    ],
)
def test_where_a_property_lies(type: str, alias: str, path: str | None) -> None:
    found = azure_aliases.shipped().find(type, alias)

    assert (found.path if found else None) == path


def test_an_alias_belongs_to_types() -> None:
    table = azure_aliases.shipped()

    assert table.find("Microsoft.Storage/storageAccounts", "Microsoft.Compute/imagePublisher") is None
    assert table.knows("microsoft.compute/imagepublisher")
    assert not table.knows("Microsoft.Compute/imagePublishers")
    assert table.type("Microsoft.Compute/nothing") is None


@pytest.mark.parametrize(
    ("type", "tracked"),
    [
        (VM, True),
        ("Microsoft.MachineLearningServices/workspaces/onlineEndpoints", True),
        ("Microsoft.MachineLearningServices/workspaces/computes", False),
        ("Microsoft.CognitiveServices/accounts/deployments", False),
        ("Microsoft.Resources/subscriptions/resourceGroups", False),
        ("Microsoft.Media/mediaServices", None),
    ],
)
def test_what_has_tags_and_a_location(type: str, tracked: bool | None) -> None:
    found = azure_aliases.shipped().type(type)

    assert found is not None
    assert found.tracked is tracked


def test_every_path_is_one_of_the_dump_it_was_made_of_or_named_by_a_built_in_definition(shared: Path) -> None:
    text = gzip.decompress((shared / SAMPLES / "policy-aliases.gz").read_bytes()).decode()
    dumped = {(row[0].lower(), row[1]) for row in csv.reader(io.StringIO(text)) if row}

    newer = {
        alias.name.lower()
        for type in azure_aliases.shipped()
        for alias in type.aliases.values()
        if (alias.name.lower(), alias.path) not in dumped
    }

    assert newer - set(used_by_built_ins(shared)) == {"microsoft.machinelearningservices/workspaces/managednetwork"}


def test_all_that_built_in_definitions_of_ai_ask_for_is_known(shared: Path) -> None:
    used = {name for name in used_by_built_ins(shared) if name.partition("/")[0].removeprefix("microsoft.") in OF_AI}
    table = azure_aliases.shipped()

    assert len(used) > 150
    assert {name for name in used if not table.knows(name)} == set()


def test_a_dump_lies_over_the_shipped_table(tmp_path: Path) -> None:
    file = tmp_path / "providers.json"
    vm = {
        "resourceType": "virtualMachines",
        "capabilities": "SupportsTags, SupportsLocation",
        "aliases": [
            {
                "name": f"{VM}/newProperty",
                "defaultPath": "properties.newProperty",
                "defaultMetadata": {"attributes": "Modifiable"},
                "paths": [{"path": "properties.old", "apiVersions": ["2015-06-15"]}],
            }
        ],
    }
    file.write_bytes(
        b"\xef\xbb\xbf" + json.dumps({"value": [{"namespace": "Microsoft.Compute", "resourceTypes": [vm]}]}).encode()
    )

    table = azure_aliases.load(file)

    found = table.find(VM, f"{VM}/NEWPROPERTY")
    assert found is not None
    assert (found.path, found.versions, found.modifiable) == (
        "properties.newProperty",
        {"2015-06-15": "properties.old"},
        True,
    )
    assert table.find(VM, "Microsoft.Compute/imagePublisher") is None, "the type is the dump's alone"
    assert table.find(SCALE_SET, "Microsoft.Compute/imagePublisher"), "other types stay as they are shipped"
    assert len(list(table)) == len(list(azure_aliases.shipped()))


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("[\n{]", ":2", "this is not JSON"),
        ("{}", "", "missing required field `namespace` - at `$[0]`"),
        (
            '[{"namespace": "A", "resourceTypes": [{"resourceType": "b", "aliases": [{"defaultPath": "c"}]}]}]',
            "",
            "missing required field `name` - at `$[0].resourceTypes[0].aliases[0]`",
        ),
        ('"text"', "", "Expected `array`, got `str`"),
    ],
)
def test_what_is_no_dump_is_refused(tmp_path: Path, text: str, place: str, message: str) -> None:
    file = tmp_path / "providers.json"
    file.write_text(text)

    with pytest.raises(Refusal) as refused:
        azure_aliases.load(file)

    assert refused.value.place == f"{file}{place}"
    assert message in refused.value.message
    assert "az provider list --expand" in refused.value.message


def used_by_built_ins(shared: Path) -> Iterator[str]:
    """Every alias that a rule of Microsoft's built-in definitions names, lower-case."""
    with gzip.open(shared / SAMPLES / "builtin_definitions.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield from _aliases(json.loads(line)["properties"]["policyRule"])


def _aliases(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name.lower() != "deployment":
                yield from _aliases(item, name.lower())
    elif isinstance(value, list):
        for item in value:
            yield from _aliases(item)
    elif isinstance(value, str):
        named = [value] if key == "field" else re.findall(r"(?:field|current)\('([^']+)'\)", value)
        yield from (name.lower() for name in named if "/" in name and not name.startswith("["))
