"""Exports, written: each layout as the tool that it belongs to takes it.

What a layout has no place for is not written: records of compliance in `arm`, `portal` and `epac`; definitions that
come with Azure in `arm` and `epac`; the version that Azure gives an initiative in `epac`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, get_args

from governor.azure_model import (
    Assignment,
    Definition,
    Export,
    Initiative,
    Member,
    PolicyExemption,
    PolicyState,
    ResourceSelector,
    Selector,
    Summary,
    Unknown,
)
from governor.errors import Refusal
from governor.sources.azure import ids

Layout = Literal["cli", "rest", "arm", "portal", "epac", "graph"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

SELECTOR = "tenant"
"""The environment of EPAC that is written."""

_API_VERSIONS = {
    ids.DEFINITIONS: "2023-04-01",
    ids.INITIATIVES: "2023-04-01",
    ids.ASSIGNMENTS: "2025-01-01",
    ids.EXEMPTIONS: "2022-07-01-preview",
}
"""Of templates: those that have what is written, `definitionVersion` of assignments among it
(learn.microsoft.com/azure/templates/microsoft.authorization)."""

_TEMPLATES = "https://schema.management.azure.com/schemas/"
_EPAC_SCHEMAS = "https://raw.githubusercontent.com/Azure/enterprise-azure-policy-as-code/main/Schemas/"
_NOT_IN_FILE_NAMES = re.compile(r"(?:[^\w.()-]|_)+")

Object = dict[str, Any]
Policy = Definition | Initiative | Assignment | PolicyExemption


def write(export: Export, layout: Layout) -> dict[str, str]:
    """The files of an export: path, with `/` → text. Reading them gives the export back, but for what the layout has no
    place for.

    `cli`: what `az policy … list` prints, a file a kind. `rest`: answers of Resource Manager. `graph`: rows of Resource
    Graph. `arm`: a template for each scope, to be deployed there. `portal`: the tree of the portal's "Export
    definitions", which GitHub's manage-azure-policy takes. `epac`: a folder `Definitions` of Enterprise Policy as Code,
    for one environment; ids of tenant and owner are to be filled in.

    Raises Refusal for what the layout cannot say: a value that is not known; in `epac`, definitions at several scopes.
    """
    files = _WRITERS[layout](export)
    return {path: json.dumps(value, indent=2, ensure_ascii=False, default=_not_json) + "\n" for path, value in files}


def _cli(export: Export) -> Iterable[tuple[str, Any]]:
    for file, found in _by_kind(export).items():
        yield file, [_flat(_resource(policy)) for policy in found]
    if export.states:
        yield "policyStates.json", [_state(state) for state in export.states]
    if export.summaries:
        yield "policyStatesSummary.json", _summaries(export.summaries)


def _rest(export: Export) -> Iterable[tuple[str, Any]]:
    for file, found in _by_kind(export).items():
        yield file, {"value": [_resource(policy) for policy in found]}
    if export.states:
        states = [_state(state) for state in export.states]
        yield "policyStates.json", {"@odata.count": len(states), "value": states}
    if export.summaries:
        yield "policyStatesSummary.json", {"value": [_summaries(export.summaries)]}


def _graph(export: Export) -> Iterable[tuple[str, Any]]:
    policies = [_resource(policy) for found in _by_kind(export).values() for policy in found]
    rows = [{**policy, "type": policy["type"].lower()} for policy in policies]
    for number, state in enumerate(export.states):
        name = f"{number:032x}"
        kind = "Microsoft.PolicyInsights/policyStates"
        id = f"{state.resource}/providers/{kind}/{name}"
        rows.append({"id": id, "name": name, "type": kind.lower(), "properties": _state(state)})
    if rows:
        yield "policyresources.json", _rows(rows)
    if export.ancestors:
        yield "resourcecontainers.json", _rows([_subscription(id, above) for id, above in export.ancestors.items()])


def _rows(rows: list[Object]) -> Object:
    return {"count": len(rows), "data": rows, "skip_token": None, "total_records": len(rows)}


def _subscription(id: str, ancestors: tuple[str, ...]) -> Object:
    chain = [{"displayName": name, "name": name} for name in ancestors]
    return {
        "id": id,
        "name": ids.name_of(id),
        "type": "microsoft.resources/subscriptions",
        "properties": {"managementGroupAncestorsChain": chain},
    }


def _arm(export: Export) -> Iterable[tuple[str, Any]]:
    templates: dict[str, list[Policy]] = {}
    here = set()
    for policy in _deployable(export):
        templates.setdefault(ids.deployment_scope(ids.scope_of(policy.id)), []).append(policy)
        here.add(policy.id)
    for scope, found in templates.items():
        schema, name = _deployment(scope)
        yield (
            f"{_file_name(name)}.json",
            {
                "$schema": f"{_TEMPLATES}{schema}.json#",
                "contentVersion": "1.0.0.0",
                "metadata": {"deploymentScope": scope},
                "resources": [_template_resource(policy, scope, here) for policy in found],
            },
        )


def _deployment(scope: str) -> tuple[str, str]:
    """The schema of templates that are deployed to a scope, and a name for one."""
    parts = scope.strip("/").split("/")
    if scope.lower().startswith(ids.MANAGEMENT_GROUPS.lower()):
        return "2019-08-01/managementGroupDeploymentTemplate", f"managementGroup-{parts[-1]}"
    if len(parts) == 4:
        return "2019-04-01/deploymentTemplate", f"resourceGroup-{parts[1]}-{parts[3]}"
    if len(parts) == 2:
        return "2018-05-01/subscriptionDeploymentTemplate", f"subscription-{parts[1]}"
    return "2019-08-01/tenantDeploymentTemplate", "tenant"


def _template_resource(policy: Policy, scope: str, here: set[str]) -> Object:
    plain = _resource(policy)
    kind = _kind(policy)
    written = {"type": plain["type"], "apiVersion": _API_VERSIONS[kind], "name": _escaped(plain["name"])}
    own_scope = ids.scope_of(policy.id)
    if own_scope != scope:
        written["scope"] = own_scope.removeprefix(scope).removeprefix("/providers/")
    written |= {key: plain[key] for key in ("location", "identity") if key in plain}
    properties = _escaped(plain["properties"])
    properties.pop("scope", None)
    needed = []
    if isinstance(policy, Initiative):
        needed = [member.definition for member in policy.members]
        for member, shown in zip(policy.members, properties["policyDefinitions"], strict=True):
            shown["policyDefinitionId"] = _reference(member.definition, scope)
    elif isinstance(policy, Assignment):
        needed = [policy.target]
        properties["policyDefinitionId"] = _reference(policy.target, scope)
    elif isinstance(policy, PolicyExemption):
        needed = [policy.assignment]
        properties["policyAssignmentId"] = _reference(policy.assignment, scope)
    waits_for = dict.fromkeys(
        _reference(id, scope) for id in needed if id in here and ids.deployment_scope(ids.scope_of(id)) == scope
    )
    if waits_for:
        written["dependsOn"] = list(waits_for)
    return {**written, "properties": properties}


def _reference(id: str, scope: str) -> str:
    """An id within a template that is deployed to a scope: by the scope, where the object lies there."""
    kind, name = ids.kind_of(id), ids.name_of(id)
    if not scope or id != ids.made(scope, kind, name):
        return str(_escaped(id))
    quoted = f"'{ids.PROVIDER}/{kind}', '{name.replace(chr(39), chr(39) * 2)}'"
    schema, _ = _deployment(scope)
    if "managementGroup" in schema:
        return f"[extensionResourceId(managementGroup().id, {quoted})]"
    return f"[{'subscriptionResourceId' if 'subscription' in schema else 'resourceId'}({quoted})]"


def _escaped(value: Any) -> Any:
    """A value as a template writes it: what looks like an expression begins with one bracket more."""
    if isinstance(value, str):
        return f"[{value}" if value.startswith("[") and value.endswith("]") else value
    if isinstance(value, Mapping):
        return {key: _escaped(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_escaped(inner) for inner in value]
    return value


def _portal(export: Export) -> Iterable[tuple[str, Any]]:
    taken: set[str] = set()
    folders: dict[str, str] = {}
    defined: list[Definition | Initiative] = [*export.definitions, *export.initiatives]
    for policy in defined:
        kind = _kind(policy)
        folder = _free(_portal_folder(kind, policy.display_name, policy.name), taken)
        folders[policy.id.lower()] = folder
        yield f"{folder}/{'policy' if kind == ids.DEFINITIONS else 'policyset'}.json", _resource(policy)
    for assignment in export.assignments:
        home = folders.get(assignment.target.lower())
        if not home:
            kind = ids.kind_of(assignment.target) or ids.DEFINITIONS
            home = _portal_folder(kind, "", ids.name_of(assignment.target))
        name = _file_name(f"{assignment.display_name}_{assignment.name}".strip("_"))
        yield f"{_free(f'{home}/assign.{name}', taken)}.json", _resource(assignment)
    for exemption in export.exemptions:
        name = _file_name(f"{exemption.display_name}_{exemption.name}".strip("_"))
        yield f"{_free(f'exemptions/{name}', taken)}.json", _resource(exemption)


def _portal_folder(kind: str, display_name: str, name: str) -> str:
    top = "policies" if kind == ids.DEFINITIONS else "initiatives"
    return f"{top}/{_file_name(f'{display_name}_{name}'.strip('_'))}"


def _epac(export: Export) -> Iterable[tuple[str, Any]]:
    policies = list(_deployable(export))
    root = _epac_root(policies)
    taken: set[str] = set()
    yield "Definitions/global-settings.jsonc", _epac_settings(root)
    for policy in policies:
        if isinstance(policy, PolicyExemption):
            continue
        if isinstance(policy, Definition):
            folder, written = ids.DEFINITIONS, _epac_definition(policy)
        elif isinstance(policy, Initiative):
            folder, written = ids.INITIATIVES, _epac_initiative(policy, root)
        else:
            folder, written = ids.ASSIGNMENTS, _epac_assignment(policy, root)
        yield f"{_free(f'Definitions/{folder}/{_file_name(policy.name)}', taken)}.jsonc", written
    if export.exemptions:
        yield (
            f"Definitions/{ids.EXEMPTIONS}/{SELECTOR}/exemptions.jsonc",
            {
                "$schema": f"{_EPAC_SCHEMAS}policy-exemption-schema.json",
                "exemptions": [_epac_exemption(exemption) for exemption in export.exemptions],
            },
        )


def _epac_root(policies: list[Policy]) -> str:
    """Where EPAC is to put definitions: where they are; without any, above the assignments."""
    defined = {ids.scope_of(policy.id) for policy in policies if isinstance(policy, (Definition, Initiative))}
    if len({scope.lower() for scope in defined}) > 1:
        raise Refusal(
            "EPAC puts all definitions of an environment at one scope, and these lie at several: "
            f"{', '.join(sorted(defined))}; export each scope by itself"
        )
    scopes = [policy.scope for policy in policies if isinstance(policy, Assignment)]
    return next(iter(defined), min(scopes, key=len, default=f"{ids.MANAGEMENT_GROUPS}{ids.UNKNOWN}"))


def _epac_settings(root: str) -> Object:
    return {
        "$schema": f"{_EPAC_SCHEMAS}global-settings-schema.json",
        "pacOwnerId": "00000000-0000-0000-0000-000000000000",
        "pacEnvironments": [
            {
                "pacSelector": SELECTOR,
                "cloud": "AzureCloud",
                "tenantId": "00000000-0000-0000-0000-000000000000",
                "deploymentRootScope": root,
                "desiredState": {"strategy": "ownedOnly", "keepDfcSecurityAssignments": True},
            }
        ],
    }


def _epac_definition(definition: Definition) -> Object:
    properties = _resource(definition)["properties"]
    return {
        "$schema": f"{_EPAC_SCHEMAS}policy-definition-schema.json",
        "name": definition.name,
        "type": f"{ids.PROVIDER}/{ids.DEFINITIONS}",
        "properties": {**properties, "parameters": definition.parameters},
    }


def _epac_initiative(initiative: Initiative, root: str) -> Object:
    properties = _resource(initiative)["properties"]
    properties.pop("version", None)
    for member in properties["policyDefinitions"]:
        id = member["policyDefinitionId"]
        if id == ids.made(root, ids.DEFINITIONS, ids.name_of(id)):
            del member["policyDefinitionId"]
            member["policyDefinitionName"] = ids.name_of(id)
    return {
        "$schema": f"{_EPAC_SCHEMAS}policy-set-definition-schema.json",
        "name": initiative.name,
        "type": f"{ids.PROVIDER}/{ids.INITIATIVES}",
        "properties": properties,
    }


def _epac_assignment(assignment: Assignment, root: str) -> Object:
    target = assignment.target
    kind = ids.kind_of(target)
    word = "policySet" if kind == ids.INITIATIVES else "policy"
    by_name = target == ids.made(root, kind, ids.name_of(target))
    entry = {f"{word}Name": ids.name_of(target)} if by_name else {f"{word}Id": target}
    properties = _resource(assignment)["properties"]
    identity = assignment.identity
    return {
        "$schema": f"{_EPAC_SCHEMAS}policy-assignment-schema.json",
        "nodeName": f"/{assignment.name}/",
        "assignment": _present(
            name=assignment.name, displayName=assignment.display_name, description=assignment.description or None
        ),
        "definitionEntry": {**entry, **_filled(definitionVersion=assignment.version)},
        "scope": {SELECTOR: [assignment.scope]},
        **_filled(
            notScopes={SELECTOR: list(assignment.not_scopes)} if assignment.not_scopes else {},
            parameters=assignment.parameters,
            metadata=assignment.metadata,
            managedIdentityLocations={SELECTOR: assignment.location} if assignment.location else {},
            userAssignedIdentity={SELECTOR: identity} if identity not in ("", _SYSTEM) else {},
        ),
        **{
            key: properties[key]
            for key in ("enforcementMode", "overrides", "resourceSelectors", "nonComplianceMessages")
            if key in properties
        },
    }


def _epac_exemption(exemption: PolicyExemption) -> Object:
    properties = {**_resource(exemption)["properties"], "displayName": exemption.display_name}
    return {"name": exemption.name, "scope": exemption.scope, **properties}


_WRITERS: Mapping[Layout, Callable[[Export], Iterable[tuple[str, Any]]]] = {
    "cli": _cli,
    "rest": _rest,
    "arm": _arm,
    "portal": _portal,
    "epac": _epac,
    "graph": _graph,
}
_SYSTEM = "SystemAssigned"


def _by_kind(export: Export) -> dict[str, tuple[Policy, ...]]:
    found: dict[str, tuple[Policy, ...]] = {
        ids.DEFINITIONS: export.definitions,
        ids.INITIATIVES: export.initiatives,
        ids.ASSIGNMENTS: export.assignments,
        ids.EXEMPTIONS: export.exemptions,
    }
    return {f"{kind}.json": policies for kind, policies in found.items() if policies}


def _deployable(export: Export) -> Iterable[Policy]:
    """All but what is Azure's own, each after what it needs."""
    for found in _by_kind(export).values():
        for policy in found:
            if not isinstance(policy, (Definition, Initiative)) or policy.policy_type.lower() == "custom":
                yield policy


def _resource(policy: Policy) -> Object:
    """An object as Resource Manager shows it."""
    shown: Object = {"id": policy.id, "name": policy.name, "type": f"{ids.PROVIDER}/{_kind(policy)}"}
    if isinstance(policy, Definition):
        properties = _definition(policy)
    elif isinstance(policy, Initiative):
        properties = _initiative(policy)
    elif isinstance(policy, Assignment):
        properties = _assignment(policy)
        shown |= _filled(location=policy.location, identity=_identity(policy.identity))
    else:
        properties = _exemption(policy)
    described = _filled(displayName=policy.display_name, description=policy.description, metadata=dict(policy.metadata))
    return {**shown, "properties": {**described, **properties}}


def _kind(policy: Policy) -> str:
    kinds = {Definition: ids.DEFINITIONS, Initiative: ids.INITIATIVES, Assignment: ids.ASSIGNMENTS}
    return kinds.get(type(policy), ids.EXEMPTIONS)


def _definition(definition: Definition) -> Object:
    return {
        "policyType": definition.policy_type,
        "mode": definition.mode,
        **_filled(version=definition.version, parameters=dict(definition.parameters)),
        **_present(policyRule=definition.rule),
    }


def _initiative(initiative: Initiative) -> Object:
    return {
        "policyType": initiative.policy_type,
        **_filled(
            version=initiative.version,
            parameters=dict(initiative.parameters),
            policyDefinitionGroups=[dict(group) for group in initiative.groups],
        ),
        "policyDefinitions": [_member(member) for member in initiative.members],
    }


def _member(member: Member) -> Object:
    return {
        "policyDefinitionReferenceId": member.reference,
        "policyDefinitionId": member.definition,
        **_filled(
            definitionVersion=member.version, parameters=_values(member.parameters), groupNames=list(member.groups)
        ),
    }


def _assignment(assignment: Assignment) -> Object:
    return {
        "policyDefinitionId": assignment.target,
        "scope": assignment.scope,
        "enforcementMode": "Default" if assignment.enforced else "DoNotEnforce",
        **_filled(
            definitionVersion=assignment.version,
            notScopes=list(assignment.not_scopes),
            parameters=_values(assignment.parameters),
            nonComplianceMessages=[
                {"message": message.text, **_filled(policyDefinitionReferenceId=message.reference)}
                for message in assignment.messages
            ],
            resourceSelectors=[_resource_selector(selector) for selector in assignment.selectors],
            overrides=[
                {
                    "kind": override.kind,
                    "value": override.value,
                    **_filled(selectors=[_selector(selector) for selector in override.selectors]),
                }
                for override in assignment.overrides
            ],
        ),
    }


def _exemption(exemption: PolicyExemption) -> Object:
    return {
        "policyAssignmentId": exemption.assignment,
        "exemptionCategory": exemption.category,
        **_filled(
            policyDefinitionReferenceIds=list(exemption.references),
            expiresOn=exemption.expires_on,
            resourceSelectors=[_resource_selector(selector) for selector in exemption.selectors],
        ),
    }


def _resource_selector(selector: ResourceSelector) -> Object:
    return {"name": selector.name, "selectors": [_selector(inner) for inner in selector.selectors]}


def _selector(selector: Selector) -> Object:
    within = None if selector.within is None else list(selector.within)
    without = None if selector.without is None else list(selector.without)
    return {"kind": selector.kind, **_present(**{"in": within, "notIn": without})}


def _identity(identity: str) -> Object:
    if identity in ("", _SYSTEM):
        return {"type": identity} if identity else {}
    return {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}


def _state(state: PolicyState) -> Object:
    return {
        "resourceId": state.resource,
        "resourceType": state.resource_type,
        "policyAssignmentId": state.assignment,
        "policyDefinitionId": state.definition,
        "policyDefinitionReferenceId": state.reference,
        "policySetDefinitionId": state.initiative,
        "complianceState": state.state,
        "policyDefinitionAction": state.effect,
        "timestamp": state.at,
        "managementGroupIds": ",".join(state.ancestors),
    }


def _summaries(summaries: Iterable[Summary]) -> Object:
    return {"policyAssignments": [_summary(summary) for summary in summaries]}


def _summary(summary: Summary) -> Object:
    counts = [{"complianceState": state.lower(), "count": count} for state, count in summary.resources.items()]
    assignment: Object = {
        "policyAssignmentId": summary.assignment,
        "policySetDefinitionId": summary.initiative,
    }
    if not summary.definition:
        return {**assignment, "results": {"resourceDetails": counts}}
    definition = {
        "policyDefinitionId": summary.definition,
        "policyDefinitionReferenceId": summary.reference,
        "effect": summary.effect,
        "results": {"resourceDetails": counts},
    }
    return {**assignment, "policyDefinitions": [definition]}


def _values(parameters: Mapping[str, Any]) -> Object:
    return {name: {"value": value} for name, value in parameters.items()}


def _flat(resource: Object) -> Object:
    properties = resource.pop("properties")
    return {**resource, **properties}


def _filled(**values: Any) -> Object:
    return {key: value for key, value in values.items() if value}


def _present(**values: Any) -> Object:
    return {key: value for key, value in values.items() if value is not None}


def _file_name(name: str) -> str:
    # What begins with a dot is hidden, and passed by.
    return _NOT_IN_FILE_NAMES.sub("_", name)[:100].lstrip(".") or "_"


def _free(path: str, taken: set[str]) -> str:
    """A path that nothing else has, in any case."""
    number, free = 1, path
    while free.lower() in taken:
        number += 1
        free = f"{path}-{number}"
    taken.add(free.lower())
    return free


def _not_json(value: Any) -> Any:
    if isinstance(value, Unknown):
        raise Refusal(f"a value is not known and cannot be written: {value.reason}")
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
