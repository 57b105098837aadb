"""Exports made up for tests: strategies for random ones, and one that has something of everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from governor.azure_model import (
    Assignment,
    Definition,
    Export,
    Initiative,
    Member,
    Message,
    Override,
    PolicyExemption,
    PolicyState,
    ResourceSelector,
    Selector,
    Summary,
)
from governor.sources.azure import ids
from governor.sources.azure.exports import read, write
from governor.sources.azure.exports.writing import Layout

GROUP = "/providers/Microsoft.Management/managementGroups/contoso"
SUBSCRIPTION = "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590"
RESOURCE_GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-ai"
MACHINE = f"{RESOURCE_GROUP}/providers/Microsoft.Compute/virtualMachines/vm-1"
SCOPES = (GROUP, SUBSCRIPTION, RESOURCE_GROUP, MACHINE)
BUILT_IN = "/providers/Microsoft.Authorization/policyDefinitions/e56962a6-4747-49cd-b67b-bf8b01975c4c"


def definition(name: str = "require-project", **changes: Any) -> Definition:
    """A definition that asks for a tag."""
    whole = Definition(
        id=ids.made(GROUP, ids.DEFINITIONS, name),
        name=name,
        display_name="Require the tag 'project'",
        description="Every resource says what it is for.",
        parameters={
            "effect": {
                "type": "String",
                "metadata": {"displayName": "Effect"},
                "allowedValues": ["Audit", "Deny", "Disabled"],
                "defaultValue": "Audit",
            },
            "tagName": {"type": "String", "metadata": {"displayName": "Tag"}, "defaultValue": "project"},
        },
        rule={
            "if": {"field": "[concat('tags[', parameters('tagName'), ']')]", "exists": "false"},
            "then": {"effect": "[parameters('effect')]"},
        },
        metadata={"version": "1.0.0", "category": "Tags"},
    )
    return replace(whole, **changes)


def everything() -> Export:
    """An export with something of everything."""
    required = definition()
    initiative = Initiative(
        id=ids.made(GROUP, ids.INITIATIVES, "tags"),
        name="tags",
        display_name="Tags",
        parameters={"effect": {"type": "String", "metadata": {"displayName": "Effect"}, "defaultValue": "Audit"}},
        members=(
            Member(
                definition=required.id,
                reference="project",
                parameters={"effect": "[parameters('effect')]", "tagName": "project"},
                groups=("finops",),
            ),
            Member(
                definition=BUILT_IN,
                reference="locations",
                parameters={"listOfAllowedLocations": ["westeurope"]},
                version="1.*.*",
            ),
        ),
        groups=({"name": "finops"},),
        metadata={"version": "1.0.0", "category": "Tags"},
    )
    selector = ResourceSelector(name="west", selectors=(Selector(kind="resourceLocation", within=("westeurope",)),))
    assigned = Assignment(
        id=ids.made(GROUP, ids.ASSIGNMENTS, "tags"),
        name="tags",
        display_name="Tags everywhere",
        scope=GROUP,
        not_scopes=(RESOURCE_GROUP,),
        target=initiative.id,
        parameters={"effect": "Deny"},
        messages=(Message("Tag it."), Message("Say which project.", "project")),
        selectors=(selector,),
        overrides=(
            Override(
                kind="policyEffect",
                value="Disabled",
                selectors=(Selector(kind="policyDefinitionReferenceId", without=("project",)),),
            ),
        ),
        identity="SystemAssigned",
        location="westeurope",
        metadata={"assignedBy": "platform"},
    )
    trial = Assignment(
        id=ids.made(SUBSCRIPTION, ids.ASSIGNMENTS, "trial"),
        name="trial",
        display_name="Trial",
        scope=SUBSCRIPTION,
        target=required.id,
        version="1.*.*",
        enforced=False,
    )
    exemption = PolicyExemption(
        id=ids.made(MACHINE, ids.EXEMPTIONS, "old"),
        name="old",
        display_name="Goes in May",
        scope=MACHINE,
        assignment=assigned.id,
        references=("project",),
        category="Mitigated",
        expires_on="2027-05-31T00:00:00Z",
        selectors=(selector,),
    )
    state = PolicyState(
        resource=MACHINE,
        resource_type="Microsoft.Compute/virtualMachines",
        assignment=assigned.id,
        definition=required.id,
        reference="project",
        initiative=initiative.id,
        state="NonCompliant",
        effect="deny",
        at="2026-11-24T02:00:00+00:00",
        ancestors=("contoso", "root"),
    )
    summary = Summary(
        assignment=assigned.id,
        definition=required.id,
        reference="project",
        initiative=initiative.id,
        effect="deny",
        resources={"NonCompliant": 3, "Compliant": 4},
    )
    return Export(
        definitions=(required,),
        initiatives=(initiative,),
        assignments=(assigned, trial),
        exemptions=(exemption,),
        states=(state,),
        summaries=(summary, replace(summary, definition="", reference="", effect="")),
        ancestors={SUBSCRIPTION: ("contoso", "root")},
    )


def held(export: Export, layout: Layout) -> Export:
    """What a layout has a place for, in the order of ids; where things stand in files is left out."""
    if layout in ("arm", "portal", "epac"):
        export = replace(export, states=(), summaries=(), ancestors={})
    if layout == "graph":
        export = replace(export, summaries=())
    if layout in ("arm", "epac"):
        export = replace(export, definitions=tuple(one for one in export.definitions if one.policy_type == "Custom"))
    if layout in ("cli", "rest"):
        told = {"/".join(one.resource.lower().split("/")[:3]): one.ancestors for one in export.states if one.ancestors}
        export = replace(export, ancestors=told)
    parts = {
        name: tuple(sorted((replace(one, written=None) for one in getattr(export, name)), key=repr))
        for name in ("definitions", "initiatives", "assignments", "exemptions", "states", "summaries")
    }
    return replace(export, **parts, source="", notes=())


def round_trip(export: Export, layout: Layout, folder: Path) -> Export:
    """An export as it comes back from files of a layout."""
    for path, text in write(export, layout).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return held(read([folder]), layout)


_letters = st.characters(exclude_categories=["Cs", "Cc"])
texts = st.text(_letters, max_size=12)
names = st.text(st.sampled_from("abcxyzABC019-_. ()'[]äß"), min_size=1, max_size=12).map(str.strip).filter(bool)
_tricky = st.sampled_from(["[parameters('x')]", "[[escaped]", "[", "[]", "[x", "x]", "", "[concat('a')]]", "{}", "{0}"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts | _tricky,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
_objects = st.dictionaries(texts, json_values, max_size=3)
_values = st.dictionaries(texts, json_values, max_size=3)
_lists = st.lists(texts, max_size=2).map(tuple)
_groups = st.fixed_dictionaries({"name": texts}, optional={"displayName": texts, "additionalMetadataId": texts})
_selector = st.builds(
    lambda kind, values, negated: Selector(
        kind=kind, within=None if negated else values, without=values if negated else None
    ),
    texts,
    _lists,
    st.booleans(),
)
_selectors = st.lists(_selector, max_size=2).map(tuple)
_resource_selectors = st.lists(st.builds(ResourceSelector, name=texts, selectors=_selectors), max_size=2).map(tuple)
_overrides = st.lists(
    st.builds(Override, kind=st.just("policyEffect"), value=texts.filter(bool), selectors=_selectors),
    max_size=2,
).map(tuple)


@st.composite
def exports(draw: st.DrawFn) -> Export:
    """An export that every layout has a place for: definitions lie at one scope."""
    root = draw(st.sampled_from([GROUP, SUBSCRIPTION]))
    described = {"display_name": texts, "description": texts, "metadata": _objects}

    def named(kind: str, scopes: st.SearchStrategy[str]) -> list[tuple[str, str, str]]:
        found = draw(st.lists(st.tuples(scopes, names), max_size=3, unique_by=lambda pair: (pair[0], pair[1].lower())))
        return [(scope, name, ids.made(scope, kind, name)) for scope, name in found]

    definitions = [
        draw(
            st.builds(
                Definition,
                id=st.just(id),
                name=st.just(name),
                mode=st.sampled_from(["All", "Indexed", "Microsoft.KeyVault.Data"]),
                parameters=st.dictionaries(texts, _objects, max_size=2),
                rule=st.fixed_dictionaries({"if": _objects, "then": st.fixed_dictionaries({"effect": texts})}),
                **described,
            )
        )
        for _, name, id in named(ids.DEFINITIONS, st.just(root))
    ]
    targets = st.sampled_from([BUILT_IN, *(one.id for one in definitions)])
    member = st.builds(
        Member, definition=targets, reference=texts.filter(bool), parameters=_values, version=texts, groups=_lists
    )
    initiatives = [
        draw(
            st.builds(
                Initiative,
                id=st.just(id),
                name=st.just(name),
                parameters=st.dictionaries(texts, _objects, max_size=2),
                members=st.lists(member, max_size=3, unique_by=lambda one: one.reference.lower()).map(tuple),
                groups=st.lists(_groups, max_size=2).map(tuple),
                **described,
            )
        )
        for _, name, id in named(ids.INITIATIVES, st.just(root))
    ]
    known: dict[str, Definition | Initiative] = {one.id: one for one in (*definitions, *initiatives)}
    assignments = []
    for scope, name, id in named(ids.ASSIGNMENTS, st.sampled_from(SCOPES)):
        target = draw(st.sampled_from([BUILT_IN, *known]))
        # EPAC drops what the policy has no parameter for.
        declared = {name.lower() for name in known[target].parameters} if target in known else None
        values = {key: value for key, value in draw(_values).items() if declared is None or key.lower() in declared}
        identity = draw(st.sampled_from(["", "SystemAssigned", f"{RESOURCE_GROUP}/providers/Microsoft.X/y/me"]))
        assignments.append(
            draw(
                st.builds(
                    Assignment,
                    id=st.just(id),
                    name=st.just(name),
                    scope=st.just(scope),
                    target=st.just(target),
                    not_scopes=st.lists(st.sampled_from(SCOPES), max_size=2).map(tuple),
                    version=texts,
                    parameters=st.just(values),
                    enforced=st.booleans(),
                    messages=st.lists(st.builds(Message, texts, texts), max_size=2).map(tuple),
                    selectors=_resource_selectors,
                    overrides=_overrides,
                    identity=st.just(identity),
                    location=texts.filter(bool) if identity else st.just(""),
                    **described,
                )
            )
        )
    exempted = ids.made(GROUP, ids.ASSIGNMENTS, "elsewhere")
    exemptions = [
        draw(
            st.builds(
                PolicyExemption,
                id=st.just(id),
                name=st.just(name),
                scope=st.just(scope),
                assignment=st.sampled_from([exempted, *(one.id for one in assignments)]),
                references=_lists,
                category=st.sampled_from(["Waiver", "Mitigated"]),
                expires_on=texts,
                selectors=_resource_selectors,
                **described,
            )
        )
        for scope, name, id in named(ids.EXEMPTIONS, st.sampled_from(SCOPES))
    ]
    ancestors = draw(st.lists(names.map(str.lower).filter(lambda name: "," not in name), max_size=2).map(tuple))
    resources = draw(st.lists(names, max_size=3, unique_by=str.lower))
    states = [
        draw(
            st.builds(
                PolicyState,
                resource=st.just(f"{RESOURCE_GROUP}/providers/Microsoft.Compute/disks/{name}"),
                resource_type=st.sampled_from(["Microsoft.Compute/disks", ""]),
                assignment=st.just(exempted),
                definition=targets,
                reference=texts,
                initiative=texts,
                state=st.sampled_from(["NonCompliant", "Compliant", "Exempt", "Conflict", "Unknown"]),
                effect=texts,
                at=texts,
                ancestors=st.just(ancestors),
            )
        )
        for name in resources
    ]
    above = {SUBSCRIPTION: ancestors} if states and ancestors else {}
    return Export(
        definitions=tuple(definitions),
        initiatives=tuple(initiatives),
        assignments=tuple(assignments),
        exemptions=tuple(exemptions),
        states=tuple(states),
        ancestors=above,
    )
