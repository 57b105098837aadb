"""What a plan marks sensitive leaves it in no report and in no fact; nor does a literal AI key, marked or not."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.terraform_plan.plans import PROJECT, collect, const, only, plan_of, rc, ref

FORMATS = ("table", "json", "sarif", "markdown")
KEY = "sk-" + "proj-" + "Xq7Rt2mZ9pLw4Kd8Vb5NcJ3Hs6Gf1YxT0"


def scalars(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from scalars(item)
    elif isinstance(value, list):
        for item in value:
            yield from scalars(item)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield str(value)


def marked(marks: Any, value: Any) -> Iterator[str]:
    """The test's own reading of marks, so that it does not share the mistakes of the code."""
    if marks is True:
        yield from scalars(value)
    elif isinstance(marks, dict) and isinstance(value, dict):
        for key in marks:
            yield from marked(marks[key], value.get(key))
    elif isinstance(marks, list) and isinstance(value, list):
        for mark, item in zip(marks, value, strict=False):
            yield from marked(mark, item)


def secrets_of(document: dict[str, Any]) -> set[str]:
    found: list[str] = []
    declared = document.get("configuration", {}).get("root_module", {}).get("variables", {})
    for name, variable in declared.items():
        if variable.get("sensitive"):
            found += scalars(document.get("variables", {}).get(name, {}).get("value"))
            found += scalars(variable.get("default"))
    changes = [c["change"] for key in ("resource_changes", "resource_drift") for c in document.get(key) or []]
    for change in [*changes, *document.get("output_changes", {}).values()]:
        for when in ("before", "after"):
            found += marked(change.get(f"{when}_sensitive"), change.get(when))
    for values in (document.get("planned_values"), document.get("prior_state", {}).get("values")):
        for output in (values or {}).get("outputs", {}).values():
            if output.get("sensitive"):
                found += scalars(output.get("value"))
    return {secret for secret in found if len(secret.strip()) >= 4}


def odd_places() -> tuple[bytes, set[str]]:
    """A plan with secrets where nobody expects them, and those secrets."""
    labels = {"project": "label-secret"}
    changes = [
        rc(
            "aws_instance.type",
            {
                "instance_type": "p5.secret-type",
                "tags": {"project": "x", "quoted": 'tag"secret"\n1'},
                "user_data": "user-data-secret",
            },
            sensitive={"instance_type": True, "user_data": True, "tags": {"quoted": True}},
        ),
        rc("aws_instance.copied", {k: {"project": "variable-secret-nobody-guesses"} for k in ("tags", "tags_all")}),
        rc("aws_instance.key", {"tags": {"key-secret": "y", "project": "z"}}, sensitive={"tags": True}),
        rc("aws_instance.zone", {"availability_zone": "secret-zone-1a"}, sensitive={"availability_zone": True}),
        rc("aws_ebs_volume.size", {"size": 987654, "tags": {}}, sensitive={"size": True}),
        rc(
            "aws_launch_template.nested",
            {"tag_specifications": [{"resource_type": "instance", "tags": {"project": "nested-secret"}}]},
            sensitive={"tag_specifications": [{"tags": {"project": True}}]},
        ),
        rc(
            "aws_autoscaling_group.listed",
            {"tag": [{"key": "project", "value": "listed-secret", "propagate_at_launch": True}], "max_size": 7654321},
            sensitive={"tag": [{"value": True}], "max_size": True},
        ),
        rc("aws_bedrock_inference_profile.model", {"model_source": [{"copy_from": "arn:secret-model"}]},
           sensitive={"model_source": [{"copy_from": True}]}),
        rc("aws_iam_access_key.owner", {"user": "owner-secret"}, sensitive={"user": True}),
        rc("aws_iam_access_key.copied", {"user": "the-variable-secret-nobody-guesses-user"}),
        rc("aws_s3_bucket.whole", {"bucket": "whole-secret", "tags": {"project": "whole-tag-secret"}}, sensitive=True),
        rc("aws_instance.gone", None, actions=("delete",), before={"tags": {"project": "gone-secret"}}),
        rc("aws_lambda_function.env", {"environment": [{"variables": {"A": [["deep-secret"]]}}]},
           sensitive={"environment": [{"variables": True}]}),
        rc("google_compute_instance.g", {"labels": labels, "effective_labels": labels},
           sensitive={"labels": {"project": True}}),
        rc("azurerm_linux_virtual_machine.a", {"location": "secretland", "size": "Standard_D2"},
           sensitive={"location": True}),
    ]  # fmt: skip
    for change in changes:
        if change["address"] == "aws_instance.gone":
            change["change"]["before_sensitive"] = {"tags": {"project": True}}
    data = plan_of(
        *changes,
        declared={"v": {"sensitive": True}, "d": {"sensitive": True, "default": "default-secret"}},
        variables={"v": {"value": "variable-secret-nobody-guesses"}},
        output_changes={"o": {"after": {"a": ["output-secret"]}, "after_sensitive": {"a": True}}},
        prior_state={"values": {"outputs": {"p": {"value": "prior-output-secret", "sensitive": True}}}},
        planned_values={"outputs": {"q": {"value": "planned-output-secret", "sensitive": True}}},
        resource_drift=[{"address": "a", "change": {"actions": ["update"], "before": {"p": "drift-secret"},
                         "before_sensitive": {"p": True}}}],
    )  # fmt: skip
    return data, secrets_of(json.loads(data)) | {"key-secret"}


def reports(data: bytes, tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> str:
    file = tmp_path / "plan.json"
    file.write_bytes(data)
    files = [f"{format}={tmp_path / format}" for format in FORMATS]
    arguments = [part for file_ in files for part in ("-f", file_)]
    code, out, err = run("check", str(file), "-v", "--today", "2026-01-01", *arguments)
    assert code in (0, 1), err
    return out + err + "".join((tmp_path / format).read_text() for format in FORMATS)


def test_the_plan_with_odd_places_holds_every_kind_of_secret() -> None:
    data, secrets = odd_places()
    assert len(secrets) >= 20
    assert {"987654", "p5.secret-type", "deep-secret", "drift-secret", "key-secret", "default-secret"} <= secrets
    assert secrets <= set(collect(data).secrets)


def test_no_report_shows_a_secret_from_an_odd_place(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    data, secrets = odd_places()
    written = reports(data, tmp_path, run)
    assert "aws_instance.type" in written
    assert [secret for secret in secrets if secret in written or json.dumps(secret)[1:-1] in written] == []


def test_no_fact_holds_a_secret_from_an_odd_place() -> None:
    data, secrets = odd_places()
    inventory = collect(data)
    facts = repr(inventory.resources) + repr(inventory.removed) + repr(inventory.gaps)
    facts += msgspec.json.encode(inventory.resources, enc_hook=str).decode()
    assert [secret for secret in secrets if secret in facts] == []


def test_a_withheld_value_is_unknown_not_absent() -> None:
    data, _ = odd_places()
    found = {resource.id: resource for resource in collect(data).resources}
    assert found["aws_instance.type"].unknown["attributes.instance_type"] == "instance_type is sensitive"
    assert found["aws_instance.type"].unknown["tags.quoted"] == "sensitive"
    assert found["aws_instance.copied"].tags == {"project": "(sensitive)"}
    assert found["aws_instance.copied"].unknown["tags.project"] == "sensitive"
    assert found["aws_instance.key"].tags == {"project": "(sensitive)"}
    assert found["aws_instance.key"].unknown["tags.*"] == "sensitive"
    assert found["aws_ebs_volume.size"].unknown["attributes.size_gib"] == "sensitive"
    assert found["aws_launch_template.nested"].attributes["delivered_tags"] == {"project": "(sensitive)"}
    group = found["aws_autoscaling_group.listed"]
    assert (group.tags, group.unknown["tags.project"]) == ({"project": "(sensitive)"}, "sensitive")
    assert group.unknown["count"] == "max_size is sensitive"
    assert found["aws_bedrock_inference_profile.model"].unknown["attributes.model"] == "sensitive"
    assert found["aws_iam_access_key.owner"].unknown["attributes.key.owner"] == "sensitive"
    assert found["aws_iam_access_key.copied"].attributes["key"]["owner"] == "(sensitive)"
    assert found["aws_s3_bucket.whole"].unknown["tags"] == "sensitive"
    assert found["google_compute_instance.g"].tags == {"project": "(sensitive)"}
    assert found["azurerm_linux_virtual_machine.a"].unknown["region"] == "location is sensitive"


@pytest.mark.parametrize("name", ["tags", "capacity", "providers", "lifecycle"])
def test_no_report_of_a_real_plan_shows_a_secret(
    name: str, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    data = (PROJECT / "tests/trap_plans" / name / "plan.json").read_bytes()
    written = reports(data, tmp_path, run)
    assert [secret for secret in secrets_of(json.loads(data)) if secret in written] == []


def test_no_report_of_the_shared_platform_shows_a_secret(
    shared: Path, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    data = (shared / "plans/platform_v2/plan.json").read_bytes()
    secrets = secrets_of(json.loads(data))
    assert secrets
    written = reports(data, tmp_path, run)
    # What policies of tags call their words is theirs, and an address is what a resource is known by.
    words = set(re.findall(r"[\w.\[\]\"-]+", " ".join(r.id for r in collect(data).resources)))
    assert [s for s in secrets - words if s in written] == []


def test_a_tag_that_is_marked_elsewhere_is_still_judged_where_it_stands_openly() -> None:
    """Else one sensitive map would blind every policy to the same project on every other resource."""
    changes = [
        rc("aws_instance.marked", {"tags": {"project": "speech"}}, sensitive={"tags": {"project": True}}),
        rc("aws_instance.open", {"tags": {"project": "speech"}}),
    ]
    inventory = collect(plan_of(*changes))
    assert [resource.tags["project"] for resource in inventory.resources] == ["(sensitive)", "speech"]
    assert "speech" in inventory.secrets


@settings(derandomize=True, deadline=None, max_examples=60, database=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=12, max_size=20).filter(str.strip),
    st.sampled_from(["tags", "tags_all", "instance_type", "availability_zone", "ami", "nested"]),
    st.sampled_from(["value", "parent"]),
)
def test_any_marked_value_is_withheld(secret: str, place: str, mark: str) -> None:
    after: dict[str, Any] = {"tags": {"a": "b"}, "tags_all": {"a": "b"}, "instance_type": "g5.xlarge"}
    if place in ("tags", "tags_all"):
        after["tags"], after["tags_all"] = {"a": secret}, {"a": secret}
        marks: Any = {place: {"a": True} if mark == "value" else True}
    elif place == "nested":
        after["metadata"] = [{"x": [secret]}]
        marks = {"metadata": [{"x": [True] if mark == "value" else True}]}
    else:
        after[place] = secret
        marks = {place: True} if mark == "value" else True
    inventory = collect(plan_of(rc("aws_instance.a", after, sensitive=marks)))
    assert secret not in repr(inventory.resources)
    assert secret in inventory.secrets


def test_ai_keys_are_placed_and_never_shown(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    changes = [
        rc("aws_lambda_function.env", {"environment": [{"variables": {"OPENAI": KEY}}]}),
        rc("aws_instance.tagged", {"tags": {"note": f"use {KEY}"}}),
        rc("aws_instance.key_of_a_tag", {"tags": {KEY: "x"}}),
        rc("aws_instance.written", {"user_data": "0a1b"}, expressions={"user_data": const(f"#!/bin/sh\nK={KEY}")}),
        rc("random_pet.other", {"keepers": {"a": KEY}}),
        rc("google_cloud_run_v2_service.s", {"template": [{"containers": [{"env": [
            {"name": "MISTRAL_API_KEY", "value": "Xq7Rt2mZ9pLw4K" + "d8Vb5NcJ3Hs6Gf1YxT"}]}]}]}),
    ]  # fmt: skip
    providers = {
        "aws": {"name": "aws", "expressions": {"region": const("us-east-1")}},
        "openai": {"name": "openai", "expressions": {"api_key": const(KEY)}},
    }
    data = plan_of(
        *changes,
        providers=providers,
        modules={"chat": {"expressions": {"openai_key": const(KEY)}, "module": {"variables": {"k": {"default": KEY}}}}},
        declared={"key": {"default": {"nested": [KEY]}}},
    )
    found = {r.id: (r.kind, [k["place"] for k in r.attributes.get("ai_keys", [])]) for r in collect(data).resources}
    assert found == {
        "aws_lambda_function.env": ("workload", ["environment.0.variables.OPENAI"]),
        "aws_instance.tagged": ("compute_instance", ["tags.note"]),
        "aws_instance.key_of_a_tag": ("compute_instance", ["tags"]),
        "aws_instance.written": ("compute_instance", ["user_data"]),
        "random_pet.other": ("other", ["keepers.a"]),
        "google_cloud_run_v2_service.s": ("workload", ["template.0.containers.0.env.0.value"]),
        "provider.openai": ("other", ["api_key"]),
        "module.chat": ("other", ["openai_key"]),
        "module.chat.var.k": ("variable", ["default"]),
        "var.key": ("variable", ["default.nested.0"]),
    }
    assert KEY not in repr(collect(data).resources)
    assert KEY not in reports(data, tmp_path, run)


def test_a_region_out_of_a_sensitive_variable_is_withheld() -> None:
    provider = {"name": "aws", "expressions": {"region": ref("var.region")}}
    data = plan_of(
        rc("aws_instance.a", {"instance_type": "p5.48xlarge"}),
        providers={"aws": provider},
        declared={"region": {"sensitive": True}},
        variables={"region": {"value": "us-east-1"}},
    )
    instance = only(data)
    assert instance.region is None
    assert "var.region" in instance.unknown["region"]
    assert "us-east-1" not in repr(instance)


@pytest.mark.parametrize("word", ["project", "us-east-1", "p5.48xlarge", "48xlarge", "H100"])
def test_a_sensitive_word_takes_no_fact_out_of_a_policys_sight(word: str) -> None:
    """Else whoever declares a sensitive variable that says `project` is excused from the tag."""

    def plan(**more: Any) -> bytes:
        return plan_of(rc("aws_instance.a", {"instance_type": "p5.48xlarge", "tags": {"stage": "inference"}}), **more)

    found = collect(plan(variables={"word": {"value": word}}, declared={"word": {"sensitive": True}}))
    assert word in found.secrets
    assert found.resources == collect(plan()).resources


def test_the_keys_of_a_sensitive_list_of_tags_are_no_secrets() -> None:
    tag = [{"key": "project", "value": "atlas-by-another-name", "propagate_at_launch": True}]
    found = collect(plan_of(rc("aws_autoscaling_group.g", {"tag": tag}, sensitive={"tag": True})))
    assert found.secrets == ("atlas-by-another-name",)


@pytest.mark.parametrize("name", ["user_data", "user_data_base64", "custom_data"])
def test_a_key_is_found_in_base64(name: str) -> None:
    key = "-".join(["sk", "proj", "NOTAREALKEY", "of", "a", "startup", "script", "0001"])
    packed = b64encode(f"#!/bin/sh\nexport OPENAI_API_KEY={key}\n".encode()).decode()
    [machine] = collect(plan_of(rc("aws_instance.a", {"instance_type": "g5.xlarge", name: packed}))).resources
    assert [(s["place"], s["provider"]) for s in machine.attributes["ai_keys"]] == [(name, "openai")]


def test_a_key_in_an_address_is_found_and_not_shown() -> None:
    key = "-".join(["sk", "proj", "NOTAREALKEY", "as", "the", "key", "of", "for-each", "0001"])
    [machine] = collect(plan_of(rc(f'aws_instance.a["{key}"]', {"instance_type": "g5.xlarge"}))).resources
    assert machine.id == 'aws_instance.a["(sensitive)"]'
    assert [s["place"] for s in machine.attributes["ai_keys"]] == ["address"]
