"""JSON Schemas (draft 2020-12) of what policy authors write and read, generated from the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from governor.cases import Case
from governor.catalog.kinds import KINDS
from governor.languages.rego import Document
from governor.model import Accelerator, Price, Resource, Spend

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NUMBER_AS_TEXT = {"type": "string", "format": "decimal"}


def policy_input() -> dict[str, Any]:
    """The `input` of a policy: an absent fact is absent, never null, and money is numbers."""
    schema = _schema(Document)
    return {**schema, "title": "input"}


def cases() -> dict[str, Any]:
    """A `cases.yaml`: a resource may leave out its type and provider, and has no field that the model lacks."""
    schema = _schema(list[Case])
    for struct in (Resource, Accelerator, Price, Spend):
        schema["$defs"][struct.__name__]["additionalProperties"] = False
    resource = schema["$defs"]["Resource"]
    resource["required"] = ["id", "kind"]
    resource["properties"]["kind"] = {"enum": list(KINDS)}
    return {**schema, "title": "cases.yaml"}


def _schema(shape: Any) -> dict[str, Any]:
    found = {"$schema": _DRAFT, **_plain(msgspec.json.schema(shape))}
    # OPA reads no schema that begins with a reference.
    name = str(found.pop("$ref", "")).rpartition("/")[2]
    return {**found, **found["$defs"].pop(name)} if name else found


def _plain(schema: Any) -> Any:
    """No null, which the model never writes, and decimals as the numbers they are."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    if schema.items() >= _NUMBER_AS_TEXT.items():
        return {"type": "number"}
    kept = {key: _plain(value) for key, value in schema.items() if (key, value) != ("default", None)}
    forms = [form for form in kept.get("anyOf", ()) if form != {"type": "null"}]
    if len(forms) == 1:
        del kept["anyOf"]
        return {**forms[0], **kept}
    return kept
