"""What shells, wrappers and other programs make of a plan: it is read all the same, or refused in one line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sources.terraform_plan.plans import collect, const, only, plan_of, rc, ref, resources

PLAN = plan_of(rc("aws_instance.a", {"instance_type": "p5.48xlarge", "tags": {"a": "b"}}))
PRETTY = json.dumps(json.loads(PLAN), indent=2).encode()
SORTED = json.dumps({**json.loads(PLAN), "prior_state": {"format_version": "1.0"}}, sort_keys=True, indent=1).encode()
LOG_LINE = b'{"@level":"info","@message":"Terraform 1.11.4","@module":"terraform.ui"}\n'

READ = {
    "as it is": PLAN,
    "indented": PRETTY,
    "sorted by jq": SORTED,
    "UTF-8 with a BOM": b"\xef\xbb\xbf" + PLAN,
    "PowerShell 5": PLAN.decode().encode("utf-16"),
    "UTF-16 LE": PLAN.decode().encode("utf-16-le"),
    "UTF-16 BE": PLAN.decode().encode("utf-16-be"),
    "UTF-16 BE with a BOM": b"\xfe\xff" + PLAN.decode().encode("utf-16-be"),
    "UTF-32": PLAN.decode().encode("utf-32"),
    "gzip": gzip.compress(PLAN),
    "gzip of UTF-16": gzip.compress(PLAN.decode().encode("utf-16")),
    "CRLF": PRETTY.replace(b"\n", b"\r\n"),
    "blank lines around": b"\n\n  " + PLAN + b"\n\n",
    "terragrunt, plain": b"time=2026-01-01 level=info msg=Downloading Terraform\nINFO {not json}\n" + PLAN,
    "terragrunt, prefixed": b"12:00:00.000 STDOUT terraform: " + PLAN + b"\n",
    "terragrunt, log of JSON": b'{"level":"info","msg":"x"}\n{"level":"info","msg":"y"}\n' + PLAN,
    "GitHub wrapper": b"[command]/usr/bin/terraform-bin show -json tfplan\n" + PLAN + b"\n::debug::Terraform exited\n",
    "banner before indented": b"Switched to workspace \"x\".\n" + PRETTY + b"\nReleasing state lock\n",
    "brackets after": PLAN + b"\n[INFO] done\n[command]exit\n",
    "CRLF banner": b"Acquiring state lock.\r\n" + PRETTY.replace(b"\n", b"\r\n") + b"\r\ndone\r\n",
}  # fmt: skip


@pytest.mark.parametrize("data", READ.values(), ids=READ.keys())
def test_a_plan_is_read_through_its_wrapping(data: bytes) -> None:
    instance = only(data)
    assert (instance.id, instance.region, instance.tags) == ("aws_instance.a", "us-east-1", {"a": "b"})
    assert instance.accelerator is not None


@pytest.mark.parametrize("encode", [gzip.compress, lambda b: b.decode().encode("utf-16"), lambda b: b])
def test_keys_are_found_through_it_too(encode: Callable[[bytes], bytes]) -> None:
    key = "sk-" + "proj-" + "Xq7Rt2mZ9pLw4Kd8Vb5NcJ3Hs6Gf1YxT0"
    data = plan_of(rc("aws_lambda_function.a", {"environment": [{"variables": {"KEY": key}}]}))
    inventory = collect(encode(data))
    assert inventory.resources[0].attributes["ai_keys"] == [
        {"place": "environment.0.variables.KEY", "provider": "openai", "rule": "openai-project-key"}
    ]
    assert key in inventory.secrets


DEEP = b'{"format_version":"1.2","resource_changes":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
REFUSED = {
    "empty": (b"", "it is empty"),
    "blank": (b" \n\t", "it is empty"),
    "no JSON": (b"Error: no configuration files\n", "not JSON"),
    "truncated": (PLAN[: len(PLAN) // 2], "cut short"),
    "truncated behind a banner": (b"banner\n" + PLAN[:-1], "cut short"),
    "other JSON": (b'{"a": 1}', "no Terraform plan"),
    "a list": (b"[1]", "not JSON"),
    "a list of plans": (b"[" + PLAN + b"]", "no Terraform plan"),
    "a string": (b'"plan"', "not JSON"),
    "nothing in it": (b"{}", "no Terraform plan"),
    "no state yet": (b'{"format_version":"1.0"}', "no Terraform plan"),
    "state, shown": (b'{"format_version":"1.0","values":{"root_module":{}}}', "this is a state"),
    "state, raw": (b'{"version":4,"terraform_version":"1.11.4","lineage":"x","resources":[]}', "this is a state"),
    "log": (LOG_LINE * 3, "log of terraform plan -json"),
    "one line of log": (LOG_LINE, "no Terraform plan"),
    "binary": (b"PK\x03\x04tfplan", "binary plan"),
    "errored": (plan_of(rc("aws_instance.a", {}), errored=True), "ended in an error"),
    "format 2": (plan_of(rc("aws_instance.a", {})).replace(b'"1.2"', b'"2.0"'), "update governor"),
    "two plans": (PLAN + b"\n" + PLAN, "more than one"),
    "two plans with banners": (b"a\n" + PLAN + b"\nb\n" + PLAN + b"\nc\n", "more than one"),
    "two prefixed plans": (b"a: " + PLAN + b"\nb: " + PLAN, "more than one"),
    "broken gzip": (gzip.compress(PLAN)[:-20], "gzip file is broken"),
    "gzip of nothing": (gzip.compress(b""), "it is empty"),
    "deep": (DEEP, "nested too deeply"),
    "changes are a map": (b'{"format_version":"1.2","resource_changes":{}}', "resource_changes is no list"),
    "half a UTF-16": (PLAN.decode().encode("utf-16")[:-1], "starts like UTF-16"),
    "not UTF-8": (PLAN.replace(b'"b"', b'"\xff"'), "not UTF-8"),
    "a number too large": (PLAN.replace(b'"b"', b"1e999"), "out of range"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_plan_is_refused_in_one_line(
    data: bytes, says: str, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(data)
    code, out, err = run("check", str(file))
    assert (code, out) == (3, "")
    assert says in err
    assert err.startswith(f"governor: {file}: ")
    assert err.count("\n") == 1
    assert len(err) < len(str(file)) + 330


def changed(**parts: Any) -> bytes:
    """The plan with parts of it put in place of its own; None leaves a part out."""
    document = json.loads(PLAN)
    for name, part in parts.items():
        document[name] = part
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "parts",
    [
        {"configuration": None},
        {"configuration": {}},
        {"configuration": {"provider_config": None, "root_module": None}},
        {"configuration": {"root_module": {"resources": None, "module_calls": None, "outputs": None}}},
        {"variables": None, "output_changes": None, "prior_state": None, "planned_values": None},
        {"variables": {"a": None}, "output_changes": {"a": None}},
        {"prior_state": {"values": None}},
        {"prior_state": {"values": {"root_module": {"resources": None}}}},
        {"prior_state": 5},
        {"resource_drift": None},
        {"resource_drift": [{}]},
        {"deferred_changes": None},
        {"terraform_version": None},
        {"format_version": 1.2},
        {"format_version": None},
        {"errored": None, "complete": None},
        {"planned_values": 5},
    ],
    ids=lambda parts: json.dumps(parts)[:50],
)
def test_what_explains_may_be_missing(parts: dict[str, Any]) -> None:
    instance = only(changed(**parts))
    assert instance.tags["a"] == "b"
    assert instance.accelerator is not None


def test_one_bad_block_of_the_configuration_does_not_hide_the_rest() -> None:
    document = json.loads(PLAN)
    document["configuration"]["root_module"]["resources"].append("nonsense")
    inventory = collect(json.dumps(document).encode())
    assert inventory.resources[0].region == "us-east-1"
    assert "parts of its configuration cannot be read" in inventory.gaps[0].reason


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("nonsense", "resource change 2 cannot be read"),
        ({}, "resource change 2 cannot be read"),
        ({"address": "aws_instance.b"}, "resource change 2 cannot be read"),
        ({"address": "aws_instance.b", "type": "aws_instance"}, "its actions (none) are not known"),
        ({"address": "aws_instance.b", "type": "aws_instance", "change": None}, "its actions (none) are not known"),
        ({"address": "b", "type": "aws_instance", "change": {"actions": ["divine"]}}, "its actions (divine)"),
        ({"address": "b", "type": "aws_instance", "change": {"actions": "create"}}, "does not hold what it will be"),
        ({"address": "b", "type": "aws_instance", "change": {"actions": [1], "after": {}}}, "its actions (1)"),
        ({"address": "b", "type": "aws_instance", "change": {"actions": ["create"], "after": None}}, "does not hold"),
        ({"address": "b", "type": "aws_instance", "change": {"actions": ["create"], "after": 5}}, "does not hold"),
    ],
)
def test_a_change_that_cannot_be_read_is_named(item: Any, reason: str) -> None:
    document = json.loads(PLAN)
    document["resource_changes"].append(item)
    inventory = collect(json.dumps(document).encode())
    assert any(reason in gap.reason for gap in inventory.gaps)
    assert "aws_instance.a" in {r.id for r in inventory.resources}


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": None}, {"name": 7}, {"module_address": None}, {"mode": None}, {"mode": ""}, {"index": 1.5},
        {"index": None}, {"deposed": None}, {"previous_address": 3}, {"provider_name": None}, {"extra": {"a": 1}},
    ],
    ids=str,
)  # fmt: skip
def test_odd_fields_of_a_change_do_not_hide_it(wrong: dict[str, Any]) -> None:
    document = json.loads(PLAN)
    document["resource_changes"][0].update(wrong)
    assert only(json.dumps(document).encode()).tags == {"a": "b"}


def test_the_same_address_twice_is_a_gap() -> None:
    document = json.loads(PLAN)
    document["resource_changes"] *= 2
    inventory = collect(json.dumps(document).encode())
    assert len(inventory.resources) == 1
    assert "more than once" in inventory.gaps[0].reason


def test_a_deposed_object_is_removed_beside_its_successor() -> None:
    before = {"instance_type": "p5.48xlarge", "availability_zone": "us-west-2a"}
    deposed = rc("aws_instance.a", None, actions=("delete",), before=before, deposed="0a1b2c3d")
    inventory = collect(plan_of(deposed, rc("aws_instance.a", {"instance_type": "g5.xlarge"})))
    assert [(r.id, r.region, r.attributes["instance_type"]) for r in inventory.resources] == [
        ("aws_instance.a", "us-east-1", "g5.xlarge")
    ]
    assert [(r.id, r.region, r.change) for r in inventory.removed] == [("aws_instance.a", "us-west-2", "delete")]
    assert not inventory.gaps


def test_a_plan_without_changes_but_with_planned_resources_is_a_gap() -> None:
    values = {"root_module": {"resources": [{"address": "aws_instance.a", "type": "aws_instance", "mode": "managed"}]}}
    trimmed = collect(json.dumps({"format_version": "1.2", "planned_values": values}).encode())
    assert "none was judged" in trimmed.gaps[0].reason
    refreshed = {"format_version": "1.2", "planned_values": values, "prior_state": {"values": values}}
    assert collect(json.dumps(refreshed).encode()).gaps == ()


def test_a_plan_of_outputs_is_clean() -> None:
    inventory = collect(plan_of(output_changes={"a": {"actions": ["create"], "after": 1}}))
    assert (inventory.resources, inventory.gaps) == ((), ())
    assert "nothing to judge" in inventory.notes[0]


@pytest.mark.parametrize("parts", [{"complete": False}, {"deferred_changes": [{"reason": "x"}, {}]}])
def test_what_a_plan_leaves_out_is_a_gap(parts: dict[str, Any]) -> None:
    assert len(collect(changed(**parts)).gaps) == 1


def test_what_is_not_covered_is_counted() -> None:
    changes = [
        rc("kubernetes_namespace.a", {}), rc("helm_release.a", {"values": ["x"]}), rc("random_password.a", {}),
        rc("null_resource.a", {}), rc("local_file.a", {"content": "x"}), rc("azapi_resource.a", {"body": {"a": [1]}}),
        rc("terraform_data.a", {"input": None}), rc("tls_private_key.a[0]", {}), rc("tls_private_key.a[1]", {}),
    ]  # fmt: skip
    inventory = collect(plan_of(*changes))
    assert inventory.resources == ()
    assert inventory.not_covered == {
        "azapi_resource": 1, "helm_release": 1, "kubernetes_namespace": 1, "local_file": 1, "null_resource": 1,
        "random_password": 1, "terraform_data": 1, "tls_private_key": 2,
    }  # fmt: skip


def test_data_and_ephemeral_resources_are_not_judged() -> None:
    data = rc("aws_instance.a", {"tags": {}}, actions=("read",))
    data["mode"] = "data"
    ephemeral = rc("aws_instance.b", {}, actions=("open",))
    ephemeral["mode"] = "ephemeral"
    inventory = collect(plan_of(data, ephemeral))
    assert (inventory.resources, inventory.gaps, inventory.not_covered) == ((), (), {})


@pytest.mark.parametrize("actions", [("create", "forget"), ("forget", "create")])
def test_what_is_forgotten_for_a_successor_goes_on_costing(actions: tuple[str, ...]) -> None:
    it = {"instance_type": "p5.48xlarge"}
    instance = only(plan_of(rc("aws_instance.a", it, before=it, actions=actions)))
    assert instance.change == "replace"
    assert instance.hourly_usd is not None
    assert instance.previous_hourly_usd is None


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("aws_terraform_0_14.json", 12), ("azurerm_firewall.json", 0), ("azurerm_references.json", 0),
        ("google_modules.json", 0),
    ],
)  # fmt: skip
def test_plans_of_other_projects(shared: Path, name: str, count: int) -> None:
    data = (shared / "samples/plans" / name).read_bytes()
    changes = [c for c in json.loads(data)["resource_changes"] if c["mode"] == "managed"]
    inventory = collect(data)
    assert len(inventory.resources) == count
    assert len(inventory.resources) + sum(inventory.not_covered.values()) == len(changes)
    assert {r.region for r in inventory.resources} <= {"us-east-1"}
    assert not inventory.gaps
    assert not [r.id for r in inventory.resources if "tags.*" in r.unknown]


def test_providers_before_terraform_1_1() -> None:
    """A module names its provider by its own name, and a proxy without arguments says that it needs one."""
    document = json.loads(plan_of(without_configuration=True))
    after = {"actions": ["create"], "after": {"tags": {"a": "b"}}, "after_unknown": {"tags_all": True}}
    document["resource_changes"] = [
        {"address": f"module.{m}.aws_instance.a", "module_address": f"module.{m}", "type": "aws_instance", "name": "a",
         "change": after}
        for m in ("handed", "own")
    ]  # fmt: skip
    block = {"type": "aws_instance", "name": "a"}
    of_its_own = {"name": "aws", "module_address": "module.own", "expressions": {"region": ref("var.region")}}
    document["configuration"] = {
        "provider_config": {
            "aws": {"name": "aws", "expressions": {"region": const("us-east-1")}},
            "module.handed:aws": {"name": "aws", "module_address": "module.handed", "version_constraint": ">= 2"},
        },
        "root_module": {
            "module_calls": {
                "handed": {"module": {"resources": [{**block, "provider_config_key": "handed:aws"}]}},
                "own": {
                    "expressions": {"region": const("eu-west-1")},
                    "module": {"resources": [{**block, "provider_config_key": "own:aws"}], "variables": {"region": {}}},
                },
            }
        },
    }
    found = resources(json.dumps(document).encode())
    assert {r.region for r in found.values()} == {"us-east-1"}
    assert "tags.*" not in found["module.handed.aws_instance.a"].unknown

    document["configuration"]["provider_config"]["module.own:aws"] = of_its_own
    found = resources(json.dumps(document).encode())
    assert found["module.own.aws_instance.a"].region == "eu-west-1"
    assert found["module.handed.aws_instance.a"].region == "us-east-1"


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    assert run("check", str(tmp_path))[0] == 2
    assert run("check", str(tmp_path / "none.json"))[0] == 2
