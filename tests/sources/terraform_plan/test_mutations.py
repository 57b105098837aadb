"""Real plans, broken in every way that comes to mind: an inventory or a Refusal, and nothing passes unseen."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from governor.errors import Refusal
from governor.model import Inventory
from sources.terraform_plan.plans import PROJECT, collect

PLANS = {
    name: (PROJECT / "tests/trap_plans" / name / "plan.json").read_bytes()
    for name in ("tags", "capacity", "providers", "lifecycle")
}
BOUNDED = settings(
    derandomize=True,
    deadline=None,
    max_examples=600,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)


def nested(depth: int, shape: str) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value] if shape == "list" else {"a": value}
    return value


ODD = st.one_of(
    st.sampled_from(
        [
            None, True, False, 0, -1, 1.5, 10**30, -(10**30), "", " ", "NaN", "1e999", "\U0001f680", "\u202e\x00",
            [], {}, [None], {"": None}, [[]], [{}], {"a": {"b": [1, "2", None]}}, ["create"], "create", "(sensitive)",
            "arn:aws:s3:::", "arn:::::", "us-east-1", "p5.48xlarge", {"constant_value": None}, [{"constant_value": 1}],
            {"references": "x"}, {"references": [1]}, {"references": ["var.a", "module.x", "module.", "var.", "."]},
        ]
    ),
    st.builds(nested, st.sampled_from([3, 60, 400]), st.sampled_from(["list", "dict"])),
    st.text(max_size=8),
)  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in a document."""
    todo = [value]
    while todo:
        here = todo.pop()
        entries = here.items() if isinstance(here, dict) else enumerate(here)
        for key, child in entries:
            yield here, key
            if isinstance(child, (dict, list)):
                todo.append(child)


PARSED = {name: json.loads(data) for name, data in PLANS.items()}
KINDS_OF_PLACES = ("resource_changes", "configuration", "prior_state", "variables", "output_changes", None)


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    document = copy.deepcopy(PARSED[draw(st.sampled_from(sorted(PARSED)))])
    for _ in range(draw(st.integers(1, 4))):
        part = draw(st.sampled_from(KINDS_OF_PLACES))
        root = document.get(part) if part else document
        if not isinstance(root, (dict, list)) or not root:
            continue
        found = list(places(root))
        holder, key = found[draw(st.integers(0, len(found) - 1))]
        action = draw(st.sampled_from(["replace", "drop", "repeat", "swap"]))
        try:
            if action == "drop":
                del holder[key]
            elif action == "repeat" and isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
            elif action == "swap":
                other, place = found[draw(st.integers(0, len(found) - 1))]
                holder[key] = copy.deepcopy(other[place])
            else:
                holder[key] = copy.deepcopy(draw(ODD))
        except (KeyError, IndexError):
            continue  # an earlier mutation took the place away
    return document


def unseen(document: Any, inventory: Inventory) -> list[str]:
    """Managed changes that stay and are neither judged, nor counted as not covered, nor named as a gap."""
    changes = document.get("resource_changes") if isinstance(document, dict) else None
    judged = {resource.id for resource in inventory.resources}
    named = {gap.place for gap in inventory.gaps}
    unreadable = sum("cannot be read" in gap.reason for gap in inventory.gaps)
    missing = []
    for change in changes or []:
        if not isinstance(change, dict):
            unreadable -= 1
            continue
        actions = change.get("change", {}).get("actions") if isinstance(change.get("change"), dict) else None
        if change.get("mode", "managed") in ("data", "ephemeral") or actions in (["delete"], ["forget"]):
            continue
        address, type = change.get("address"), change.get("type")
        if not isinstance(address, str) or not isinstance(type, str):
            continue  # named by what is left of it, or by its number: see test_files
        if address not in judged and address not in named and type not in inventory.not_covered:
            missing.append(str(address)[:80])
    return missing if len(missing) > unreadable else []


def accounted_for(data: bytes, document: Any) -> None:
    try:
        inventory = collect(data)
    except Refusal as error:
        refusal: Refusal | None = error
    else:
        refusal = None
    if refusal:
        assert refusal.code == 3
        assert "\n" not in str(refusal)
        return
    assert unseen(document, inventory) == []
    for resource in inventory.resources:
        assert not (resource.hourly_usd is not None and "hourly_usd" in resource.unknown)
        assert all(isinstance(key, str) and isinstance(value, str) for key, value in resource.tags.items())


@BOUNDED
@given(mutated())
def test_whatever_is_changed_nothing_passes_unseen(document: dict[str, Any]) -> None:
    accounted_for(json.dumps(document).encode(), document)


@BOUNDED
@given(st.sampled_from(sorted(PLANS)), st.data())
def test_bytes_that_flip_or_are_cut(name: str, data: st.DataObject) -> None:
    plan = bytearray(PLANS[name])
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(plan) - 1))
        plan[position] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        plan = plan[: data.draw(st.integers(0, len(plan)))]
    try:
        document = json.loads(bytes(plan))
    except (ValueError, RecursionError):
        document = None
    accounted_for(bytes(plan), document)


WORDS = st.sampled_from(
    [
        "format_version", "resource_changes", "change", "actions", "address", "type", "after", "configuration",
        "root_module", "resources",
    ]
)  # fmt: skip
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
)


@settings(BOUNDED, max_examples=300)
@given(ANY_JSON)
def test_any_json_is_a_plan_or_refused(document: Any) -> None:
    accounted_for(json.dumps(document).encode(), document)


@pytest.mark.parametrize("value", [None, 5, "text", [], {}, True, [[[]]], {"a": None}], ids=repr)
@pytest.mark.parametrize("name", sorted(PLANS))
def test_every_attribute_of_every_resource_may_be_of_the_wrong_type(name: str, value: Any) -> None:
    document = copy.deepcopy(PARSED[name])
    for change in document["resource_changes"]:
        for part in ("after", "before", "after_unknown", "before_sensitive", "after_sensitive"):
            attributes = change["change"].get(part)
            if isinstance(attributes, dict):
                change["change"][part] = dict.fromkeys(attributes, value)
    accounted_for(json.dumps(document).encode(), document)


@pytest.mark.parametrize("value", [None, 5, "text", [], {}, True, [[[]]], {"references": None}], ids=repr)
@pytest.mark.parametrize("name", sorted(PLANS))
def test_every_expression_may_be_of_the_wrong_type(name: str, value: Any) -> None:
    document = copy.deepcopy(PARSED[name])
    for block in document["configuration"]["root_module"]["resources"]:
        block["expressions"] = dict.fromkeys(block.get("expressions", {}), value)
    for config in document["configuration"]["provider_config"].values():
        config["expressions"] = dict.fromkeys(config.get("expressions", {}), value)
    accounted_for(json.dumps(document).encode(), document)


@settings(BOUNDED, max_examples=60)
@given(document=mutated())
def test_the_command_line_ends_with_a_code_and_no_traceback(
    document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("plan") / "plan.json"
    file.write_text(json.dumps(document))
    code, out, err = _run(file)
    assert code in (0, 1, 3)
    assert "Traceback" not in out + err
    assert "bug in governor" not in err


def _run(file: Path) -> tuple[int, str, str]:
    import contextlib
    import io
    import sys

    from governor import cli

    out, err, argv = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["governor", "check", str(file), "-f", "json", "--today", "2026-01-01"]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            return cli._run(), out.getvalue(), err.getvalue()
    finally:
        sys.argv = argv


def test_the_guard_would_notice(run: Callable[..., tuple[int, str, str]]) -> None:
    """What the tests above look for is found when it is there."""
    document = copy.deepcopy(PARSED["tags"])
    inventory = collect(PLANS["lifecycle"])
    assert unseen(document, inventory)
    assert run("check", str(PROJECT / "tests/trap_plans/tags/plan.json"), "-q")[0] == 1
