"""What evaluators tell of their policies: the facts they name, and the lines of them that ran."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from core.policy_folders import TODAY, python, rego, resource, write
from governor import library
from governor.judge import judge
from governor.languages import Explainable
from governor.model import Inventory, Policy, Resource
from governor.sources.terraform_plan.provenance import facts
from sources.terraform_plan.plans import of_plan


def evaluator_of(folder: Path, id: str) -> tuple[Explainable, Policy]:
    for evaluator in library.load([folder]).evaluators:
        for policy in evaluator.policies:
            if policy.id == id:
                return cast("Explainable", evaluator), policy
    raise KeyError(id)


def without(given: Resource, path: str) -> Resource:
    name, _, key = path.partition(".")
    if name in ("tags", "attributes"):
        return replace(given, **{name: {k: v for k, v in getattr(given, name).items() if k != key}})
    default = {"taggable": True, "purchase": "on_demand", "change": "none", "provider": ""}.get(name)
    return replace(given, **{name: default})


def named(path: str, reads: frozenset[str]) -> bool:
    return any(path == read or path.startswith(f"{read}.") or read.startswith(f"{path}.") for read in reads)


def test_facts_that_a_policy_does_not_name_do_not_change_what_it_finds() -> None:
    """Every shipped policy, on every resource of the example: kind, type and what is unknown are for `judge`, too."""
    checked = 0
    inventory = of_plan("example")
    for shared in library.load([library.builtin()]).evaluators:
        for policy in shared.policies:
            evaluator = cast("Explainable", shared).alone(policy)
            reads = evaluator.reads(policy)
            for each in inventory.resources:
                base = judge(replace(inventory, resources=(each,)), [evaluator], TODAY)
                for path in facts(each):
                    if path.split(".")[0] in ("id", "kind", "type", "unknown", "origin") or named(path, reads):
                        continue
                    changed = replace(inventory, resources=(without(each, path),))
                    found = judge(changed, [evaluator], TODAY)
                    assert [(f.attribute, f.msg) for f in found.findings] == [
                        (f.attribute, f.msg) for f in base.findings
                    ], f"{policy.id} reads {path} of {each.id}"
                    checked += 1
    assert checked > 1000


@pytest.mark.parametrize(
    ("body", "reads"),
    [
        ("resource.region", {"region"}),
        ('resource.tags["owner.team"]', {"tags.owner.team"}),
        ("some tag in resource.tags", {"tags"}),
        ('resource.unknown["attributes.size_gib"]', {"attributes.size_gib"}),
        ('object.get(resource, ["accelerator", "model"], "") != ""', {"accelerator.model"}),
        ("some region in data.config.names.places\n\tregion.price", set()),
        ("_far(resource)", {"attributes.copies_to"}),
        ('{"eu"} & {r | some r in resource.attributes.copies_to}', {"attributes.copies_to"}),
    ],
)
def test_the_facts_that_rego_names(tmp_path: Path, body: str, reads: set[str]) -> None:
    helper = "\n_far(thing) if count(thing.attributes.copies_to) > 0\n\n_unused(thing) if thing.price\n"
    write(tmp_path, {"names/names.rego": rego(body=body) + helper})

    evaluator, policy = evaluator_of(tmp_path, "NAM001")

    assert evaluator.reads(policy) == reads | {"id"}


@pytest.mark.parametrize(
    ("body", "reads"),
    [
        ("if thing.region: pass", {"region"}),
        ('if thing.tags.get("owner.team"): pass', {"tags.owner.team"}),
        ('if thing.attributes["size_gib"]: pass', {"attributes.size_gib"}),
        ("if thing.tags: pass", {"tags"}),
        ("if helper(thing): pass", {"price"}),
        ('if "abc".count("a"): pass', set()),
    ],
)
def test_the_facts_that_python_names(tmp_path: Path, body: str, reads: set[str]) -> None:
    head = "def helper(it):\n    return it.price\n\ndef unused(it):\n    return it.region\n"
    text = python(f"for thing in inventory.resources:\n    {body}\nyield from ()", head=head)
    write(tmp_path, {"names/names.py": text})

    evaluator, policy = evaluator_of(tmp_path, "PYT001")

    assert evaluator.reads(policy) == reads


def test_rego_is_followed_through_imports_and_other_packages(tmp_path: Path) -> None:
    policy_of = rego(body="far.away(resource)\n\tdata.lib.near.by(resource)").replace(
        "package names\n", "package names\n\nimport data.lib.far_off as far\n"
    )
    write(
        tmp_path,
        {
            "names/names.rego": policy_of,
            "lib/far.rego": 'package lib.far_off\n\naway(thing) if thing.region != "eu"\n',
            "lib/near.rego": "package lib.near\n\nby(thing) if thing.count > 0\n",
        },
    )

    evaluator, policy = evaluator_of(tmp_path, "NAM001")

    assert evaluator.reads(policy) == {"id", "region", "count"}


def test_a_python_policy_that_a_function_made_has_no_text(tmp_path: Path) -> None:
    text = python("yield from ()").replace("def judge(", "def made(")
    write(
        tmp_path,
        {"names/names.py": f"{text}\n\nmade.__policy__ = msgspec.structs.replace(made.__policy__, rule='x')\n"},
    )

    evaluator, policy = evaluator_of(tmp_path, "PYT001")

    assert evaluator.reads(policy) == frozenset()
    assert evaluator.passages(policy, Inventory(stage="plan", resources=()), TODAY) == []


def marks(passages: Any) -> list[str]:
    signs = {True: "+", False: "-", None: " "}
    return [f"{signs[line.ran]} {line.text}".rstrip() for passage in passages for line in passage.lines]


def test_lines_of_rego_that_ran(tmp_path: Path) -> None:
    write(
        tmp_path, {"names/names.rego": rego(body='_long(resource)\n\tresource.region == "x"') + "\n_long(_) := true\n"}
    )
    evaluator, policy = evaluator_of(tmp_path, "NAM001")
    inventory = Inventory(stage="plan", resources=(resource("aws_instance.a", region="y"),))

    own, helper = evaluator.passages(policy, inventory, TODAY)

    assert (own.helper, own.whole, helper.helper) == (False, False, True)
    assert marks([own, helper]) == [
        '- deny_long contains {"resource": resource.id, "msg": "too long", "attribute": "id"} if {',
        "+ \tsome resource in input.resources",
        "+ \t_long(resource)",
        '+ \tresource.region == "x"',
        "  }",
        "+ _long(_) := true",
    ]


def test_asking_how_it_ran_does_not_change_what_is_found(tmp_path: Path) -> None:
    write(tmp_path, {"names/names.rego": rego(), "names/more.py": python("yield Violation('aws_instance.a', 'no')")})
    inventory = Inventory(stage="plan", resources=(resource("aws_instance.a"),))
    evaluators = library.load([tmp_path]).evaluators
    before = judge(inventory, evaluators, TODAY)

    for evaluator in evaluators:
        for policy in evaluator.policies:
            cast("Explainable", evaluator).passages(policy, inventory, TODAY)

    assert judge(inventory, evaluators, TODAY) == before
    assert len(before.findings) == 2
