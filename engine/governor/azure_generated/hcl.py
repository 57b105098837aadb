"""Azure Policy in, Terraform for the provider azurerm (version 4) out, as `terraform fmt` sets it. Pure.

Resources and arguments: https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from governor.azure_generated.naming import MADE_BY
from governor.azure_model import Assignment, Definition, Export, Initiative

_HEADER = f"# Made by `{MADE_BY}`: change the data of the policies, then run it again.\n"

_VERSIONS = """
terraform {
  required_version = ">= 1.3"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.0"
    }
  }
}
"""

_ESCAPED = {'"': '\\"', "\\": "\\\\"}


def write(export: Export) -> dict[str, str]:
    """Path → text: a module that defines and assigns; the caller configures the provider."""
    names = {one.id: _label(one.name) for one in export.definitions}
    names |= {one.id: _label(one.name) for one in export.initiatives}
    definitions = {definition.id: definition for definition in export.definitions}
    acting = {initiative.id: _roles(initiative, definitions) for initiative in export.initiatives}
    files = {
        "versions.tf": [_VERSIONS],
        "definitions.tf": [_definition(one, names) for one in export.definitions],
        "initiatives.tf": [_initiative(one, names) for one in export.initiatives],
        "assignments.tf": [_assignment(one, names, acting[one.target]) for one in export.assignments],
    }
    return {path: _HEADER + "".join(blocks) for path, blocks in files.items() if blocks}


def _roles(initiative: Initiative, definitions: Mapping[str, Definition]) -> list[str]:
    """Roles that the identity of an assignment needs: those of the members that change resources."""
    found = [definitions[member.definition].rule["then"] for member in initiative.members]
    return list(dict.fromkeys(role for then in found for role in then.get("details", {}).get("roleDefinitionIds", ())))


def _definition(definition: Definition, names: Mapping[str, str]) -> str:
    return _block(
        ("resource", "azurerm_policy_definition", names[definition.id]),
        [
            {
                "name": quoted(definition.name),
                "display_name": quoted(definition.display_name),
                "description": quoted(definition.description),
                "policy_type": quoted("Custom"),
                "mode": quoted(definition.mode),
                **_home(definition.id),
            },
            {"metadata": _json(definition.metadata)},
            {"parameters": _json(definition.parameters)},
            {"policy_rule": _json(definition.rule)},
        ],
    )


def _initiative(initiative: Initiative, names: Mapping[str, str]) -> str:
    members = [
        _block(
            ("policy_definition_reference",),
            [
                {
                    "policy_definition_id": f"azurerm_policy_definition.{names[member.definition]}.id",
                    "reference_id": quoted(member.reference),
                },
                {"parameter_values": _json({name: {"value": value} for name, value in member.parameters.items()})},
            ],
            indent="  ",
        )
        for member in initiative.members
    ]
    return _block(
        ("resource", "azurerm_policy_set_definition", names[initiative.id]),
        [
            {
                "name": quoted(initiative.name),
                "display_name": quoted(initiative.display_name),
                "description": quoted(initiative.description),
                "policy_type": quoted("Custom"),
                **_home(initiative.id),
            },
            {"metadata": _json(initiative.metadata)},
            {"parameters": _json(initiative.parameters)},
        ],
        members,
    )


def _assignment(assignment: Assignment, names: Mapping[str, str], roles: Sequence[str]) -> str:
    kind, argument = _kind(assignment.scope)
    type, label = f"azurerm_{kind}_policy_assignment", names[assignment.target]
    assigned = _block(
        ("resource", type, label),
        [
            {
                "name": quoted(assignment.name),
                "display_name": quoted(assignment.display_name),
                "description": quoted(assignment.description),
                argument: quoted(assignment.scope),
                "policy_definition_id": f"azurerm_policy_set_definition.{label}.id",
                **({"location": quoted(assignment.location)} if assignment.identity else {}),
            },
            {"metadata": _json(assignment.metadata)},
            {"parameters": _json({name: {"value": value} for name, value in assignment.parameters.items()})},
        ],
        [_block(("identity",), [{"type": quoted(assignment.identity)}], indent="  ")] if assignment.identity else [],
    )
    granted = [
        _block(
            ("resource", "azurerm_role_assignment", f"{label}_{_label(role.rpartition('/')[2])}"),
            [
                {
                    "scope": quoted(assignment.scope),
                    "role_definition_id": quoted(role),
                    "principal_id": f"{type}.{label}.identity[0].principal_id",
                }
            ],
        )
        for role in roles
        if assignment.identity
    ]
    return assigned + "".join(granted)


def _kind(scope: str) -> tuple[str, str]:
    """What the resource that assigns is called, and its argument for the scope."""
    parts = scope.strip("/").split("/")
    if parts[0].lower() == "providers":
        return "management_group", "management_group_id"
    return ("resource_group", "resource_group_id") if len(parts) > 2 else ("subscription", "subscription_id")


def _home(id: str) -> dict[str, str]:
    """The management group that keeps a definition. Without one it is the subscription of the provider."""
    scope = id.partition("/providers/Microsoft.Authorization/")[0]
    return {"management_group_id": quoted(scope)} if scope.lower().startswith("/providers/") else {}


def _block(
    head: Sequence[str], groups: Sequence[Mapping[str, str]], inner: Sequence[str] = (), *, indent: str = ""
) -> str:
    """A block: arguments that stand together are aligned, blank lines between the groups."""
    opening = " ".join([head[0], *map(quoted, head[1:])])
    parts = ["".join(_aligned(group, f"{indent}  ")) for group in groups]
    body = "\n".join([*parts, *(block.removeprefix("\n") for block in inner)])
    return f"\n{indent}{opening} {{\n{body}{indent}}}\n"


def _aligned(arguments: Mapping[str, str], indent: str) -> Iterator[str]:
    width = max(map(len, arguments))
    return (f"{indent}{name:{width}} = {value}\n" for name, value in arguments.items())


def _json(value: Any) -> str:
    """JSON as it stands in the portal; a template has no part in it."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return f"<<JSON\n{_untemplated(text)}\nJSON"


def quoted(text: str) -> str:
    """A string of HCL."""
    escaped = "".join(_ESCAPED.get(char, char if char.isprintable() else f"\\u{ord(char):04x}") for char in text)
    return f'"{_untemplated(escaped)}"'


def _untemplated(text: str) -> str:
    return text.replace("${", "$${").replace("%{", "%%{")


def _label(name: str) -> str:
    """A name that Terraform takes for a resource."""
    label = re.sub(r"[^A-Za-z0-9]+", "_", name)
    return label if label[0].isalpha() else f"_{label}"
