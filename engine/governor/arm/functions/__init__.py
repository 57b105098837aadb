"""The template functions that need nothing but their arguments: those of policies are those of ARM templates.

Which there are: Microsoft's page of the rule (definition-structure-policy-rule, "Policy functions") and the pages of
the template functions. How they answer: the same pages, and where these are silent Microsoft's own evaluation in
Azure/azure-policy-linter (ExpressionBuiltInFunctions.cs). Under `regorus` they answer as microsoft/regorus does.

What needs more than arguments is its caller's: parameters, field, current, resourceGroup, subscription,
requestContext, policy, claims, utcNow. `if`, `and`, `or` and `coalesce` are here for arguments that are all there.

Arguments and results are JSON: None, bool, int, float, str, list, dict; none of them is changed. An
`azure_model.Unknown` may lie within them: it comes back within results, and one that depends on it is NotComputed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from governor.arm.functions import (
    addresses,
    collections,
    composite,
    dates,
    encoding,
    logic,
    numbers,
    text,
)
from governor.arm.functions.dates import format_time
from governor.arm.functions.values import (
    MISSING,
    Function,
    NotComputed,
    TemplateError,
    collated,
    member,
    refused,
    same,
    shown,
)

__all__ = [
    "MISSING",
    "PURE",
    "TEMPLATES",
    "Function",
    "NotComputed",
    "Semantics",
    "TemplateError",
    "collated",
    "format_time",
    "functions",
    "member",
    "refused",
    "same",
    "shown",
]

Semantics = Literal["documented", "regorus"]

_MODULES = (addresses, collections, composite, dates, encoding, logic, numbers, text)

PURE: Mapping[str, Function] = MappingProxyType(
    {name: function for module in _MODULES for name, function in module.DOCUMENTED.items()}
)
"""Name, lower-case → function, as Microsoft documents them."""

_REGORUS: Mapping[str, Function] = MappingProxyType(
    {name: function for module in _MODULES for name, function in module.REGORUS.items()}
)


TEMPLATES: Mapping[str, Function] = MappingProxyType({**PURE, **collections.ONLY_IN_TEMPLATES})
"""The same, for templates: with what Microsoft does not allow in a rule."""


def functions(semantics: Semantics) -> Mapping[str, Function]:
    """Name, lower-case → function. What is not there is not allowed in a rule."""
    return _REGORUS if semantics == "regorus" else PURE
