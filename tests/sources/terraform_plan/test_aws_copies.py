"""Where Amazon's data is copied to, and whose data it is."""

from __future__ import annotations

from typing import Any

from governor.model import Resource
from sources.terraform_plan.plans import collect, const, plan_of, rc, ref

IRELAND = "arn:aws:backup:eu-west-1:1:backup-vault:x"


def copies(*changes: dict[str, Any], **more: Any) -> Resource:
    west = {"aws.west": {"name": "aws", "expressions": {"region": const("us-west-2")}}}
    east = {"aws": {"name": "aws", "expressions": {"region": const("us-east-1")}}}
    return collect(plan_of(*changes, providers={**east, **west}, **more)).resources[-1]


def bucket(name: str, key: str = "aws", **after: Any) -> dict[str, Any]:
    return rc(f"aws_s3_bucket.{name}", {"tags": {"dataset": name}, **after}, unknown={"arn": True}, provider_key=key)


def replication(destinations: list[Any], written: list[Any], source: Any = "aws_s3_bucket.source") -> dict[str, Any]:
    rules = [{"status": "Enabled", "destination": [{"bucket": d} if d else {}]} for d in destinations]
    expressions = {"bucket": ref(source), "rule": [{"destination": [{"bucket": w}]} for w in written]}
    return rc("aws_s3_bucket_replication_configuration.r", {"rule": rules}, expressions=expressions)


def test_replication_stands_for_its_source_and_names_its_destinations() -> None:
    rule = replication([None, None], [ref("aws_s3_bucket.west.arn", "aws_s3_bucket.west"), ref("aws_s3_bucket.east")])
    found = copies(bucket("source"), bucket("west", "aws.west"), bucket("east"), rule)
    assert (found.tags, found.region) == ({"dataset": "source"}, "us-east-1")
    assert found.attributes["copies_to"] == ["us-east-1", "us-west-2"]
    assert "attributes.copies_to" not in found.unknown


def test_a_destination_outside_the_plan_makes_the_answer_incomplete() -> None:
    rule = replication([None, "arn:aws:s3:::elsewhere"], [ref("aws_s3_bucket.west"), const("arn:aws:s3:::elsewhere")])
    found = copies(bucket("source"), bucket("west", "aws.west"), rule)
    assert found.attributes["copies_to"] == ["us-west-2"]
    assert "lies outside this plan" in found.unknown["attributes.copies_to"]


def test_a_destination_is_found_by_its_name() -> None:
    rule = replication(["arn:aws:s3:::archive"], [const("arn:aws:s3:::archive")])
    found = copies(bucket("source"), bucket("west", "aws.west", bucket="archive"), rule)
    assert (found.attributes["copies_to"], "attributes.copies_to" in found.unknown) == (["us-west-2"], False)


def test_a_source_outside_the_plan_leaves_the_tags_unknown() -> None:
    found = copies(replication(["arn:aws:s3:::x"], [const("arn:aws:s3:::x")], source="local.bucket"))
    assert found.unknown["tags"] == "its source bucket is not in this plan"


def test_a_rule_that_is_disabled_copies_nothing() -> None:
    rule = replication([None], [ref("aws_s3_bucket.west")])
    rule["change"]["after"]["rule"][0]["status"] = "Disabled"
    assert copies(bucket("source"), bucket("west", "aws.west"), rule).attributes["copies_to"] == []


def test_replication_inside_the_bucket() -> None:
    rules = [{"status": "Enabled", "destination": [{}]}]
    written = [{"rules": [{"destination": [{"bucket": ref("aws_s3_bucket.west.arn")}]}]}]
    change = rc(
        "aws_s3_bucket.a", {"replication_configuration": [{"rules": rules}]},
        expressions={"replication_configuration": written},
    )  # fmt: skip
    assert copies(bucket("west", "aws.west"), change).attributes["copies_to"] == ["us-west-2"]


def test_backups_and_file_systems() -> None:
    vault = rc("aws_backup_vault.far", {"name": "far"}, provider_key="aws.west")
    near = rc("aws_backup_vault.near", {"name": "near"})
    rule = {
        "target_vault_name": "near",
        "copy_action": [{}, {"destination_vault_arn": IRELAND}],
    }
    written = {
        "target_vault_name": ref("aws_backup_vault.near"),
        "copy_action": [{"destination_vault_arn": ref("aws_backup_vault.far")},
                        {"destination_vault_arn": const(IRELAND)}],
    }  # fmt: skip
    plan = rc("aws_backup_plan.p", {"rule": [rule]}, expressions={"rule": [written]})
    assert copies(vault, near, plan).attributes["copies_to"] == ["eu-west-1", "us-west-2"]
    assert copies(rc("aws_backup_plan.p", {"rule": [{"copy_action": []}]})).attributes["copies_to"] == []
    efs = rc("aws_efs_file_system.s", {"tags": {"a": "b"}})
    rule = rc(
        "aws_efs_replication_configuration.r", {"destination": [{"region": "eu-west-1"}]},
        expressions={"source_file_system_id": ref("aws_efs_file_system.s")},
    )  # fmt: skip
    found = copies(efs, rule)
    assert (found.attributes["copies_to"], found.tags) == (["eu-west-1"], {"a": "b"})
