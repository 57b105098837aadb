"""The table of attributes is what the sources assign, what they make of real plans, and what the documentation says."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from governor import sources
from governor.catalog.attributes import ATTRIBUTES
from governor.catalog.kinds import KINDS, SHAPES
from governor.catalog.prices import PriceBook
from governor.sources import manifests, terraform_plan
from real_terraform import PROJECT

SHARED = PROJECT.parent / "shared"
PLANS = sorted(
    [
        *PROJECT.glob("examples/plan.json"),
        # Terraform failed on the plan named `errored`, and it is refused.
        *(plan for plan in PROJECT.glob("tests/trap_plans/*/plan.json") if plan.parent.name != "errored"),
        *SHARED.glob("plans/*/plan.json"),
    ]
)
OF_RESOURCES = {
    name: found
    for name, kinds in ATTRIBUTES.items()
    if (found := tuple(kind for kind in kinds if not kind.startswith("azure_")))
}
"""Without what Azure Policy says: tests/azure holds that against what is made of exports."""
ALL: list[ast.FunctionDef] = []
FUNCTIONS: dict[str, list[ast.FunctionDef]] = defaultdict(list)
"""Those that a reader of plans may call, by name; not what calls it, tells origins, reads clouds or snapshots."""
for _file in Path(sources.__file__).parent.rglob("*.py"):
    if _file.parent.name == "terraform_hcl":
        continue  # its attributes are those of blocks; facts of code are read by the readers of plans
    for _node in ast.walk(ast.parse(_file.read_text("utf-8"))):
        if isinstance(_node, ast.FunctionDef):
            ALL.append(_node)
            if _file.stem not in ("__init__", "provenance", "snapshot") and not {"aws", "azure"} & {*_file.parts}:
                FUNCTIONS[_node.name].append(_node)


def assigned(function: ast.AST) -> Iterator[str]:
    """Attributes that the code of a function names as such."""
    for node in ast.walk(function):
        match node:
            case ast.Subscript(
                value=ast.Attribute(attr="attributes") | ast.Name(id="attributes"), slice=ast.Constant(value=str(name))
            ):
                yield name
            case (
                ast.keyword(arg="attributes", value=ast.Dict(keys=keys))
                | ast.AnnAssign(target=ast.Name(id="attributes"), value=ast.Dict(keys=keys))
            ):
                yield from (key.value for key in keys if isinstance(key, ast.Constant))
            case ast.Call(func=ast.Attribute(attr="says"), args=[ast.Constant(value=str(name)), *_]):
                yield name
            case ast.Attribute(attr="delivered", ctx=ast.Store()):
                yield "delivered_tags"
            case ast.Attribute(attr="lines"):  # of instances
                yield from ("instance_type", "instance_types")
            case ast.Constant(value=str(text)) if text.startswith("attributes.") and text != "attributes.":
                yield text.split(".")[1]


def reached(name: str) -> set[str]:
    """The same of a function and all it calls."""
    todo, seen, found = {name}, {""}, set()
    while todo:
        seen.add(name := todo.pop())
        for function in FUNCTIONS[name]:
            found |= {*assigned(function)}
            calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
            todo |= ({getattr(call, "id", getattr(call, "attr", "")) for call in calls} & FUNCTIONS.keys()) - seen
    return found


def test_the_table_says_what_the_readers_of_each_kind_assign() -> None:
    found: dict[str, set[str]] = {name: set() for name in OF_RESOURCES}
    for shape in SHAPES.values():
        names = reached(terraform_plan.READERS[shape.reader].__name__) if shape.reader else set()
        names |= {"instance_type", "instance_types"} if shape.instance_type else set()
        names |= {"size_gib"} if shape.size_gib else set()
        for name in names:
            found[name].add(shape.kind)
    kinds_of_manifests = {kind for kind, _ in manifests.workloads.KINDS.values()}
    for name in {name for function in FUNCTIONS["assemble"] for name in assigned(function)}:
        # Clusters, notebooks and services have no end.
        found[name] |= {"workload", "training_job"} if name == "deadline_hours" else kinds_of_manifests
    found["root_device"] = {"compute_instance"}  # known of what runs, in no plan
    found["ai_keys"] = {*OF_RESOURCES["ai_keys"]}  # on whatever holds one

    assert {name: tuple(kind for kind in KINDS if kind in kinds) for name, kinds in found.items()} == OF_RESOURCES


def test_every_attribute_that_a_source_names_is_in_the_table() -> None:
    named = {name for function in ALL for name in assigned(function)}

    assert named == OF_RESOURCES.keys()


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.parent.name)
def test_real_plans_hold_nothing_else(plan: Path) -> None:
    inventory = terraform_plan.collect(plan.read_bytes(), place=str(plan), prices=PriceBook.shipped())

    for resource in inventory.resources:
        hidden = {path.split(".")[1] for path in resource.unknown if path.startswith("attributes.")}
        for name in {*resource.attributes, *hidden}:
            assert resource.kind in ATTRIBUTES[name], resource.id


def test_the_page_lists_the_same() -> None:
    page = (PROJECT / "docs" / "plan-facts.md").read_text("utf-8")
    _, _, table = page.partition("## Kinds and their attributes")
    rows = re.findall(r"^\| (`[^|]*) \| [^|]* \| ([^|]*) \|$", table.partition("\n| attribute |")[0], re.MULTILINE)
    listed: dict[str, list[str]] = {name: [] for name in ATTRIBUTES}
    for kinds, attributes in rows:
        for kind in re.findall(r"`(\w+)`", kinds):
            for name in re.findall(r"`(\w+)`", attributes):
                listed[name].append(kind)

    assert sorted(kind for kinds, _ in rows for kind in re.findall(r"`(\w+)`", kinds)) == sorted(KINDS)
    listed["ai_keys"] = list(ATTRIBUTES["ai_keys"])
    assert {name: sorted(kinds) for name, kinds in listed.items()} == {n: sorted(k) for n, k in ATTRIBUTES.items()}
