"""Every fact of a plan has a provenance, and a true one: without those fields the fact is another, or gone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from governor.catalog.prices import PriceBook
from governor.model import Resource
from governor.sources import terraform_plan
from governor.sources.terraform_plan.locate import Locator
from governor.sources.terraform_plan.provenance import Field, Provenance, facts, provenance
from sources.terraform_plan.plans import PROJECT, const, plan_of, rc, ref
from sources.terraform_plan.test_secrets import odd_places

TRAPS = sorted(
    file.parent.name for file in (PROJECT / "tests/trap_plans").glob("*/plan.json") if file.parent.name != "errored"
)
BY_TYPE = ("id", "kind", "type", "provider", "taggable", "attributes.ai_keys")
"""What no field of the change gives."""


def provenances(data: bytes, locator: Locator | None = None) -> dict[str, tuple[Resource, dict[str, Provenance]]]:
    inventory, collector = terraform_plan.read(data, place="plan.json", prices=PriceBook.shipped(), locator=locator)
    return {resource.id: (resource, provenance(collector, resource)) for resource in inventory.resources}


def texts(data: bytes, address: str, locator: Locator | None = None) -> dict[str, str]:
    return {name: found.text for name, found in provenances(data, locator)[address][1].items()}


def without(document: dict[str, Any], fields: Sequence[Field]) -> dict[str, Any]:
    """The plan without these fields: the test's own scissors."""
    plan: dict[str, Any] = json.loads(json.dumps(document))
    for field in fields:
        if not field.path:
            changes = plan["resource_changes"]
            plan["resource_changes"] = [change for change in changes if change["address"] != field.address]
            cut_state((plan.get("prior_state") or {}).get("values", {}).get("root_module", {}), field.address)
            continue
        places = [c for c in plan["resource_changes"] if c["address"] == field.address] if field.address else [plan]
        for place in places:
            *path, last = field.path
            for step in path:
                place = place[step]
            if isinstance(place, list):
                place[last] = None
            else:
                del place[last]
    return plan


def cut_state(module: dict[str, Any], address: str) -> None:
    module["resources"] = [r for r in module.get("resources", []) if r["address"] != address]
    for child in module.get("child_modules", []):
        cut_state(child, address)


def facts_of(document: dict[str, Any], address: str) -> dict[str, Any]:
    resources = terraform_plan.collect(
        json.dumps(document).encode(), place="plan.json", prices=PriceBook.shipped()
    ).resources
    return next((facts(resource) for resource in resources if resource.id == address), {})


def check(data: bytes) -> int:
    """Check every fact of a plan; how many there were that come from the plan."""
    document = json.loads(data)
    checked = 0
    after: dict[tuple[str, Any], dict[str, Any]] = {}
    for address, (resource, found) in provenances(data).items():
        base = facts(resource)
        assert base.keys() == found.keys()
        for name, value in base.items():
            fields = found[name].fields
            assert found[name].text, f"{address} {name}"
            if name in BY_TYPE or name == "change":
                continue
            key = (address, fields)
            if key not in after:
                after[key] = facts_of(without(document, fields or everything(document, address)), address)
            changed = after[key].get(name) != value
            assert changed == bool(fields), f"{address}: {name} = {value}, said to come from {found[name]}"
            checked += bool(fields)
    return checked


def everything(document: dict[str, Any], address: str) -> list[Field]:
    """All values of a resource, and what is not known of it."""
    (change,) = [c["change"] for c in document["resource_changes"] if c["address"] == address]
    return [
        Field(address, ("change", tree, key))
        for tree in ("after", "after_unknown", "before")
        if isinstance(change.get(tree), dict)
        for key in change[tree]
    ]


def test_every_fact_of_the_example_comes_from_where_it_is_said_to() -> None:
    assert check((PROJECT / "examples" / "plan.json").read_bytes()) > 200


@pytest.mark.parametrize("name", ["platform", "platform_v2"])
def test_every_fact_of_a_platform_plan_comes_from_where_it_is_said_to(name: str, shared: Path) -> None:
    assert check((shared / "plans" / name / "plan.json").read_bytes()) > 200


@pytest.mark.parametrize("name", TRAPS)
def test_every_fact_of_a_trap_plan_comes_from_where_it_is_said_to(name: str) -> None:
    check((PROJECT / "tests/trap_plans" / name / "plan.json").read_bytes())


def test_what_is_withheld_comes_from_where_it_stands() -> None:
    check(odd_places()[0])


def test_tags_of_the_resource_and_of_its_provider_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'provider "aws" {\n  region = var.region\n}\n\nprovider "aws" {\n  alias = "west"\n}\n'
    )
    instance = rc(
        "aws_instance.web",
        {"tags": {"project": "vision"}, "tags_all": {"project": "vision", "team": "ml"}},
        provider_key="aws.west",
    )
    west = {"name": "aws", "alias": "west", "expressions": {"region": const("us-west-2")}}

    told = texts(plan_of(instance, providers={"aws.west": west}), "aws_instance.web", Locator(tmp_path))

    place = f"{tmp_path / 'main.tf'}:5"
    assert told["tags.project"] == "tags of the resource"
    assert told["tags.team"] == f"default_tags of provider aws.west ({place})"
    assert told["region"] == f"region of provider aws.west ({place})"


def test_what_is_not_known_is_followed_to_what_it_is_computed_from() -> None:
    run = rc(
        "aws_instance.run",
        {"instance_type": "p5.48xlarge", "tags": {"project": "vision"}},
        unknown={"tags": {"stage": True}, "tags_all": True, "availability_zone": True},
        expressions={"tags": ref("random_pet.stage.id", "random_pet.stage")},
    )

    told = texts(plan_of(run), "aws_instance.run")

    assert told["unknown.tags.stage"] == "tags of the resource, from random_pet.stage.id"
    assert told["tags.project"] == "tags of the resource"


def test_a_group_points_at_the_template_that_tells_its_type() -> None:
    template = rc("aws_launch_template.gpu", {"instance_type": "g6.12xlarge", "name": "gpu"})
    group = rc(
        "aws_autoscaling_group.workers",
        {"desired_capacity": 2, "max_size": 4, "launch_template": [{"name": "gpu"}]},
    )

    told = texts(plan_of(template, group), "aws_autoscaling_group.workers")

    assert told["attributes.instance_type"] == (
        "launch_template.0.name of the resource; instance_type of aws_launch_template.gpu"
    )
    assert told["count"] == "desired_capacity of the resource"
    assert told["hourly_usd"] == "price × count"
    assert told["price"].startswith("price book: ")


def test_a_region_that_only_a_sibling_shows() -> None:
    volume = rc("aws_ebs_volume.data", {"availability_zone": "eu-west-1b", "size": 10})
    other = rc("aws_instance.web", {"instance_type": "t3.micro"})
    providers = {"aws": {"name": "aws", "expressions": {}}}

    told = provenances(plan_of(volume, other, providers=providers))

    assert told["aws_ebs_volume.data"][1]["region"].text == "availability_zone of the resource"
    assert told["aws_instance.web"][1]["region"].text == "region of provider aws (aws_ebs_volume.data shows it)"


def test_what_a_group_cost_before_comes_from_what_its_template_was() -> None:
    template = rc(
        "aws_launch_template.gpu",
        {"instance_type": "g6.12xlarge", "name": "gpu"},
        actions=("update",),
        before={"instance_type": "p5.48xlarge", "name": "gpu"},
    )
    group = rc(
        "aws_autoscaling_group.workers",
        {"desired_capacity": 2, "max_size": 2, "launch_template": [{"name": "gpu"}]},
        actions=("update",),
        before={"desired_capacity": 1, "max_size": 2, "launch_template": [{"name": "gpu"}]},
    )
    data = plan_of(template, group)

    told = texts(data, "aws_autoscaling_group.workers")

    assert "the former instance_type of aws_launch_template.gpu" in told["previous_hourly_usd"]
    assert "the former desired_capacity of the resource" not in told["hourly_usd"]
    assert told["attributes.instance_type"].endswith("; instance_type of aws_launch_template.gpu")
    assert check(data) == 9
